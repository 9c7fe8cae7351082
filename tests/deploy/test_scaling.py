"""Who scales by what is not taken in yet asks Kafka as the services do: with the same user, password and authority, from any namespace."""

import pytest

from tests.deploy.chart import CHART, Manifest, environment_of, of_kind, pod_of, rendered

_SCALED = 'services.grading.autoscaling={"kind":"keda"}'
_SASL = (
    'kafka.security.protocol="SASL_SSL"',
    'kafka.security.saslMechanism="SCRAM-SHA-512"',
    'kafka.security.existingSecret="brokers"',
)


def _kafka_trigger(manifests: tuple[Manifest, ...], name: str = "examhall-grading") -> Manifest:
    triggers = of_kind(manifests, "ScaledObject")[name]["spec"]["triggers"]
    return next(trigger for trigger in triggers if trigger["type"] == "kafka")


def _shown(manifests: tuple[Manifest, ...], trigger: Manifest) -> dict[str, tuple[str, str]]:
    """Parameter → secret and key of what the trigger's authentication refers to."""
    authentication = of_kind(manifests, "TriggerAuthentication")[trigger["authenticationRef"]["name"]]
    return {each["parameter"]: (each["name"], each["key"]) for each in authentication["spec"]["secretTargetRef"]}


def test_the_scaler_shows_the_brokers_what_the_services_show_them() -> None:
    manifests = rendered((CHART / "ci" / "autoscaled-values.yaml",))
    shown = _shown(manifests, _kafka_trigger(manifests))
    container = pod_of(of_kind(manifests, "Deployment")["examhall-grading"])["spec"]["containers"][0]
    told = environment_of(container)
    for parameter, variable in (("username", "USER"), ("password", "PASSWORD")):
        reference = told[f"EXAMHALL_KAFKA_SASL_{variable}"]["secretKeyRef"]
        assert shown[parameter] == (reference["name"], reference["key"])
    volumes = {
        each["name"]: each for each in pod_of(of_kind(manifests, "Deployment")["examhall-grading"])["spec"]["volumes"]
    }
    authority = volumes["kafka-ca"]["secret"]
    assert shown["ca"] == (authority["secretName"], authority["items"][0]["key"])
    assert _kafka_trigger(manifests)["metadata"].items() >= {"tls": "enable", "sasl": "scram_sha256"}.items()


@pytest.mark.parametrize(
    ("mechanism", "called"),
    [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256"), ("SCRAM-SHA-512", "scram_sha512")],
)
def test_the_mechanism_is_called_as_the_scaler_knows_it(mechanism: str, called: str) -> None:
    manifests = rendered(settings=(_SCALED, *_SASL, f'kafka.security.saslMechanism="{mechanism}"'))
    trigger = _kafka_trigger(manifests)
    assert trigger["metadata"]["sasl"] == called
    assert _shown(manifests, trigger) == {"username": ("brokers", "user"), "password": ("brokers", "password")}


def test_a_password_without_tls_is_shown_without_tls() -> None:
    settings = (_SCALED, *_SASL, 'kafka.security.protocol="SASL_PLAINTEXT"', 'kafka.security.caSecret="authority"')
    manifests = rendered(settings=settings)
    trigger = _kafka_trigger(manifests)
    assert "tls" not in trigger["metadata"]
    assert _shown(manifests, trigger).keys() == {"username", "password"}


def test_tls_alone_needs_no_password_and_brings_the_authority_when_there_is_one() -> None:
    manifests = rendered(settings=(_SCALED, 'kafka.security.protocol="SSL"', 'kafka.security.caSecret="authority"'))
    trigger = _kafka_trigger(manifests)
    assert trigger["metadata"]["tls"] == "enable"
    assert "sasl" not in trigger["metadata"]
    assert _shown(manifests, trigger) == {"ca": ("authority", "ca.crt")}


@pytest.mark.parametrize("settings", [(_SCALED,), (_SCALED, 'kafka.security.protocol="SSL"')], ids=["plain", "TLS"])
def test_nothing_is_shown_where_there_is_nothing_to_show(settings: tuple[str, ...]) -> None:
    """A reference to an authentication without secrets would be refused."""
    manifests = rendered(settings=settings)
    assert "authenticationRef" not in _kafka_trigger(manifests)
    assert not of_kind(manifests, "TriggerAuthentication")


def test_without_the_scaler_nothing_is_made_for_it() -> None:
    assert not of_kind(rendered(settings=_SASL), "TriggerAuthentication")


def test_the_scaler_finds_brokers_by_names_that_mean_the_same_in_every_namespace() -> None:
    settings = (_SCALED, 'kafka.bootstrapServers="kafka:9092,b.kafka.example:9094,other:9092"')
    assert _kafka_trigger(rendered(settings=settings))["metadata"]["bootstrapServers"] == (
        "kafka.exams:9092,b.kafka.example:9094,other.exams:9092"
    )
