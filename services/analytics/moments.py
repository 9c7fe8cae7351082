"""What happened in an attempt, as rows: made from the events of attempts and grading, each moment once however often it is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from proto.examhall.attempts.v1.events_pb2 import AnswersSaved, AttemptState
from proto.examhall.grading.v1.events_pb2 import GradeState
from services.analytics.responses import as_given
from services.analytics.tables import Moment

Row = dict[str, Any]


async def note_attempt(tx: AsyncSession, state: AttemptState, kind: str, at: datetime, **details: Any) -> None:
    """A step of the attempt as a whole."""
    await _note(tx, [_moment(state.attempt_id, "attempt", state.version, at, kind, details)])


async def note_grade(tx: AsyncSession, state: GradeState, kind: str, at: datetime) -> None:
    """A step of its marking."""
    details = {
        "status": state.status,
        "score": state.score,
        "max_score": state.max_score,
        "percentage": state.percentage or None,
        "is_released": state.is_released,
    }
    await _note(tx, [_moment(state.attempt_id, "grade", state.revision, at, kind, details)])


async def note_answers(tx: AsyncSession, saved: AnswersSaved, at: datetime) -> None:
    """What one commit saved: one moment for each answer and revision."""
    rows = {
        (part.attempt_id, answer.question_id, answer.revision): _moment(
            part.attempt_id,
            "answer",
            answer.revision,
            at,
            "answered" if (given := as_given(answer.response)) else "cleared",
            {"response": given},
            answer.question_id,
            answer.is_flagged,
        )
        for part in saved.attempts
        for answer in part.answers
    }
    await _note(tx, list(rows.values()))


def _moment(
    attempt_id: str,
    source: str,
    number: int,
    at: datetime,
    kind: str,
    details: Row,
    question_id: str = "",
    is_flagged: bool | None = None,
) -> Row:
    return {
        "attempt_id": UUID(attempt_id),
        "source": source,
        "question_id": question_id,
        "number": number,
        "occurred_at": at,
        "kind": kind,
        "is_flagged": is_flagged,
        "details": details,
    }


async def _note(tx: AsyncSession, rows: Sequence[Row]) -> None:
    if rows:
        await tx.execute(insert(Moment).on_conflict_do_nothing(), rows)
