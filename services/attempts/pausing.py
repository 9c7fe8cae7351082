"""Moving the clock of running attempts: more time, a pause, a break that an accommodation grants."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict, NotFound
from services.attempts.deadlines import break_ends, resumed_deadline
from services.attempts.events import attempt_extended, attempt_paused, attempt_resumed
from services.attempts.problems import AttemptClosed
from services.attempts.rights import STAFF, attempt_within_reach, within_reach
from services.attempts.submitting import clock
from services.attempts.tables import OPEN, Attempt, ExamCopy

BREAK = "break"


async def extend_attempt(tx: AsyncSession, actor: Actor, attempt_id: UUID, seconds: int, reason: str) -> Attempt:
    """Gives one open attempt more time. Raises NotFound, Forbidden, AttemptClosed."""
    attempt = await _open_attempt(tx, actor, attempt_id)
    _extend(tx, actor, attempt, seconds, reason)
    return attempt


async def extend_all(tx: AsyncSession, actor: Actor, exam_id: UUID, seconds: int, reason: str) -> int:
    """Gives every open attempt of an exam more time, and says how many; a caller reaches those within their rights."""
    attempts = await _open_attempts(tx, actor, exam_id, OPEN)
    for attempt in attempts:
        _extend(tx, actor, attempt, seconds, reason)
    return len(attempts)


async def pause_attempt(tx: AsyncSession, actor: Actor, attempt_id: UUID, reason: str) -> Attempt:
    """Stops one attempt's clock. Paused already: given as it is. Raises NotFound, Forbidden, AttemptClosed."""
    attempt = await _open_attempt(tx, actor, attempt_id)
    _pause_by_staff(tx, actor, attempt, reason, await clock(tx))
    return attempt


async def pause_all(tx: AsyncSession, actor: Actor, exam_id: UUID, reason: str) -> int:
    """Stops the clocks of all running attempts of an exam, those on a break included, and says of how many."""
    attempts = await _open_attempts(tx, actor, exam_id, OPEN)
    moment = await clock(tx)
    return sum(_pause_by_staff(tx, actor, attempt, reason, moment) for attempt in attempts)


