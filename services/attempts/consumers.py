"""What attempts hears: exams and people, kept as copies, and attempts whose violations reached the limit.

Events may come twice and late: only a newer state replaces an older one, and an attempt is submitted once.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.exams.v1.events_pb2 import ExamArchived, ExamPublished, ExamScheduleChanged
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered
from proto.examhall.proctoring.v1.events_pb2 import ViolationLimitReached
from services.attempts.app_state import parts_of
from services.attempts.copies import keep_exam, keep_people
from services.attempts.submitting import submit_at_limit

log = structlog.get_logger()

PersonEvent = PersonRegistered | PersonChanged | PersonDeleted


async def take_in_publication(tx: AsyncSession, event: ExamPublished, delivery: Delivery) -> None:
    """Keeps the exam and fetches its paper now, so that starting needs nobody later."""
    exam = event.exam
    await parts_of(delivery.runtime).copies.paper(UUID(exam.exam_id), exam.version)
    await keep_exam(tx, exam)


async def take_in_exam(tx: AsyncSession, event: ExamScheduleChanged | ExamArchived, delivery: Delivery) -> None:
    """Keeps the exam's new state."""
    await keep_exam(tx, event.exam)


async def take_in_people(tx: AsyncSession, heard: Sequence[tuple[PersonEvent, Delivery]]) -> None:
    """Keeps people's new states, or that they are gone."""
    await keep_people(tx, [event if isinstance(event, PersonDeleted) else event.person for event, _ in heard])


async def end_attempt(tx: AsyncSession, event: ViolationLimitReached, delivery: Delivery) -> None:
    """Submits the attempt.

    In a transaction of its own: saves lock attempts in the order of their ids, and the one that takes in a batch of events would lock them in
    the order of the events, so that each could wait for the other. A repetition finds the attempt submitted.
    """
    async with delivery.runtime.database.session() as own:
        attempt = await submit_at_limit(own, UUID(event.attempt_id), event.violations, event.limit)
    outcome = "none_open" if attempt is None else attempt.submit_reason
    log.info("violation_limit_reached", attempt_id=event.attempt_id, violations=event.violations, outcome=outcome)


SUBSCRIPTIONS = (
    Subscription(
        "exams.exams.v1",
        {ExamPublished: take_in_publication, ExamScheduleChanged: take_in_exam, ExamArchived: take_in_exam},
    ),
    Subscription(
        "identity.people.v1",
        dict.fromkeys((PersonRegistered, PersonChanged, PersonDeleted), Together(take_in_people)),
    ),
    Subscription("proctoring.alerts.v1", {ViolationLimitReached: end_attempt}),
)
