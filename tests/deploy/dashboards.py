"""The queries of the committed dashboards, for the tests."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.deploy.chart import ROOT

FILES = sorted((ROOT / "deploy" / "grafana").glob("*.json"))


class PanelQuery(NamedTuple):
    """A query, and where it stands."""

    dashboard: str
    panel: str
    expression: str

    def on(self, window: str) -> str:
        """The query as Grafana sends it, with all services chosen."""
        return self.expression.replace("$__rate_interval", window).replace("$service", ".+")


def panels_of(file: Path) -> list[dict[str, Any]]:
    """A dashboard's panels without its rows."""
    return [panel for panel in json.loads(file.read_text())["panels"] if panel["type"] != "row"]


def queries() -> Iterator[PanelQuery]:
    """Every query of every panel."""
    for file in FILES:
        for panel in panels_of(file):
            for target in panel["targets"]:
                yield PanelQuery(file.stem, panel["title"], target["expr"])
