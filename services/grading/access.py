"""Who may do what to whose grades, as conditions on rows: what a condition hides does not exist for the caller."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound
from services.grading.tables import Attempt, Exam, Grade

OWNERS = ("instructor", "admin")
MARKERS = (*OWNERS, "evaluator")
READERS = (*MARKERS, "centre_admin")


def owned_exams(actor: Actor) -> sa.ColumnElement[bool]:
    """Exams whose grades the actor finalizes and releases: an instructor's own, an administrator's all."""
    if actor.is_("admin"):
        return sa.true()
    return col(Exam.instructor_id) == actor.person_id if actor.is_("instructor") else sa.false()


def marked_exams(actor: Actor) -> sa.ColumnElement[bool]:
    """Exams whose answers the actor marks: the owned ones, and for an evaluator those that name them."""
    if actor.is_("evaluator"):
        return col(Exam.evaluator_ids).contains([actor.person_id])
    return owned_exams(actor)


def readable_grades(actor: Actor) -> sa.ColumnElement[bool]:
    """Grades that staff may read, in a query that joins their exam: of exams they mark, or of their centre's attempts."""
    return _of_own_centre(actor, col(Grade.centre_id)) if actor.is_("centre_admin") else marked_exams(actor)


def readable_exams(actor: Actor) -> sa.ColumnElement[bool]:
    """Exams of which the actor may read grades; a centre's administrator those that somebody of the centre sat."""
    if not actor.is_("centre_admin"):
        return marked_exams(actor)
    return sa.exists().where(col(Attempt.exam_id) == col(Exam.id), _of_own_centre(actor, col(Attempt.centre_id)))


async def find_exam(tx: AsyncSession, exam_id: UUID, condition: sa.ColumnElement[bool], *, lock: bool = False) -> Exam:
    """The exam, when the condition lets the caller at it. Raises NotFound otherwise. `lock` keeps others from finalizing it meanwhile."""
    query = sa.select(Exam).where(col(Exam.id) == exam_id, condition)
    exam: Exam | None = await tx.scalar(query.with_for_update() if lock else query)
    if exam is None:
        raise NotFound("There is no such exam.")
    return exam


async def find_grade(
    tx: AsyncSession, attempt_id: UUID, condition: sa.ColumnElement[bool], *, lock: bool = False
) -> Grade:
    """The grade of an attempt, when the condition on it or its exam lets the caller at it. Raises NotFound otherwise."""
    query = sa.select(Grade).join(Exam, col(Exam.id) == col(Grade.exam_id))
    query = query.where(col(Grade.attempt_id) == attempt_id, condition)
    grade: Grade | None = await tx.scalar(query.with_for_update(of=Grade) if lock else query)
    if grade is None:
        raise NotFound("There is no such grade.")
    return grade


def _of_own_centre(actor: Actor, centre_id: sa.SQLColumnExpression[UUID | None]) -> sa.ColumnElement[bool]:
    # Without a centre the comparison would be IS NULL: everybody who belongs to none.
    return sa.false() if actor.centre_id is None else centre_id == actor.centre_id
