"""kill -9, one process after the other, while a class sits."""

from pathlib import Path

import pytest

from examhall.places import SERVICES
from tests.faults.hall import hall, kill, must_have_kept_every_promise, rehearsal

pytestmark = pytest.mark.faults

STUDENTS = 40
_BETWEEN = 40  # saves between two blows


def test_every_process_is_killed_one_after_the_other(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=1.0) as sitting:
        for part in (*SERVICES, "gateway", "broker", "redis", "nursery"):
            sitting.wait_for_saves(_BETWEEN)
            kill(up, part)
        must_have_kept_every_promise(up, sitting)


def test_the_broker_is_killed_again_and_again(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=1.5) as sitting:
        for _ in range(6):
            sitting.wait_for_saves(_BETWEEN)
            kill(up, "broker")
        must_have_kept_every_promise(up, sitting)


def test_postgresql_is_killed_twice(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=1.5) as sitting:
        for _ in range(2):
            sitting.wait_for_saves(3 * _BETWEEN)
            kill(up, "postgres")
        must_have_kept_every_promise(up, sitting)


def test_the_supervisor_is_killed_and_everything_is_started_again(folder: Path):
    with hall(folder) as first, rehearsal(first, STUDENTS, pace=1.5) as sitting:
        sitting.wait_for_saves(3 * _BETWEEN)
        first.process.kill()
        first.process.wait()
        with hall(folder, port=first.port) as second:
            sitting.wait_for_saves(_BETWEEN)
            must_have_kept_every_promise(second, sitting)
