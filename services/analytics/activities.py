"""Recent activity: what happened of late, a line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.consuming import Delivery
from chassis.copies import keep_once
from services.analytics.cursors import At, cursor_of, key_of
from services.analytics.rights import Condition, scope_of
from services.analytics.tables import Activity, Attempt, Exam, Grade, Person
from services.analytics.views import ActivityOut, ActivityPage, PersonRef


class _Place(NamedTuple):
    occurred_at: At
    event_id: UUID


@dataclass(frozen=True)
class Line:
    """What to say of an event; ids as the event has them, empty where it has none."""

    delivery: Delivery
    kind: str
    person_id: str = ""
    exam_id: str = ""
    attempt_id: str = ""


async def note_activities(tx: AsyncSession, lines: Sequence[Line]) -> None:
    """Adds lines, each once for each event."""
    rows = [
        {
            "event_id": line.delivery.event_id,
            "occurred_at": line.delivery.occurred_at,
            "kind": line.kind,
            "person_id": line.person_id or None,
            "exam_id": line.exam_id or None,
            "attempt_id": line.attempt_id or None,
        }
        for line in lines
    ]
    await keep_once(tx, Activity, rows)


async def list_activities(tx: AsyncSession, actor: Actor, limit: int, cursor: str | None = None) -> ActivityPage:
    """What the actor may know of, newest first, from the cursor on. Served by ix_activities_occurred_at_event_id."""
    place = (col(Activity.occurred_at), col(Activity.event_id))
    query = (
        sa.select(Activity, Person, Exam)
        .outerjoin(Person, col(Person.id) == col(Activity.person_id))
        .outerjoin(Exam, col(Exam.id) == col(Activity.exam_id))
        .where(_visible_to(actor))
        .order_by(*(column.desc() for column in place))
        .limit(limit + 1)
    )
    if cursor is not None:
        key: tuple[Any, ...] = key_of(cursor, _Place)
        query = query.where(sa.tuple_(*place) < sa.tuple_(*key))
    rows = (await tx.execute(query)).all()
    return ActivityPage(items=[_view(*row) for row in rows[:limit]], next_cursor=_next(rows, limit))


def _visible_to(actor: Actor) -> Condition:
    """An instructor sees what happened at their exams, a centre's administrator at the centre, a student what they did and got to know."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("instructor"):
        return col(Activity.exam_id).in_(sa.select(col(Exam.id)).where(col(Exam.instructor_id) == actor.person_id))
    scope = scope_of(actor)
    seen = col(Activity.attempt_id).in_(sa.select(col(Attempt.id)).where(scope.attempts))
    if actor.is_("student"):
        released = col(Activity.attempt_id).in_(sa.select(col(Grade.attempt_id)).where(scope.grades))
        return seen & ((col(Activity.kind) != "grade_released") | released)
    if actor.is_("centre_admin") and actor.centre_id is not None:
        people = sa.select(col(Person.id)).where(col(Person.centre_id) == actor.centre_id)
        return seen | ((col(Activity.kind) == "person_registered") & col(Activity.person_id).in_(people))
    return sa.false()


def _view(activity: Activity, person: Person | None, exam: Exam | None) -> ActivityOut:
    return ActivityOut(
        event_id=activity.event_id,
        occurred_at=activity.occurred_at,
        kind=activity.kind,
        person=PersonRef.of(activity.person_id, person) if activity.person_id else None,
        exam_id=activity.exam_id,
        title=exam.title if exam else None,
        attempt_id=activity.attempt_id,
    )


def _next(rows: Sequence[sa.Row[tuple[Activity, Person, Exam]]], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last: Activity = rows[limit - 1][0]
    return cursor_of(_Place(last.occurred_at, last.event_id))
