"""Submitting: by the student, at the deadline, at the limit of violations, or by staff. Exactly one of them does it; the others get what it did."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.counting import count_at_commit
from services.attempts.events import attempt_submitted
from services.attempts.metrics import SUBMITTED
from services.attempts.rights import attempt_within_reach
from services.attempts.tables import OPEN, Answer, Attempt

DUE_BATCH = 500
# Served by ix_attempts_due, as no comparison with clock_timestamp() would be.
DUE = (
    sa.select(Attempt)
    .where(col(Attempt.status) == "in_progress", col(Attempt.deadline_at) < sa.func.statement_timestamp())
    .order_by(col(Attempt.id))
    .limit(DUE_BATCH)
    .with_for_update(key_share=True, skip_locked=True)
)


async def submit_attempt(tx: AsyncSession, actor: Actor, attempt_id: UUID) -> Attempt:
    """Submits with whatever is saved. An attempt that is submitted already is given as it is, whoever did it. Raises NotFound, Forbidden."""
    attempt = await attempt_within_reach(tx, actor, attempt_id, lock=True)
    if attempt.status == "submitted":
        return attempt
    moment = await clock(tx)
    reason = _reason_at(attempt, moment, "student" if actor.role == "student" else "proctor")
    await _submit(tx, [attempt], reason, moment)
    if actor.role != "student":
        record_audit(tx, actor, "attempt_submitted", "attempt", attempt.id, new={"submit_reason": reason})
    return attempt


async def submit_at_limit(tx: AsyncSession, attempt_id: UUID, violations: int, limit: int) -> Attempt | None:
    """Submits an attempt, running or paused, whose violations have reached the exam's limit. None when it was over before, or is not known here."""
    query = sa.select(Attempt).where(col(Attempt.id) == attempt_id, col(Attempt.status).in_(OPEN))
    attempt = await tx.scalar(query.with_for_update(key_share=True))
    if attempt is None:
        return None
    moment = await clock(tx)
    reason = _reason_at(attempt, moment, "violation_limit")
    await _submit(tx, [attempt], reason, moment)
    told = {"submit_reason": reason, "violations": violations, "limit": limit}
    record_audit(tx, None, "attempt_submitted", "attempt", attempt.id, new=told)
    return attempt


async def submit_due(tx: AsyncSession) -> int:
    """Submits up to 500 attempts whose deadline has passed, and says how many.

    Rows that somebody holds are left for the next round: a save in flight ends before the submission, another replica's are its own.
    """
    attempts = (await tx.scalars(DUE)).all()
    if attempts:
        await _submit(tx, attempts, "deadline", await clock(tx))
    return len(attempts)


def _reason_at(attempt: Attempt, moment: datetime, reason: str) -> str:
    """Who comes after the deadline finds that the deadline has ended the attempt."""
    return "deadline" if attempt.status == "in_progress" and moment > attempt.deadline_at else reason


async def _submit(tx: AsyncSession, attempts: Sequence[Attempt], reason: str, moment: datetime) -> None:
    """Closes locked attempts. Answers are counted after the lock, so none that was acknowledged is missed."""
    counted = await tx.execute(
        sa.select(col(Answer.attempt_id), sa.func.count())
        .where(col(Answer.attempt_id).in_([attempt.id for attempt in attempts]), col(Answer.response).is_not(None))
        .group_by(col(Answer.attempt_id))
    )
    answered = dict(counted.tuples().all())
    for attempt in attempts:
        attempt.answered_count = answered.get(attempt.id, 0)
        attempt.status, attempt.submitted_at, attempt.submit_reason = "submitted", moment, reason
        attempt.paused_at, attempt.break_ends_at = None, None
        attempt.version += 1
        attempt_submitted(tx, attempt)
    count_at_commit(tx, SUBMITTED.labels("staff" if reason == "proctor" else reason), len(attempts))


async def clock(tx: AsyncSession) -> datetime:
    """The database server's time now, not the transaction's start."""
    moment: datetime = (await tx.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return moment
