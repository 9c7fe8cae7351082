"""The whole system as people run it, started once for all stories and stopped at their end."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examhall.tests.machine import Machine, machine
from tests.e2e.people import School

_BUSY_MACHINE_SECONDS = 100.0


@pytest.fixture(scope="session")
def installation() -> Iterator[Machine]:
    """A running `examhall up` on a folder and ports of its own, with the demonstration."""
    settings = {"EXAMHALL_LIMIT_PERSON_BURST": "5000"}  # one student of the stories reads all there is, many times
    with (
        tempfile.TemporaryDirectory(prefix="examhall-e2e-", ignore_cleanup_errors=True) as folder,
        machine(Path(folder) / "data", services=(), **settings) as running,
    ):
        yield running.wait_until_ready(_BUSY_MACHINE_SECONDS)


@pytest.fixture(scope="session")
def school(installation: Machine) -> Iterator[School]:
    """The people of the installation."""
    with School(f"http://127.0.0.1:{installation.port}", installation.folder) as opened:
        yield opened
