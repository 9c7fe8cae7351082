"""What a grade says follows from its marks: here is how, and how marks are found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.grading.conversion import ExamKey
from services.grading.events import ToldMark
from services.grading.marking import total_of
from services.grading.tables import Grade, QuestionMark


def count_again(grade: Grade, marks: Sequence[ToldMark], key: ExamKey, at: datetime) -> None:
    """Sets score, percentage, passing and status from the marks. A grade that was final has to be made final anew."""
    total = total_of([(mark.points_awarded, mark.max_points) for mark in marks], key.rules)
    grade.score, grade.max_score, grade.percentage = total.score, total.max_score, total.percentage
    grade.waiting_count = total.waiting_count
    grade.has_passed = total.has_passed(key.passing_percentage)
    grade.status = "waiting" if total.waiting_count else "marked"
    grade.marked_at = at


async def marks_of(tx: AsyncSession, attempt_id: UUID) -> list[QuestionMark]:
    """The marks of one attempt, in its order."""
    query = sa.select(QuestionMark).where(col(QuestionMark.attempt_id) == attempt_id)
    return list((await tx.execute(query.order_by(col(QuestionMark.position)))).scalars())


async def told_marks_of(tx: AsyncSession, attempt_ids: Iterable[UUID]) -> Mapping[UUID, list[ToldMark]]:
    """What events tell of the marks of many attempts, each in its order: plain rows, since a large exam has some hundred thousand."""
    query = sa.select(
        col(QuestionMark.attempt_id),
        col(QuestionMark.question_id),
        col(QuestionMark.topic),
        col(QuestionMark.response),
        col(QuestionMark.points_awarded),
        col(QuestionMark.max_points),
        col(QuestionMark.outcome),
        col(QuestionMark.is_human),
    ).where(col(QuestionMark.attempt_id).in_(list(attempt_ids)))
    found: defaultdict[UUID, list[ToldMark]] = defaultdict(list)
    for row in await tx.execute(query.order_by(col(QuestionMark.attempt_id), col(QuestionMark.position))):
        found[row.attempt_id].append(row)
    return found
