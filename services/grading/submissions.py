"""Marks what was submitted: takes the attempts that are due, asks for answers and key, and writes the one grade of each.

A submission's event only notes that marking is due (copies.keep_attempt). That way no transaction is open while another service is asked,
and one that is away delays marking without holding up the events behind.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import grpc
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.absences import is_away
from chassis.clock import now
from chassis.outbox import moment_of
from chassis.service import Runtime
from proto.examhall.attempts.v1.attempts_pb2 import GetSubmissionRequest, Submission
from proto.examhall.attempts.v1.attempts_pb2_grpc import AttemptsStub
from proto.examhall.attempts.v1.events_pb2 import AttemptState, Response
from proto.examhall.grading.v1.events_pb2 import AttemptMarked
from services.grading.answer_keys import AnswerKeys
from services.grading.conversion import ExamKey, response_value
from services.grading.events import grade_changed
from services.grading.grades import count_again
from services.grading.invalidating import apply_review, reviews_before_grades
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
_DONE = sa.text("UPDATE attempts SET marking_due_at = NULL, marking_error = '' WHERE id = ANY(:ids)")


class NewMark(NamedTuple):
    """A row of question_marks as marking writes it; rows of a batch go in with one statement."""

    attempt_id: UUID
    question_id: str
    position: int
    type: str
    topic: str
    response: bytes
    points_awarded: Decimal | None
    max_points: Decimal
    outcome: str
    marked_at: datetime
    is_human: bool = False
    feedback: str = ""


@dataclass(frozen=True)
class Marked:
    """A submission with its marks, not yet written."""

    attempt: AttemptState
    key: ExamKey
    marks: list[NewMark]
    at: datetime

    @property
    def attempt_id(self) -> UUID:
        """The attempt that was marked."""
        return UUID(self.attempt.attempt_id)


async def mark_submissions(runtime: Runtime) -> None:
    """Marks whatever is due, for ever."""
    assert isinstance(runtime.settings, Settings)
    keys = AnswerKeys(runtime)
    while True:
        due = await _claim(runtime, runtime.settings.marking_batch, now())
        if due:
            await mark_due(runtime, keys, due)
        else:
            await asyncio.sleep(runtime.settings.marking_poll_milliseconds / 1000)


async def mark_due(runtime: Runtime, keys: AnswerKeys, due: Mapping[UUID, int]) -> None:
    """Marks attempts, given with how often that was tried. One that can't be marked now is put off and holds up no other."""
    results = await asyncio.gather(*(mark_submission(runtime, keys, each) for each in due), return_exceptions=True)
    marked: list[Marked] = []
    for attempt_id, result in zip(due, results, strict=True):
        if isinstance(result, Marked):
            marked.append(result)
        else:
            await _put_off(runtime, attempt_id, due[attempt_id], result)
    await _write_or_put_off(runtime, marked, due)


async def mark_submission(runtime: Runtime, keys: AnswerKeys, attempt_id: UUID) -> Marked:
    """The marks of a submitted attempt. Raises grpc.aio.AioRpcError when a peer is away or refuses."""
    attempts = AttemptsStub(runtime.channel("attempts"))
    submission = await attempts.GetSubmission(GetSubmissionRequest(attempt_id=str(attempt_id)))
    key = await keys.get(UUID(submission.attempt.exam_id), submission.attempt.exam_version)
    at = now()
    return Marked(submission.attempt, key, marks_of_submission(submission, key, at), at)


