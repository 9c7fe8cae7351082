"""From an attempt's row to the events that carry its whole state."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import record_event, timestamp
from proto.examhall.attempts.v1 import events_pb2
from services.attempts.tables import Attempt

LIFECYCLE = "attempts.lifecycle.v1"


def attempt_state(attempt: Attempt) -> events_pb2.AttemptState:
    """The whole state of an attempt."""
    return events_pb2.AttemptState(
        attempt_id=str(attempt.id),
        version=attempt.version,
        exam_id=str(attempt.exam_id),
        exam_version=attempt.exam_version,
        student_id=str(attempt.student_id),
        number=attempt.number,
        status=attempt.status,
        started_at=timestamp(attempt.started_at),
        deadline_at=timestamp(attempt.deadline_at),
        submitted_at=timestamp(attempt.submitted_at),
        submit_reason=attempt.submit_reason,
        class_id=str(attempt.class_id or ""),
        centre_id=str(attempt.centre_id or ""),
        question_count=attempt.question_count,
        answered_count=attempt.answered_count,
    )


def attempt_started(tx: AsyncSession, attempt: Attempt) -> None:
    """Records the start."""
    event = events_pb2.AttemptStarted(attempt=attempt_state(attempt), client_address=attempt.client_address)
    record_event(tx, LIFECYCLE, attempt.id, event)


def attempt_paused(tx: AsyncSession, attempt: Attempt) -> None:
    """Records a pause; the caller has counted the version up and holds the row's lock, here and below."""
    event = events_pb2.AttemptPaused(attempt=attempt_state(attempt), reason=attempt.pause_reason)
    record_event(tx, LIFECYCLE, attempt.id, event)


def attempt_resumed(tx: AsyncSession, attempt: Attempt) -> None:
    """Records the end of a pause."""
    record_event(tx, LIFECYCLE, attempt.id, events_pb2.AttemptResumed(attempt=attempt_state(attempt)))


def attempt_extended(tx: AsyncSession, attempt: Attempt, added_seconds: int, reason: str) -> None:
    """Records more time."""
    event = events_pb2.AttemptExtended(attempt=attempt_state(attempt), added_seconds=added_seconds, reason=reason)
    record_event(tx, LIFECYCLE, attempt.id, event)


def attempt_submitted(tx: AsyncSession, attempt: Attempt) -> None:
    """Records the submission."""
    record_event(tx, LIFECYCLE, attempt.id, events_pb2.AttemptSubmitted(attempt=attempt_state(attempt)))
