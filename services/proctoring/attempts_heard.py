"""What attempts tells of its attempts: kept as it stands, told to proctors and to the student, and the beginning of the watch."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.consuming import Delivery
from chassis.outbox import moment_of
from proto.examhall.attempts.v1 import events_pb2 as attempts
from services.proctoring.copies import name_of
from services.proctoring.feeds import attempt_feed, exam_feed, tell
from services.proctoring.tables import Attempt
from services.proctoring.watching import begin_attempt

# In the words that attempts has for it, so that a student who looks twice reads the same.
ENDINGS = {
    "student": "You submitted your attempt.",
    "deadline": "The time was up. Your attempt was submitted with all answers saved until then.",
    "violation_limit": (
        "The limit of violations that this exam sets was reached."
        " Your attempt was submitted with all answers saved until then."
    ),
    "proctor": "Your attempt was submitted by whoever supervises the exam, with all answers saved until then.",
}


async def take_in_start(tx: AsyncSession, event: attempts.AttemptStarted, delivery: Delivery) -> None:
    """An attempt began."""
    attempt = await _keep(tx, event.attempt, delivery)
    if attempt is not None:
        body = {"started_at": attempt.started_at, "deadline_at": attempt.deadline_at, "attempt_number": attempt.number}
        await _tell_proctors(tx, attempt, "attempt_started", delivery.occurred_at, body)


async def take_in_pause(tx: AsyncSession, event: attempts.AttemptPaused, delivery: Delivery) -> None:
    """An attempt's clock stands still."""
    attempt = await _keep(tx, event.attempt, delivery)
    if attempt is not None:
        attempt.paused_at = attempt.paused_at or delivery.occurred_at
        body = {"reason": event.reason}
        await _tell_proctors(tx, attempt, "attempt_paused", delivery.occurred_at, body)
        await tell(tx, attempt_feed(attempt.id), "paused", delivery.occurred_at, body)


async def take_in_resumption(tx: AsyncSession, event: attempts.AttemptResumed, delivery: Delivery) -> None:
    """An attempt goes on."""
    attempt = await _keep(tx, event.attempt, delivery)
    if attempt is not None:
        if attempt.paused_at is not None:
            attempt.last_pause_began_at, attempt.last_pause_ended_at = attempt.paused_at, delivery.occurred_at
        attempt.paused_at = None
        body = _time_left(attempt, delivery.occurred_at)
        await _tell_proctors(tx, attempt, "attempt_resumed", delivery.occurred_at, body)
        await tell(tx, attempt_feed(attempt.id), "resumed", delivery.occurred_at, body)


async def take_in_extension(tx: AsyncSession, event: attempts.AttemptExtended, delivery: Delivery) -> None:
    """An attempt has more time."""
    attempt = await _keep(tx, event.attempt, delivery)
    if attempt is not None:
        body = {
            **_time_left(attempt, delivery.occurred_at),
            "added_seconds": event.added_seconds,
            "reason": event.reason,
        }
        await _tell_proctors(tx, attempt, "time_changed", delivery.occurred_at, body)
        await tell(tx, attempt_feed(attempt.id), "time_changed", delivery.occurred_at, body)


async def take_in_submission(tx: AsyncSession, event: attempts.AttemptSubmitted, delivery: Delivery) -> None:
    """An attempt is over."""
    attempt = await _keep(tx, event.attempt, delivery)
    if attempt is not None:
        attempt.paused_at = None
        reason = attempt.submit_reason
        body = {"submitted_at": attempt.submitted_at, "submit_reason": reason, "status": attempt.status}
        await _tell_proctors(tx, attempt, "attempt_submitted", delivery.occurred_at, body)
        told = {"reason": reason, "text": ENDINGS.get(reason, "Your attempt was submitted.")}
        await tell(tx, attempt_feed(attempt.id), "submitted", delivery.occurred_at, told)


async def _keep(tx: AsyncSession, state: attempts.AttemptState, delivery: Delivery) -> Attempt | None:
    """The attempt with its new state, its row locked; None when a state as new was known. One that is new here is watched from now on."""
    attempt_id = UUID(state.attempt_id)
    query = sa.select(Attempt).where(col(Attempt.id) == attempt_id).with_for_update(key_share=True)
    attempt: Attempt | None = await tx.scalar(query.execution_options(populate_existing=True))
    if attempt is not None and attempt.version >= state.version:
        return None
    if attempt is not None:
        _change(attempt, state)
        return attempt
    attempt = Attempt(
        id=attempt_id,
        exam_id=UUID(state.exam_id),
        exam_version=state.exam_version,
        student_id=UUID(state.student_id),
        number=state.number,
        status=state.status,
        started_at=_known(moment_of(state, "started_at")),
        deadline_at=_known(moment_of(state, "deadline_at")),
        centre_id=UUID(state.centre_id) if state.centre_id else None,
        class_id=UUID(state.class_id) if state.class_id else None,
        question_count=state.question_count,
    )
    _change(attempt, state)
    await begin_attempt(tx, delivery.runtime, attempt)
    tx.add(attempt)
    await tx.flush()
    return attempt


def _change(attempt: Attempt, state: attempts.AttemptState) -> None:
    attempt.version = state.version
    attempt.status = state.status
    attempt.deadline_at = _known(moment_of(state, "deadline_at"))
    attempt.submitted_at = moment_of(state, "submitted_at")
    attempt.submit_reason = state.submit_reason


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("an attempt without a start or a deadline")
    return moment


def _time_left(attempt: Attempt, at: datetime) -> dict[str, Any]:
    """`seconds_left` as of the event."""
    seconds = max(int((attempt.deadline_at - at).total_seconds()), 0)
    return {"deadline_at": attempt.deadline_at, "seconds_left": seconds}


async def _tell_proctors(tx: AsyncSession, attempt: Attempt, type: str, at: datetime, body: Mapping[str, Any]) -> None:
    who = {
        "exam_id": attempt.exam_id,
        "attempt_id": attempt.id,
        "student_id": attempt.student_id,
        "student_name": await name_of(tx, attempt.student_id),
    }
    await tell(tx, exam_feed(attempt.exam_id), type, at, {**who, **body})
