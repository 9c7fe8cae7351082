"""Copies of what other services tell: exams, people, classes, centres, attempts. A state that is not newer than the stored one changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.copies import keep_newer, keep_newest
from chassis.outbox import moment_of
from proto.examhall.attempts.v1.events_pb2 import AttemptState
from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.identity.v1.people_pb2 import CentreState, ClassState, PersonState
from proto.examhall.proctoring.v1.events_pb2 import IntegrityAssessed
from services.grading.tables import Attempt, Centre, Exam, Integrity, Person, SchoolClass


async def keep_exam(tx: AsyncSession, state: ExamState) -> None:
    """Stores what grading needs of an exam."""
    values = {
        "id": UUID(state.exam_id),
        "revision": state.revision,
        "title": state.title,
        "subject": state.subject,
        "instructor_id": UUID(state.instructor_id),
        "evaluator_ids": [UUID(evaluator_id) for evaluator_id in state.evaluator_ids],
        "allow_review_after_submit": state.allow_review_after_submit,
        "show_answers_after_submit": state.show_answers_after_submit,
        "closes_at": moment_of(state.schedule, "closes_at"),
        "release_automatically": state.release_automatically,
    }
    await keep_newer(tx, Exam, values, "revision")


async def keep_people(tx: AsyncSession, states: Sequence[PersonState]) -> None:
    """Stores people's names and numbers."""
    rows = [
        {
            "id": UUID(state.person_id),
            "version": state.version,
            "name": state.name,
            "registration_number": state.registration_number,
        }
        for state in states
    ]
    await keep_newest(tx, Person, rows)


async def keep_classes(tx: AsyncSession, states: Sequence[ClassState]) -> None:
    """Stores classes' names."""
    rows = [
        {
            "id": UUID(state.class_id),
            "version": state.version,
            "name": state.name,
            "section": state.section,
            "academic_year": state.academic_year,
        }
        for state in states
    ]
    await keep_newest(tx, SchoolClass, rows)


async def keep_centre(tx: AsyncSession, state: CentreState) -> None:
    """Stores a centre's name."""
    await keep_newer(tx, Centre, {"id": UUID(state.centre_id), "version": state.version, "name": state.name})


async def keep_attempts(tx: AsyncSession, states: Sequence[AttemptState], at: datetime) -> None:
    """Stores attempts' states; a submitted one is due to be marked."""
    rows = [
        {
            "id": UUID(state.attempt_id),
            "version": state.version,
            "exam_id": UUID(state.exam_id),
            "student_id": UUID(state.student_id),
            "number": state.number,
            "status": state.status,
            "centre_id": UUID(state.centre_id) if state.centre_id else None,
            "submitted_at": moment_of(state, "submitted_at"),
            "marking_due_at": at if state.status == "submitted" else None,
            "marking_tries": 0,
            "marking_error": "",
        }
        for state in states
    ]
    await keep_newest(tx, Attempt, rows)


async def keep_integrity(tx: AsyncSession, assessed: IntegrityAssessed) -> None:
    """Stores an attempt's integrity score."""
    values = {
        "attempt_id": UUID(assessed.attempt_id),
        "revision": assessed.revision,
        "score": Decimal(assessed.integrity_score),
        "level": assessed.level,
    }
    await keep_newer(tx, Integrity, values, "revision")
