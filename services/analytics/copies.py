"""The newest state of people, classes, centres, exams, attempts and grades. A state that is not newer than the stored one changes nothing."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.copies import keep_newer, keep_newest, newest_of
from chassis.outbox import moment_of
from proto.examhall.attempts.v1.events_pb2 import AttemptState
from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.grading.v1.events_pb2 import GradeState, QuestionMark
from proto.examhall.identity.v1.people_pb2 import CentreState, ClassDeleted, ClassState, PersonDeleted, PersonState
from services.analytics.responses import for_counting, json_text
from services.analytics.tables import Attempt, Centre, Exam, Grade, Person, SchoolClass

_DROP_OTHER_MARKS = sa.text(
    "DELETE FROM marks WHERE attempt_id = ANY(CAST(:marked AS uuid[])) AND (attempt_id, question_id) NOT IN"
    " (SELECT * FROM unnest(CAST(:attempt_ids AS uuid[]), CAST(:question_ids AS text[])))"
)
# Releasing an exam tells every grade again: a mark that stays the same is not written again.
_KEEP_MARKS = sa.text(
    "INSERT INTO marks (attempt_id, question_id, points, max_points, outcome, is_human, topic, response)"
    " SELECT * FROM unnest(CAST(:attempt_ids AS uuid[]), CAST(:question_ids AS text[]), CAST(:points AS numeric[]), CAST(:max_points AS numeric[]),"
    " CAST(:outcomes AS text[]), CAST(:are_human AS boolean[]), CAST(:topics AS text[]), CAST(:responses AS jsonb[]))"
    " ON CONFLICT (attempt_id, question_id) DO UPDATE SET points = excluded.points, max_points = excluded.max_points,"
    " outcome = excluded.outcome, is_human = excluded.is_human, topic = excluded.topic, response = excluded.response"
    " WHERE (marks.points, marks.max_points, marks.outcome, marks.is_human, marks.topic, marks.response) IS DISTINCT FROM"
    " (excluded.points, excluded.max_points, excluded.outcome, excluded.is_human, excluded.topic, excluded.response)"
)


async def keep_people(tx: AsyncSession, told: Sequence[PersonState | PersonDeleted]) -> None:
    """Stores people; of the deleted nothing but that there was such a person."""
    await keep_newest(tx, Person, [_gone(each) if isinstance(each, PersonDeleted) else _person(each) for each in told])


def _gone(deleted: PersonDeleted) -> dict[str, Any]:
    return {**_person(PersonState(person_id=deleted.person_id, version=deleted.version)), "is_deleted": True}


def _person(state: PersonState) -> dict[str, Any]:
    return {
        "id": UUID(state.person_id),
        "version": state.version,
        "is_deleted": False,
        "role": state.role,
        "name": state.name,
        "registration_number": state.registration_number,
        "class_id": _id(state.class_id),
        "centre_id": _id(state.centre_id),
    }


async def keep_classes(tx: AsyncSession, told: Sequence[ClassState | ClassDeleted]) -> None:
    """Stores classes and their teachers; of the deleted nothing but that there was such a class."""
    await keep_newest(
        tx, SchoolClass, [_no_class(each) if isinstance(each, ClassDeleted) else _class(each) for each in told]
    )


def _no_class(deleted: ClassDeleted) -> dict[str, Any]:
    return {**_class(ClassState(class_id=deleted.class_id, version=deleted.version)), "is_deleted": True}


def _class(state: ClassState) -> dict[str, Any]:
    return {
        "id": UUID(state.class_id),
        "version": state.version,
        "is_deleted": False,
        "name": state.name,
        "section": state.section,
        "academic_year": state.academic_year,
        "centre_id": _id(state.centre_id),
        "teacher_ids": _ids(state.teacher_ids),
    }


async def keep_centre(tx: AsyncSession, state: CentreState) -> None:
    """Stores a centre's name."""
    values = {"id": UUID(state.centre_id), "version": state.version, "name": state.name, "code": state.code}
    await keep_newer(tx, Centre, values)


