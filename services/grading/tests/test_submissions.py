"""From a submission to its one grade."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from chassis.clock import now
from chassis.errors import Conflict, DependencyUnavailable
from chassis.ids import new_id
from chassis.testing import eventually
from proto.examhall.attempts.v1.events_pb2 import AttemptExtended, AttemptStarted, AttemptSubmitted
from services.grading.answer_keys import AnswerKeys
from services.grading.submissions import LONGEST_DELAY, mark_due, next_try
from services.grading.tables import Attempt, Exam, Grade
from services.grading.tests.builders import RIGHT_TEXT, AnAttempt, AnExam, Office, chose, typed

D = Decimal


async def test_a_submitted_attempt_is_marked_by_rule_and_its_essay_waits(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.submitted(AnAttempt(exam, class_id=new_id(), centre_id=new_id(), number=2))
    grade = await office.grade(attempt)
    assert (grade.status, grade.score, grade.max_score, grade.percentage, grade.waiting_count) == (
        "waiting", D("4.00"), D("10.00"), None, 1,
    )  # fmt: skip
    [(kind, state)] = await office.events()
    assert (kind, state.revision, state.status, state.score, state.percentage) == (
        "AttemptMarked",
        1,
        "waiting",
        "4.00",
        "",
    )
    assert (state.class_id, state.centre_id, state.attempt_number) == (str(attempt.class_id), str(attempt.centre_id), 2)
    assert [(mark.question_id, mark.points_awarded, mark.outcome, mark.topic) for mark in state.marks] == [
        ("choice", "2.00", "correct", "Ohm"),
        ("short", "2.00", "correct", "Ohm"),
        ("essay", "", "waiting", "Ohm"),
    ]
    assert [mark.response for mark in state.marks] == [chose("a"), typed(RIGHT_TEXT), typed("Since U = R I.")]


async def test_without_an_essay_nothing_waits_and_the_percentage_is_known(office: Office) -> None:
    exam = await office.knows(AnExam(has_essay=False))
    grade = await office.grade(
        await office.submitted(AnAttempt(exam, answers={"choice": chose("a"), "short": typed("?")}))
    )
    assert (grade.status, grade.score, grade.percentage, grade.has_passed) == ("marked", D("2.00"), D("50.00"), True)


async def test_an_attempt_without_answers_gets_a_grade_of_nothing(office: Office) -> None:
    exam = await office.knows(AnExam())
    grade = await office.grade(await office.submitted(AnAttempt(exam, answers={})))
    assert (grade.status, grade.score, grade.percentage, grade.has_passed) == ("marked", D("0.00"), D("0.00"), False)


async def test_the_same_submission_three_times_and_out_of_order_gives_one_grade(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = AnAttempt(exam)
    office.peers.attempts[str(attempt.attempt_id)] = attempt
    submitted = AttemptSubmitted(attempt=attempt.state(version=3))
    event_id = new_id()
    for event, identifier in (
        (submitted, event_id),
        (AttemptExtended(attempt=attempt.state("in_progress", version=2)), None),
        (submitted, new_id()),
        (AttemptStarted(attempt=attempt.state("in_progress", version=1)), None),
        (submitted, event_id),
        (AttemptSubmitted(attempt=attempt.state(version=4)), None),
    ):
        await office.service.publish("attempts.lifecycle.v1", attempt.attempt_id, event, event_id=identifier)

    async def is_taken_in() -> bool:
        row = await office.row(Attempt, attempt.attempt_id)
        return row is not None and row.version == 4 and row.marking_due_at is None

    await eventually(is_taken_in)
    assert (await office.row(Attempt, attempt.attempt_id)).status == "submitted"
    assert [kind for kind, _ in await office.events()] == ["AttemptMarked"]


async def test_markers_racing_for_one_attempt_write_one_grade(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    runtime = office.service.runtime
    keys = AnswerKeys(runtime)
    await asyncio.gather(*(mark_due(runtime, keys, {attempt.attempt_id: 1}) for _ in range(5)))
    assert len(await office.events()) == 1
    assert (await office.grade(attempt)).revision == 1


async def test_while_peers_are_away_marking_waits_and_other_events_go_on(office: Office) -> None:
    exam = await office.knows(AnExam())
    office.peers.are_away = True
    attempt = await office.submitted(AnAttempt(exam))

    async def was_put_off() -> bool:
        row = await office.row(Attempt, attempt.attempt_id)
        return row is not None and "UNAVAILABLE" in row.marking_error

    await eventually(was_put_off)
    await office.started(AnAttempt(exam))
    assert await office.events() == []
    office.peers.are_away = False
    await office.grade(attempt)
    async with office.service.database.session() as tx:
        assert await tx.scalar(sa.text("SELECT count(*) FROM dead_letters")) == 0
    assert (await office.row(Attempt, attempt.attempt_id)).marking_error == ""


async def test_an_attempt_that_cannot_be_marked_is_tried_again_and_says_why(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = AnAttempt(exam)
    office.peers.open_attempts.add(str(attempt.attempt_id))
    await office.submitted(attempt)

    async def was_put_off() -> bool:
        row = await office.row(Attempt, attempt.attempt_id)
        return row is not None and row.marking_error == "FAILED_PRECONDITION: The attempt is open."

    await eventually(was_put_off)
    office.peers.open_attempts.clear()
    await office.grade(attempt)


async def test_a_submission_too_large_for_a_message_is_an_error_in_the_log_and_asked_for_ever_less(
    office: Office,
) -> None:
    exam = await office.knows(AnExam())
    attempt = AnAttempt(exam, answers={"essay": typed("x" * 17_000_000)})
    await office.submitted(attempt)

    async def was_put_off() -> bool:
        row = await office.row(Attempt, attempt.attempt_id)
        return row is not None and "larger than max" in row.marking_error

    await eventually(was_put_off)
    runtime = office.service.runtime
    with capture_logs() as logs:
        await mark_due(runtime, AnswerKeys(runtime), {attempt.attempt_id: 9})
    assert [(line["event"], line["log_level"]) for line in logs] == [("marking_put_off", "error")]
    assert (await office.row(Attempt, attempt.attempt_id)).marking_due_at > now() + LONGEST_DELAY / 2


async def test_one_grade_that_cannot_be_written_spoils_no_other_of_its_batch(office: Office) -> None:
    exams = [await office.knows(AnExam(choice_points=points)) for points in ("1e11", "2")]
    office.peers.are_away = True
    bad, good = [await office.submitted(AnAttempt(exam)) for exam in exams]
    await eventually(lambda: office.row(Attempt, bad.attempt_id))
    await eventually(lambda: office.row(Attempt, good.attempt_id))
    office.peers.are_away = False
    runtime = office.service.runtime
    await mark_due(runtime, AnswerKeys(runtime), {bad.attempt_id: 9, good.attempt_id: 9})
    assert (await office.row(Grade, good.attempt_id)).status == "waiting"
    row = await office.row(Attempt, bad.attempt_id)
    assert row.marking_error.startswith("DBAPIError")
    assert row.marking_due_at > now()


async def test_an_exam_is_asked_for_when_its_attempt_comes_first_and_a_key_only_once(office: Office) -> None:
    exam = AnExam()
    office.peers.exams[str(exam.exam_id)] = exam
    for _ in range(3):
        await office.marked(exam)
    assert (await office.row(Exam, exam.exam_id)).title == exam.title
    assert [office.peers.asked.count(method) for method in ("GetExam", "GetAnswerKey", "GetSubmission")] == [1, 1, 3]


async def test_each_attempt_is_marked_by_the_version_it_was_given(office: Office) -> None:
    exam = await office.knows(AnExam())
    first = await office.marked(exam)
    second = await office.marked(replace(exam, version=2))
    assert [(await office.grade(attempt)).exam_version for attempt in (first, second)] == [1, 2]


async def test_a_long_essay_stays_here_while_statistics_get_short_answers(office: Office) -> None:
    exam = await office.knows(AnExam())
    await office.marked(exam, answers={"essay": typed("x" * 600_000), "short": typed("y")})
    [(_, state)] = await office.events()
    assert [mark.HasField("response") for mark in state.marks] == [False, True, False]
    assert state.marks[2].outcome == "waiting"


@pytest.mark.parametrize(
    ("error", "tries", "delay"),
    [
        (DependencyUnavailable("away"), 50, timedelta(seconds=1)),
        (KeyError("q"), 1, timedelta(seconds=2)),
        (Conflict("open"), 4, timedelta(seconds=16)),
        (KeyError("q"), 10_000, LONGEST_DELAY),
    ],
)
def test_what_is_away_is_tried_soon_and_what_fails_ever_later(error: Exception, tries: int, delay: timedelta) -> None:
    at = now()
    assert next_try(error, tries, at) == at + delay
