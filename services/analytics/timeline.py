"""What happened in one attempt, in order."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from services.analytics.cursors import At, Number, Text, cursor_of, key_of
from services.analytics.tables import Attempt, Exam, Moment, Person
from services.analytics.views import AttemptBrief, MomentOut, Timeline


class _Place(NamedTuple):
    occurred_at: At
    source: Text
    question_id: Text
    number: Number


async def read_timeline(
    tx: AsyncSession, actor: Actor, attempt: Attempt, limit: int, cursor: str | None = None
) -> Timeline:
    """The attempt's moments from the cursor on, oldest first; the caller has checked that the actor may follow the attempt.

    A proctor sees that and when something was answered, not what, and nothing of the marking.
    """
    moments = _moments(attempt)
    place = (moments.c.occurred_at, moments.c.source, moments.c.question_id, moments.c.number)
    query = sa.select(moments).order_by(*place).limit(limit + 1)
    if cursor is not None:
        key: tuple[Any, ...] = key_of(cursor, _Place)
        query = query.where(sa.tuple_(*place) > sa.tuple_(*key))
    if actor.is_("proctor"):
        query = query.where(moments.c.source != "grade")
    rows = (await tx.execute(query)).all()
    student, exam = await tx.get(Person, attempt.student_id), await tx.get(Exam, attempt.exam_id)
    shown = rows[:limit]
    return Timeline(
        attempt=AttemptBrief.of(attempt, student, exam),
        items=[_view(row, shows_answer=not actor.is_("proctor")) for row in shown],
        next_cursor=cursor_of(_place(shown[-1])) if len(rows) > limit else None,
    )


def _moments(attempt: Attempt) -> sa.Subquery:
    """The attempt's moments, each answer beside the flag of the one before it. Served by the primary key."""
    flag_before = sa.func.lag(col(Moment.is_flagged), 1, False).over(
        partition_by=(col(Moment.source), col(Moment.question_id)), order_by=col(Moment.number)
    )
    query = sa.select(*Moment.__table__.columns, flag_before.label("was_flagged"))  # type: ignore[attr-defined]
    return query.where(col(Moment.attempt_id) == attempt.id).subquery()


def _view(row: sa.Row[Any], *, shows_answer: bool) -> MomentOut:
    flag = None
    if row.is_flagged is not None and row.is_flagged != row.was_flagged:
        flag = "raised" if row.is_flagged else "lowered"
    return MomentOut(
        occurred_at=row.occurred_at,
        source=row.source,
        kind=row.kind,
        question_id=row.question_id or None,
        number=row.number,
        flag=flag,
        details=row.details if shows_answer or row.source != "answer" else {},
    )


def _place(row: sa.Row[Any]) -> _Place:
    return _Place(row.occurred_at, row.source, row.question_id, row.number)
