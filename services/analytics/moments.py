"""What happened in an attempt, as rows: made from the events of attempts and grading, each moment once however often it is told."""

from collections.abc import Iterable, Mapping, Sequence
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


class Step(NamedTuple):
    """A step of an attempt as a whole: the state it led to, what it was, when, and what is to be said of it."""

    state: AttemptState
    kind: str
    occurred_at: datetime
    details: Mapping[str, Any]


class Marking(NamedTuple):
    """A step of an attempt's marking: the grade it led to, what it was, and when."""

    state: GradeState
    kind: str
    occurred_at: datetime


async def note_steps(tx: AsyncSession, steps: Iterable[Step]) -> None:
    """Steps of attempts as a whole."""
    rows = [
        _Row(
            UUID(step.state.attempt_id),
            "attempt",
            "",
            step.state.version,
            step.kind,
            None,
            json_text(step.details),
            step.occurred_at,
        )
        for step in steps
    ]
    await _note(tx, rows)


async def note_markings(tx: AsyncSession, markings: Iterable[Marking]) -> None:
    """Steps of their marking."""
    await _note(tx, [_marked(state, kind, at) for state, kind, at in markings])


def _marked(state: GradeState, kind: str, at: datetime) -> _Row:
    details = {
        "status": state.status,
        "score": state.score,
        "max_score": state.max_score,
        "percentage": state.percentage or None,
        "is_released": state.is_released,
    }
    return _Row(UUID(state.attempt_id), "grade", "", state.revision, kind, None, json_text(details), at)


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
