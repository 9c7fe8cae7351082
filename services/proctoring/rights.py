"""Who may see and do what in proctoring, as conditions on rows: what a condition hides does not exist for the caller (NotFound).

Staff see the attempts of exams they own or are named to watch; a centre's administrator those of the centre, to read only.
Judging an attempt is for who leads the exam: a proctor may flag it for them, and no more.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound
from services.proctoring.tables import Alert, Attempt, Exam

JUDGES = ("instructor", "admin")
WATCHERS = ("proctor", *JUDGES)
READERS = (*WATCHERS, "centre_admin")


def watched_exams(actor: Actor) -> sa.ColumnElement[bool]:
    """Exams that the actor watches: an instructor's own, those that name a proctor, an administrator's all."""
    match actor.role:
        case "admin":
            return sa.true()
        case "instructor":
            return col(Exam.instructor_id) == actor.person_id
        case "proctor":
            return col(Exam.proctor_ids).contains([actor.person_id])
        case _:
            return sa.false()


def readable_exams(actor: Actor) -> sa.ColumnElement[bool]:
    """Exams of which the actor may read something: the watched ones; for a centre's administrator those that somebody of the centre sits."""
    if not actor.is_("centre_admin"):
        return watched_exams(actor)
    return sa.exists().where(col(Attempt.exam_id) == col(Exam.id), _of_own_centre(actor))


def readable_attempts(actor: Actor) -> sa.ColumnElement[bool]:
    """Attempts that staff may read: of watched exams, or of the own centre."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("centre_admin"):
        return _of_own_centre(actor)
    return col(Attempt.exam_id).in_(sa.select(col(Exam.id)).where(watched_exams(actor)))


def own_attempts(actor: Actor) -> sa.ColumnElement[bool]:
    """The attempts that a student sits."""
    return col(Attempt.student_id) == actor.person_id if actor.is_("student") else sa.false()


async def find_exam(tx: AsyncSession, exam_id: UUID, condition: sa.ColumnElement[bool], *, lock: bool = False) -> Exam:
    """The exam, when the condition lets the caller at it; `lock` holds its row until the end of the transaction. Raises NotFound."""
    query = sa.select(Exam).where(col(Exam.id) == exam_id, condition)
    exam: Exam | None = await tx.scalar(query.with_for_update(key_share=True) if lock else query)
    if exam is None:
        raise NotFound("There is no such exam.")
    return exam


async def find_attempt(tx: AsyncSession, attempt_id: UUID, condition: sa.ColumnElement[bool]) -> Attempt:
    """The attempt, when the condition lets the caller at it. Raises NotFound."""
    attempt: Attempt | None = await tx.scalar(sa.select(Attempt).where(col(Attempt.id) == attempt_id, condition))
    if attempt is None:
        raise NotFound("There is no such attempt.")
    return attempt


async def find_alert(tx: AsyncSession, alert_id: UUID, actor: Actor, *, lock: bool = False) -> Alert:
    """The alert, when the caller may read its attempt; `lock` holds its row until the end of the transaction. Raises NotFound."""
    query = sa.select(Alert).where(col(Alert.id) == alert_id, readable_alerts(actor))
    alert: Alert | None = await tx.scalar(query.with_for_update() if lock else query)
    if alert is None:
        raise NotFound("There is no such alert.")
    return alert


def readable_alerts(actor: Actor) -> sa.ColumnElement[bool]:
    """Alerts that staff may read: as their attempts. An alert may come before its attempt, so exams decide where they can."""
    if actor.is_("centre_admin"):
        return col(Alert.attempt_id).in_(sa.select(col(Attempt.id)).where(_of_own_centre(actor)))
    if actor.is_("admin"):
        return sa.true()
    return col(Alert.exam_id).in_(sa.select(col(Exam.id)).where(watched_exams(actor)))


def _of_own_centre(actor: Actor) -> sa.ColumnElement[bool]:
    # Without a centre the comparison would be IS NULL: everybody who belongs to none.
    return sa.false() if actor.centre_id is None else col(Attempt.centre_id) == actor.centre_id
