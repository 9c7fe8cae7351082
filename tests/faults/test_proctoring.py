"""Proctoring hurt while a class is watched: the same alerts and scores as if nothing had happened, none twice, no acknowledged signal lost."""

from pathlib import Path

import pytest

from proto.catalogue import STREAM
from services.proctoring.tables import Alert, Attempt, CollusionGroup, Pair, SignalBatch
from tests.faults.broadcast import all_events, publish, wait_until_all_is_read
from tests.faults.hall import frozen, hall, kill, must_have_kept_every_promise, rehearsal, saves_go_on
from tests.faults.test_deliveries import changes, contents, twice_and_shuffled
from tests.faults.watching import SERVICE, must_have_scored_as_if_nothing_had_happened, second_worker

pytestmark = pytest.mark.faults

STUDENTS = 40
AWAY_SECONDS = 20.0
_BETWEEN = 60  # saves between two blows
_SHARED_SECONDS = 15.0  # that two workers score together
_ASSESSED = [f"{SERVICE}.{table.__tablename__}" for table in (Alert, Attempt, CollusionGroup, Pair, SignalBatch)]


def test_the_worker_is_killed_while_it_scores_and_its_successor_goes_on_with_the_same_numbers(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=1.0) as sitting:
        for _ in range(2):
            sitting.wait_for_saves(_BETWEEN)
            kill(up, STREAM)
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)


def test_the_service_is_killed_again_and_again_and_no_acknowledged_signal_is_lost(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=1.0) as sitting:
        for _ in range(4):
            sitting.wait_for_saves(_BETWEEN)
            kill(up, SERVICE)
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)


def test_the_broker_is_silent_for_a_while_and_then_loses_its_log(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=0.8) as sitting:
        sitting.wait_for_saves(_BETWEEN)
        with frozen(up.pid("broker")):
            saves_go_on(sitting, AWAY_SECONDS)
        sitting.wait_for_saves(_BETWEEN)
        kill(up, "broker")
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)


def test_a_second_worker_joins_and_leaves_while_the_first_scores(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=0.8) as sitting:
        sitting.wait_for_saves(_BETWEEN)
        with second_worker(up):
            saves_go_on(sitting, _SHARED_SECONDS)
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)


def test_a_second_worker_is_killed_while_it_scores_and_the_first_takes_over(folder: Path):
    with hall(folder) as up, rehearsal(up, STUDENTS, pace=0.8) as sitting:
        sitting.wait_for_saves(_BETWEEN)
        with second_worker(up) as second:
            saves_go_on(sitting, _SHARED_SECONDS)
            second.kill()
        must_have_kept_every_promise(up, sitting)
        must_have_scored_as_if_nothing_had_happened(sitting)


def test_everything_comes_twice_more_and_shuffled_and_the_worker_begins_anew_and_nothing_is_told_otherwise(
    folder: Path,
):
    with hall(folder) as up:
        with rehearsal(up, students=20, pace=4) as sitting:
            must_have_kept_every_promise(up, sitting)
            must_have_scored_as_if_nothing_had_happened(sitting)
        wait_until_all_is_read(up)
        before = {table: rows for table, rows in contents(up).items() if table in _ASSESSED}
        publish(up, twice_and_shuffled(all_events(up)))
        kill(up, STREAM)
        wait_until_all_is_read(up)
        assert changes(before, contents(up)) == []
