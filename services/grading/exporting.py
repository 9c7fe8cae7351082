"""An exam's results as a table."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.spreadsheets import Cell, Sheet
from services.grading.access import readable_grades
from services.grading.tables import Centre, Exam, Grade, Integrity, Person, SchoolClass

HEADER = (
    "student", "registration_number", "class", "section", "academic_year", "centre", "attempt", "submitted_at", "status", "is_released",
    "score", "max_score", "percentage", "has_passed", "is_invalidated", "invalidation_reason", "integrity_score", "risk_level",
    "attempt_id", "student_id",
)  # fmt: skip


async def result_sheet(tx: AsyncSession, actor: Actor, exam_id: UUID) -> Sheet:
    """A row for each grade of the exam that the actor may read, by student."""
    query = (
        sa.select(Grade, Person, SchoolClass, Centre, Integrity)
        .join(Exam, col(Exam.id) == col(Grade.exam_id))
        .outerjoin(Person, col(Person.id) == col(Grade.student_id))
        .outerjoin(SchoolClass, col(SchoolClass.id) == col(Grade.class_id))
        .outerjoin(Centre, col(Centre.id) == col(Grade.centre_id))
        .outerjoin(Integrity, col(Integrity.attempt_id) == col(Grade.attempt_id))
        .where(col(Grade.exam_id) == exam_id, readable_grades(actor))
        .order_by(col(Person.name), col(Grade.student_id), col(Grade.attempt_number))
    )
    return Sheet("Results", HEADER, [_row(*row) for row in await tx.execute(query)])


def _row(
    grade: Grade,
    person: Person | None,
    school_class: SchoolClass | None,
    centre: Centre | None,
    integrity: Integrity | None,
) -> tuple[Cell, ...]:
    return (
        person.name if person else None,
        person.registration_number if person else None,
        school_class.name if school_class else None,
        school_class.section if school_class else None,
        school_class.academic_year if school_class else None,
        centre.name if centre else None,
        grade.attempt_number,
        grade.submitted_at,
        grade.status,
        "yes" if grade.is_released else "no",
        grade.score,
        grade.max_score,
        grade.percentage,
        None if grade.percentage is None else "yes" if grade.has_passed else "no",
        "yes" if grade.is_invalidated else "no",
        grade.invalidation_reason or None,
        integrity.score if integrity else None,
        integrity.level if integrity else None,
        str(grade.attempt_id),
        str(grade.student_id),
    )
