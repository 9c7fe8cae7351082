"""A seating plan at the stream: who shares a room is a plausible pair, whenever the plan comes, changes or goes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion import running
from services.proctoring.exam_watch import AGENDA_ROW, ExamWatch
from services.proctoring.tests.sittings import EXAM, Driver, Event, a_sitting, attempt, planned, played, requested

# Nobody of one centre copied: 1 and 20 are of two.
APART = a_sitting(seed=9, copiers=[(1, 20)], share=1.0)
TOGETHER = {"Aula": [0, 1, 20, 21], "Hall": [2, 3, 22]}
SEPARATE = {"Aula": [0, 1, 21], "Hall": [2, 20, 22]}


async def went_on(driver: Driver, *events: Event) -> Driver:
    driver.put(events)
    await driver.settle()
    return driver


def the_pair(driver: Driver) -> told.PairAssessed:
    (pair,) = driver.flagged
    assert {pair.copier_attempt_id, pair.source_attempt_id} == {attempt(1), attempt(20)}
    return pair


async def test_two_of_one_room_are_plausible_whatever_centres_they_are_of_and_their_evidence_is_the_same() -> None:
    without, within = await played(APART.events), await played([planned(TOGETHER), *APART.events])
    assert (the_pair(without).family, list(the_pair(without).plausible_by)) == ("other", [])
    assert (the_pair(within).family, list(the_pair(within).plausible_by)) == ("plausible", ["room", "time"])
    assert the_pair(within).statistics == the_pair(without).statistics
    assert float(the_pair(within).expected_false_flags) < float(the_pair(without).expected_false_flags)


async def test_a_plan_that_comes_changes_and_goes_while_the_exam_runs_is_told_each_time() -> None:
    driver = await played(APART.events)
    families = [the_pair(driver).family]
    for revision, rooms in enumerate((TOGETHER, SEPARATE, TOGETHER, {}), start=1):
        await went_on(driver, planned(rooms, revision))
        families.append(the_pair(driver).family)
    assert families == ["other", "plausible", "other", "plausible", "other"]


async def test_a_plan_of_an_older_revision_changes_nothing() -> None:
    driver = await played([planned(TOGETHER, 7), *APART.events])
    before, rows = driver.outcome, dict(driver.rows)
    await went_on(driver, planned(SEPARATE, 6), planned(SEPARATE, 7))
    assert (driver.outcome, driver.rows) == (before, rows)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=8, deadline=None)
async def test_whenever_plans_come_and_however_often_the_same_is_told_in_the_end(
    seed: int, are_all_pairs_followed: bool, is_killed: bool
) -> None:
    dice = random.Random(seed)
    plans = [planned(SEPARATE, 3), planned({}, 5), planned(TOGETHER, 8)]
    events = [*APART.events, *plans, *plans, *dice.sample(APART.events, 60)]
    dice.shuffle(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "MOST_FOR_ALL_PAIRS", 1000 if are_all_pairs_followed else 30)
        driver = Driver()
        half = dice.randrange(len(events))
        await driver.play(events[:half], at_once=dice.choice([30, 400]))
        if is_killed:
            driver.restart()
        await driver.play(events[half:], at_once=dice.choice([30, 400]))
        await driver.settle()
        assert driver.outcome == (await played([plans[-1], *APART.events])).outcome


async def test_in_a_large_exam_the_rooms_say_who_is_compared_with_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    unplanned = await played(APART.events)
    assert unplanned.flagged == []
    late = await went_on(unplanned, planned(TOGETHER))
    assert (the_pair(late).family, the_pair(late).plausible_by[0]) == ("plausible", "room")
    assert late.outcome == (await played([planned(TOGETHER), *APART.events])).outcome


async def test_a_plan_that_comes_after_the_close_lets_the_end_be_told_anew() -> None:
    driver = await played([*APART.events, requested("close", is_final=True)])
    await went_on(driver, planned(TOGETHER))
    assert (driver.progress.is_final, the_pair(driver).family) == (True, "plausible")
    in_time = await played([planned(TOGETHER), *APART.events, requested("close", is_final=True)])
    assert driver.outcome == in_time.outcome


def test_a_plan_is_kept_in_the_row_of_the_exam_and_the_same_again_is_no_news() -> None:
    watch = ExamWatch(EXAM)
    assert watch.put(*planned(TOGETHER)).keys() == {AGENDA_ROW}
    assert watch.put(*planned(TOGETHER)) == {}
