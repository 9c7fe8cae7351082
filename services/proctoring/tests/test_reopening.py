"""An exam that is open again after its last analysis, from its events to what is told: it is watched as before, and analysed anew when it closes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion import running
from services.proctoring.tests.sittings import Driver, a_sitting, attempt, pairs, played, requested

SITTING = a_sitting()
CLOSED, CLOSED_AGAIN = requested("close", is_final=True), requested("close again", is_final=True, revision=2)
# Nobody has shown anything by then.
AT_THE_CLOSE = 500


async def closed_early() -> Driver:
    """An exam that was analysed for good after its first answers."""
    driver = Driver()
    await driver.play([*SITTING.events[: 41 + AT_THE_CLOSE], CLOSED])
    await driver.settle()
    assert (driver.progress.is_final, driver.progress.answers, driver.flagged) == (True, AT_THE_CLOSE, [])
    return driver


async def test_flags_are_told_live_again_and_the_last_analysis_is_made_anew_when_it_closes_again() -> None:
    driver = await closed_early()
    calibrated = driver.last(told.ItemsCalibrated)
    driver.put([SITTING.opened_again()])
    await driver.settle()
    assert not driver.progress.is_final

    await driver.play(SITTING.answers[AT_THE_CLOSE:], at_once=4, keeping_up=True)
    assert pairs(driver.flagged) == set(SITTING.copied)
    assert not driver.progress.is_final
    assert driver.last(told.ItemsCalibrated) == calibrated

    driver.put([CLOSED_AGAIN])
    await driver.settle()
    progress = driver.progress
    assert (progress.is_final, progress.request_id, progress.answers) == (True, "close again", 1200)
    assert driver.last(told.ItemsCalibrated) != calibrated
    assert pairs(driver.flagged) == set(SITTING.copied)


async def test_without_an_answer_more_nothing_changes_but_that_it_is_open() -> None:
    driver = await played([*SITTING.events, CLOSED])
    before = {pair.copier_attempt_id: pair for pair in driver.flagged}
    driver.tellings.clear()
    driver.put([SITTING.opened_again()])
    await driver.advance()
    await driver.watch.finish()
    await driver.advance()
    assert driver.last(told.PairAssessed) == []
    await driver.settle()
    driver.restart()
    await driver.settle()
    assert [pair.verdict for pair in driver.last(told.PairAssessed)] == ["flagged"] * 2
    for pair in driver.flagged:
        first = before[pair.copier_attempt_id]
        assert pair.revision > first.revision
        assert pair.statistics[0] == first.statistics[0]


async def test_the_exam_is_not_computed_anew_because_it_is_open_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = await played([*SITTING.events, CLOSED])
    taken: list[int] = []
    take = running.Running.take

    def counted(self: running.Running, answers: list[object], start: int = 0) -> int:
        end = take(self, answers, start)  # type: ignore[arg-type]
        taken.append(end - start)
        return end

    monkeypatch.setattr(running.Running, "take", counted)
    driver.put([SITTING.opened_again()])
    await driver.settle()
    assert (sum(taken), driver.progress.is_final) == (0, False)


@given(st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
async def test_whatever_the_order_and_wherever_a_worker_was_killed_the_same_is_told_in_the_end(seed: int) -> None:
    events = [*SITTING.events, CLOSED, SITTING.opened_again(), CLOSED_AGAIN]
    shuffler = random.Random(seed)
    shuffled = events + shuffler.sample(events, 100)
    shuffler.shuffle(shuffled)
    killed_at = shuffler.randrange(len(shuffled))
    driver = Driver()
    await driver.play(shuffled[:killed_at], at_once=60)
    driver.restart()
    await driver.play(shuffled[killed_at:], at_once=60)
    await driver.settle()
    in_order = await closed_early()
    await in_order.play([SITTING.opened_again(), *SITTING.answers[AT_THE_CLOSE:], CLOSED_AGAIN])
    await in_order.settle()
    assert driver.outcome == in_order.outcome
    assert driver.last(told.ItemsCalibrated) == in_order.last(told.ItemsCalibrated)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_pair_that_only_the_close_of_a_large_exam_found_stands_until_the_next_close(
    monkeypatch: pytest.MonkeyPatch, is_restarted: bool
) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    sitting = a_sitting(seed=4, copiers=[(1, 20)], share=1.0)
    driver = await played([*sitting.events[:-20], CLOSED])
    assert pairs(driver.flagged) == set(sitting.copied)
    (group,) = driver.groups
    driver.put([sitting.opened_again()])
    if is_restarted:
        driver.restart()
    await driver.play([*sitting.events[-20:], requested("now")])
    await driver.settle()
    assert not driver.progress.is_final
    assert driver.progress.pairs_flagged == 1
    driver.put([requested("close again", is_final=True, revision=2)])
    await driver.settle()
    verdicts = [
        each.message.verdict
        for each in driver.tellings
        if isinstance(each.message, told.PairAssessed) and each.message.copier_attempt_id == attempt(1)
    ]
    assert verdicts
    assert set(verdicts) == {"flagged"}
    members = [list(each.message.attempt_ids) for each in driver.tellings if isinstance(each.message, told.GroupFound)]
    assert all(each == list(group.attempt_ids) for each in members)
    assert (driver.progress.is_final, driver.progress.pairs_flagged) == (True, 1)
