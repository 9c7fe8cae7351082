"""A student's own results. They come from submitted attempts, so that what was received is listed before it is marked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chassis.actors import Actor
from chassis.clock import now
from chassis.errors import NotFound
from chassis.paging import PageRequest
from services.grading.reviewing import Sight, sight_of
from services.grading.tables import Attempt, Exam, Grade


@dataclass(frozen=True)
class Result:
    """A submitted attempt, its exam and grade as far as they are known, and what the student may see of them at a moment.

    `is_sat`: somebody has an attempt at the exam that is not over.
    """

    attempt: Attempt
    exam: Exam | None
    grade: Grade | None
    is_sat: bool
    at: datetime

    @property
    def sight(self) -> Sight:
        """What the student may see."""
        if self.exam is None or self.grade is None:
            return sight_of(is_released=False, is_open=False, allow_review=False, show_answers=False)
        return sight_of(
            is_released=self.grade.is_released and not self.grade.is_invalidated,
            is_open=self.exam.closes_at is not None and (self.at < self.exam.closes_at or self.is_sat),
            allow_review=self.exam.allow_review_after_submit,
            show_answers=self.exam.show_answers_after_submit,
        )


async def own_results(tx: AsyncSession, actor: Actor, page: PageRequest) -> tuple[list[Result], int]:
    """One page of the student's submitted attempts, newest first, and how many there are."""
    query = _submitted_by(actor)
    total = await tx.scalar(query.with_only_columns(sa.func.count())) or 0
    order = (col(Attempt.submitted_at).desc(), col(Attempt.id))
    rows = await tx.execute(query.order_by(*order).offset(page.offset).limit(page.limit))
    return [_result(row) for row in rows], total


async def own_result(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Result:
    """One submitted attempt of the student. Raises NotFound for any other."""
    row = (await tx.execute(_submitted_by(actor).where(col(Attempt.id) == attempt_id))).one_or_none()
    if row is None:
        raise NotFound("You have no submitted attempt of this id.")
    return _result(row)


def _result(row: sa.Row[Any]) -> Result:
    attempt, exam, grade, is_sat = row
    return Result(attempt, exam, grade, is_sat, now())


def _submitted_by(actor: Actor) -> sa.Select[Any]:
    other = aliased(Attempt)
    is_sat = sa.exists().where(col(other.exam_id) == col(Attempt.exam_id), col(other.status) != "submitted")
    return (
        sa.select(Attempt, Exam, Grade, is_sat)  # is_sat is served by ix_attempts_open
        .outerjoin(Exam, col(Exam.id) == col(Attempt.exam_id))
        .outerjoin(Grade, col(Grade.attempt_id) == col(Attempt.id))
        .where(col(Attempt.student_id) == actor.person_id, col(Attempt.status) == "submitted")
    )
