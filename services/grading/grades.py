"""What a grade says follows from its marks; here is how, and how grades and marks are found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound
from services.grading.access import readable_grades
from services.grading.conversion import ExamKey
from services.grading.marking import total_of
from services.grading.tables import Exam, Grade, QuestionMark


def count_again(grade: Grade, marks: Sequence[QuestionMark], key: ExamKey, at: datetime) -> None:
    """Sets score, percentage, passing and status from the marks. A grade that was final has to be made final anew."""
    total = total_of([(mark.points_awarded, mark.max_points) for mark in marks], key.rules)
    grade.score, grade.max_score, grade.percentage = total.score, total.max_score, total.percentage
    grade.waiting_count = total.waiting_count
    grade.has_passed = total.has_passed(key.passing_percentage)
    grade.status = "waiting" if total.waiting_count else "marked"
    grade.marked_at = at


async def read_grade(tx: AsyncSession, actor: Actor, attempt_id: UUID, *, lock: bool = False) -> Grade:
    """The grade of an attempt, for staff who may read it. Raises NotFound: whose attempts there are is not everybody's business."""
    query = sa.select(Grade).join(Exam, col(Exam.id) == col(Grade.exam_id))
    query = query.where(col(Grade.attempt_id) == attempt_id, readable_grades(actor))
    grade: Grade | None = await tx.scalar(query.with_for_update(of=Grade) if lock else query)
    if grade is None:
        raise NotFound("There is no such grade.")
    return grade


async def marks_of(tx: AsyncSession, attempt_id: UUID) -> list[QuestionMark]:
    """The marks of one attempt, in its order."""
    return (await marks_by_attempt(tx, [attempt_id]))[attempt_id]


async def marks_by_attempt(tx: AsyncSession, attempt_ids: Iterable[UUID]) -> Mapping[UUID, list[QuestionMark]]:
    """The marks of attempts, each in its order; no marks for an attempt that is not graded."""
    found: defaultdict[UUID, list[QuestionMark]] = defaultdict(list)
    query = sa.select(QuestionMark).where(col(QuestionMark.attempt_id).in_(list(attempt_ids)))
    for mark in (await tx.execute(query.order_by(col(QuestionMark.position)))).scalars():
        found[mark.attempt_id].append(mark)
    return found
