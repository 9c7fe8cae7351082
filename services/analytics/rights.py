"""Who may see figures of what, as conditions on rows: what a condition hides does not exist for the caller.

An administrator sees everything, a centre's administrator the people, classes and attempts of the centre, an instructor the attempts at their own
exams, a student their own attempts and of their grades the released ones.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound
from services.analytics.tables import Attempt, Centre, Exam, Grade, Person, SchoolClass

STAFF = ("instructor", "centre_admin", "admin")
WATCHERS = (*STAFF, "proctor")

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Scope:
    """The attempts, and the grades, that figures are made of: those of invalidated attempts are none."""

    attempts: Condition
    grades: Condition

    def narrowed(self, **columns: Any) -> "Scope":
        """Those of them whose column has this value, or one that this query gives."""
        return Scope(_narrow(self.attempts, Attempt, columns), _narrow(self.grades, Grade, columns))


def scope_of(actor: Actor) -> Scope:
    """All that the actor may see."""
    counts = ~col(Grade.is_invalidated)
    if actor.is_("admin"):
        return Scope(sa.true(), counts)
    if actor.is_("centre_admin"):
        return Scope(_of_centre(actor, Attempt), _of_centre(actor, Grade) & counts)
    if actor.is_("instructor"):
        own = sa.select(col(Exam.id)).where(col(Exam.instructor_id) == actor.person_id)
        return Scope(col(Attempt.exam_id).in_(own), col(Grade.exam_id).in_(own) & counts)
    if actor.is_("student"):
        seen = (col(Grade.student_id) == actor.person_id) & col(Grade.is_released) & counts
        return Scope(col(Attempt.student_id) == actor.person_id, seen)
    return Scope(sa.false(), sa.false())


def readable_exams(actor: Actor) -> Condition:
    """Exams of which the actor may see figures; a centre's administrator those that somebody of the centre sat."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("instructor"):
        return col(Exam.instructor_id) == actor.person_id
    if actor.is_("centre_admin"):
        return col(Exam.id).in_(sa.select(col(Attempt.exam_id)).where(_of_centre(actor, Attempt)))
    return sa.false()


def readable_classes(actor: Actor) -> Condition:
    """Classes that exist and that the actor may see figures of; an instructor those they teach."""
    exists = col(SchoolClass.is_deleted).is_(False)
    if actor.is_("admin"):
        return exists
    if actor.is_("instructor"):
        return exists & col(SchoolClass.teacher_ids).contains([actor.person_id])
    return exists & _of_centre(actor, SchoolClass) if actor.is_("centre_admin") else sa.false()


def readable_students(actor: Actor) -> Condition:
    """Students the actor may see figures of; an instructor those of a class they teach, and those who sat one of their exams."""
    students = (col(Person.role) == "student") & col(Person.is_deleted).is_(False)
    if actor.is_("admin"):
        return students
    if actor.is_("instructor"):
        taught = sa.select(col(SchoolClass.id)).where(readable_classes(actor))
        sat = sa.select(col(Attempt.student_id)).where(scope_of(actor).attempts)
        return students & (col(Person.class_id).in_(taught) | col(Person.id).in_(sat))
    return students & _of_centre(actor, Person) if actor.is_("centre_admin") else sa.false()


def readable_instructors(actor: Actor) -> Condition:
    """Instructors the actor may see figures of."""
    instructors = (col(Person.role) == "instructor") & col(Person.is_deleted).is_(False)
    if actor.is_("admin"):
        return instructors
    if actor.is_("instructor"):
        return instructors & (col(Person.id) == actor.person_id)
    return instructors & _of_centre(actor, Person) if actor.is_("centre_admin") else sa.false()


def readable_centres(actor: Actor) -> Condition:
    """All for an administrator, the own one for the centre's."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("centre_admin") and actor.centre_id is not None:
        return col(Centre.id) == actor.centre_id
    return sa.false()


def watched_attempts(actor: Actor) -> Condition:
    """Attempts whose course the actor may follow; a proctor those at exams that name them."""
    if actor.is_("proctor"):
        watched = sa.select(col(Exam.id)).where(col(Exam.proctor_ids).contains([actor.person_id]))
        return col(Attempt.exam_id).in_(watched)
    return scope_of(actor).attempts if actor.is_(*STAFF) else sa.false()


async def find(tx: AsyncSession, table: type[Any], identifier: UUID, condition: Condition, what: str) -> Any:
    """The row, when the condition lets the caller at it. Raises NotFound otherwise, naming `what` there is none of."""
    found = await tx.scalar(sa.select(table).where(col(table.id) == identifier, condition))
    if found is None:
        raise NotFound(f"There is no such {what}.")
    return found


def _of_centre(actor: Actor, table: type[Attempt | Grade | Person | SchoolClass]) -> Condition:
    # Without a centre the comparison would be IS NULL: everybody who belongs to none.
    return sa.false() if actor.centre_id is None else col(table.centre_id) == actor.centre_id


def _narrow(condition: Condition, table: type[Attempt | Grade], columns: dict[str, Any]) -> Condition:
    for name, value in columns.items():
        column = col(getattr(table, name))
        condition &= column.in_(value) if isinstance(value, sa.Select) else column == value
    return condition
