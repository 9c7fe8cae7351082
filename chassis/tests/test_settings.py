"""What a process refuses to start with, and what it makes of the rest."""

import ssl
from pathlib import Path

import pytest

from chassis.kafka import access, new_consumer
from chassis.settings import (
    KafkaSettings,
    ServiceSettings,
    WrongSetting,
    refuse_unknown_variables,
    refuse_wrong_url,
    variables_of,
)
from chassis.tests.certificates import make_certificates

SASL = {
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_user": "examhall",
    "kafka_sasl_password": "a secret",
}


def test_without_settings_kafka_is_spoken_with_in_the_clear() -> None:
    assert access(KafkaSettings()).options == {"security_protocol": "PLAINTEXT"}


def test_user_and_password_go_to_kafkas_clients() -> None:
    assert access(KafkaSettings(**SASL)).options == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "examhall",
        "sasl_plain_password": "a secret",
    }


def test_kafkas_certificate_is_checked_against_the_authority_and_the_name(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    context = access(KafkaSettings(kafka_security_protocol="SSL", kafka_ca_file=str(made.authority))).context
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [dict(part[0] for part in each["subject"]) for each in context.get_ca_certs()] == [
        {"commonName": "An authority of the tests"}
    ]


def test_a_new_certificate_of_the_authority_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    made, other = make_certificates(tmp_path), make_certificates(tmp_path / "other")
    settings = KafkaSettings(kafka_security_protocol="SSL", kafka_ca_file=str(made.authority))
    first = access(settings).context
    assert access(settings).context is first
    other.authority.replace(made.authority)
    second = access(settings).context
    assert first is not None
    assert second is not None
    assert first.get_ca_certs(binary_form=True) != second.get_ca_certs(binary_form=True)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"kafka_security_protocol": "TLS"}, "must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ({**SASL, "kafka_sasl_mechanism": "GSSAPI"}, "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ({**SASL, "kafka_sasl_password": ""}, "SASL_PLAINTEXT needs EXAMHALL_KAFKA_SASL_PASSWORD"),
        ({"kafka_security_protocol": "SASL_SSL"}, "needs EXAMHALL_KAFKA_SASL_MECHANISM, EXAMHALL_KAFKA_SASL_USER"),
        ({**SASL, "kafka_security_protocol": "SSL"}, "EXAMHALL_KAFKA_SASL_PASSWORD: without effect"),
        ({"kafka_sasl_user": "examhall"}, "EXAMHALL_KAFKA_SASL_USER: without effect"),
        ({**SASL, "kafka_ca_file": "ca.pem"}, "EXAMHALL_KAFKA_CA_FILE: without effect"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/nowhere.pem"}, "no certificates in /nowhere.pem"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": __file__}, "no certificates in"),
    ],
)
def test_settings_of_kafka_that_do_not_go_together_are_refused_in_one_line(settings: dict[str, str], line: str) -> None:
    with pytest.raises(WrongSetting, match=line) as refused:
        access(KafkaSettings(**settings))
    assert "\n" not in str(refused.value)
    assert "a secret" not in str(refused.value)


async def test_every_client_speaks_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SASL.items():
        monkeypatch.setenv(f"EXAMHALL_{name.upper()}", value)
    consumer = new_consumer("127.0.0.1:1", ["a"], "b")
    assert consumer._client._sasl_plain_username == "examhall"


def test_the_settings_of_kafka_are_known_variables() -> None:
    names = variables_of(ServiceSettings)
    refuse_unknown_variables(names, {f"EXAMHALL_{name.upper()}": "x" for name in (*SASL, "kafka_ca_file")})


@pytest.mark.parametrize(
    "query", ["", "?sslmode=disable", "?sslmode=verify-full&sslrootcert=/etc/ca.pem", "?sslcert=a&sslkey=b"]
)
def test_options_of_a_database_url_that_are_honoured_are_taken(query: str) -> None:
    refuse_wrong_url(f"postgresql://someone:secret@db:5432/examhall{query}")


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("?ssl=require", "the option 'ssl' is not known"),
        ("?sslmode=verify_full", "sslmode must be one of"),
        ("?sslmode=", "sslmode must be one of"),
        ("?pool_size=3", "the option 'pool_size' is not known"),
    ],
)
def test_options_of_a_database_url_that_are_not_honoured_are_refused_in_one_line(query: str, line: str) -> None:
    with pytest.raises(WrongSetting, match=line) as refused:
        refuse_wrong_url(f"postgresql://someone:secret@db:5432/examhall{query}")
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
