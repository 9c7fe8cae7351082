"""The chart and the code say the same: who calls whom, what each process may be told, which topics there are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chassis.settings import refuse_unknown_variables, variables_of
from deploy.kafka_topics import FILE, cluster_topics
from deploy.kafka_topics import rendered as rendered_topics
from examhall.places import SERVICES
from examhall.serving import installed_services, settings_of
from gateway.routes import SERVICES as FORWARDED
from proto.catalogue import STREAM, TOPICS
from services.analytics.rebuilding import producers
from tests.deploy.chart import CHART, EVERY_VALUES, ROOT, environment_of, name_of, of_kind, pod_of, rendered

_VALUES = yaml.safe_load((CHART / "values.yaml").read_text())["services"]


def _called(folder: Path) -> Iterator[str]:
    """The peers that a folder's code names in `….channel("peer")` and `….peer("peer")`."""
    for file in folder.rglob("*.py"):
        if "tests" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("channel", "peer")
            ):
                yield from (each.value for each in node.args if isinstance(each, ast.Constant))


@pytest.mark.parametrize("service", installed_services())
def test_a_service_may_call_whom_its_code_calls(service: str) -> None:
    asks_for_keys = {"identity"} - {service}
    called = asks_for_keys | set(_called(ROOT / "services" / service))
    if service == "analytics":
        called |= set(producers()) - {STREAM}
    allowed = set(_VALUES[service]["calls"])
    assert called <= allowed
    if service != "proctoring":  # asks attempts and exams for their events again, when a worker has lost its state
        assert allowed <= called | {"identity"}


def test_the_gateway_may_reach_every_service_it_forwards_to() -> None:
    assert set(FORWARDED) <= set(_VALUES["gateway"]["forwards"])
    assert set(_called(ROOT / "gateway")) <= set(_VALUES["gateway"]["calls"])


def test_the_chart_runs_every_service_there_is() -> None:
    assert set(_VALUES) - {"gateway", STREAM} >= set(SERVICES) | set(installed_services())


@pytest.mark.parametrize("values", EVERY_VALUES, ids=name_of)
def test_no_process_is_told_what_it_would_refuse(values: tuple[Path, ...]) -> None:
    """Each image carries one service, and that knows its own settings alone."""
    known_ones = {*installed_services(), STREAM, "gateway"}
    for deployment in of_kind(rendered(values), "Deployment").values():
        container = pod_of(deployment)["spec"]["containers"][0]
        if container["name"] in known_ones:
            known = variables_of(settings_of(container["name"]))
            refuse_unknown_variables(known, dict.fromkeys(environment_of(container), ""))


def test_only_who_calls_or_is_called_is_given_the_secret_of_the_services() -> None:
    for deployment in of_kind(rendered(), "Deployment").values():
        container = pod_of(deployment)["spec"]["containers"][0]
        has_secret = "EXAMHALL_SERVICE_SECRET" in environment_of(container)
        assert has_secret is (container["name"] != STREAM)


def test_a_process_is_only_let_to_the_servers_it_is_told_of() -> None:
    manifests = rendered((CHART / "ci" / "ingress-values.yaml",))
    policies = of_kind(manifests, "NetworkPolicy")
    for name, deployment in of_kind(manifests, "Deployment").items():
        told = environment_of(pod_of(deployment)["spec"]["containers"][0])
        reached = {
            port["port"]
            for rule in policies[name]["spec"]["egress"]
            for port in rule["ports"]
            if isinstance(port["port"], int)
        }
        wanted = {
            5432: "DATABASE_URL",
            9094: "KAFKA_BOOTSTRAP_SERVERS",
            6379: "REDIS_URL",
            587: "EXAMHALL_SMTP_HOST",
            4318: "EXAMHALL_OTLP_ENDPOINT",
        }
        assert reached == {port for port, variable in wanted.items() if variable in told}, name


def test_every_edge_is_open_at_both_ends_and_no_other() -> None:
    policies = of_kind(rendered(), "NetworkPolicy")

    def edges(direction: str, end: str) -> set[tuple[str, str, str]]:
        found = set()
        for name, policy in policies.items():
            for rule in policy["spec"].get(direction, ()):
                for peer in rule.get(end, ()):
                    labels = peer.get("podSelector", {}).get("matchLabels", {})
                    other = labels.get("app.kubernetes.io/component")
                    if other and name.removeprefix("examhall-") in _VALUES:
                        here = name.removeprefix("examhall-")
                        pair = (here, other) if direction == "egress" else (other, here)
                        found.add((*pair, rule["ports"][0]["port"]))
        return found

    out = edges("egress", "to")
    assert out == edges("ingress", "from")
    said = {(name, peer, "grpc") for name, each in _VALUES.items() for peer in each.get("calls", ())}
    said |= {(name, peer, "http") for name, each in _VALUES.items() for peer in each.get("forwards", ())}
    assert out == said


def test_nothing_is_open_that_no_policy_names() -> None:
    policies = of_kind(rendered(), "NetworkPolicy")
    deny = policies["examhall-deny"]["spec"]
    assert deny == {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/name": "examhall", "app.kubernetes.io/instance": "examhall"}
        },
        "policyTypes": ["Ingress", "Egress"],
    }
    open_to_all = [
        name for name, policy in policies.items() for rule in policy["spec"].get("ingress", ()) if "from" not in rule
    ]
    assert open_to_all == ["examhall-gateway"]


def test_the_topics_are_those_of_the_catalogue() -> None:
    assert FILE.read_text() == rendered_topics(), "stale: python -m deploy.kafka_topics write"


def test_every_topic_and_its_dead_letters_become_a_kafka_topic() -> None:
    made = of_kind(rendered((CHART / "values-strimzi.yaml",)), "KafkaTopic")
    assert {topic.name for topic in TOPICS} | {f"{topic.name}.dlq" for topic in TOPICS} <= made.keys()
    assert {each["spec"]["partitions"] for each in made.values()} == {12}, "what is joined must be cut alike"
    for topic in cluster_topics():
        assert made[topic.name]["spec"]["config"]["cleanup.policy"] == topic.cleanup
        kept = topic.hours and topic.hours * 3_600_000
        assert made[topic.name]["spec"]["config"].get("retention.ms") == kept
        assert made[topic.name]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
