"""A watched exam from its events to what is told: who is flagged, and that it is the same whatever happens on the way."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import signals_pb2 as signals
from services.proctoring import exam_marks, exam_numbers
from services.proctoring.collusion import running
from services.proctoring.collusion.plan import Answer
from services.proctoring.evidence import moment
from services.proctoring.exam_watch import AGENDA_ROW, TOLD_ROW, ExamWatch
from services.proctoring.tests.builders import START_MS
from services.proctoring.tests.sittings import (
    EXAM,
    Driver,
    Event,
    a_sitting,
    an_answer,
    attempt,
    name,
    pairs,
    played,
    requested,
    saved_answers,
    seated,
    statistic,
)

SITTING = a_sitting()


@pytest.fixture
async def undisturbed() -> Driver:
    return await played(SITTING.events)


async def test_copiers_are_flagged_with_their_source_and_nobody_else_is(undisturbed: Driver) -> None:
    assert pairs(undisturbed.flagged) == set(SITTING.copied)
    for pair in undisturbed.flagged:
        assert (pair.family, list(pair.plausible_by)) == ("plausible", ["centre", "time"])
        assert pair.copier_student_id == f"student of {pair.copier_attempt_id}"
        assert float(statistic(pair, "e_process").log10_value) > 3
        assert float(statistic(pair, "e_process_forward").log10_value) > float(
            statistic(pair, "e_process_backward").log10_value
        )
        assert 0 < float(pair.expected_false_flags) < 0.05
        evidence = [float(item.log10_evidence) for item in pair.items]
        assert evidence == sorted(evidence, reverse=True)
        assert len(evidence) == pair.items_compared
        assert all(
            item.source_answered_at.ToMilliseconds() < item.copier_answered_at.ToMilliseconds() for item in pair.items
        )


async def test_every_statistic_names_its_assumptions_and_the_rule_of_thumb_says_what_it_is(undisturbed: Driver) -> None:
    (first, *_) = undisturbed.flagged
    assert all(each.assumptions for each in first.statistics)
    assert statistic(first, "rule_of_thumb").assumptions.startswith("rule of thumb, not a test")


async def test_flagged_pairs_that_hang_together_are_told_as_a_group_with_its_likely_source() -> None:
    ring = a_sitting(seed=3, copiers=[(1, 0), (2, 0), (3, 0)], share=1.0)
    driver = await played(ring.events)
    assert set(ring.copied) <= pairs(driver.flagged)
    (group,) = driver.groups
    assert set(group.attempt_ids) == {attempt(number) for number in range(4)}
    assert group.likely_source_attempt_id == attempt(0)


async def test_progress_tells_how_much_was_taken_in(undisturbed: Driver) -> None:
    progress = undisturbed.progress
    assert (progress.candidates, progress.pairs_tested, progress.pairs_flagged) == (40, 40 * 39 // 2, 2)
    assert (progress.answers, progress.items_believed, progress.items) == (1200, 30, 30)
    assert (progress.false_discovery_rate, progress.is_final) == ("0.05", False)


async def test_progress_is_told_at_most_every_five_seconds() -> None:
    driver = Driver()
    await driver.play(SITTING.events, at_once=4, keeping_up=True)
    count = sum(isinstance(each.message, told.CollusionProgress) for each in driver.tellings)
    assert 2 <= count <= driver.now / 5 + 1


async def test_a_flag_is_told_while_the_exam_runs_and_again_only_when_it_has_grown_tenfold() -> None:
    driver = Driver()
    await driver.play(SITTING.events, at_once=4, keeping_up=True)
    grown: dict[tuple[str, str], list[float]] = {}
    for telling in driver.tellings:
        if isinstance(telling.message, told.PairAssessed) and telling.message.verdict == "flagged":
            pair = telling.message.copier_attempt_id, telling.message.source_attempt_id
            grown.setdefault(pair, []).append(float(statistic(telling.message, "e_process").log10_value))
    assert set(grown) == set(SITTING.copied)
    for values in grown.values():
        assert all(abs(after - before) > 0.99 for before, after in pairwise(values))


@given(st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
async def test_whatever_the_order_and_however_often_events_come_the_same_is_told_in_the_end(seed: int) -> None:
    shuffler = random.Random(seed)
    events = SITTING.events + shuffler.sample(SITTING.events, 200)
    shuffler.shuffle(events)
    shuffled = await played(events, at_once=shuffler.choice([7, 60, 400]))
    assert shuffled.outcome == (await played(SITTING.events)).outcome


@given(st.integers(1, len(SITTING.events) - 1), st.integers(0, 3))
@settings(max_examples=8, deadline=None)
async def test_a_watch_killed_at_any_point_and_restored_from_its_rows_tells_the_same_in_the_end(
    killed_at: int, rounds: int
) -> None:
    driver = Driver()
    await driver.play(SITTING.events[:killed_at], at_once=20)
    for _ in range(rounds):
        await driver.advance()
    driver.restart()
    await driver.play(SITTING.events[killed_at:], at_once=20)
    await driver.settle()
    assert driver.outcome == (await played(SITTING.events)).outcome


async def test_a_restored_watch_tells_the_same_under_the_same_ids(undisturbed: Driver) -> None:
    before = {telling.event_id: telling.message for telling in undisturbed.tellings}
    undisturbed.tellings.clear()
    undisturbed.restart()
    await undisturbed.settle()
    assert {telling.event_id for telling in undisturbed.tellings} <= before.keys()
    assert all(before[telling.event_id] == telling.message for telling in undisturbed.tellings)
    assert pairs(undisturbed.flagged) == set(SITTING.copied)


async def test_answers_that_come_late_count_as_if_they_had_come_in_time(undisturbed: Driver) -> None:
    late = SITTING.answers[300:340]
    driver = await played([event for event in SITTING.events if event not in late])
    assert driver.progress.answers == 1160
    driver.put(late)
    await driver.settle()
    assert driver.outcome == undisturbed.outcome


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=6, deadline=None)
async def test_answers_that_come_a_little_late_again_and_again_count_as_if_they_had_come_in_time(
    seed: int, are_all_pairs_followed: bool
) -> None:
    shuffler = random.Random(seed)
    places = {id(event): number + shuffler.uniform(0, 60) for number, event in enumerate(SITTING.answers)}
    late = sorted(SITTING.answers, key=lambda event: places[id(event)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "MOST_FOR_ALL_PAIRS", 1000 if are_all_pairs_followed else 30)
        patch.setattr(exam_marks, "MARK_ANSWERS", shuffler.choice([1, 100]))
        driver = await played([SITTING.events[0], *SITTING.seats, *late], at_once=6)
        assert driver.outcome == (await played(SITTING.events)).outcome


async def test_an_answer_that_comes_a_little_late_does_not_let_the_whole_exam_be_computed_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [SITTING.events[0], *SITTING.seats, *SITTING.answers[:900]]
    late = SITTING.answers[880:890:3]
    monkeypatch.setattr(exam_marks, "MARK_ANSWERS", 1)
    undisturbed, driver = await played(events), Driver()
    await driver.play([event for event in events if event not in late], at_once=4, keeping_up=True)
    await driver.settle()
    taken: list[int] = []
    take = running.Running.take

    def counted(self: running.Running, answers: list[Answer], start: int = 0) -> int:
        end = take(self, answers, start)
        taken.append(end - start)
        return end

    monkeypatch.setattr(running.Running, "take", counted)
    driver.put(late)
    await driver.settle()
    assert driver.outcome == undisturbed.outcome
    assert len(late) < sum(taken) < 150


async def test_who_is_seen_to_sit_there_only_after_the_first_answers_is_compared_from_a_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    few = await played(SITTING.events)
    end = moment(START_MS + 3_000_000)
    driver = await played(SITTING.events)
    latecomers = [(saved_answers({attempt(40): [an_answer(item, item % 4)]}), end) for item in range(3)]
    driver.put(latecomers)
    await driver.settle()
    monkeypatch.setattr(exam_numbers, "_answers", None)
    driver.put([seated(40, 2_900_000, centre="centre 0")])
    await driver.settle()
    exam = driver.watch._numbers.exam
    assert exam is not None
    sources = exam.running.state.sources[40]
    assert {exam.running.attempts[each] for each in sources if each >= 0} == {attempt(number) for number in range(8)}
    assert pairs(driver.flagged) == pairs(few.flagged)


async def test_answers_given_before_the_exam_is_known_are_kept_and_count(undisturbed: Driver) -> None:
    watched, *others = SITTING.events
    driver = await played(others)
    assert driver.tellings == []
    assert len(driver.rows) == 40
    driver.put([watched])
    await driver.settle()
    assert driver.outcome == undisturbed.outcome


async def test_items_of_a_later_version_take_part_with_all_their_answers(undisturbed: Driver) -> None:
    earlier = type(SITTING.watched)()
    earlier.CopyFrom(SITTING.watched)
    earlier.revision = 0
    del earlier.items[20:]
    driver = await played([(earlier, moment(START_MS)), *SITTING.seats, *SITTING.answers])
    assert (driver.progress.items, driver.progress.answers) == (20, 800)
    driver.put([(SITTING.watched, moment(START_MS))])
    await driver.settle()
    assert driver.outcome == undisturbed.outcome


async def test_without_a_bank_nothing_is_said_before_items_have_answers_enough_and_copiers_are_found_after() -> None:
    sitting = a_sitting(seed=8, candidates=140, items=40, copiers=[(1, 0)], share=1.0, with_bank=False)
    driver = Driver()
    await driver.play(sitting.events[:1500])
    await driver.settle()
    assert (driver.progress.items_believed, driver.flagged) == (0, [])
    await driver.play(sitting.events[1500:])
    await driver.settle()
    assert driver.progress.items_believed == 40
    assert pairs(driver.flagged) == set(sitting.copied)


async def test_two_attempts_of_one_student_are_no_pair() -> None:
    def of_one_student(event: Event) -> Event:
        message = type(event[0])()
        message.CopyFrom(event[0])
        if isinstance(message, attempts.AnswersSaved):
            for part in message.attempts:
                if part.attempt_id in (attempt(0), attempt(1)):
                    part.student_id = "one student"
        elif getattr(message, "attempt_id", "") in (attempt(0), attempt(1)):
            message.student_id = "one student"
        return message, event[1]

    driver = await played([of_one_student(event) for event in SITTING.events])
    assert pairs(driver.flagged) == {(attempt(12), attempt(10))}
    assert driver.progress.pairs_tested == 40 * 39 // 2 - 1


async def test_a_flag_that_no_longer_holds_is_taken_back_even_by_another_worker() -> None:
    sitting = a_sitting(seed=9, copiers=[(1, 20)], share=1.0)
    driver = await played(sitting.events)
    (flag,) = driver.flagged
    assert flag.family == "other"
    driver.restart()
    driver.put([seated(number, 0, centre="another") for number in range(100, 900)])
    await driver.settle()
    assert driver.flagged == []
    (pair,) = [each for each in driver.last(told.PairAssessed) if each.copier_attempt_id == attempt(1)]
    assert pair.verdict == "nothing"
    assert driver.groups == []


async def test_where_not_all_pairs_are_followed_the_plausible_ones_show_the_same_evidence(
    monkeypatch: pytest.MonkeyPatch, undisturbed: Driver
) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    few = await played(SITTING.events)
    assert pairs(few.flagged) == set(SITTING.copied)
    for one, other in zip(few.flagged, undisturbed.flagged, strict=True):
        assert one.statistics == other.statistics
    assert few.progress.pairs_tested == 5 * 8 * 7 // 2
    late_seats = await played([SITTING.events[0], *SITTING.answers, *SITTING.seats])
    assert late_seats.outcome == few.outcome


async def test_the_close_of_a_large_exam_finds_those_who_sat_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_FOR_ALL_PAIRS", 30)
    sitting = a_sitting(seed=4, copiers=[(1, 20)], share=1.0)
    driver = await played(sitting.events)
    assert driver.flagged == []
    driver.put([requested(is_final=True)])
    await driver.settle()
    (flag,) = driver.flagged
    assert (flag.copier_attempt_id, flag.source_attempt_id, flag.family) == (*sitting.copied[0], "other")


async def test_who_finished_when_shows_in_the_rule_of_thumb_once_both_have_submitted(undisturbed: Driver) -> None:
    ends = [seated(number, 10_000, version=2, centre="centre 0", submitted_ms=3_000_000) for number in (0, 1)]
    undisturbed.put(ends)
    await undisturbed.settle()
    (pair,) = [each for each in undisturbed.flagged if each.copier_attempt_id == attempt(1)]
    assert statistic(pair, "rule_of_thumb").assumptions.endswith("here: met")


def test_an_event_that_says_nothing_new_changes_no_row() -> None:
    watch = ExamWatch(EXAM)
    text = attempts.SavedAnswer(question_id=name("question 1"), revision=1, response=attempts.Response(text="essay"))
    several = an_answer(1, 1, revision=2)
    several.response.choice.option_ids.append(name("option 1 2"))
    at = moment(START_MS + 1000)
    assert watch.put(saved_answers({attempt(1): [text, several]}), at) == {}
    first = saved_answers({attempt(1): [an_answer(1, 1)], attempt(2): [an_answer(1, 2)]})
    assert watch.put(first, at).keys() == {attempt(1), attempt(2)}
    assert watch.put(first, at) == {}
    assert watch.put(*seated(1, 500)).keys() == {attempt(1)}
    assert watch.put(*seated(1, 500)) == {}
    assert watch.put(*requested()).keys() == {AGENDA_ROW}
    assert watch.put(*requested()) == {}
    assert watch.put(SITTING.watched, at).keys() == {AGENDA_ROW}
    assert watch.put(SITTING.watched, at) == {}


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="SignalsReceived"):
        ExamWatch(EXAM).put(signals.SignalsReceived(), moment(START_MS))


async def test_an_exam_without_choices_is_closed_all_the_same() -> None:
    empty = type(SITTING.watched)(exam_id=EXAM, revision=1)
    driver = await played([(empty, moment(START_MS)), *SITTING.seats, *SITTING.answers[:100], requested(is_final=True)])
    assert (driver.progress.is_final, driver.progress.items, driver.progress.answers) == (True, 0, 0)
    assert driver.flagged == []


async def test_what_was_told_is_a_row_of_its_own(undisturbed: Driver) -> None:
    assert undisturbed.rows.keys() == {AGENDA_ROW, TOLD_ROW, *(attempt(number) for number in range(40))}
    assert undisturbed.watch.unstored() == {}
