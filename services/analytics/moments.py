"""What happened in an attempt, as rows: made from the events of attempts and grading, each moment once however often it is told."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from proto.examhall.attempts.v1.events_pb2 import AnswersSaved, AttemptState, SavedAnswer
from proto.examhall.grading.v1.events_pb2 import GradeState
from services.analytics.responses import as_given, json_text

# One statement for all answers that come together, which is most of what there is to take in during an exam.
_NOTE = sa.text(
    "INSERT INTO moments (attempt_id, source, question_id, number, kind, is_flagged, details, occurred_at)"
    " SELECT * FROM unnest(CAST(:attempt_ids AS uuid[]), CAST(:sources AS text[]), CAST(:question_ids AS text[]),"
    " CAST(:numbers AS bigint[]), CAST(:kinds AS text[]), CAST(:flags AS boolean[]), CAST(:details AS jsonb[]), CAST(:times AS timestamptz[]))"
    " ON CONFLICT DO NOTHING"
)
_COLUMNS = ("attempt_ids", "sources", "question_ids", "numbers", "kinds", "flags", "details", "times")


class _Row(NamedTuple):
    """One moment as `_NOTE` takes it, column by column."""

    attempt_id: UUID
    source: str
    question_id: str
    number: int
    kind: str
    is_flagged: bool | None
    details: str
    occurred_at: datetime


async def note_attempt(tx: AsyncSession, state: AttemptState, kind: str, at: datetime, **details: Any) -> None:
    """A step of the attempt as a whole."""
    row = _Row(UUID(state.attempt_id), "attempt", "", state.version, kind, None, json_text(details), at)
    await _note(tx, [row])


async def note_grade(tx: AsyncSession, state: GradeState, kind: str, at: datetime) -> None:
    """A step of its marking."""
    details = {
        "status": state.status,
        "score": state.score,
        "max_score": state.max_score,
        "percentage": state.percentage or None,
        "is_released": state.is_released,
    }
    row = _Row(UUID(state.attempt_id), "grade", "", state.revision, kind, None, json_text(details), at)
    await _note(tx, [row])


async def note_answers(tx: AsyncSession, commits: Iterable[tuple[AnswersSaved, datetime]]) -> None:
    """What these commits saved, and when: one moment for each answer and revision."""
    rows = [
        _answered(part.attempt_id, answer, at)
        for saved, at in commits
        for part in saved.attempts
        for answer in part.answers
    ]
    await _note(tx, rows)


def _answered(attempt_id: str, answer: SavedAnswer, at: datetime) -> _Row:
    given = as_given(answer.response)
    return _Row(
        UUID(attempt_id),
        "answer",
        answer.question_id,
        answer.revision,
        "cleared" if given is None else "answered",
        answer.is_flagged,
        json_text({"response": given}),
        at,
    )


async def _note(tx: AsyncSession, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.execute(_NOTE, dict(zip(_COLUMNS, columns, strict=True)))
