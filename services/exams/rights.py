"""Who may see which exam, question and bank. Each rule is a condition in SQL: what it leaves out does not exist for the caller."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound
from services.exams.audience import EVERYONE, centre_key
from services.exams.problems import ExamArchived
from services.exams.tables import (
    ARCHIVED,
    PUBLISHED,
    WITHOUT_PAPER,
    Exam,
    ExamVersion,
    Person,
    QuestionBank,
    StoredQuestion,
)

AUTHORS = ("instructor", "admin")


def written_by(actor: Actor, owner_id: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """What an author works on: instructors their own, administrators everything."""
    return sa.true() if actor.is_("admin") else owner_id == actor.person_id


def shown_to(actor: Actor) -> sa.ColumnElement[bool]:
    """Published exams for those who do not write them: students in the audience, the proctors and evaluators it names, the centres it reaches."""
    is_published = col(Exam.status) == PUBLISHED
    match actor.role:
        case "student":
            own_keys = sa.select(col(Person.audience_keys)).where(col(Person.id) == actor.person_id).scalar_subquery()
            return is_published & col(Exam.audience_keys).overlap(own_keys)
        case "proctor":
            return (col(Exam.version) > 0) & col(Exam.proctor_ids).contains([actor.person_id])
        case "evaluator":
            return (col(Exam.version) > 0) & col(Exam.evaluator_ids).contains([actor.person_id])
        case "centre_admin" if actor.centre_id is not None:
            return is_published & _reaches_centre(actor.centre_id)
        case _:
            return sa.false()


def _reaches_centre(centre_id: UUID) -> sa.ColumnElement[bool]:
    """An exam reaches a centre when it names it, is for everyone, or is for one of its students (ix_people_centre_id, ix_people_audience_keys)."""
    names_it = col(Exam.audience_keys).overlap([EVERYONE, centre_key(centre_id)])
    has_student = sa.exists().where(
        col(Person.centre_id) == centre_id, col(Person.audience_keys).overlap(col(Exam.audience_keys))
    )
    return names_it | has_student


async def authored_exam(tx: AsyncSession, actor: Actor, exam_id: UUID, *, lock: bool = False) -> Exam:
    """An exam the actor works on. Raises NotFound for anybody else's."""
    actor.require(*AUTHORS)
    query = sa.select(Exam).where(col(Exam.id) == exam_id, written_by(actor, col(Exam.instructor_id)))
    exam: Exam | None = await tx.scalar(_locked(query) if lock else query)
    if exam is None:
        raise NotFound("There is no such exam.")
    return exam


def _locked(query: sa.Select[Any]) -> sa.Select[Any]:
    """The row as it is once the lock is held, whatever was read of it before."""
    return query.with_for_update().execution_options(populate_existing=True)


async def exam_to_change(tx: AsyncSession, actor: Actor, exam_id: UUID) -> Exam:
    """Like `authored_exam`, its row locked for a change. Raises ExamArchived for one that is closed for good."""
    exam = await authored_exam(tx, actor, exam_id, lock=True)
    if exam.status == ARCHIVED:
        raise ExamArchived("An archived exam is kept as it was; duplicate it to work on.")
    return exam


async def shown_exam(tx: AsyncSession, actor: Actor, exam_id: UUID) -> tuple[Exam, ExamVersion]:
    """A published exam the actor may see, and its version in force. Raises NotFound."""
    query = sa.select(Exam, ExamVersion).join(ExamVersion, in_force()).where(col(Exam.id) == exam_id, shown_to(actor))
    query = query.options(*WITHOUT_PAPER)
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        raise NotFound("There is no such exam.")
    return found[0], found[1]


def in_force() -> sa.ColumnElement[bool]:
    """Joins an exam with the version that new attempts get."""
    return (col(ExamVersion.exam_id) == col(Exam.id)) & (col(ExamVersion.version) == col(Exam.version))


async def authored_question(tx: AsyncSession, actor: Actor, question_id: UUID, *, lock: bool = False) -> StoredQuestion:
    """A question the actor works on. Raises NotFound for anybody else's."""
    actor.require(*AUTHORS)
    query = sa.select(StoredQuestion).where(
        col(StoredQuestion.id) == question_id, written_by(actor, col(StoredQuestion.owner_id))
    )
    question: StoredQuestion | None = await tx.scalar(_locked(query) if lock else query)
    if question is None:
        raise NotFound("There is no such question.")
    return question


async def authored_bank(tx: AsyncSession, actor: Actor, bank_id: UUID, *, lock: bool = False) -> QuestionBank:
    """A bank the actor works on. Raises NotFound for anybody else's."""
    actor.require(*AUTHORS)
    query = sa.select(QuestionBank).where(
        col(QuestionBank.id) == bank_id, written_by(actor, col(QuestionBank.owner_id))
    )
    bank: QuestionBank | None = await tx.scalar(_locked(query) if lock else query)
    if bank is None:
        raise NotFound("There is no such question bank.")
    return bank
