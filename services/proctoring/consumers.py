"""Which events proctoring takes in, and which use case each one calls. They may come twice, late, and in another order across keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.identity.v1 import people_pb2 as identity
from proto.examhall.proctoring.v1 import events_pb2 as found
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring import attempts_heard, collusion_heard, findings
from services.proctoring.copies import forget_person, keep_exam, keep_people
from services.proctoring.replaying import wish_for_replay
from services.proctoring.seating_plans import take_in_plan
from services.proctoring.watching import know_version


async def take_in_publication(tx: AsyncSession, event: exams.ExamPublished, delivery: Delivery) -> None:
    """Keeps the exam and what its paper says, so that a start needs nobody later; a proctored one is watched."""
    await keep_exam(tx, event.exam)
    await know_version(tx, delivery.runtime, UUID(event.exam.exam_id), event.exam.version)


async def take_in_exam(tx: AsyncSession, event: exams.ExamScheduleChanged | exams.ExamArchived, _: Delivery) -> None:
    """Keeps the exam's new state."""
    await keep_exam(tx, event.exam)


async def take_in_people(
    tx: AsyncSession, heard: Sequence[tuple[identity.PersonRegistered | identity.PersonChanged, Delivery]]
) -> None:
    """Keeps people's new states."""
    await keep_people(tx, [event.person for event, _ in heard])


async def take_in_deletion(tx: AsyncSession, event: identity.PersonDeleted, _: Delivery) -> None:
    """Forgets a person."""
    await forget_person(tx, UUID(event.person_id), event.version)


SUBSCRIPTIONS = (
    # Alerts first: a proctor waits for them.
    # What ViolationLimitReached leads to is for attempts to decide: here it shows as the submission.
    Subscription("proctoring.alerts.v1", {found.AlertRaised: findings.take_in_alert}),
    Subscription(
        "identity.people.v1",
        {
            identity.PersonRegistered: Together(take_in_people),
            identity.PersonChanged: Together(take_in_people),
            identity.PersonDeleted: take_in_deletion,
        },
    ),
    Subscription(
        "exams.exams.v1",
        {
            exams.ExamPublished: take_in_publication,
            exams.ExamScheduleChanged: take_in_exam,
            exams.ExamArchived: take_in_exam,
            exams.ExamSeatingChanged: take_in_plan,
        },
    ),
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
            Together(attempts_heard.take_in_attempts),
        ),
    ),
    Subscription(
        "proctoring.collusion.v1",
        {
            found.PairAssessed: collusion_heard.take_in_pair,
            found.GroupFound: collusion_heard.take_in_group,
            found.CollusionProgress: collusion_heard.take_in_progress,
            found.ItemsCalibrated: collusion_heard.take_in_calibration,
        },
    ),
    Subscription("proctoring.risk.v1", {found.RiskAssessed: Together(findings.take_in_assessments)}),
    Subscription("proctoring.worker.v1", {stream.StateLost: wish_for_replay}),
)
