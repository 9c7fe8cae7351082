"""Dashboards: what is committed is what the code makes, every panel says how to read it, and stands on metrics that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deploy.dashboards.__main__ import DASHBOARDS, rendered
from tests.deploy.chart import CHART, of_kind
from tests.deploy.chart import rendered as chart
from tests.deploy.dashboards import FILES, panels_of, queries
from tests.deploy.metrics import FOREIGN, metrics_in, metrics_of_the_code, promtool, recorded

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_the_committed_dashboards_are_what_the_code_makes() -> None:
    assert {file.name: file.read_text() for file in FILES} == rendered(), "stale: python -m deploy.dashboards write"


def test_there_is_a_dashboard_for_each_question() -> None:
    titles = {each.title for each in DASHBOARDS}
    assert titles == {"Exam day", "Services", "Kafka and outbox", "Databases", "Proctoring", "SLO"}


@every_file
def test_every_panel_says_what_it_shows_and_asks_the_chosen_prometheus(file: Path) -> None:
    panels = panels_of(file)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["targets"], panel["title"]


@every_file
def test_no_panel_lies_over_another(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(file.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


def test_no_panel_stands_on_a_metric_that_nobody_has() -> None:
    known = metrics_of_the_code() | recorded()
    for query in queries():
        for metric in metrics_in(query.expression):
            name = re.sub(r"_(bucket|count|sum)$", "", metric)
            assert metric.startswith(FOREIGN) or name in known or metric in known, (query.panel, metric)


@every_file
def test_lines_of_histograms_lead_to_traces_once_in_each_panel(file: Path) -> None:
    """Only lines: a single number has no place for points in time."""
    for panel in panels_of(file):
        leads = [target.get("exemplar", False) for target in panel["targets"]]
        times = re.search(
            r"examhall_(http_request|grpc_request|event_lag|alert)_seconds_bucket", panel["targets"][0]["expr"]
        )
        wanted = bool(times) and panel["type"] == "timeseries"
        assert leads == [wanted, *[False] * (len(leads) - 1)], panel["title"]


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query.on("1m")} for number, query in enumerate(queries())]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_carries_every_dashboard_for_grafana_to_find() -> None:
    maps = of_kind(chart((CHART / "ci" / "gateway-api-values.yaml",)), "ConfigMap")
    assert maps.keys() == {f"hall-dashboard-{file.stem}" for file in FILES}
    for file in FILES:
        made = maps[f"hall-dashboard-{file.stem}"]
        assert json.loads(made["data"][file.name]) == json.loads(file.read_text())
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
