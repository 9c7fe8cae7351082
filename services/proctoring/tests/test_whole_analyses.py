"""The analysis of all answers, on demand and at the close: what it tells, how far it is, and that it rests on everything heard."""

import pytest

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion import running
from services.proctoring.tests.sittings import Driver, a_sitting, name, played, requested, statistic

SITTING = a_sitting()


async def test_a_request_is_answered_with_every_index_and_what_it_assumes() -> None:
    undisturbed = await played(SITTING.events)
    undisturbed.put([requested("now")])
    await undisturbed.settle()
    answered = [
        telling.message
        for telling in undisturbed.tellings
        if isinstance(telling.message, told.CollusionProgress) and telling.message.request_id
    ]
    assert [(each.request_id, each.is_final) for each in answered] == [("now", False)]
    wanted = {"omega", "gbt", "k2", "harpp_hogan", "weighted_agreement", "bayes_factor", "timing", "e_process_times"}
    for pair in undisturbed.flagged:
        assert wanted <= {each.method for each in pair.statistics}
        assert float(statistic(pair, "omega").value) < 0.001
        assert "steepest estimated slope" in statistic(pair, "k2").assumptions
        assert "a discovery" in statistic(pair, "weighted_agreement").assumptions
    assert undisturbed.last(told.ItemsCalibrated) == []


def requests_answered(driver: Driver) -> list[told.CollusionProgress]:
    progress = [each.message for each in driver.tellings if isinstance(each.message, told.CollusionProgress)]
    return [each for each in progress if each.request_id]


async def test_a_request_is_answered_while_answers_go_on_coming_and_flags_are_still_told() -> None:
    driver = Driver()
    await driver.play(SITTING.events[:500], at_once=4, keeping_up=True)
    driver.put([requested("now")])
    driver.tellings.clear()
    await driver.play(SITTING.events[500:], at_once=4, keeping_up=True)
    (answer,) = requests_answered(driver)
    assert 500 < answer.answers < 700
    assert len(driver.last(told.PairAssessed)) >= 2


async def test_an_analysis_tells_how_much_of_it_is_done_and_a_running_exam_has_none() -> None:
    driver = Driver()
    await driver.play(SITTING.events, at_once=4, keeping_up=True)
    await driver.settle()
    for request in (requested("now"), requested("close", is_final=True)):
        driver.put([request])
        await driver.settle()
    progress = [each.message for each in driver.tellings if isinstance(each.message, told.CollusionProgress)]
    percent = [each.percent for each in progress]
    analyses = percent[percent.index(20) :]
    assert set(percent[: percent.index(20)]) == {0}
    assert analyses == [20, 40, 60, 80, 100] * 2
    assert [each.percent for each in progress if each.request_id] == [100, 100]
    revisions = [each.revision for each in progress]
    assert revisions == sorted(set(revisions))


async def test_a_request_that_overtakes_answers_waits_for_them() -> None:
    on_their_way = SITTING.answers[-10:]
    driver = await played([event for event in SITTING.events if event not in on_their_way])
    driver.put([requested("now")])
    await driver.advance(1.0)
    driver.put(on_their_way)
    await driver.settle()
    (answer,) = requests_answered(driver)
    assert (answer.answers, driver.progress.answers) == (1200, 1200)


async def test_the_close_of_a_large_exam_tells_how_far_it_is_and_says_the_same_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    driver = await played(SITTING.events)
    driver.tellings.clear()
    driver.put([requested(is_final=True)])
    await driver.settle()
    progress = [each.message for each in driver.tellings if isinstance(each.message, told.CollusionProgress)]
    assert [each.answers for each in progress] == [*range(120, 1201, 120), *[1200] * 5]
    assert [each.percent for each in progress] == [100 * step // 15 for step in range(1, 16)]
    assert [each.is_final for each in progress] == [False] * 14 + [True]
    assert [each.revision for each in progress] == sorted({each.revision for each in progress})
    before = {telling.event_id: telling.message for telling in driver.tellings}
    driver.tellings.clear()
    driver.restart()
    await driver.settle()
    assert {telling.event_id: telling.message for telling in driver.tellings} == before


async def test_the_final_analysis_tells_the_items_and_is_made_anew_when_something_comes_after_all() -> None:
    undisturbed = await played(SITTING.events)
    last = SITTING.answers[-1:]
    driver = await played([event for event in SITTING.events if event not in last])
    driver.put([requested("close", is_final=True)])
    await driver.settle()
    assert (driver.progress.is_final, driver.progress.request_id, driver.progress.answers) == (True, "close", 1199)
    (calibrated,) = driver.last(told.ItemsCalibrated)
    assert [item.question_id for item in calibrated.items] == [name(f"question {item}") for item in range(30)]
    assert all(len(item.slopes) == len(item.intercepts) == len(item.option_ids) == 4 for item in calibrated.items)
    driver.put(last)
    await driver.settle()
    assert (driver.progress.is_final, driver.progress.answers) == (True, 1200)
    undisturbed.put([requested("close", is_final=True)])
    await undisturbed.settle()
    assert driver.outcome == undisturbed.outcome
    assert driver.last(told.ItemsCalibrated) == undisturbed.last(told.ItemsCalibrated)


async def test_a_final_analysis_lost_on_the_way_is_told_again_by_the_next_worker() -> None:
    undisturbed = await played(SITTING.events)
    undisturbed.put([requested("close", is_final=True)])
    await undisturbed.settle()
    before, undisturbed.tellings = undisturbed.outcome, []
    undisturbed.restart()
    await undisturbed.settle()
    assert undisturbed.outcome == before
