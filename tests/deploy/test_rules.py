"""Alert rules: what makes each of them fire and what does not, a runbook for each, and no metric that nobody has."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, NEWEST, ROOT, of_kind, rendered
from tests.deploy.metrics import FOREIGN, RULES, metrics_in, metrics_of_the_code, promtool, recorded
from tests.deploy.schemas import faults_of

_CASES = sorted((Path(__file__).parent / "rules").glob("*.test.yaml"))
_RUNBOOKS = ROOT / "docs" / "runbooks"
_PARTS = ("What it means", "Who notices", "Look", "Do", "Afterwards")


def _groups(file: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(file.read_text())["groups"]
    return groups


_ALERTS = [rule for file in RULES for group in _groups(file) for rule in group["rules"] if "alert" in rule]
every_alert = pytest.mark.parametrize("alert", _ALERTS, ids=lambda alert: alert["alert"])


def test_prometheus_understands_every_rule() -> None:
    done = promtool("check", "rules", *map(str, RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", _CASES, ids=lambda file: file.name)
def test_alerts_fire_when_they_should_and_only_then(file: Path) -> None:
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    fired = set(re.findall(r'alertname="(\w+)"', "".join(file.read_text() for file in _CASES)))
    assert fired == {alert["alert"] for alert in _ALERTS}


@every_alert
def test_an_alert_says_how_urgent_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    runbook = ROOT / alert["annotations"]["runbook_url"]
    assert runbook.is_file()
    text = runbook.read_text()
    assert [part for part in _PARTS if f"\n## {part}\n" not in text] == []
    assert alert["alert"] in text


def test_every_runbook_belongs_to_an_alert_and_is_in_the_list() -> None:
    wanted = {Path(alert["annotations"]["runbook_url"]).name for alert in _ALERTS}
    there = {file.name for file in _RUNBOOKS.glob("*.md")} - {"README.md"}
    assert there == wanted
    listed = set(re.findall(r"\(([\w-]+\.md)\)", (_RUNBOOKS / "README.md").read_text()))
    assert listed == there


def test_no_rule_stands_on_a_metric_that_nobody_has() -> None:
    known = metrics_of_the_code() | recorded()
    for rule in (rule for file in RULES for group in _groups(file) for rule in group["rules"]):
        for metric in metrics_in(rule["expr"]):
            name = re.sub(r"_(bucket|count|sum)$", "", metric)
            assert metric.startswith(FOREIGN) or name in known or metric in known, metric


def test_the_chart_carries_the_rules_with_addresses_of_the_runbooks() -> None:
    rules = of_kind(rendered((CHART / "ci" / "gateway-api-values.yaml",)), "PrometheusRule")
    assert rules.keys() == {f"hall-{file.name.removesuffix('.rules.yaml')}" for file in RULES}
    alerts = [rule for each in rules.values() for group in each["spec"]["groups"] for rule in group["rules"]]
    urls = {rule["annotations"]["runbook_url"] for rule in alerts if "alert" in rule}
    assert all(url.startswith("https://git.example/exams/examhall/blob/main/docs/runbooks/") for url in urls)
    assert len([rule for rule in alerts if "alert" in rule]) == len(_ALERTS)


def test_what_says_how_far_a_consumer_is_behind_runs_beside_strimzis_brokers_and_is_scraped() -> None:
    beside = list(yaml.safe_load_all((ROOT / "deploy" / "dependencies" / "strimzi.yaml").read_text()))
    (kafka,) = (each for each in beside if each["kind"] == "Kafka")
    (behind,) = (alert for alert in _ALERTS if alert["alert"] == "ConsumerBehind")
    assert kafka["spec"]["kafkaExporter"]["groupRegex"] in behind["expr"]
    on, elsewhere = "monitoring.serviceMonitor.enabled=true", 'kafka.topics.namespace="brokers"'
    (monitor,) = of_kind(rendered((CHART / "values-strimzi.yaml",), settings=(on, elsewhere)), "PodMonitor").values()
    assert faults_of(monitor, NEWEST) == []
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["brokers"]}
    named = {"strimzi.io/cluster": kafka["metadata"]["name"], "strimzi.io/component-type": "kafka-exporter"}
    assert monitor["spec"]["selector"] == {"matchLabels": named}
    assert not of_kind(rendered(settings=(on,)), "PodMonitor"), "brokers of somebody else have no exporter of Strimzi"
