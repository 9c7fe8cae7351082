"""What attempts hears: exams and people, kept as copies. Events may come twice and late; only a newer state replaces an older one."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription
from proto.examhall.exams.v1.events_pb2 import ExamArchived, ExamPublished, ExamScheduleChanged
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered
from services.attempts.app_state import parts_of
from services.attempts.copies import keep_exam, keep_person


async def take_in_publication(tx: AsyncSession, event: ExamPublished, delivery: Delivery) -> None:
    """Keeps the exam and fetches its paper now, so that starting needs nobody later."""
    exam = event.exam
    await parts_of(delivery.runtime).copies.paper(UUID(exam.exam_id), exam.version)
    await keep_exam(tx, exam)


async def take_in_exam(tx: AsyncSession, event: ExamScheduleChanged | ExamArchived, delivery: Delivery) -> None:
    """Keeps the exam's new state."""
    await keep_exam(tx, event.exam)


async def take_in_person(tx: AsyncSession, event: PersonRegistered | PersonChanged, delivery: Delivery) -> None:
    """Keeps the person's new state."""
    await keep_person(tx, UUID(event.person.person_id), event.person.version, event.person)


async def forget_person(tx: AsyncSession, event: PersonDeleted, delivery: Delivery) -> None:
    """Keeps that the person is gone."""
    await keep_person(tx, UUID(event.person_id), event.version, None)


SUBSCRIPTIONS = (
    Subscription(
        "exams.exams.v1",
        {ExamPublished: take_in_publication, ExamScheduleChanged: take_in_exam, ExamArchived: take_in_exam},
    ),
    Subscription(
        "identity.people.v1",
        {PersonRegistered: take_in_person, PersonChanged: take_in_person, PersonDeleted: forget_person},
    ),
)
