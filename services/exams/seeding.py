"""Loads banks, questions and exams and publishes them, for the demonstration: as authors would by REST, same rules, same events."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.exams.authoring import new_exam
from services.exams.publishing import publish_exam
from services.exams.questions import stored_question
from services.exams.scheduling import apply_schedule
from services.exams.tables import ExamSlot, QuestionBank, StoredQuestion
from services.exams.views.exam_bodies import DrawBody, NewExam, PlacedQuestion, ScheduleBody
from services.exams.views.questions import QuestionBody

Values = Mapping[str, Any]


async def seed_exams(
    tx: AsyncSession, banks: Iterable[Values], questions: Iterable[Values], exams: Iterable[Values], at: datetime
) -> None:
    """Stores everything as given, ids and all, and publishes the exams. Raises pydantic's ValidationError or NotPublishable for bad data.

    - bank: `id`, `owner_id`, and the fields of POST /question-banks
    - question: `id`, `owner_id`, and the fields of POST /questions; options may bring their `id`
    - exam: `id`, `instructor_id`, the fields of POST /exams, `questions` (a list of question ids, or of mappings with `question_id` and
      `points`), `draws` (bodies of POST /exams/{id}/draws) and `schedule` (the body of PUT /exams/{id}/schedule)
    """
    tx.add_all([QuestionBank(**bank) for bank in banks])
    await tx.flush()
    tx.add_all([_question(values) for values in questions])
    await tx.flush()
    for values in exams:
        await _exam(tx, dict(values), at)


def _question(values: Values) -> StoredQuestion:
    body = QuestionBody.model_validate({name: value for name, value in values.items() if name not in _IDS})
    option_ids = {option.id for option in body.options if option.id is not None}
    return stored_question(values["owner_id"], body.question(values["id"], option_ids), body.bank_id)


_IDS = {"id", "owner_id"}


async def _exam(tx: AsyncSession, values: dict[str, Any], at: datetime) -> None:
    exam_id, instructor_id = values.pop("id"), values.pop("instructor_id")
    questions, draws = values.pop("questions", ()), values.pop("draws", ())
    schedule = ScheduleBody.model_validate(values.pop("schedule"))
    body = NewExam.model_validate(values)
    exam = new_exam(
        instructor_id, body.model_dump(exclude={"settings"}), body.settings.model_dump(exclude_unset=True), exam_id
    )
    apply_schedule(exam, schedule.schedule(None))
    tx.add(exam)
    await tx.flush()
    tx.add_all(_slots(exam_id, questions, draws))
    await tx.flush()
    await publish_exam(tx, None, exam, at)


def _slots(exam_id: UUID, questions: Iterable[Values | UUID], draws: Iterable[Values]) -> list[ExamSlot]:
    slots: list[ExamSlot] = []
    for question in questions:
        placed = PlacedQuestion.model_validate(question if isinstance(question, Mapping) else {"question_id": question})
        slots.append(
            ExamSlot(exam_id=exam_id, position=len(slots), question_id=placed.question_id, points=placed.points)
        )
    for values in draws:
        body = DrawBody.model_validate(values)
        draw = body.draw()
        slots.append(
            ExamSlot(
                exam_id=exam_id,
                position=len(slots),
                bank_id=body.bank_id,
                draw=draw.count,
                topic=draw.topic,
                difficulty=draw.difficulty,
            )
        )
    return slots
