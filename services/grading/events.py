"""From a grade and its marks to the event that carries its whole state. The caller holds the grade's lock."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import MAX_EVENT_BYTES, record_event, timestamp
from proto.examhall.attempts.v1.events_pb2 import Response
from proto.examhall.grading.v1 import events_pb2
from services.grading.tables import Grade

GradeEvent = (
    type[events_pb2.AttemptMarked]
    | type[events_pb2.GradeFinalized]
    | type[events_pb2.GradeReleased]
    | type[events_pb2.GradeHidden]
    | type[events_pb2.GradeInvalidated]
    | type[events_pb2.GradeReinstated]
)

GRADES = "grading.grades.v1"
# Statistics count options and short texts; an essay would only swell the event, which the broker bounds. Longer texts stay here.
LONGEST_TEXT = 500
_MOST_BYTES = MAX_EVENT_BYTES - 1024  # the rest is the event's own


class ToldMark(Protocol):
    """What an event tells of a mark: a row of question_marks, or only these columns of many."""

    @property
    def question_id(self) -> str: ...

    @property
    def topic(self) -> str: ...

    @property
    def response(self) -> bytes: ...

    @property
    def points_awarded(self) -> Decimal | None: ...

    @property
    def max_points(self) -> Decimal: ...

    @property
    def outcome(self) -> str: ...

    @property
    def is_human(self) -> bool: ...


def grade_state(grade: Grade, marks: Iterable[ToldMark]) -> events_pb2.GradeState:
    """The whole state of a grade, its marks as they are given: in the attempt's order.

    Where some hundred texts would make it too large for an event, none is told: a grade must not wait for what somebody typed.
    """
    state = events_pb2.GradeState(
        attempt_id=str(grade.attempt_id),
        revision=grade.revision,
        exam_id=str(grade.exam_id),
        exam_version=grade.exam_version,
        student_id=str(grade.student_id),
        attempt_number=grade.attempt_number,
        status=grade.status,
        is_released=grade.is_released,
        score=str(grade.score),
        max_score=str(grade.max_score),
        percentage="" if grade.percentage is None else str(grade.percentage),
        has_passed=grade.has_passed,
        marks=[_question_mark(mark) for mark in marks],
        submitted_at=timestamp(grade.submitted_at),
        marked_at=timestamp(grade.marked_at),
        released_at=timestamp(grade.released_at),
        class_id=_text(grade.class_id),
        centre_id=_text(grade.centre_id),
        is_invalidated=grade.is_invalidated,
        invalidation_reason=grade.invalidation_reason,
    )
    if state.ByteSize() > _MOST_BYTES:
        for mark in state.marks:
            if mark.response.HasField("text"):
                mark.ClearField("response")
    return state


def grade_changed(tx: AsyncSession, event: GradeEvent, grade: Grade, marks: Iterable[ToldMark]) -> None:
    """Counts the revision up and records what happened to the grade."""
    grade.revision += 1
    record_event(tx, GRADES, grade.attempt_id, event(grade=grade_state(grade, marks)))


def _question_mark(mark: ToldMark) -> events_pb2.QuestionMark:
    response = Response.FromString(mark.response)
    is_told = response.WhichOneof("kind") is not None and len(response.text) <= LONGEST_TEXT
    return events_pb2.QuestionMark(
        question_id=mark.question_id,
        points_awarded="" if mark.points_awarded is None else str(mark.points_awarded),
        max_points=str(mark.max_points),
        outcome=mark.outcome,
        is_human=mark.is_human,
        response=response if is_told else None,
        topic=mark.topic,
    )


def _text(identifier: UUID | None) -> str:
    return str(identifier) if identifier else ""
