"""The fault suite in short, a part of every test run."""

from pathlib import Path

import pytest

from tests.faults.hall import frozen, hall, kill, must_have_kept_every_promise, rehearsal

STUDENTS, PACE = 16, 5.0
_BETWEEN = 25  # saves between two blows
_AWAY = 200  # saves that go on while the broker is silent: a few seconds of this sitting


@pytest.mark.timeout(400)  # a whole sitting and its audit, on a machine that may have other things to do
def test_a_class_loses_nothing_when_attempts_gateway_grading_and_the_broker_are_killed_while_it_sits(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, PACE) as sitting:
        for part in ("attempts", "gateway", "grading"):
            sitting.wait_for_saves(_BETWEEN)
            kill(up, part)
        with frozen(up.pid("broker")):
            sitting.wait_for_saves(_AWAY)
        kill(up, "broker")
        must_have_kept_every_promise(up, sitting)
