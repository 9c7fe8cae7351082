"""Reads a draft as a whole: its places with the questions in them, as publishing would freeze them now."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.exams.content import ExamContent, Kind, Question, Slot
from services.exams.tables import Exam, ExamSlot, StoredQuestion


class Place(NamedTuple):
    """A place of a draft: its row, and what is in it."""

    row: ExamSlot
    slot: Slot


async def read_places(tx: AsyncSession, exam_id: UUID) -> list[Place]:
    """The places of an exam in order. A draw's pool leaves out what is in the exam for certain, so that nothing comes twice."""
    query = sa.select(ExamSlot).where(col(ExamSlot.exam_id) == exam_id).order_by(col(ExamSlot.position))
    rows = list((await tx.execute(query)).scalars())
    fixed = {row.question_id for row in rows if row.question_id}
    banks = {row.bank_id for row in rows if row.bank_id}
    stored = sa.select(StoredQuestion).where(col(StoredQuestion.id).in_(fixed) | col(StoredQuestion.bank_id).in_(banks))
    questions = (await tx.execute(stored.order_by(col(StoredQuestion.id)))).scalars()
    by_id = {question.id: question for question in questions}
    drawable = [question for question in by_id.values() if question.id not in fixed]
    return [Place(row, _slot(row, by_id, drawable)) for row in rows]


def _slot(row: ExamSlot, by_id: dict[UUID, StoredQuestion], drawable: Sequence[StoredQuestion]) -> Slot:
    if row.question_id is None:
        pool = tuple(question.question for question in drawable if _is_in_draw(row, question))
        return Slot(draw=row.draw, questions=pool)
    question: Question = by_id[row.question_id].question
    return Slot(draw=1, questions=(question if row.points is None else question.worth(row.points),))


def _is_in_draw(row: ExamSlot, question: StoredQuestion) -> bool:
    return (
        question.bank_id == row.bank_id
        and row.topic in (None, question.topic)
        and row.difficulty in (None, question.difficulty)
    )


def content_of_draft(exam: Exam, places: Sequence[Place]) -> ExamContent:
    """What would be frozen now."""
    return ExamContent(
        exam_id=exam.id,
        title=exam.title,
        subject=exam.subject,
        kind=Kind(exam.kind),
        instructions=exam.instructions,
        settings=exam.settings_value,
        slots=tuple(place.slot for place in places),
    )
