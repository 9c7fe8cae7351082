"""The fault suite's long scenarios run by `make faults` alone; what was not run is said, with its number or its reason."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_left = pytest.StashKey[int]()
_kept = pytest.StashKey[list[Path]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the scenarios out unless `-m faults` asks for them."""
    if "faults" in config.option.markexpr:
        return
    left = [item for item in items if item.path.is_relative_to(_HERE) and item.get_closest_marker("faults")]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)
    config.stash[_left] = len(left)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which scenarios were not run, and where the remains of failed ones lie."""
    if left := config.stash.get(_left, 0):
        terminalreporter.write_line(f"{left} fault scenarios were not run; `make faults` runs them.")
    for report in terminalreporter.getreports("skipped"):
        if _HERE.name in report.nodeid and isinstance(report.longrepr, tuple):
            terminalreporter.write_line(f"NOT RUN: {report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")
    for folder in config.stash.get(_kept, []):
        terminalreporter.write_line(f"Data and logs of a failed scenario are in {folder}.")


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder, where PostgreSQL's user can reach it; it stays when the scenario fails."""
    made = Path(tempfile.mkdtemp(prefix="examhall-faults-"))
    failures = request.session.testsfailed
    yield made
    if request.session.testsfailed == failures:
        shutil.rmtree(made, ignore_errors=True)
    else:
        request.config.stash.setdefault(_kept, []).append(made)
