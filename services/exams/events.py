"""From an exam's row and its version in force to the events that carry its whole public state: never content, keys or the access code."""

from collections.abc import Callable, Iterable
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import record_event, timestamp
from proto.examhall.exams.v1 import events_pb2
from services.exams.audience import Audience
from services.exams.rooms import Room
from services.exams.tables import Exam, ExamVersion

EXAMS = "exams.exams.v1"


def exam_state(exam: Exam, version: ExamVersion) -> events_pb2.ExamState:
    """What other services know of a published exam."""
    settings = version.settings_value
    return events_pb2.ExamState(
        exam_id=str(exam.id),
        revision=exam.revision,
        status=exam.status,
        version=version.version,
        title=version.title,
        subject=version.subject,
        kind=version.kind,
        instructor_id=str(exam.instructor_id),
        proctor_ids=[str(one) for one in exam.proctor_ids],
        evaluator_ids=[str(one) for one in exam.evaluator_ids],
        schedule=_schedule(exam),
        total_points=str(version.total_points),
        question_count=version.question_count,
        passing_percentage=str(settings.passing_percentage),
        allow_review_after_submit=settings.allow_review_after_submit,
        show_answers_after_submit=settings.show_answers_after_submit,
        release_automatically=settings.release_automatically,
        published_at=timestamp(exam.published_at),
    )


def _schedule(exam: Exam) -> events_pb2.Schedule:
    return events_pb2.Schedule(
        opens_at=timestamp(exam.opens_at),
        closes_at=timestamp(exam.closes_at),
        max_attempts=exam.max_attempts,
        needs_access_code=exam.access_code is not None,
        access_code_salt=exam.access_code_salt,
        access_code_sha256=exam.access_code_sha256,
        audience=_audience(exam.audience_value),
    )


def _audience(audience: Audience) -> events_pb2.Audience:
    return events_pb2.Audience(
        class_ids=map(str, audience.class_ids),
        specialization_ids=map(str, audience.specialization_ids),
        centre_ids=map(str, audience.centre_ids),
        levels=audience.levels,
        student_ids=map(str, audience.student_ids),
        is_everyone=audience.is_everyone,
    )


def exam_published(tx: AsyncSession, exam: Exam, version: ExamVersion) -> None:
    """Records that a version is frozen; the caller holds the exam's lock and has counted its revision up."""
    _record(tx, exam, version, events_pb2.ExamPublished)


def exam_schedule_changed(tx: AsyncSession, exam: Exam, version: ExamVersion) -> None:
    """Records that window, code, audience, attempts or staff changed, under the same conditions."""
    _record(tx, exam, version, events_pb2.ExamScheduleChanged)


def exam_archived(tx: AsyncSession, exam: Exam, version: ExamVersion) -> None:
    """Records that nobody starts the exam any more, under the same conditions."""
    _record(tx, exam, version, events_pb2.ExamArchived)


def exam_seating_changed(tx: AsyncSession, exam: Exam, rooms: Iterable[Room]) -> None:
    """Records the whole seating plan of a published exam, under the same conditions."""
    record_event(tx, EXAMS, exam.id, seating_event(exam.id, exam.revision, rooms))


def seating_event(exam_id: UUID, revision: int, rooms: Iterable[Room]) -> events_pb2.ExamSeatingChanged:
    """A plan as others are told of it."""
    return events_pb2.ExamSeatingChanged(
        exam_id=str(exam_id),
        revision=revision,
        rooms=[events_pb2.Room(name=room.name, student_ids=map(str, room.student_ids)) for room in rooms],
    )


def _record(tx: AsyncSession, exam: Exam, version: ExamVersion, event: Callable[..., Message]) -> None:
    record_event(tx, EXAMS, exam.id, event(exam=exam_state(exam, version)))
