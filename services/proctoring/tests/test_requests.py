"""Analyses that are asked for: every request is answered, whenever it came, and whoever looks at what stands sees that it was."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.exam_analysis import GRACE_SECONDS
from services.proctoring.tests.sittings import Driver, a_sitting, played, requested

SITTING = a_sitting(candidates=20, items=20)
CLOSED = requested("close", is_final=True)


def kept(driver: Driver) -> list[told.CollusionProgress]:
    """What stood one after the other at whoever keeps the progress: a revision is kept when it is newer than the one before."""
    found: list[told.CollusionProgress] = []
    for telling in driver.tellings:
        progress = telling.message
        if isinstance(progress, told.CollusionProgress) and (not found or progress.revision > found[-1].revision):
            found.append(progress)
    return found


def ends(driver: Driver) -> list[told.CollusionProgress]:
    return [progress for progress in kept(driver) if progress.percent == 100]


async def test_one_analysis_answers_all_that_were_asked_for_before_it_began() -> None:
    driver = await played(SITTING.events)
    driver.put([requested("first"), requested("second")])
    await driver.settle()
    (end,) = ends(driver)
    assert (list(end.request_ids), end.request_id) == (["first", "second"], "second")


async def test_one_that_has_not_waited_long_enough_for_answers_on_their_way_gets_an_analysis_of_its_own() -> None:
    driver = await played(SITTING.events)
    driver.put([requested("first")])
    await driver.advance()
    driver.put([requested("second")])
    await driver.advance(GRACE_SECONDS / 2)
    await driver.advance(GRACE_SECONDS / 2)
    await driver.watch.finish()
    await driver.advance()
    assert [list(end.request_ids) for end in ends(driver)] == [["first"]]
    await driver.settle()
    assert [list(end.request_ids) for end in ends(driver)] == [["first"], ["first", "second"]]
    assert kept(driver)[-1] == ends(driver)[-1]


async def test_an_answered_request_stays_in_sight_when_more_answers_come_and_after_a_restart() -> None:
    driver = await played(SITTING.events[:-20])
    driver.put([requested("first")])
    await driver.settle()
    driver.restart()
    driver.put(SITTING.events[-20:])
    await driver.settle()
    last = kept(driver)[-1]
    assert (last.answers, last.request_id, list(last.request_ids)) == (400, "", ["first"])


async def test_what_is_asked_for_as_the_exam_closes_is_answered_by_the_last_analysis() -> None:
    driver = await played(SITTING.events)
    driver.put([requested("first"), CLOSED])
    await driver.settle()
    (end,) = ends(driver)
    assert (end.is_final, end.request_id, list(end.request_ids)) == (True, "first", ["first"])


@pytest.mark.parametrize("seconds", [0.1, 60.0])
async def test_what_is_asked_for_after_the_close_is_answered_and_the_last_analysis_still_stands(seconds: float) -> None:
    driver = await played([*SITTING.events, CLOSED])
    await driver.advance(seconds)
    driver.put([requested("first")])
    await driver.settle()
    last = kept(driver)[-1]
    assert (last.is_final, list(last.request_ids)) == (True, ["first"])


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=20, deadline=None)
async def test_whenever_it_is_asked_and_whatever_happens_all_is_answered_in_the_end_and_the_close_is_the_same(
    seed: int, is_closed: bool
) -> None:
    chance = random.Random(seed)
    names = [f"request {number}" for number in range(6)]
    events = [*SITTING.events, *([CLOSED] if is_closed else [])]
    for name in names:
        events.insert(chance.randint(1, len(events)), requested(name))
    killed_at = chance.randrange(len(events))
    driver = Driver()
    await driver.play(events[:killed_at], at_once=20)
    await driver.advance(chance.uniform(0, 2 * GRACE_SECONDS))
    driver.restart()
    await driver.play(events[killed_at:], at_once=chance.choice([1, 20]), keeping_up=chance.random() < 0.5)
    await driver.settle()
    last = kept(driver)[-1]
    assert (sorted(last.request_ids), last.is_final, last.answers) == (names, is_closed, 400)
    if is_closed:
        assert driver.outcome == (await played([*SITTING.events, *map(requested, names), CLOSED])).outcome
