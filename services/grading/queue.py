"""The queue of answers that wait for a human: each with its question, rubric and sample answer, oldest submission first.

Answers of an invalidated attempt do not wait: nobody need mark what does not count. They are back when that is undone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.paging import PageRequest
from services.grading.access import marked_exams
from services.grading.answer_keys import stored_keys
from services.grading.conversion import ExamKey
from services.grading.marking import Outcome, QuestionType
from services.grading.tables import Exam, Grade, Person, QuestionMark

# Written out, as ix_grades_waiting has it: a parameter could be anything.
_WAITS = col(Grade.status) == sa.literal_column("'waiting'")


@dataclass(frozen=True)
class QueueFilter:
    """Whose answers a queue holds; None: anybody's."""

    exam_id: UUID | None = None
    class_id: UUID | None = None
    student_id: UUID | None = None


@dataclass(frozen=True)
class AttemptSummary:
    """What a marker wants to know of the rest of the attempt."""

    descriptive_count: int
    waiting_count: int
    automatic_score: Decimal
    pending_points: Decimal


@dataclass(frozen=True)
class WaitingAnswer:
    """One answer that waits, with what is needed to mark it."""

    mark: QuestionMark
    grade: Grade
    exam_title: str
    student_name: str | None
    key: ExamKey
    attempt: AttemptSummary


async def waiting_answers(
    tx: AsyncSession, actor: Actor, wanted: QueueFilter, page: PageRequest
) -> tuple[list[WaitingAnswer], int]:
    """One page of the answers that the actor may mark, and how many wait in all.

    Grades of which something waits are found by ix_grades_waiting and know how much it is; their answers by ix_question_marks_waiting.
    """
    conditions = [_WAITS, ~col(Grade.is_invalidated), marked_exams(actor)]
    for column, value in (
        (col(Grade.exam_id), wanted.exam_id),
        (col(Grade.class_id), wanted.class_id),
        (col(Grade.student_id), wanted.student_id),
    ):
        if value is not None:
            conditions.append(column == value)
    count = sa.select(sa.func.coalesce(sa.func.sum(col(Grade.waiting_count)), 0)).join(
        Exam, col(Exam.id) == col(Grade.exam_id)
    )
    total = await tx.scalar(count.where(*conditions)) or 0
    query = (
        sa.select(QuestionMark, Grade, col(Exam.title), col(Person.name))
        .join(Grade, col(Grade.attempt_id) == col(QuestionMark.attempt_id))
        .join(Exam, col(Exam.id) == col(Grade.exam_id))
        .outerjoin(Person, col(Person.id) == col(Grade.student_id))
        .where(col(QuestionMark.outcome) == Outcome.WAITING.value, *conditions)
    )
    order = (col(Grade.submitted_at), col(Grade.attempt_id), col(QuestionMark.position))
    rows = (await tx.execute(query.order_by(*order).offset(page.offset).limit(page.limit))).all()
    keys = await stored_keys(tx, {(grade.exam_id, grade.exam_version) for _, grade, _, _ in rows})
    attempts = await _summaries(tx, {grade.attempt_id for _, grade, _, _ in rows})
    answers = [
        WaitingAnswer(mark, grade, title, name, keys[grade.exam_id, grade.exam_version], attempts[grade.attempt_id])
        for mark, grade, title, name in rows
    ]
    return answers, total


async def _summaries(tx: AsyncSession, attempt_ids: Iterable[UUID]) -> dict[UUID, AttemptSummary]:
    waits = col(QuestionMark.outcome) == Outcome.WAITING.value
    is_automatic = ~waits & ~col(QuestionMark.is_human)
    query = (
        sa.select(
            col(QuestionMark.attempt_id),
            sa.func.count().filter(col(QuestionMark.type) == QuestionType.ESSAY.value),
            sa.func.count().filter(waits),
            sa.func.coalesce(sa.func.sum(col(QuestionMark.points_awarded)).filter(is_automatic), 0),
            sa.func.coalesce(sa.func.sum(col(QuestionMark.max_points)).filter(waits), 0),
        )
        .where(col(QuestionMark.attempt_id).in_(list(attempt_ids)))
        .group_by(col(QuestionMark.attempt_id))
    )
    return {attempt_id: AttemptSummary(*facts) for attempt_id, *facts in await tx.execute(query)}
