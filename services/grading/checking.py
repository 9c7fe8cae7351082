"""Marks an attempt again from what is kept, to show that its grade follows from key and answers. Changes nothing."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from proto.examhall.attempts.v1.events_pb2 import Response
from services.grading.access import find_grade, owned_exams
from services.grading.answer_keys import stored_key
from services.grading.conversion import response_value
from services.grading.grades import marks_of
from services.grading.marking import mark_attempt


@dataclass(frozen=True)
class Difference:
    """An answer that the rules mark otherwise than it is stored; None: it would wait for a human."""

    question_id: str
    stored_points: Decimal | None
    points_by_rule: Decimal | None


async def check_marks(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> list[Difference]:
    """How the stored marks differ from the rules' own; human marks are a human's, so they are left out."""
    grade = await find_grade(tx, attempt_id, owned_exams(actor))
    stored = await marks_of(tx, attempt_id)
    key = await stored_key(tx, grade.exam_id, grade.exam_version)
    answers = {mark.question_id: response_value(Response.FromString(mark.response)) for mark in stored}
    again = mark_attempt(key.questions, list(answers), answers, key.rules)
    return [
        Difference(old.question_id, old.points_awarded, new.points_awarded)
        for old, new in zip(stored, again, strict=True)
        if not old.is_human and old.points_awarded != new.points_awarded
    ]
