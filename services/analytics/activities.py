"""Recent activity: what happened of late, a line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chassis.actors import Actor
from chassis.consuming import Delivery
from chassis.copies import keep_once
from services.analytics.cursors import At, cursor_of, key_of
from services.analytics.rights import scope_of
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
    centre_id: str = ""


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
            "centre_id": line.centre_id or None,
        }
        for line in lines
    ]
    await keep_once(tx, Activity, rows)


async def list_activities(tx: AsyncSession, actor: Actor, limit: int, cursor: str | None = None) -> ActivityPage:
    """What the actor may know of, newest first, from the cursor on."""
    place = (col(Activity.occurred_at), col(Activity.event_id))
    newest = sa.select(Activity).order_by(*(column.desc() for column in place)).limit(limit + 1)
    if cursor is not None:
        key: tuple[Any, ...] = key_of(cursor, _Place)
        newest = newest.where(sa.tuple_(*place) < sa.tuple_(*key))
    parts = [sa.select(part.subquery()) for part in _parts(actor, newest)]
    found = aliased(Activity, sa.union_all(*parts).subquery())
    query = (
        sa.select(found, Person, Exam)
        .outerjoin(Person, col(Person.id) == col(found.person_id))
        .outerjoin(Exam, col(Exam.id) == col(found.exam_id))
        .order_by(col(found.occurred_at).desc(), col(found.event_id).desc())
        .limit(limit + 1)
    )
    rows = (await tx.execute(query)).all()
    return ActivityPage(items=[_view(*row) for row in rows[:limit]], next_cursor=_next(rows, limit))


def _parts(actor: Actor, newest: sa.Select[Any]) -> list[sa.Select[Any]]:
    """The newest of all that the actor may know of is among the newest of these; no line is in two of them.

    An instructor sees what happened at their exams, a centre's administrator what happened at the centre, a student what they did and got to know.
    What somebody sees may be little and old, so it is looked for by exam, centre or attempt and not among the activity of all.
    """
    if actor.is_("admin"):
        return [newest]  # ix_activities_occurred_at_event_id
    if actor.is_("instructor"):
        of_exam = newest.where(col(Activity.exam_id) == col(Exam.id)).correlate(Exam).lateral()
        own = sa.select(of_exam).select_from(Exam).join(of_exam, sa.true())
        return [own.where(col(Exam.instructor_id) == actor.person_id)]  # ix_activities_exam_id_occurred_at_event_id
    if actor.is_("centre_admin") and actor.centre_id is not None:
        # ix_activities_centre_id_occurred_at_event_id
        return [newest.where(col(Activity.centre_id) == actor.centre_id)]
    if actor.is_("student"):
        scope = scope_of(actor)
        own_attempts = sa.select(col(Attempt.id)).where(scope.attempts)
        released = col(Activity.attempt_id).in_(sa.select(col(Grade.attempt_id)).where(scope.grades))
        seen = newest.where(col(Activity.attempt_id).in_(own_attempts))  # ix_activities_attempt_id
        return [seen.where((col(Activity.kind) != "grade_released") | released)]
    return [newest.where(sa.false())]


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
