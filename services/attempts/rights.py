"""Who may see and change which attempt. What a caller may not see does not exist for them (NotFound, not Forbidden)."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import Forbidden, NotFound
from services.attempts.tables import Attempt, ExamCopy

STAFF = ("instructor", "proctor", "centre_admin", "admin")


def within_reach(actor: Actor) -> sa.ColumnElement[bool]:
    """The attempts that a caller may see, as a condition: own; of exams one owns or proctors; of one's centre; all."""
    exams = sa.select(col(ExamCopy.id))
    match actor.role:
        case "student":
            return col(Attempt.student_id) == actor.person_id
        case "instructor":
            return col(Attempt.exam_id).in_(exams.where(col(ExamCopy.instructor_id) == actor.person_id))
        case "proctor":
            return col(Attempt.exam_id).in_(exams.where(col(ExamCopy.proctor_ids).contains([actor.person_id])))
        case "centre_admin" if actor.centre_id is not None:
            return col(Attempt.centre_id) == actor.centre_id
        case "admin":
            return sa.true()
        case _:
            raise Forbidden(f"Attempts are not shown to the role {actor.role}.")


async def attempt_within_reach(
    tx: AsyncSession, actor: Actor, attempt_id: UUID, *, lock: bool = False, staff_only: bool = False
) -> Attempt:
    """An attempt the caller may see; `lock` holds its row until the end of the transaction. Raises NotFound, Forbidden."""
    if staff_only:
        actor.require(*STAFF)
    query = sa.select(Attempt).where(col(Attempt.id) == attempt_id, within_reach(actor))
    attempt = await tx.scalar(query.with_for_update(key_share=True) if lock else query)
    if attempt is None:
        raise NotFound("There is no such attempt.")
    return attempt
