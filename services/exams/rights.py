"""Who may see which exam, question and bank. Each rule is a condition in SQL: what it leaves out does not exist for the caller."""

from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
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
T = TypeVar("T", Exam, StoredQuestion, QuestionBank)


def written_by(actor: Actor, owner_id: sa.SQLColumnExpression[UUID]) -> sa.ColumnElement[bool]:
    """What an author works on: instructors their own, administrators everything."""
    return sa.true() if actor.is_("admin") else owner_id == actor.person_id


def shown_to(actor: Actor) -> sa.ColumnElement[bool]:
    """Published exams for those who do not write them: students in the audience, the proctors and evaluators it names, the centres it reaches."""
    is_published = col(Exam.status) == PUBLISHED
    match actor.role:
        case "student":
            own_keys = sa.select(col(Person.audience_keys)).where(col(Person.id) == actor.person_id).scalar_subquery()
            return is_published & _overlap(col(Exam.audience_keys), own_keys)
        case "proctor":
            return (col(Exam.version) > 0) & col(Exam.proctor_ids).contains([actor.person_id])
        case "evaluator":
            return (col(Exam.version) > 0) & col(Exam.evaluator_ids).contains([actor.person_id])
        case "centre_admin" if actor.centre_id is not None:
            return is_published & _reaches_centre(actor.centre_id)
        case _:
            return sa.false()


def _reaches_centre(centre_id: UUID) -> sa.ColumnElement[bool]:
    """An exam reaches a centre when it names it, is for everyone, or is for one of its students.

    The keys of those are gathered once (ix_people_centre_id) and the exams found by them (ix_exams_audience_keys): asked exam by exam whether there is a
    student who fits, a list of 20,000 exams took a second.
    """
    names_it = _overlap(col(Exam.audience_keys), [EVERYONE, centre_key(centre_id)])
    of_students = sa.select(sa.func.unnest(col(Person.audience_keys)).label("key")).distinct()
    keys = of_students.where(col(Person.centre_id) == centre_id).subquery()
    theirs = aliased(Exam)
    are_for_them = sa.select(col(theirs.id)).join(keys, col(theirs.audience_keys).contains(array([keys.c.key])))
    return names_it | (col(Exam.id) == sa.any_(sa.func.array(are_for_them.scalar_subquery())))


def _overlap(keys: sa.SQLColumnExpression[list[str]], others: Any) -> sa.ColumnElement[bool]:
    """Whether two arrays share an element."""
    return keys.bool_op("&&")(others)


async def authored_exam(tx: AsyncSession, actor: Actor, exam_id: UUID, *, lock: bool = False) -> Exam:
    """An exam the actor works on. Raises NotFound for anybody else's."""
    return await _authored(tx, actor, Exam, col(Exam.instructor_id), exam_id, "exam", lock)


async def authored_question(tx: AsyncSession, actor: Actor, question_id: UUID, *, lock: bool = False) -> StoredQuestion:
    """A question the actor works on. Raises NotFound for anybody else's."""
    return await _authored(tx, actor, StoredQuestion, col(StoredQuestion.owner_id), question_id, "question", lock)


async def authored_bank(tx: AsyncSession, actor: Actor, bank_id: UUID, *, lock: bool = False) -> QuestionBank:
    """A bank the actor works on. Raises NotFound for anybody else's."""
    return await _authored(tx, actor, QuestionBank, col(QuestionBank.owner_id), bank_id, "question bank", lock)


async def _authored(
    tx: AsyncSession, actor: Actor, table: type[T], owner_id: Any, row_id: UUID, name: str, lock: bool
) -> T:
    """The row; locked, it is as it is once the lock is held, whatever was read of it before."""
    actor.require(*AUTHORS)
    query = sa.select(table).where(col(table.id) == row_id, written_by(actor, owner_id))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row: T | None = await tx.scalar(query)
    if row is None:
        raise NotFound(f"There is no such {name}.")
    return row


async def named_bank(tx: AsyncSession, actor: Actor, bank_id: UUID | None) -> QuestionBank | None:
    """The bank that a question names, if it names one, locked so that it is not deleted meanwhile."""
    return None if bank_id is None else await authored_bank(tx, actor, bank_id, lock=True)


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
