"""Every query of every dashboard, asked of a real Prometheus while a class sits an exam: no panel is empty that should not be."""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from examhall.places import SERVICES, WORKERS, kept
from examhall.servers import free_port
from examhall.tests.machine import Machine, wait_for
from tests.deploy.dashboards import PanelQuery, queries
from tests.deploy.metrics import RULES, program
from tests.faults.hall import hall, rehearsal

_PATIENCE_SECONDS = 60.0
# Of exporters that a single machine does not have.
_FOREIGN = ("cnpg_", "kafka_", "kubelet_")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="examhall-dashboards-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _prometheus(folder: Path, targets: dict[str, str]) -> Iterator[str]:
    """A Prometheus that scrapes these processes every second, with the labels that the chart's ServiceMonitor gives."""
    scraped = [{"targets": [address], "labels": {"service": name}} for name, address in targets.items()]
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(file) for file in RULES],
        "scrape_configs": [{"job_name": "examhall", "static_configs": scraped}],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    port = free_port()
    with (folder / "prometheus.output").open("wb") as output:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _asked(prometheus: str, path: str, **parameters: str) -> Any:
    address = f"{prometheus}{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(address, timeout=10) as response:  # noqa: S310, the address is of this machine
        return json.loads(response.read())["data"]


def _targets(up: Machine) -> dict[str, str]:
    places = kept(up.folder, up.port)
    return {name: f"127.0.0.1:{places.port_of(name)}" for name in (*SERVICES, *WORKERS, "gateway")}


def _has_data(prometheus: str, query: PanelQuery, since: float) -> bool:
    """Whether a panel shows anything from then until now: a line that is a number at some moment."""
    found = _asked(
        prometheus, "/api/v1/query_range", query=query.on("30s"), start=f"{since}", end=f"{time.time()}", step="2s"
    )
    return any(value != "NaN" for line in found["result"] for _, value in line["values"])


@pytest.mark.timeout(400)
def test_every_panel_shows_something_in_a_rehearsal(folder: Path) -> None:
    program("prometheus")
    wanted = [query for query in queries() if not any(name in query.expression for name in _FOREIGN)]
    assert len(wanted) > 60
    with hall(folder) as up, _prometheus(folder, _targets(up)) as prometheus:
        wait_for(lambda: _is_up(prometheus), _PATIENCE_SECONDS)
        since = time.time()
        with rehearsal(up, students=20, pace=4) as sitting:
            sitting.must_end_clean()
        empty: list[PanelQuery] = wanted

        def all_have_data() -> bool:
            nonlocal empty
            empty = [query for query in empty if not _has_data(prometheus, query, since)]
            return not empty

        try:
            wait_for(all_have_data, 20.0)
        except AssertionError:
            pytest.fail("empty panels:\n" + "\n".join(map(str, empty)))


def _is_up(prometheus: str) -> bool:
    try:
        found = _asked(prometheus, "/api/v1/query", query='min(up{job="examhall"})')
    except OSError:
        return False
    return bool(found["result"]) and found["result"][0]["value"][1] == "1"
