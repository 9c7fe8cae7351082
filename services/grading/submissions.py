"""Marks what was submitted: takes the attempts that are due, asks for answers and key, and writes the one grade of each.

A submission's event only notes that marking is due (copies.keep_attempt). That way no transaction is open while another service is asked,
and one that is away delays marking without holding up the events behind.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import grpc
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.consuming import is_away
from chassis.outbox import moment_of
from chassis.service import Runtime
from proto.examhall.attempts.v1.attempts_pb2 import GetSubmissionRequest, Submission
from proto.examhall.attempts.v1.attempts_pb2_grpc import AttemptsStub
from proto.examhall.attempts.v1.events_pb2 import Response
from proto.examhall.grading.v1.events_pb2 import AttemptMarked
from services.grading.answer_keys import fetch_key
from services.grading.conversion import ExamKey, response_value
from services.grading.copies import fetch_exam
from services.grading.events import grade_changed
from services.grading.grades import count_again
from services.grading.marking import mark_attempt
from services.grading.releasing import release_if_automatic
from services.grading.settings import Settings
from services.grading.tables import Attempt, Exam, Grade, QuestionMark

log = structlog.get_logger()

LEASE = timedelta(seconds=60)  # after so long without a result, another process may take the attempt
AWAY_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)

# Served by ix_attempts_marking_due.
_CLAIM = sa.text(
    """
    UPDATE attempts SET marking_due_at = :leased_until, marking_tries = marking_tries + 1
    WHERE id IN (SELECT id FROM attempts WHERE marking_due_at <= :now ORDER BY marking_due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id, marking_tries
    """
)
_PUT_OFF = sa.text(
    "UPDATE attempts SET marking_due_at = :due_at, marking_error = :error WHERE id = :id AND marking_due_at IS NOT NULL"
)


async def mark_submissions(runtime: Runtime) -> None:
    """Marks whatever is due, for ever."""
    assert isinstance(runtime.settings, Settings)
    while True:
        due = await _claim(runtime, runtime.settings.marking_batch, now())
        if not due:
            await asyncio.sleep(runtime.settings.marking_poll_milliseconds / 1000)
        await asyncio.gather(*(_mark_or_put_off(runtime, attempt_id, tries) for attempt_id, tries in due))


async def mark_submission(runtime: Runtime, attempt_id: UUID) -> None:
    """Marks one submitted attempt, unless it is marked already. Raises grpc.aio.AioRpcError when a peer is away or refuses."""
    submission = await AttemptsStub(runtime.channel("attempts")).GetSubmission(
        GetSubmissionRequest(attempt_id=str(attempt_id))
    )
    exam_id = UUID(submission.attempt.exam_id)
    await fetch_exam(runtime, exam_id)
    key = await fetch_key(runtime, exam_id, submission.attempt.exam_version)
    async with runtime.database.session() as tx:
        await grade_submission(tx, submission, key, now())


async def grade_submission(tx: AsyncSession, submission: Submission, key: ExamKey, at: datetime) -> None:
    """Writes the grade of a submission; nothing when it has one."""
    attempt_id = UUID(submission.attempt.attempt_id)
    attempt = await tx.get_one(Attempt, attempt_id, with_for_update=True)
    attempt.marking_due_at, attempt.marking_error = None, ""
    if await tx.get(Grade, attempt_id) is not None:
        return
    exam = await tx.get_one(Exam, UUID(submission.attempt.exam_id))
    marks = marks_of_submission(submission, key, at)
    grade = _new_grade(submission, at)
    count_again(grade, marks, key, at)
    tx.add(grade)
    await tx.flush()
    tx.add_all(marks)
    grade_changed(tx, AttemptMarked, grade, marks)
    release_if_automatic(tx, exam, grade, marks, at)


def marks_of_submission(submission: Submission, key: ExamKey, at: datetime) -> list[QuestionMark]:
    """A row for each question that the attempt was given."""
    given = {answer.question_id: answer.response for answer in submission.answers}
    answers = {question_id: response_value(response) for question_id, response in given.items()}
    return [
        QuestionMark(
            attempt_id=UUID(submission.attempt.attempt_id),
            question_id=mark.question_id,
            position=position,
            type=key.questions[mark.question_id].type.value,
            topic=key.paper[mark.question_id].topic,
            response=given.get(mark.question_id, Response()).SerializeToString(),
            points_awarded=mark.points_awarded,
            max_points=mark.max_points,
            outcome=mark.outcome.value,
            marked_at=at,
        )
        for position, mark in enumerate(mark_attempt(key.questions, submission.question_ids, answers, key.rules))
    ]


def next_try(error: BaseException, tries: int, at: datetime) -> datetime:
    """When to try again: soon while a peer is away, ever later when the submission itself can't be marked."""
    if is_away(error):
        return at + AWAY_DELAY
    return at + min(AWAY_DELAY * 2 ** min(tries, 20), LONGEST_DELAY)


def _new_grade(submission: Submission, at: datetime) -> Grade:
    attempt = submission.attempt
    return Grade(
        attempt_id=UUID(attempt.attempt_id),
        exam_id=UUID(attempt.exam_id),
        exam_version=attempt.exam_version,
        student_id=UUID(attempt.student_id),
        attempt_number=attempt.number,
        class_id=UUID(attempt.class_id) if attempt.class_id else None,
        centre_id=UUID(attempt.centre_id) if attempt.centre_id else None,
        submitted_at=moment_of(attempt, "submitted_at") or at,
    )


async def _claim(runtime: Runtime, batch: int, at: datetime) -> list[tuple[UUID, int]]:
    async with runtime.database.session() as tx:
        rows = await tx.execute(_CLAIM, {"now": at, "leased_until": at + LEASE, "batch": batch})
        return [(row.id, row.marking_tries) for row in rows]


async def _mark_or_put_off(runtime: Runtime, attempt_id: UUID, tries: int) -> None:
    try:
        await mark_submission(runtime, attempt_id)
    except Exception as error:
        reason = _reason(error)
        log.warning("marking_put_off", attempt_id=attempt_id, tries=tries, error=reason)
        async with runtime.database.session() as tx:
            due_at = next_try(error, tries, now())
            await tx.execute(_PUT_OFF, {"id": attempt_id, "due_at": due_at, "error": reason})


def _reason(error: Exception) -> str:
    """What went wrong, without the values of a statement: those are answers."""
    match error:
        case grpc.aio.AioRpcError():
            return f"{error.code().name}: {error.details()}"[:500]
        case sa.exc.DBAPIError():
            return f"{type(error).__name__}: {type(error.orig).__name__}"
        case _:
            return f"{type(error).__name__}: {error}"[:500]