async def keep_exam(tx: AsyncSession, state: ExamState) -> None:
    """Stores an exam."""
    exam = {
        "id": UUID(state.exam_id),
        "revision": state.revision,
        "version": state.version,
        "status": state.status,
        "title": state.title,
        "subject": state.subject,
        "kind": state.kind,
        "instructor_id": UUID(state.instructor_id),
        "proctor_ids": _ids(state.proctor_ids),
        "opens_at": moment_of(state.schedule, "opens_at"),
        "closes_at": moment_of(state.schedule, "closes_at"),
        "passing_percentage": _decimal(state.passing_percentage),
        "published_at": moment_of(state, "published_at"),
    }
    await keep_newer(tx, Exam, exam, "revision")


async def keep_attempts(tx: AsyncSession, states: Sequence[AttemptState]) -> None:
    """Stores where attempts stand."""
    await keep_newest(tx, Attempt, [_attempt(state) for state in states])


def _attempt(state: AttemptState) -> dict[str, Any]:
    return {
        "id": UUID(state.attempt_id),
        "version": state.version,
        "exam_id": UUID(state.exam_id),
        "student_id": UUID(state.student_id),
        "number": state.number,
        "status": state.status,
        "class_id": _id(state.class_id),
        "centre_id": _id(state.centre_id),
        "started_at": moment_of(state, "started_at"),
        "submitted_at": moment_of(state, "submitted_at"),
        "question_count": state.question_count,
        "answered_count": state.answered_count,
    }


async def keep_grades(tx: AsyncSession, states: Sequence[GradeState]) -> None:
    """Stores grades with their marks, which are the newest grade's and no others."""
    stored = await keep_newest(tx, Grade, [_grade(state) for state in states], "revision")
    told = [{"id": UUID(state.attempt_id), "revision": state.revision, "marks": state.marks} for state in states]
    newest = newest_of(told, ["id"], "revision")
    await _replace_marks(tx, {attempt_id: newest[attempt_id,]["marks"] for (attempt_id,) in stored})


def _grade(state: GradeState) -> dict[str, Any]:
    return {
        "attempt_id": UUID(state.attempt_id),
        "revision": state.revision,
        "exam_id": UUID(state.exam_id),
        "student_id": UUID(state.student_id),
        "class_id": _id(state.class_id),
        "centre_id": _id(state.centre_id),
        "status": state.status,
        "is_released": state.is_released,
        "has_passed": state.has_passed,
        "score": Decimal(state.score),
        "max_score": Decimal(state.max_score),
        "percentage": _decimal(state.percentage),
        "marked_points": sum((_decimal(mark.points_awarded) or Decimal(0) for mark in state.marks), Decimal(0)),
        "submitted_at": moment_of(state, "submitted_at"),
        "is_invalidated": state.is_invalidated,
    }


async def _replace_marks(tx: AsyncSession, marks_of: Mapping[UUID, Sequence[QuestionMark]]) -> None:
    """Stores these marks of these attempts, and takes out their others."""
    if not marks_of:
        return
    marks = [(attempt_id, mark) for attempt_id in sorted(marks_of) for mark in marks_of[attempt_id]]
    responses = [for_counting(mark.response) for _, mark in marks]
    ids = {
        "attempt_ids": [attempt_id for attempt_id, _ in marks],
        "question_ids": [mark.question_id for _, mark in marks],
    }
    await tx.execute(_DROP_OTHER_MARKS, {"marked": list(marks_of), **ids})
    await tx.execute(
        _KEEP_MARKS,
        {
            **ids,
            "points": [_decimal(mark.points_awarded) for _, mark in marks],
            "max_points": [Decimal(mark.max_points) for _, mark in marks],
            "outcomes": [mark.outcome for _, mark in marks],
            "are_human": [mark.is_human for _, mark in marks],
            "topics": [mark.topic for _, mark in marks],
            "responses": [None if response is None else json_text(response) for response in responses],
        },
    )


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


def _ids(texts: Sequence[str]) -> list[UUID]:
    return [UUID(text) for text in texts]


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
