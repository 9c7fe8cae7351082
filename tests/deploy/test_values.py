"""What may be said in values: a misspelt or impossible value is refused with its name, before anything is installed."""

import json
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, of_kind, pod_of, refusal, rendered

_SCHEMA = json.loads((CHART / "values.schema.json").read_text())


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ('image.tagg="1"', "tagg"),
        ('image.registry="https://registry.example"', "registry"),
        ('serviceSecret.existingSecret=""', "existingSecret"),
        ('database.existingSecret="Not A Name"', "existingSecret"),
        ('database.sslMode="on"', "sslMode"),
        ('database.roles.secretName="one-for-all"', "secretName"),
        ('kafka.bootstrapServers="kafka"', "bootstrapServers"),
        ("kafka.topics.partitions=0", "partitions"),
        ('kafka.security.protocol="TLS"', "protocol"),
        ('redis.url="valkey:6379"', "url"),
        ('settings.logLevel="verbose"', "logLevel"),
        ("settings.traceRatio=2", "traceRatio"),
        ('settings.env={"DATABASE_URL":"postgresql://x"}', "env"),
        ('settings.env={"lower":"1"}', "env"),
        ("defaults.replicas=0", "replicas"),
        ("defaults.terminationGracePeriodSeconds=5", "terminationGracePeriodSeconds"),
        ("services.attempts.replica=3", "replica"),
        ("services.attempts.grpc=99999", "grpc"),
        ('services.attempts.autoscaling={"kind":"vpa"}', "kind"),
        ('services.attempts.resources={"limits":{"memory":"much"}}', "memory"),
        ('services.Attempts={"http":8000}', "Attempts"),
        ('migrations.mode="never"', "mode"),
        ('ingress.paths=["/metrics"]', "paths"),
        ('httpRoute.paths=["/health/ready"]', "paths"),
        ("networkPolicy.database.ports=[]", "ports"),
        ("unknown=1", "unknown"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(setting: str, named: str) -> None:
    assert named in refusal(setting)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("services.exams=null",), "calls names exams"),
        (("services.analytics.enabled=false",), "forwards names analytics"),
        (('services.exams.calls=["proctoring-stream"]',), "has no grpc port"),
        (('services.proctoring-stream.autoscaling={"kind":"hpa"}',), "must be none"),
        (('kafka.security.protocol="SASL_SSL"',), "needs kafka.security.saslMechanism"),
        (("ingress.enabled=true",), "needs ingress.hosts"),
        (("httpRoute.enabled=true",), "needs httpRoute.parentRefs"),
        (("database.roles.enabled=true",), "needs database.roles.host"),
        (("development.servers=true",), "needs migrations.mode initContainer"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_reason(settings: tuple[str, ...], told: str) -> None:
    assert told in refusal(*settings)


def test_every_default_value_is_described_in_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values.keys() == _SCHEMA["properties"].keys() - {"global"}
    for name, value in values.items():
        known = _SCHEMA["properties"][name].get("properties")
        if known and isinstance(value, dict) and name != "services":
            assert value.keys() == known.keys(), name


def _closed(schema: dict[str, Any], path: str) -> list[str]:
    open_ones = [path] if "properties" in schema and schema.get("additionalProperties") is not False else []
    for name, each in schema.get("properties", {}).items():
        open_ones += _closed(each, f"{path}.{name}")
    return open_ones


def test_the_schema_lets_no_unknown_name_pass() -> None:
    parts = {"": _SCHEMA, **_SCHEMA["$defs"]}
    open_ones = [found for name, part in parts.items() for found in _closed(part, name)]
    assert open_ones == [".services"], "services are named by whoever adds one"


def test_a_service_takes_from_the_defaults_what_it_does_not_say() -> None:
    settings = ("defaults.replicas=5", 'services.exams={"http":8000,"grpc":9000,"calls":["identity"],"replicas":7}')
    deployments = of_kind(rendered(settings=settings), "Deployment")
    assert deployments["examhall-identity"]["spec"]["replicas"] == 5
    assert deployments["examhall-exams"]["spec"]["replicas"] == 7


def test_what_a_service_says_in_env_goes_before_what_is_said_for_all() -> None:
    settings = (
        'settings.env={"EXAMHALL_DATABASE_POOL_SIZE":10}',
        'services.exams.env={"EXAMHALL_DATABASE_POOL_SIZE":40}',
    )
    deployment = of_kind(rendered(settings=settings), "Deployment")["examhall-exams"]
    variables = pod_of(deployment)["spec"]["containers"][0]["env"]
    assert [each["value"] for each in variables if each["name"] == "EXAMHALL_DATABASE_POOL_SIZE"] == ["40"]
