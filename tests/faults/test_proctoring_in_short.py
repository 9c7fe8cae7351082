"""Proctoring hurt in short, a part of every test run: the same alerts and scores as if nothing had happened."""

from pathlib import Path

import pytest

from proto.catalogue import STREAM
from tests.faults.hall import hall, kill, must_have_kept_every_promise, rehearsal, strike
from tests.faults.watching import SERVICE, must_have_scored_as_if_nothing_had_happened

STUDENTS, PACE = 20, 4.0
_BETWEEN = 60  # saves between two blows


@pytest.mark.timeout(500)  # a worker that lost its log joins its group anew, more than once
def test_nobody_is_scored_otherwise_when_worker_service_and_broker_are_killed_while_a_class_is_watched(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, PACE) as sitting:
        sitting.wait_for_saves(_BETWEEN)
        strike(up, STREAM)
        sitting.wait_for_saves(_BETWEEN)
        kill(up, SERVICE)
        sitting.wait_for_saves(_BETWEEN)
        kill(up, "broker")
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)
