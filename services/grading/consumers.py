"""Which events grading takes in. Marking itself is not done here: it asks other services, and no transaction should wait for them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.identity.v1 import people_pb2 as identity
from proto.examhall.proctoring.v1 import events_pb2 as proctoring
from services.grading.copies import keep_attempts, keep_centre, keep_classes, keep_exam, keep_integrity, keep_people
from services.grading.invalidating import take_in_review

AttemptEvent = (
    attempts.AttemptStarted
    | attempts.AttemptPaused
    | attempts.AttemptResumed
    | attempts.AttemptExtended
    | attempts.AttemptSubmitted
)
ExamEvent = exams.ExamPublished | exams.ExamScheduleChanged | exams.ExamArchived


async def take_in_attempts(tx: AsyncSession, heard: Sequence[tuple[AttemptEvent, Delivery]]) -> None:
    """Attempts are open, or wait to be marked."""
    await keep_attempts(tx, [event.attempt for event, _ in heard], now())


async def take_in_exam(tx: AsyncSession, event: ExamEvent, _: Delivery) -> None:
    """An exam has other staff or settings."""
    await keep_exam(tx, event.exam)


async def take_in_people(
    tx: AsyncSession, heard: Sequence[tuple[identity.PersonRegistered | identity.PersonChanged, Delivery]]
) -> None:
    """People are new or have other names."""
    await keep_people(tx, [event.person for event, _ in heard])


async def take_in_classes(tx: AsyncSession, heard: Sequence[tuple[identity.ClassChanged, Delivery]]) -> None:
    """Classes are new or have other names."""
    await keep_classes(tx, [event.class_state for event, _ in heard])


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
        dict.fromkeys(
            (
                attempts.AttemptStarted,
                attempts.AttemptPaused,
                attempts.AttemptResumed,
                attempts.AttemptExtended,
                attempts.AttemptSubmitted,
            ),
            Together(take_in_attempts),
        ),
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
            identity.PersonRegistered: Together(take_in_people),
            identity.PersonChanged: Together(take_in_people),
            identity.ClassChanged: Together(take_in_classes),
            identity.CentreChanged: take_in_centre,
        },
    ),
    Subscription(
        "proctoring.reviews.v1",
        {proctoring.AttemptReviewed: take_in_judgement, proctoring.IntegrityAssessed: take_in_integrity},
    ),
)