async def write_grades(tx: AsyncSession, marked: Sequence[Marked]) -> None:
    """Writes the grade of each attempt that has none yet."""
    attempt_ids = [each.attempt_id for each in marked]
    locked = sa.select(col(Attempt.id)).where(col(Attempt.id).in_(attempt_ids)).order_by(col(Attempt.id))
    await tx.execute(locked.with_for_update())
    await tx.execute(_DONE, {"ids": attempt_ids})
    graded = set(await tx.scalars(sa.select(col(Grade.attempt_id)).where(col(Grade.attempt_id).in_(attempt_ids))))
    exam_ids = {UUID(each.attempt.exam_id) for each in marked}
    exams = {exam.id: exam for exam in await tx.scalars(sa.select(Exam).where(col(Exam.id).in_(exam_ids)))}
    fresh = [each for each in marked if each.attempt_id not in graded]
    reviews = await reviews_before_grades(tx, [each.attempt_id for each in fresh])
    for each in fresh:
        grade = _new_grade(each)
        if review := reviews.get(each.attempt_id):
            apply_review(grade, review)
        tx.add(grade)
        grade_changed(tx, AttemptMarked, grade, each.marks)
        release_if_automatic(tx, exams[grade.exam_id], grade, each.marks, each.at)
    await tx.flush()
    if rows := [mark._asdict() for each in fresh for mark in each.marks]:
        await tx.execute(sa.insert(QuestionMark), rows)


def marks_of_submission(submission: Submission, key: ExamKey, at: datetime) -> list[NewMark]:
    """A row for each question that the attempt was given."""
    given = {answer.question_id: answer.response for answer in submission.answers}
    answers = {question_id: response_value(response) for question_id, response in given.items()}
    attempt_id = UUID(submission.attempt.attempt_id)
    return [
        NewMark(
            attempt_id=attempt_id,
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
    return at + min(AWAY_DELAY * (1 << min(tries, 20)), LONGEST_DELAY)


def _new_grade(marked: Marked) -> Grade:
    attempt = marked.attempt
    grade = Grade(
        attempt_id=UUID(attempt.attempt_id),
        exam_id=UUID(attempt.exam_id),
        exam_version=attempt.exam_version,
        student_id=UUID(attempt.student_id),
        attempt_number=attempt.number,
        class_id=UUID(attempt.class_id) if attempt.class_id else None,
        centre_id=UUID(attempt.centre_id) if attempt.centre_id else None,
        submitted_at=moment_of(attempt, "submitted_at") or marked.at,
    )
    count_again(grade, marked.marks, marked.key, marked.at)
    return grade


async def _claim(runtime: Runtime, batch: int, at: datetime) -> dict[UUID, int]:
    async with runtime.database.session() as tx:
        rows = await tx.execute(_CLAIM, {"now": at, "leased_until": at + LEASE, "batch": batch})
        return {row.id: row.marking_tries for row in rows}


async def _write_or_put_off(runtime: Runtime, marked: Sequence[Marked], due: Mapping[UUID, int]) -> None:
    """Writes the grades together; when that fails, each alone, so that one bad grade spoils no other."""
    if not marked:
        return
    try:
        async with runtime.database.session() as tx:
            await write_grades(tx, marked)
    except Exception as error:
        if len(marked) == 1:
            await _put_off(runtime, marked[0].attempt_id, due[marked[0].attempt_id], error)
            return
        for each in marked:
            await _write_or_put_off(runtime, [each], due)


async def _put_off(runtime: Runtime, attempt_id: UUID, tries: int, error: BaseException) -> None:
    reason, due_at = _reason(error), next_try(error, tries, now())
    tell = log.warning if is_away(error) else log.error
    tell("marking_put_off", attempt_id=attempt_id, tries=tries, error=reason)
    async with runtime.database.session() as tx:
        await tx.execute(_PUT_OFF, {"id": attempt_id, "due_at": due_at, "error": reason})


def _reason(error: BaseException) -> str:
    """What went wrong, without the values of a statement: those are answers."""
    match error:
        case grpc.aio.AioRpcError():
            return f"{error.code().name}: {error.details()}"[:500]
        case sa.exc.DBAPIError():
            return f"{type(error).__name__}: {type(error.orig).__name__}"
        case _:
            return f"{type(error).__name__}: {error}"[:500]
