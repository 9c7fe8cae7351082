"""An author's questions: written once, used in many exams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import InvalidInput
from chassis.paging import PageRequest
from services.exams.content import Question, misplaced_fields
from services.exams.problems import RulesBroken, StillUsed
from services.exams.readiness import Fault
from services.exams.rights import AUTHORS, named_bank, written_by
from services.exams.tables import ExamSlot, QuestionBank, StoredQuestion


@dataclass(frozen=True)
class QuestionFilter:
    """Which questions a list holds; None: any. `search` is a part of the text."""

    type: str | None = None
    topic: str | None = None
    difficulty: str | None = None
    bank_id: UUID | None = None
    search: str | None = None


async def find_questions(
    tx: AsyncSession, actor: Actor, wanted: QuestionFilter, page: PageRequest
) -> tuple[list[StoredQuestion], int]:
    """One page of the actor's questions, newest first, and how many there are."""
    actor.require(*AUTHORS)
    query = sa.select(StoredQuestion).where(written_by(actor, col(StoredQuestion.owner_id)))
    for column, value in (
        (col(StoredQuestion.type), wanted.type),
        (col(StoredQuestion.topic), wanted.topic),
        (col(StoredQuestion.difficulty), wanted.difficulty),
        (col(StoredQuestion.bank_id), wanted.bank_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.search:
        query = query.where(col(StoredQuestion.text).icontains(wanted.search, autoescape=True))
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(col(StoredQuestion.id).desc()).offset(page.offset).limit(page.limit))
    return list(rows.scalars()), total


async def create_question(
    tx: AsyncSession, actor: Actor, owner_id: UUID, question: Question, bank: QuestionBank | None
) -> StoredQuestion:
    """Stores a new question of the owner's. It may be unfinished: publishing checks what is missing. Raises InvalidInput for another author's bank."""
    _check_bank(owner_id, bank)
    row = stored_question(owner_id, question, bank and bank.id)
    tx.add(row)
    await tx.flush()
    record_audit(tx, actor, "question_created", "question", row.id, new={"type": question.type, "bank_id": row.bank_id})
    return row


def stored_question(owner_id: UUID, question: Question, bank_id: UUID | None) -> StoredQuestion:
    """The row of a new question. Raises RulesBroken for fields that its type does not have."""
    _check_fields(question)
    return StoredQuestion(
        id=question.id, owner_id=owner_id, bank_id=bank_id, content=StoredQuestion.content_from(question)
    )


def change_question(
    tx: AsyncSession, actor: Actor, row: StoredQuestion, values: Mapping[str, Any], bank_id: UUID | None
) -> None:
    """Changes a locked question, and with it every draft that has it; frozen versions keep what they froze. A bank is one of `bank_for`.

    The audit log tells which fields changed, not how: a key has no place there.
    """
    question = structs.replace(row.question, **values)
    _check_fields(question)
    fields = sorted(name for name, value in values.items() if getattr(row.question, name) != value)
    if bank_id != row.bank_id:
        fields.append("bank_id")
    if not fields:
        return
    row.content, row.bank_id = StoredQuestion.content_from(question), bank_id
    row.revision += 1
    record_audit(tx, actor, "question_changed", "question", row.id, new={"fields": fields})


async def bank_for(tx: AsyncSession, actor: Actor, row: StoredQuestion, bank_id: UUID | None) -> UUID | None:
    """The bank that a question is put into, or none; locked. Raises NotFound, and InvalidInput for another author's."""
    bank = await named_bank(tx, actor, bank_id)
    _check_bank(row.owner_id, bank)
    return bank and bank.id


async def delete_question(tx: AsyncSession, actor: Actor, row: StoredQuestion) -> None:
    """Deletes a locked question. Raises StillUsed while a draft has it."""
    uses = sa.select(sa.func.count()).where(col(ExamSlot.question_id) == row.id)
    if count := await tx.scalar(uses):
        raise StillUsed(f"{count} exam{'s have' if count > 1 else ' has'} this question; take it out there first.")
    record_audit(tx, actor, "question_deleted", "question", row.id, old={"bank_id": row.bank_id})
    await tx.delete(row)


def _check_bank(owner_id: UUID, bank: QuestionBank | None) -> None:
    """Administrators reach everybody's: whose bank it is would draw questions that they can neither see nor take out."""
    if bank is not None and bank.owner_id != owner_id:
        raise InvalidInput(
            "bank_id", "other_author", "The bank is another author's than the question; name one of theirs."
        )


def _check_fields(question: Question) -> None:
    if names := misplaced_fields(question):
        message = f"A question of type {question.type} has no such field."
        raise RulesBroken([Fault(name, "not_of_this_type", message) for name in names])
