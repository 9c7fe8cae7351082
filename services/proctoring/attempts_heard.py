"""What attempts tells of its attempts: kept as it stands, told to proctors and to the student, and the beginning of the watch."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.consuming import Delivery
from chassis.outbox import moment_of
from proto.examhall.attempts.v1 import events_pb2 as attempts
from services.proctoring.copies import names_of
from services.proctoring.feeds import Entry, attempt_feed, exam_feed, tell_all
from services.proctoring.tables import Attempt
from services.proctoring.watching import begin_attempts

AttemptEvent = (
    attempts.AttemptStarted
    | attempts.AttemptPaused
    | attempts.AttemptResumed
    | attempts.AttemptExtended
    | attempts.AttemptSubmitted
)

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


async def take_in_attempts(tx: AsyncSession, heard: Sequence[tuple[AttemptEvent, Delivery]]) -> None:
    """Keeps what became of attempts and tells it, in the order of the events; who is new here is watched from now on."""
    attempts_here = await _locked(tx, {UUID(event.attempt.attempt_id) for event, _ in heard})
    names = await names_of(tx, {UUID(event.attempt.student_id) for event, _ in heard})
    new: list[Attempt] = []
    told: list[Entry] = []
    for event, delivery in heard:
        attempt = attempts_here.get(UUID(event.attempt.attempt_id))
        if attempt is None:
            attempt = _new(event.attempt)
            attempts_here[attempt.id] = attempt
            new.append(attempt)
        elif attempt.version >= event.attempt.version:
            continue
        _change(attempt, event, delivery.occurred_at)
        told += _entries(attempt, names.get(attempt.student_id), event, delivery.occurred_at)
    if new:
        await begin_attempts(tx, heard[0][1].runtime, new)
        tx.add_all(new)
    await tx.flush()
    await tell_all(tx, told)


async def _locked(tx: AsyncSession, attempt_ids: Collection[UUID]) -> dict[UUID, Attempt]:
    """Those of these attempts that are known here, their rows locked in the order of their ids."""
    query = sa.select(Attempt).where(col(Attempt.id).in_(attempt_ids)).order_by(col(Attempt.id))
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return {attempt.id: attempt for attempt in await tx.scalars(query)}


def _new(state: attempts.AttemptState) -> Attempt:
    return Attempt(
        id=UUID(state.attempt_id),
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


def _change(attempt: Attempt, event: AttemptEvent, at: datetime) -> None:
    state = event.attempt
    attempt.version = state.version
    attempt.status = state.status
    attempt.deadline_at = _known(moment_of(state, "deadline_at"))
    attempt.submitted_at = moment_of(state, "submitted_at")
    attempt.submit_reason = state.submit_reason
    match event:
        case attempts.AttemptPaused():
            attempt.paused_at = attempt.paused_at or at
        case attempts.AttemptResumed():
            if attempt.paused_at is not None:
                attempt.last_pause_began_at, attempt.last_pause_ended_at = attempt.paused_at, at
            attempt.paused_at = None
        case attempts.AttemptSubmitted():
            attempt.paused_at = None


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("an attempt without a start or a deadline")
    return moment


def _entries(attempt: Attempt, name: str | None, event: AttemptEvent, at: datetime) -> list[Entry]:
    """What this event has to say to proctors, and to the student who did not just do it."""
    who = {
        "exam_id": attempt.exam_id,
        "attempt_id": attempt.id,
        "student_id": attempt.student_id,
        "student_name": name,
    }

    def proctors(type: str, body: Mapping[str, Any]) -> Entry:
        return Entry(exam_feed(attempt.exam_id), type, at, {**who, **body})

    def student(type: str, body: Mapping[str, Any]) -> Entry:
        return Entry(attempt_feed(attempt.id), type, at, body)

    match event:
        case attempts.AttemptStarted():
            started = {
                "started_at": attempt.started_at,
                "deadline_at": attempt.deadline_at,
                "attempt_number": attempt.number,
            }
            return [proctors("attempt_started", started)]
        case attempts.AttemptPaused():
            paused = {"reason": event.reason}
            return [proctors("attempt_paused", paused), student("paused", paused)]
        case attempts.AttemptResumed():
            left = _time_left(attempt, at)
            return [proctors("attempt_resumed", left), student("resumed", left)]
        case attempts.AttemptExtended():
            more = {**_time_left(attempt, at), "added_seconds": event.added_seconds, "reason": event.reason}
            return [proctors("time_changed", more), student("time_changed", more)]
        case attempts.AttemptSubmitted():
            reason = attempt.submit_reason
            submitted = {"submitted_at": attempt.submitted_at, "submit_reason": reason, "status": attempt.status}
            ending = {"reason": reason, "text": ENDINGS.get(reason, "Your attempt was submitted.")}
            return [proctors("attempt_submitted", submitted), student("submitted", ending)]


def _time_left(attempt: Attempt, at: datetime) -> dict[str, Any]:
    """`seconds_left` as of the event."""
    seconds = max(int((attempt.deadline_at - at).total_seconds()), 0)
    return {"deadline_at": attempt.deadline_at, "seconds_left": seconds}
