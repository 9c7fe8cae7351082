"""Question banks: where an author keeps questions by topic and difficulty, and what exams draw from."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import InvalidInput
from chassis.paging import PageRequest
from services.exams.problems import StillUsed
from services.exams.rights import AUTHORS, written_by
from services.exams.tables import ExamSlot, QuestionBank, StoredQuestion


async def find_banks(
    tx: AsyncSession, actor: Actor, search: str | None, page: PageRequest
) -> tuple[list[tuple[QuestionBank, int]], int]:
    """One page of the actor's banks by name, each with how many questions it holds, and how many banks there are."""
    actor.require(*AUTHORS)
    query = sa.select(QuestionBank).where(written_by(actor, col(QuestionBank.owner_id)))
    if search:
        query = query.where(col(QuestionBank.name).icontains(search, autoescape=True))
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    size = _size().scalar_subquery()
    rows = await tx.execute(
        query.add_columns(size)
        .order_by(col(QuestionBank.name), col(QuestionBank.id))
        .offset(page.offset)
        .limit(page.limit)
    )
    return [(bank, count) for bank, count in rows], total


def _size() -> sa.Select[tuple[int]]:
    questions = sa.select(sa.func.count()).select_from(StoredQuestion)
    return questions.where(col(StoredQuestion.bank_id) == col(QuestionBank.id)).correlate(QuestionBank)


async def size_of(tx: AsyncSession, bank: QuestionBank) -> int:
    """How many questions a bank holds."""
    questions = sa.select(sa.func.count()).select_from(StoredQuestion).where(col(StoredQuestion.bank_id) == bank.id)
    return await tx.scalar(questions) or 0


async def create_bank(tx: AsyncSession, actor: Actor, values: Mapping[str, Any]) -> QuestionBank:
    """A new bank of the actor's. Raises InvalidInput when they have one of this name."""
    bank = QuestionBank(**values, owner_id=actor.person_id)
    tx.add(bank)
    await _flush(tx)
    record_audit(tx, actor, "bank_created", "question_bank", bank.id, new=values)
    return bank


async def change_bank(tx: AsyncSession, actor: Actor, bank: QuestionBank, values: Mapping[str, Any]) -> None:
    """Renames or describes a locked bank."""
    old = {name: getattr(bank, name) for name, value in values.items() if getattr(bank, name) != value}
    if not old:
        return
    for name in old:
        setattr(bank, name, values[name])
    bank.revision += 1
    await _flush(tx)
    new = {name: values[name] for name in old}
    record_audit(tx, actor, "bank_changed", "question_bank", bank.id, old=old, new=new)


async def delete_bank(tx: AsyncSession, actor: Actor, bank: QuestionBank) -> None:
    """Deletes a locked, empty bank. Raises StillUsed while it holds questions or a draft draws from it."""
    if count := await size_of(tx, bank):
        raise StillUsed(f"The bank holds {count} question{'s' if count > 1 else ''}; move or delete them first.")
    draws = sa.select(sa.func.count()).where(col(ExamSlot.bank_id) == bank.id)
    if users := await tx.scalar(draws):
        raise StillUsed(f"{users} draw{'s' if users > 1 else ''} of your exams use this bank; take them out first.")
    record_audit(tx, actor, "bank_deleted", "question_bank", bank.id, old={"name": bank.name})
    await tx.delete(bank)


async def _flush(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if "uq_question_banks_owner_name" not in str(error.orig):
            raise
        raise InvalidInput("name", "taken", "You have a bank of this name already.") from error
