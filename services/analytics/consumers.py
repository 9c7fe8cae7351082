"""Which events analytics takes in: every one of them, in any order."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.grading.v1 import events_pb2 as grades
from proto.examhall.identity.v1 import people_pb2 as people
from services.analytics import copies
from services.analytics.activities import note_activity
from services.analytics.moments import note_answers, note_attempt, note_grade


async def person_registered(tx: AsyncSession, event: people.PersonRegistered, delivery: Delivery) -> None:
    """Somebody is new."""
    await copies.keep_person(tx, event.person)
    await note_activity(tx, delivery, "person_registered", person_id=event.person.person_id)


async def person_changed(tx: AsyncSession, event: people.PersonChanged, _: Delivery) -> None:
    """Somebody has another name, role, class or centre."""
    await copies.keep_person(tx, event.person)


async def person_deleted(tx: AsyncSession, event: people.PersonDeleted, _: Delivery) -> None:
    """Somebody is gone."""
    await copies.forget_person(tx, event)


async def class_changed(tx: AsyncSession, event: people.ClassChanged, _: Delivery) -> None:
    """A class is new, has another name or other teachers."""
    await copies.keep_class(tx, event.class_state)


async def class_deleted(tx: AsyncSession, event: people.ClassDeleted, _: Delivery) -> None:
    """A class is gone."""
    await copies.forget_class(tx, event)


async def centre_changed(tx: AsyncSession, event: people.CentreChanged, _: Delivery) -> None:
    """A centre is new or has another name."""
    await copies.keep_centre(tx, event.centre)


async def exam_published(tx: AsyncSession, event: exams.ExamPublished, delivery: Delivery) -> None:
    """An exam has a version that can be sat."""
    await copies.keep_exam(tx, event.exam)
    await _exam_activity(tx, event.exam, delivery, "exam_published")


async def exam_schedule_changed(tx: AsyncSession, event: exams.ExamScheduleChanged, _: Delivery) -> None:
    """An exam has another window or other staff."""
    await copies.keep_exam(tx, event.exam)


async def exam_archived(tx: AsyncSession, event: exams.ExamArchived, delivery: Delivery) -> None:
    """An exam is over for good."""
    await copies.keep_exam(tx, event.exam)
    await _exam_activity(tx, event.exam, delivery, "exam_archived")


async def attempt_started(tx: AsyncSession, event: attempts.AttemptStarted, delivery: Delivery) -> None:
    """A student began."""
    await copies.keep_attempt(tx, event.attempt)
    await note_attempt(tx, event.attempt, "started", delivery.occurred_at)
    await _attempt_activity(tx, event.attempt, delivery, "attempt_started")


async def attempt_paused(tx: AsyncSession, event: attempts.AttemptPaused, delivery: Delivery) -> None:
    """The clock stands."""
    await copies.keep_attempt(tx, event.attempt)
    await note_attempt(tx, event.attempt, "paused", delivery.occurred_at, reason=event.reason)


async def attempt_resumed(tx: AsyncSession, event: attempts.AttemptResumed, delivery: Delivery) -> None:
    """The clock runs again."""
    await copies.keep_attempt(tx, event.attempt)
    await note_attempt(tx, event.attempt, "resumed", delivery.occurred_at)


async def attempt_extended(tx: AsyncSession, event: attempts.AttemptExtended, delivery: Delivery) -> None:
    """There is more time."""
    await copies.keep_attempt(tx, event.attempt)
    details = {"added_seconds": event.added_seconds, "reason": event.reason}
    await note_attempt(tx, event.attempt, "extended", delivery.occurred_at, **details)


async def attempt_submitted(tx: AsyncSession, event: attempts.AttemptSubmitted, delivery: Delivery) -> None:
    """The attempt is over."""
    await copies.keep_attempt(tx, event.attempt)
    details = {"reason": event.attempt.submit_reason, "answered_count": event.attempt.answered_count}
    await note_attempt(tx, event.attempt, "submitted", delivery.occurred_at, **details)
    await _attempt_activity(tx, event.attempt, delivery, "attempt_submitted")


async def answers_saved(tx: AsyncSession, heard: Sequence[tuple[attempts.AnswersSaved, Delivery]]) -> None:
    """Students answered, changed, flagged or cleared."""
    await note_answers(tx, [(event, delivery.occurred_at) for event, delivery in heard])


async def attempt_marked(tx: AsyncSession, event: grades.AttemptMarked, delivery: Delivery) -> None:
    """An attempt has a grade, or another one."""
    await _grade_changed(tx, event.grade, delivery, "marked")


async def grade_finalized(tx: AsyncSession, event: grades.GradeFinalized, delivery: Delivery) -> None:
    """The grade is final."""
    await _grade_changed(tx, event.grade, delivery, "finalized")


async def grade_released(tx: AsyncSession, event: grades.GradeReleased, delivery: Delivery) -> None:
    """The student may see the grade."""
    await _grade_changed(tx, event.grade, delivery, "released")
    if not event.grade.is_invalidated:
        await _released(tx, event.grade, delivery)


async def grade_hidden(tx: AsyncSession, event: grades.GradeHidden, delivery: Delivery) -> None:
    """The student may not see the grade any more."""
    await _grade_changed(tx, event.grade, delivery, "hidden")


async def grade_invalidated(tx: AsyncSession, event: grades.GradeInvalidated, delivery: Delivery) -> None:
    """The attempt counts no more."""
    await _grade_changed(tx, event.grade, delivery, "invalidated")


async def grade_reinstated(tx: AsyncSession, event: grades.GradeReinstated, delivery: Delivery) -> None:
    """The attempt counts again; a released grade is to be seen again."""
    await _grade_changed(tx, event.grade, delivery, "reinstated")
    if event.grade.is_released:
        await _released(tx, event.grade, delivery)


async def _released(tx: AsyncSession, grade: grades.GradeState, delivery: Delivery) -> None:
    ids = {"exam_id": grade.exam_id, "attempt_id": grade.attempt_id}
    await note_activity(tx, delivery, "grade_released", person_id=grade.student_id, **ids)


async def _grade_changed(tx: AsyncSession, grade: grades.GradeState, delivery: Delivery, kind: str) -> None:
    await copies.keep_grade(tx, grade)
    await note_grade(tx, grade, kind, delivery.occurred_at)


async def _exam_activity(tx: AsyncSession, exam: exams.ExamState, delivery: Delivery, kind: str) -> None:
    await note_activity(tx, delivery, kind, person_id=exam.instructor_id, exam_id=exam.exam_id)


async def _attempt_activity(tx: AsyncSession, attempt: attempts.AttemptState, delivery: Delivery, kind: str) -> None:
    ids = {"exam_id": attempt.exam_id, "attempt_id": attempt.attempt_id}
    await note_activity(tx, delivery, kind, person_id=attempt.student_id, **ids)


SUBSCRIPTIONS = (
    Subscription(
        "identity.people.v1",
        {
            people.PersonRegistered: person_registered,
            people.PersonChanged: person_changed,
            people.PersonDeleted: person_deleted,
            people.ClassChanged: class_changed,
            people.ClassDeleted: class_deleted,
            people.CentreChanged: centre_changed,
        },
    ),
    Subscription(
        "exams.exams.v1",
        {
            exams.ExamPublished: exam_published,
            exams.ExamScheduleChanged: exam_schedule_changed,
            exams.ExamArchived: exam_archived,
        },
    ),
    Subscription(
        "attempts.lifecycle.v1",
        {
            attempts.AttemptStarted: attempt_started,
            attempts.AttemptPaused: attempt_paused,
            attempts.AttemptResumed: attempt_resumed,
            attempts.AttemptExtended: attempt_extended,
            attempts.AttemptSubmitted: attempt_submitted,
        },
    ),
    Subscription("attempts.answers.v1", {attempts.AnswersSaved: Together(answers_saved)}),
    Subscription(
        "grading.grades.v1",
        {
            grades.AttemptMarked: attempt_marked,
            grades.GradeFinalized: grade_finalized,
            grades.GradeReleased: grade_released,
            grades.GradeHidden: grade_hidden,
            grades.GradeInvalidated: grade_invalidated,
            grades.GradeReinstated: grade_reinstated,
        },
    ),
)