async def resume_attempt(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Attempt:
    """Lets one attempt go on. Running already: given as it is. Raises NotFound, Forbidden, AttemptClosed."""
    attempt = await _open_attempt(tx, actor, attempt_id)
    if attempt.status == "paused":
        _resume(tx, actor, attempt, await clock(tx))
    return attempt


async def resume_all(tx: AsyncSession, actor: Actor, exam_id: UUID) -> int:
    """Lets all attempts of an exam that staff paused go on, and says how many; who has taken a break since keeps it."""
    attempts = await _open_attempts(tx, actor, exam_id, ("paused",))
    moment = await clock(tx)
    paused = [attempt for attempt in attempts if attempt.break_ends_at is None]
    for attempt in paused:
        _resume(tx, actor, attempt, moment)
    return len(paused)


async def take_break(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Attempt:
    """A student's own break, as far as the accommodation goes: the clock stands still, the paper is not shown.

    Raises Conflict when no break time is left, AttemptClosed, NotFound.
    """
    actor.require("student")
    attempt = _not_submitted(await attempt_within_reach(tx, actor, attempt_id, lock=True))
    if attempt.status == "paused":
        return attempt
    moment = await clock(tx)
    if moment > attempt.deadline_at:
        raise AttemptClosed("The time is up.")
    ends_at = break_ends(moment, attempt.break_allowed_seconds, attempt.break_used_seconds)
    if ends_at is None:
        raise Conflict("No break time is left.", break_seconds_left=0)
    _pause(tx, actor, attempt, BREAK, moment, break_ends_at=ends_at)
    return attempt


async def end_break(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Attempt:
    """The student goes on. Raises Conflict for a pause that staff ordered."""
    actor.require("student")
    attempt = _not_submitted(await attempt_within_reach(tx, actor, attempt_id, lock=True))
    if attempt.status == "paused":
        if attempt.break_ends_at is None:
            raise Conflict("The exam is paused by whoever supervises it; it goes on when they say so.")
        _resume(tx, actor, attempt, min(await clock(tx), attempt.break_ends_at))
    return attempt


async def end_due_breaks(tx: AsyncSession) -> int:
    """Ends breaks whose time is used up, and says how many. Index: ix_attempts_breaks."""
    moment = await clock(tx)
    due = await tx.scalars(
        sa.select(Attempt)
        .where(col(Attempt.break_ends_at) <= moment)
        .order_by(col(Attempt.id))
        .limit(500)
        .with_for_update(key_share=True, skip_locked=True)
    )
    attempts = due.all()
    for attempt in attempts:
        assert attempt.break_ends_at is not None
        _resume(tx, None, attempt, attempt.break_ends_at)
    return len(attempts)


async def _open_attempt(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Attempt:
    return _not_submitted(await attempt_within_reach(tx, actor, attempt_id, lock=True, staff_only=True))


def _not_submitted(attempt: Attempt) -> Attempt:
    if attempt.status == "submitted":
        raise AttemptClosed("The attempt is submitted; its clock can't be moved any more.")
    return attempt


async def _open_attempts(tx: AsyncSession, actor: Actor, exam_id: UUID, statuses: Sequence[str]) -> Sequence[Attempt]:
    """Locked attempts of an exam within the caller's reach. Raises NotFound when the exam itself is beyond it."""
    actor.require(*STAFF)
    exam = await tx.get(ExamCopy, exam_id)
    is_own = exam is not None and (
        actor.is_("admin", "centre_admin")
        or (exam.instructor_id == actor.person_id and actor.is_("instructor"))
        or (actor.person_id in exam.proctor_ids and actor.is_("proctor"))
    )
    if not is_own:
        raise NotFound("There is no such exam.")
    query = sa.select(Attempt).where(
        col(Attempt.exam_id) == exam_id, col(Attempt.status).in_(statuses), within_reach(actor)
    )
    return (await tx.scalars(query.order_by(col(Attempt.id)).with_for_update(key_share=True))).all()


def _extend(tx: AsyncSession, actor: Actor, attempt: Attempt, seconds: int, reason: str) -> None:
    old = attempt.deadline_at
    attempt.deadline_at = old + timedelta(seconds=seconds)
    attempt.version += 1
    attempt_extended(tx, attempt, seconds, reason)
    record_audit(
        tx, actor, "attempt_extended", "attempt", attempt.id,
        old={"deadline_at": old.isoformat()},
        new={"deadline_at": attempt.deadline_at.isoformat(), "added_seconds": seconds, "reason": reason},
    )  # fmt: skip


def _pause_by_staff(tx: AsyncSession, actor: Actor, attempt: Attempt, reason: str, moment: datetime) -> bool:
    """Whether an open attempt is paused by this; one that staff paused before stays as it is."""
    if attempt.status == "paused":
        if attempt.break_ends_at is None:
            return False
        # A break becomes the staff's pause: it neither ends by itself nor by the student, and uses up no more break time.
        _resume(tx, actor, attempt, min(moment, attempt.break_ends_at))
    _pause(tx, actor, attempt, reason, moment)
    return True


def _pause(
    tx: AsyncSession,
    actor: Actor,
    attempt: Attempt,
    reason: str,
    moment: datetime,
    break_ends_at: datetime | None = None,
) -> None:
    attempt.status, attempt.paused_at, attempt.pause_reason = "paused", moment, reason
    attempt.break_ends_at = break_ends_at
    attempt.version += 1
    attempt_paused(tx, attempt)
    record_audit(tx, actor, "attempt_paused", "attempt", attempt.id, new={"reason": reason})


def _resume(tx: AsyncSession, actor: Actor | None, attempt: Attempt, moment: datetime) -> None:
    assert attempt.paused_at is not None
    old = attempt.deadline_at
    attempt.deadline_at = resumed_deadline(old, attempt.paused_at, moment)
    if attempt.break_ends_at is not None:
        attempt.break_used_seconds += round((moment - attempt.paused_at).total_seconds())
    attempt.status, attempt.paused_at, attempt.pause_reason, attempt.break_ends_at = "in_progress", None, "", None
    attempt.version += 1
    attempt_resumed(tx, attempt)
    record_audit(
        tx, actor, "attempt_resumed", "attempt", attempt.id,
        old={"deadline_at": old.isoformat()}, new={"deadline_at": attempt.deadline_at.isoformat()},
    )  # fmt: skip
