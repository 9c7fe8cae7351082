"""Which events analytics takes in: every one of them, in any order."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.grading.v1 import events_pb2 as grades
from proto.examhall.identity.v1 import people_pb2 as people
from services.analytics import copies
from services.analytics.activities import Line, note_activities
from services.analytics.moments import Marking, Step, note_answers, note_markings, note_steps

PersonEvent = people.PersonRegistered | people.PersonChanged | people.PersonDeleted
ClassEvent = people.ClassChanged | people.ClassDeleted
AttemptEvent = (
    attempts.AttemptStarted
    | attempts.AttemptPaused
    | attempts.AttemptResumed
    | attempts.AttemptExtended
    | attempts.AttemptSubmitted
)
GradeEvent = (
    grades.AttemptMarked
    | grades.GradeFinalized
    | grades.GradeReleased
    | grades.GradeHidden
    | grades.GradeInvalidated
    | grades.GradeReinstated
)
_STEPS = {
    grades.AttemptMarked: "marked",
    grades.GradeFinalized: "finalized",
    grades.GradeReleased: "released",
    grades.GradeHidden: "hidden",
    grades.GradeInvalidated: "invalidated",
    grades.GradeReinstated: "reinstated",
}


async def people_told(tx: AsyncSession, heard: Sequence[tuple[PersonEvent, Delivery]]) -> None:
    """People are new, have another name, role, class or centre, or are gone."""
    await copies.keep_people(
        tx, [event if isinstance(event, people.PersonDeleted) else event.person for event, _ in heard]
    )
    lines = [
        Line(delivery, "person_registered", person_id=event.person.person_id, centre_id=event.person.centre_id)
        for event, delivery in heard
        if isinstance(event, people.PersonRegistered)
    ]
    await note_activities(tx, lines)


async def classes_told(tx: AsyncSession, heard: Sequence[tuple[ClassEvent, Delivery]]) -> None:
    """Classes are new, have another name or other teachers, or are gone."""
    await copies.keep_classes(
        tx, [event if isinstance(event, people.ClassDeleted) else event.class_state for event, _ in heard]
    )


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


async def attempts_told(tx: AsyncSession, heard: Sequence[tuple[AttemptEvent, Delivery]]) -> None:
    """Students began or submitted, a clock stands or runs again, there is more time."""
    await copies.keep_attempts(tx, [event.attempt for event, _ in heard])
    await note_steps(tx, [_step(event, delivery.occurred_at) for event, delivery in heard])
    kinds = {attempts.AttemptStarted: "attempt_started", attempts.AttemptSubmitted: "attempt_submitted"}
    lines = [
        _attempt_line(event.attempt, delivery, kinds[type(event)]) for event, delivery in heard if type(event) in kinds
    ]
    await note_activities(tx, lines)


def _step(event: AttemptEvent, at: datetime) -> Step:
    match event:
        case attempts.AttemptStarted():
            return Step(event.attempt, "started", at, {})
        case attempts.AttemptPaused():
            return Step(event.attempt, "paused", at, {"reason": event.reason})
        case attempts.AttemptResumed():
            return Step(event.attempt, "resumed", at, {})
        case attempts.AttemptExtended():
            details = {"added_seconds": event.added_seconds, "reason": event.reason}
            return Step(event.attempt, "extended", at, details)
        case attempts.AttemptSubmitted():
            details = {"reason": event.attempt.submit_reason, "answered_count": event.attempt.answered_count}
            return Step(event.attempt, "submitted", at, details)


async def answers_saved(tx: AsyncSession, heard: Sequence[tuple[attempts.AnswersSaved, Delivery]]) -> None:
    """Students answered, changed, flagged or cleared."""
    await note_answers(tx, [(event, delivery.occurred_at) for event, delivery in heard])


async def grades_told(tx: AsyncSession, heard: Sequence[tuple[GradeEvent, Delivery]]) -> None:
    """Attempts have grades, or other ones, or such as count or are to be seen, or no more."""
    await copies.keep_grades(tx, [event.grade for event, _ in heard])
    await note_markings(
        tx, [Marking(event.grade, _STEPS[type(event)], delivery.occurred_at) for event, delivery in heard]
    )
    await note_activities(tx, [_released(event.grade, delivery) for event, delivery in heard if _is_release(event)])


def _is_release(event: GradeEvent) -> bool:
    """Whether the student may see the grade from now on; a released one that counts again is to be seen again."""
    match event:
        case grades.GradeReleased():
            return not event.grade.is_invalidated
        case grades.GradeReinstated():
            return bool(event.grade.is_released)
    return False


def _released(grade: grades.GradeState, delivery: Delivery) -> Line:
    return Line(delivery, "grade_released", grade.student_id, grade.exam_id, grade.attempt_id, grade.centre_id)


async def _exam_activity(tx: AsyncSession, exam: exams.ExamState, delivery: Delivery, kind: str) -> None:
    await note_activities(tx, [Line(delivery, kind, exam.instructor_id, exam.exam_id)])


def _attempt_line(attempt: attempts.AttemptState, delivery: Delivery, kind: str) -> Line:
    return Line(delivery, kind, attempt.student_id, attempt.exam_id, attempt.attempt_id, attempt.centre_id)


SUBSCRIPTIONS = (
    Subscription(
        "identity.people.v1",
        {
            people.PersonRegistered: Together(people_told),
            people.PersonChanged: Together(people_told),
            people.PersonDeleted: Together(people_told),
            people.ClassChanged: Together(classes_told),
            people.ClassDeleted: Together(classes_told),
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
        dict.fromkeys(
            (
                attempts.AttemptStarted,
                attempts.AttemptPaused,
                attempts.AttemptResumed,
                attempts.AttemptExtended,
                attempts.AttemptSubmitted,
            ),
            Together(attempts_told),
        ),
    ),
    Subscription("attempts.answers.v1", {attempts.AnswersSaved: Together(answers_saved)}),
    Subscription("grading.grades.v1", dict.fromkeys(_STEPS, Together(grades_told))),
)
