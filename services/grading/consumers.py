"""Which events grading takes in. Marking itself is not done here: it asks other services, and no transaction should wait for them."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.consuming import Delivery, Subscription
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.identity.v1 import people_pb2 as identity
from proto.examhall.proctoring.v1 import events_pb2 as proctoring
from services.grading.copies import keep_attempt, keep_centre, keep_class, keep_exam, keep_integrity, keep_person
from services.grading.invalidating import take_in_review

AttemptEvent = (
    attempts.AttemptStarted
    | attempts.AttemptPaused
    | attempts.AttemptResumed
    | attempts.AttemptExtended
    | attempts.AttemptSubmitted
)
ExamEvent = exams.ExamPublished | exams.ExamScheduleChanged | exams.ExamArchived


async def take_in_attempt(tx: AsyncSession, event: AttemptEvent, _: Delivery) -> None:
    """An attempt is open, or waits to be marked."""
    await keep_attempt(tx, event.attempt, now())


async def take_in_exam(tx: AsyncSession, event: ExamEvent, _: Delivery) -> None:
    """An exam has other staff or settings."""
    await keep_exam(tx, event.exam)


async def take_in_person(
    tx: AsyncSession, event: identity.PersonRegistered | identity.PersonChanged, _: Delivery
) -> None:
    """Somebody is new or has another name."""
    await keep_person(tx, event.person)


async def take_in_class(tx: AsyncSession, event: identity.ClassChanged, _: Delivery) -> None:
    """A class is new or has another name."""
    await keep_class(tx, event.class_state)


async def take_in_centre(tx: AsyncSession, event: identity.CentreChanged, _: Delivery) -> None:
    """A centre is new or has another name."""
    await keep_centre(tx, event.centre)


async def take_in_judgement(tx: AsyncSession, event: proctoring.AttemptReviewed, _: Delivery) -> None:
    """A person has looked into an attempt: it counts, or it does not."""
    await take_in_review(tx, event)


async def take_in_integrity(tx: AsyncSession, event: proctoring.IntegrityAssessed, _: Delivery) -> None:
    """An attempt that is over has an integrity score, or another one."""
    await keep_integrity(tx, event)


SUBSCRIPTIONS = (
    Subscription(
        "attempts.lifecycle.v1",
        {
            attempts.AttemptStarted: take_in_attempt,
            attempts.AttemptPaused: take_in_attempt,
            attempts.AttemptResumed: take_in_attempt,
            attempts.AttemptExtended: take_in_attempt,
            attempts.AttemptSubmitted: take_in_attempt,
        },
    ),
    Subscription(
        "exams.exams.v1",
        {
            exams.ExamPublished: take_in_exam,
            exams.ExamScheduleChanged: take_in_exam,
            exams.ExamArchived: take_in_exam,
        },
    ),
    Subscription(
        "identity.people.v1",
        {
            identity.PersonRegistered: take_in_person,
            identity.PersonChanged: take_in_person,
            identity.ClassChanged: take_in_class,
            identity.CentreChanged: take_in_centre,
        },
    ),
    Subscription(
        "proctoring.reviews.v1",
        {proctoring.AttemptReviewed: take_in_judgement, proctoring.IntegrityAssessed: take_in_integrity},
    ),
)
