"""Alert rules: what makes each of them fire and what does not, a runbook for each, and no metric that nobody has."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, ROOT, of_kind, rendered

_RULES = sorted((ROOT / "deploy" / "prometheus").glob("*.rules.yaml"))
_CASES = sorted((Path(__file__).parent / "rules").glob("*.test.yaml"))
# Of other programs: see the head of services.rules.yaml.
_FOREIGN = ("kube_", "node_", "kubelet_", "container_", "kafka_", "redis_", "process_start_time_seconds", "up")
_RUNBOOKS = ROOT / "docs" / "runbooks"
_PARTS = ("What it means", "Who notices", "Look", "Do", "Afterwards")


def _groups(file: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(file.read_text())["groups"]
    return groups


_ALERTS = [rule for file in _RULES for group in _groups(file) for rule in group["rules"] if "alert" in rule]
every_alert = pytest.mark.parametrize("alert", _ALERTS, ids=lambda alert: alert["alert"])


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install prometheus, or name it in PROMTOOL")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_prometheus_understands_every_rule() -> None:
    done = _promtool("check", "rules", *map(str, _RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", _CASES, ids=lambda file: file.name)
def test_alerts_fire_when_they_should_and_only_then(file: Path) -> None:
    done = _promtool("test", "rules", str(file))
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


def _metrics_of(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expression)
    return set(re.findall(r"\b((?:examhall|kube|node|kubelet|container|kafka|redis|process)_\w+|up)\b", bare))


def test_no_rule_stands_on_a_metric_that_nobody_has() -> None:
    code = "\n".join(
        file.read_text()
        for folder in ("chassis", "gateway", "services")
        for file in (ROOT / folder).rglob("*.py")
        if "tests" not in file.parts
    )
    for rule in (rule for file in _RULES for group in _groups(file) for rule in group["rules"]):
        for metric in _metrics_of(rule["expr"]):
            name = re.sub(r"_(bucket|count|sum)$", "", metric)
            assert metric.startswith(_FOREIGN) or f'"{name}"' in code or f'"{metric}"' in code, metric


def test_the_chart_carries_the_rules_with_addresses_of_the_runbooks() -> None:
    rules = of_kind(rendered((CHART / "ci" / "gateway-api-values.yaml",)), "PrometheusRule")
    assert rules.keys() == {f"hall-{file.name.removesuffix('.rules.yaml')}" for file in _RULES}
    alerts = [rule for each in rules.values() for group in each["spec"]["groups"] for rule in group["rules"]]
    urls = {rule["annotations"]["runbook_url"] for rule in alerts if "alert" in rule}
    assert all(url.startswith("https://git.example/exams/examhall/blob/main/docs/runbooks/") for url in urls)
    assert len([rule for rule in alerts if "alert" in rule]) == len(_ALERTS)
