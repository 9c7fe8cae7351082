"""The newest state of people, classes, centres, exams, attempts and grades. A state that is not newer than the stored one changes nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from chassis.outbox import moment_of
from proto.examhall.attempts.v1.events_pb2 import AttemptState
from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.grading.v1.events_pb2 import GradeState, QuestionMark
from proto.examhall.identity.v1.people_pb2 import CentreState, ClassDeleted, ClassState, PersonDeleted, PersonState
from services.analytics.responses import for_counting
from services.analytics.tables import Attempt, Centre, Exam, Grade, Mark, Person, SchoolClass


async def keep_person(tx: AsyncSession, state: PersonState) -> None:
    """Stores a person."""
    person = Person(
        id=UUID(state.person_id),
        version=state.version,
        role=state.role,
        name=state.name,
        registration_number=state.registration_number,
        class_id=_id(state.class_id),
        centre_id=_id(state.centre_id),
    )
    await _keep_newer(tx, person)


async def forget_person(tx: AsyncSession, deleted: PersonDeleted) -> None:
    """Forgets all but that there was such a person."""
    await _keep_newer(tx, Person(id=UUID(deleted.person_id), version=deleted.version, is_deleted=True))


async def keep_class(tx: AsyncSession, state: ClassState) -> None:
    """Stores a class and its teachers."""
    school_class = SchoolClass(
        id=UUID(state.class_id),
        version=state.version,
        name=state.name,
        section=state.section,
        academic_year=state.academic_year,
        centre_id=_id(state.centre_id),
        teacher_ids=_ids(state.teacher_ids),
    )
    await _keep_newer(tx, school_class)


async def forget_class(tx: AsyncSession, deleted: ClassDeleted) -> None:
    """Forgets all but that there was such a class."""
    await _keep_newer(tx, SchoolClass(id=UUID(deleted.class_id), version=deleted.version, is_deleted=True))


async def keep_centre(tx: AsyncSession, state: CentreState) -> None:
    """Stores a centre's name."""
    await _keep_newer(tx, Centre(id=UUID(state.centre_id), version=state.version, name=state.name, code=state.code))


async def keep_exam(tx: AsyncSession, state: ExamState) -> None:
    """Stores an exam."""
    exam = Exam(
        id=UUID(state.exam_id),
        revision=state.revision,
        version=state.version,
        status=state.status,
        title=state.title,
        subject=state.subject,
        kind=state.kind,
        instructor_id=UUID(state.instructor_id),
        proctor_ids=_ids(state.proctor_ids),
        opens_at=moment_of(state.schedule, "opens_at"),
        closes_at=moment_of(state.schedule, "closes_at"),
        passing_percentage=_decimal(state.passing_percentage),
        published_at=moment_of(state, "published_at"),
    )
    await _keep_newer(tx, exam, "revision")


async def keep_attempt(tx: AsyncSession, state: AttemptState) -> None:
    """Stores where an attempt stands."""
    attempt = Attempt(
        id=UUID(state.attempt_id),
        version=state.version,
        exam_id=UUID(state.exam_id),
        student_id=UUID(state.student_id),
        number=state.number,
        status=state.status,
        class_id=_id(state.class_id),
        centre_id=_id(state.centre_id),
        started_at=moment_of(state, "started_at"),
        submitted_at=moment_of(state, "submitted_at"),
        question_count=state.question_count,
        answered_count=state.answered_count,
    )
    await _keep_newer(tx, attempt)


async def keep_grade(tx: AsyncSession, state: GradeState) -> None:
    """Stores a grade with its marks, which are the newest grade's and no others."""
    grade = Grade(
        attempt_id=UUID(state.attempt_id),
        revision=state.revision,
        exam_id=UUID(state.exam_id),
        student_id=UUID(state.student_id),
        class_id=_id(state.class_id),
        centre_id=_id(state.centre_id),
        status=state.status,
        is_released=state.is_released,
        has_passed=state.has_passed,
        score=Decimal(state.score),
        max_score=Decimal(state.max_score),
        percentage=_decimal(state.percentage),
        marked_points=sum((_decimal(mark.points_awarded) or Decimal(0) for mark in state.marks), Decimal(0)),
        submitted_at=moment_of(state, "submitted_at"),
    )
    if await _keep_newer(tx, grade, "revision"):
        await _replace_marks(tx, grade.attempt_id, state.marks)


async def _replace_marks(tx: AsyncSession, attempt_id: UUID, marks: Sequence[QuestionMark]) -> None:
    rows = [
        {
            "attempt_id": attempt_id,
            "question_id": mark.question_id,
            "points": _decimal(mark.points_awarded),
            "max_points": Decimal(mark.max_points),
            "outcome": mark.outcome,
            "is_human": mark.is_human,
            "topic": mark.topic,
            "response": for_counting(mark.response),
        }
        for mark in marks
    ]
    kept = [row["question_id"] for row in rows]
    await tx.execute(
        sa.delete(Mark).where(col(Mark.attempt_id) == attempt_id, col(Mark.question_id).not_in(kept)),
    )
    if rows:
        statement = insert(Mark).values(rows)
        new = {name: statement.excluded[name] for name in rows[0] if name not in ("attempt_id", "question_id")}
        # Releasing an exam tells every grade again: a mark that stays the same is not written again.
        is_other = sa.tuple_(*(getattr(Mark, name) for name in new)).op("IS DISTINCT FROM")(sa.tuple_(*new.values()))
        await tx.execute(
            statement.on_conflict_do_update(index_elements=["attempt_id", "question_id"], set_=new, where=is_other)
        )


async def _keep_newer(tx: AsyncSession, row: SQLModel, version: str = "version") -> bool:
    """Whether the row is newer than the stored one of the same id, and so stored."""
    table = type(row)
    [key] = [column.name for column in sa.inspect(table).primary_key]
    values: dict[str, Any] = row.model_dump()
    statement = insert(table).values(values)
    newer = statement.excluded[version] > getattr(table, version)
    kept = await tx.scalar(
        statement.on_conflict_do_update(index_elements=[key], set_=values, where=newer).returning(getattr(table, key))
    )
    return kept is not None


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


def _ids(texts: Sequence[str]) -> list[UUID]:
    return [UUID(text) for text in texts]


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
