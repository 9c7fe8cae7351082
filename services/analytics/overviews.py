"""Dashboards: the figures of the installation, an instructor, a student, a class, a centre, within what the caller may see."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from services.analytics.activities import list_activities
from services.analytics.figures import NO_FIGURES, figures_by, figures_of
from services.analytics.rights import Condition, Scope, readable_classes, readable_exams, scope_of
from services.analytics.tables import Attempt, Centre, Exam, Grade, Person, SchoolClass
from services.analytics.views import (
    AdminReport,
    AttemptBrief,
    CentreRef,
    CentreReport,
    ClassFigures,
    ClassRef,
    ClassReport,
    ExamFigures,
    ExamRef,
    Figures,
    InstructorReport,
    PersonFigures,
    PersonRef,
    ResultOut,
    StudentReport,
    SubjectFigures,
)

RECENT = 10
TOP = 10
LONGEST_LIST = 100
TREND = 50


async def report_installation(tx: AsyncSession, actor: Actor, at: datetime) -> AdminReport:
    """Everything, for an administrator."""
    everything = scope_of(actor)
    by_student = await figures_by(tx, everything, lambda table: col(table.student_id))
    by_instructor = await figures_by(tx, everything, lambda _: col(Exam.instructor_id))
    return AdminReport(
        users=await _people_by_role(tx, sa.true()),
        centres=await _count(tx, Centre, sa.true()),
        classes=await _count(tx, SchoolClass, readable_classes(actor)),
        exams=await _count(tx, Exam, sa.true()),
        active_exams=await _count(tx, Exam, is_active(at)),
        figures=await figures_of(tx, everything),
        top_students=await _with_people(tx, _best(by_student)[:TOP]),
        by_instructor=await _with_people(tx, _busiest(by_instructor)[:LONGEST_LIST]),
        recent_activity=(await list_activities(tx, actor, RECENT)).items,
    )


async def report_instructor(tx: AsyncSession, actor: Actor, instructor: Person, at: datetime) -> InstructorReport:
    """An instructor's exams and classes."""
    exams = readable_exams(actor) & (col(Exam.instructor_id) == instructor.id)
    scope = scope_of(actor).narrowed(exam_id=sa.select(col(Exam.id)).where(exams))
    classes = readable_classes(actor) & col(SchoolClass.teacher_ids).contains([instructor.id])
    return InstructorReport(
        instructor=PersonRef.of(instructor.id, instructor),
        exams=await _count(tx, Exam, exams),
        active_exams=await _count(tx, Exam, exams & is_active(at)),
        classes=await _count(tx, SchoolClass, classes),
        students=await _count(tx, Person, _students_of(sa.select(col(SchoolClass.id)).where(classes))),
        figures=await figures_of(tx, scope),
        by_exam=await _by_exam(tx, scope, exams),
        recent_attempts=await _recent_attempts(tx, scope),
    )


async def report_student(tx: AsyncSession, actor: Actor, student_id: UUID, student: Person | None) -> StudentReport:
    """A student's results, within what the actor may see of them; `student` is None when the person is not known yet."""
    scope = scope_of(actor).narrowed(student_id=student_id)
    results = await _latest_results(tx, scope)
    return StudentReport(
        student=PersonRef.of(student_id, student),
        figures=await figures_of(tx, scope),
        by_subject=await _by_subject(tx, scope),
        trend=results[::-1],
        recent_results=results[:RECENT],
    )


async def report_class(tx: AsyncSession, actor: Actor, school_class: SchoolClass) -> ClassReport:
    """A class: what its students' attempts came to, those included that they made before leaving it."""
    scope = scope_of(actor).narrowed(class_id=school_class.id)
    by_student = await figures_by(tx, scope, lambda table: col(table.student_id))
    return ClassReport(
        school_class=ClassRef.model_validate(school_class),
        students=await _count(tx, Person, _students_of([school_class.id])),
        figures=await figures_of(tx, scope),
        by_subject=await _by_subject(tx, scope),
        by_exam=await _by_exam(tx, scope, _sat_exams(scope)),
        by_student=await _with_people(tx, _best(by_student)[:LONGEST_LIST]),
    )


async def report_centre(tx: AsyncSession, actor: Actor, centre: Centre) -> CentreReport:
    """A centre's people and the attempts that were made there."""
    scope = scope_of(actor).narrowed(centre_id=centre.id)
    classes = readable_classes(actor) & (col(SchoolClass.centre_id) == centre.id)
    return CentreReport(
        centre=CentreRef.model_validate(centre),
        people=await _people_by_role(tx, col(Person.centre_id) == centre.id),
        classes=await _count(tx, SchoolClass, classes),
        figures=await figures_of(tx, scope),
        by_class=await _by_class(tx, scope, classes),
        by_subject=await _by_subject(tx, scope),
        by_exam=await _by_exam(tx, scope, _sat_exams(scope)),
    )


