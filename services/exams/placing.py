"""An author puts questions and draws into an exam, orders them and takes them out. The exam's row is locked all the while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import InvalidInput, NotFound
from services.exams.authoring import count_change
from services.exams.readiness import MAX_QUESTIONS
from services.exams.tables import Exam, ExamSlot, QuestionBank, StoredQuestion


@dataclass(frozen=True)
class Draw:
    """`count` questions of a bank, of one topic or difficulty when given."""

    count: int
    topic: str | None = None
    difficulty: str | None = None


async def place_question(
    tx: AsyncSession, actor: Actor, exam: Exam, question: StoredQuestion, points: Decimal | None, at: datetime
) -> ExamSlot:
    """Adds a question at the end, at points of its own when given. Raises InvalidInput when the exam has it already."""
    here = sa.exists().where(col(ExamSlot.exam_id) == exam.id, col(ExamSlot.question_id) == question.id)
    if await tx.scalar(sa.select(here)):
        raise InvalidInput("question_id", "repeated", "The exam has this question already.")
    slot = ExamSlot(exam_id=exam.id, position=await _next_position(tx, exam), question_id=question.id, points=points)
    return await _add(tx, actor, exam, slot, "question_placed", at)


async def place_draw(
    tx: AsyncSession, actor: Actor, exam: Exam, bank: QuestionBank, draw: Draw, at: datetime
) -> ExamSlot:
    """Adds a draw from a bank at the end. Whether the bank holds enough is checked when the exam is published."""
    slot = ExamSlot(
        exam_id=exam.id,
        position=await _next_position(tx, exam),
        bank_id=bank.id,
        draw=draw.count,
        topic=draw.topic,
        difficulty=draw.difficulty,
    )
    return await _add(tx, actor, exam, slot, "draw_placed", at)


async def set_points(
    tx: AsyncSession, actor: Actor, exam: Exam, question_id: UUID, points: Decimal | None, at: datetime
) -> ExamSlot:
    """What a question is worth in this exam; None: what it is worth by itself. Raises NotFound."""
    slot = await _slot_of_question(tx, exam, question_id)
    old, slot.points = slot.points, points
    count_change(exam, at)
    new = {"question_id": question_id, "points": points}
    record_audit(tx, actor, "question_points_set", "exam", exam.id, old={"points": old}, new=new)
    return slot


async def remove_question(tx: AsyncSession, actor: Actor, exam: Exam, question_id: UUID, at: datetime) -> None:
    """Takes a question out of the exam; it stays among the author's questions. Raises NotFound."""
    await _remove(tx, actor, exam, await _slot_of_question(tx, exam, question_id), "question_removed", at)


async def remove_draw(tx: AsyncSession, actor: Actor, exam: Exam, slot_id: UUID, at: datetime) -> None:
    """Takes a draw out of the exam. Raises NotFound."""
    slot = await tx.get(ExamSlot, slot_id)
    if slot is None or slot.exam_id != exam.id or slot.bank_id is None:
        raise NotFound("The exam has no such draw.")
    await _remove(tx, actor, exam, slot, "draw_removed", at)


async def order_places(tx: AsyncSession, actor: Actor, exam: Exam, slot_ids: Sequence[UUID], at: datetime) -> None:
    """Puts all places into this order. Raises InvalidInput unless every place of the exam is named once."""
    rows = await tx.execute(sa.select(ExamSlot).where(col(ExamSlot.exam_id) == exam.id))
    slots = {slot.id: slot for slot in rows.scalars()}
    if len(slot_ids) != len(slots) or set(slot_ids) != set(slots):
        raise InvalidInput("slot_ids", "permutation", "Name every place of the exam exactly once.")
    for position, slot_id in enumerate(slot_ids):
        slots[slot_id].position = position
    count_change(exam, at)
    record_audit(tx, actor, "exam_ordered", "exam", exam.id, new={"slot_ids": [str(one) for one in slot_ids]})


async def _slot_of_question(tx: AsyncSession, exam: Exam, question_id: UUID) -> ExamSlot:
    query = sa.select(ExamSlot).where(col(ExamSlot.exam_id) == exam.id, col(ExamSlot.question_id) == question_id)
    slot: ExamSlot | None = await tx.scalar(query)
    if slot is None:
        raise NotFound("The exam has no such question.")
    return slot


async def _next_position(tx: AsyncSession, exam: Exam) -> int:
    places = sa.select(sa.func.count(), sa.func.max(col(ExamSlot.position))).where(col(ExamSlot.exam_id) == exam.id)
    count, last = (await tx.execute(places)).one()
    if count >= MAX_QUESTIONS:
        raise InvalidInput("slots", "too_many", f"An exam has at most {MAX_QUESTIONS} places.")
    return 0 if last is None else last + 1


async def _add(tx: AsyncSession, actor: Actor, exam: Exam, slot: ExamSlot, action: str, at: datetime) -> ExamSlot:
    tx.add(slot)
    await tx.flush()
    count_change(exam, at)
    record_audit(tx, actor, action, "exam", exam.id, new=_values(slot))
    return slot


async def _remove(tx: AsyncSession, actor: Actor, exam: Exam, slot: ExamSlot, action: str, at: datetime) -> None:
    await tx.delete(slot)
    await tx.flush()
    count_change(exam, at)
    record_audit(tx, actor, action, "exam", exam.id, old=_values(slot))


def _values(slot: ExamSlot) -> dict[str, object]:
    return {name: value for name, value in slot.model_dump(exclude={"exam_id"}).items() if value is not None}