def is_active(at: datetime) -> Condition:
    """Exams that can be sat at a time: published, opened, not closed."""
    opened = col(Exam.opens_at).is_(None) | (col(Exam.opens_at) <= at)
    still_open = col(Exam.closes_at).is_(None) | (col(Exam.closes_at) > at)
    return (col(Exam.status) == "published") & opened & still_open


async def _by_subject(tx: AsyncSession, scope: Scope) -> list[SubjectFigures]:
    found = await figures_by(tx, scope, lambda _: col(Exam.subject))
    return [
        SubjectFigures(subject=subject, figures=found[subject])
        for subject in sorted(subject for subject in found if subject is not None)
    ]


async def _by_exam(tx: AsyncSession, scope: Scope, exams: Condition) -> list[ExamFigures]:
    """The exams published last, with their figures."""
    found = await figures_by(tx, scope, lambda table: col(table.exam_id))
    newest = (col(Exam.published_at).desc().nulls_last(), col(Exam.id))
    rows = await tx.execute(sa.select(Exam).where(exams).order_by(*newest).limit(LONGEST_LIST))
    return [
        ExamFigures(exam=ExamRef.model_validate(exam), figures=found.get(exam.id, NO_FIGURES))
        for exam in rows.scalars()
    ]


async def _by_class(tx: AsyncSession, scope: Scope, classes: Condition) -> list[ClassFigures]:
    found = await figures_by(tx, scope, lambda table: col(table.class_id))
    names = (col(SchoolClass.academic_year).desc(), col(SchoolClass.name), col(SchoolClass.id))
    rows = await tx.execute(sa.select(SchoolClass).where(classes).order_by(*names).limit(LONGEST_LIST))
    return [
        ClassFigures(school_class=ClassRef.model_validate(row), figures=found.get(row.id, NO_FIGURES))
        for row in rows.scalars()
    ]


async def _latest_results(tx: AsyncSession, scope: Scope) -> list[ResultOut]:
    rows = await tx.execute(
        sa.select(Grade, Person, Exam)
        .outerjoin(Person, col(Person.id) == col(Grade.student_id))
        .outerjoin(Exam, col(Exam.id) == col(Grade.exam_id))
        .where(scope.grades, col(Grade.percentage).is_not(None))
        .order_by(col(Grade.submitted_at).desc().nulls_last(), col(Grade.attempt_id))
        .limit(TREND)
    )
    return [ResultOut.of(*row) for row in rows]


async def _recent_attempts(tx: AsyncSession, scope: Scope) -> list[AttemptBrief]:
    rows = await tx.execute(
        sa.select(Attempt, Person, Exam)
        .outerjoin(Person, col(Person.id) == col(Attempt.student_id))
        .outerjoin(Exam, col(Exam.id) == col(Attempt.exam_id))
        .where(scope.attempts)
        .order_by(col(Attempt.started_at).desc().nulls_last(), col(Attempt.id))
        .limit(RECENT)
    )
    return [AttemptBrief.of(*row) for row in rows]


async def _with_people(tx: AsyncSession, figures: Iterable[tuple[UUID | None, Figures]]) -> list[PersonFigures]:
    known = [(person_id, found) for person_id, found in figures if person_id is not None]
    rows = await tx.execute(sa.select(Person).where(col(Person.id).in_([person_id for person_id, _ in known])))
    people = {person.id: person for person in rows.scalars()}
    return [
        PersonFigures(person=PersonRef.of(person_id, people.get(person_id)), figures=found)
        for person_id, found in known
    ]


async def _people_by_role(tx: AsyncSession, condition: Condition) -> dict[str, int]:
    rows = await tx.execute(
        sa.select(col(Person.role), sa.func.count())
        .where(condition, col(Person.is_deleted).is_(False))
        .group_by(col(Person.role))
        .order_by(col(Person.role))
    )
    return dict(rows.tuples().all())


async def _count(tx: AsyncSession, table: type[Any], condition: Condition) -> int:
    return await tx.scalar(sa.select(sa.func.count()).select_from(table).where(condition)) or 0


def _sat_exams(scope: Scope) -> Condition:
    return col(Exam.id).in_(sa.select(col(Attempt.exam_id)).where(scope.attempts))


def _students_of(classes: "sa.Select[Any] | list[UUID]") -> Condition:
    is_student = (col(Person.role) == "student") & col(Person.is_deleted).is_(False)
    return is_student & col(Person.class_id).in_(classes)


def _best(figures: dict[Any, Figures]) -> list[tuple[Any, Figures]]:
    """Those with marked attempts, the best average first."""
    marked = [(key, found) for key, found in figures.items() if found.average_percentage is not None]
    return sorted(marked, key=lambda entry: (-(entry[1].average_percentage or 0), -entry[1].marked, str(entry[0])))


def _busiest(figures: dict[Any, Figures]) -> list[tuple[Any, Figures]]:
    """The one with most attempts first."""
    return sorted(figures.items(), key=lambda entry: (-entry[1].started, str(entry[0])))
