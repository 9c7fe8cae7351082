"""Tapes of events as the other services record them, drawn at random: a small society that changes, sits exams and is graded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import Message
from hypothesis import strategies as st

from chassis.inbox import Event
from chassis.outbox import timestamp
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.grading.v1 import events_pb2 as grades
from proto.examhall.identity.v1 import people_pb2 as people

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
Draw = Callable[..., object]

_names = st.sampled_from(["Ada", "Blaise", "Čeda", "=1+1"])
_places = st.integers(0, 2)
_responses = st.sampled_from(
    [
        attempts.Response(),
        attempts.Response(truth=False),
        attempts.Response(text="12 V"),
        attempts.Response(text="x" * 700),
        attempts.Response(choice=attempts.Choice(option_ids=["b", "a"])),
    ]
)


def identifier(kind: str, number: int) -> str:
    """A stable id, the same in every run."""
    return str(UUID(int=(sum(kind.encode()) << 64) + number + 1))


@dataclass
class Tape:
    """Events in the order in which their services recorded them, a second apart."""

    draw: Draw
    events: list[Event]

    def record(self, topic: str, key: str, message: Message) -> None:
        number = len(self.events)
        self.events.append(
            Event(
                UUID(int=number + 1),
                topic,
                key,
                message.DESCRIPTOR.full_name,
                BEGIN + timedelta(seconds=number),
                message.SerializeToString(),
                None,
            )
        )

    def person(self, number: int) -> None:
        person_id = identifier("person", number)
        for version in range(1, self.draw(st.integers(1, 3)) + 1):
            state = people.PersonState(
                person_id=person_id,
                version=version,
                role=self.draw(st.sampled_from(["student", "instructor"])),
                name=self.draw(_names),
                class_id=identifier("class", self.draw(_places)),
                centre_id=self.draw(st.sampled_from(["", identifier("centre", 0)])),
            )
            kind = people.PersonRegistered if version == 1 else people.PersonChanged
            self.record("identity.people.v1", person_id, kind(person=state))
        if self.draw(st.booleans()):
            self.record("identity.people.v1", person_id, people.PersonDeleted(person_id=person_id, version=version + 1))

    def school_class(self, number: int) -> None:
        class_id = identifier("class", number)
        for version in range(1, self.draw(st.integers(1, 3)) + 1):
            state = people.ClassState(class_id=class_id, version=version, name=self.draw(_names))
            state.teacher_ids.extend(identifier("person", one) for one in range(self.draw(_places)))
            self.record("identity.people.v1", class_id, people.ClassChanged(class_state=state))
        if self.draw(st.booleans()):
            self.record("identity.people.v1", class_id, people.ClassDeleted(class_id=class_id, version=version + 1))

    def centre(self, number: int) -> None:
        centre_id = identifier("centre", number)
        for version in (1, 2):
            state = people.CentreState(centre_id=centre_id, version=version, name=self.draw(_names), code="C")
            self.record("identity.people.v1", centre_id, people.CentreChanged(centre=state))

    def exam(self, number: int) -> None:
        exam_id = identifier("exam", number)
        kinds = [
            exams.ExamPublished,
            *self.draw(st.lists(st.sampled_from([exams.ExamPublished, exams.ExamScheduleChanged]), max_size=2)),
            *self.draw(st.sampled_from([[], [exams.ExamArchived]])),
        ]
        for revision, kind in enumerate(kinds, 1):
            state = exams.ExamState(
                exam_id=exam_id,
                revision=revision,
                version=1,
                status="archived" if kind is exams.ExamArchived else "published",
                title=self.draw(_names),
                subject=self.draw(_names),
                instructor_id=identifier("person", self.draw(_places)),
                passing_percentage=self.draw(st.sampled_from(["", "50", "62.5"])),
            )
            self.record("exams.exams.v1", exam_id, kind(exam=state))

    def attempt(self, number: int) -> None:
        state = attempts.AttemptState(
            attempt_id=identifier("attempt", number),
            exam_id=identifier("exam", self.draw(_places)),
            student_id=identifier("person", self.draw(_places)),
            number=1,
            status="in_progress",
            started_at=timestamp(BEGIN),
            class_id=identifier("class", self.draw(_places)),
            question_count=2,
        )
        self._step(state, attempts.AttemptStarted)
        for kind in self.draw(
            st.sampled_from(
                [
                    [],
                    [attempts.AttemptExtended],
                    [attempts.AttemptPaused, attempts.AttemptResumed],
                ]
            )
        ):
            state.status = "paused" if kind is attempts.AttemptPaused else "in_progress"
            self._step(state, kind)
        self._answers(state)
        if self.draw(st.booleans()):
            state.status, state.submit_reason, state.answered_count = "submitted", "student", 2
            state.submitted_at.CopyFrom(timestamp(BEGIN + timedelta(hours=1)))
            self._step(state, attempts.AttemptSubmitted)
            self._grade(state)

    def _step(self, state: attempts.AttemptState, kind: type[Message]) -> None:
        state.version += 1
        self.record("attempts.lifecycle.v1", state.attempt_id, kind(attempt=state))

    def _answers(self, state: attempts.AttemptState) -> None:
        for revision in range(1, self.draw(st.integers(1, 3)) + 1):
            saved = [
                attempts.SavedAnswer(
                    question_id=question_id,
                    revision=revision,
                    response=self.draw(_responses),
                    is_flagged=self.draw(st.booleans()),
                )
                for question_id in ("q1", "q2")
            ]
            part = attempts.AttemptAnswers(attempt_id=state.attempt_id, student_id=state.student_id, answers=saved)
            event = attempts.AnswersSaved(exam_id=state.exam_id, attempts=[part])
            self.record("attempts.answers.v1", state.exam_id, event)

    def _grade(self, state: attempts.AttemptState) -> None:
        kinds = [grades.AttemptMarked, grades.AttemptMarked, grades.GradeFinalized, grades.GradeReleased]
        kinds += [grades.GradeHidden, grades.GradeInvalidated, grades.GradeReinstated]
        for revision, kind in enumerate(kinds[: self.draw(st.integers(0, 7))], 1):
            question_ids = self.draw(st.lists(st.sampled_from(["q1", "q2", "q3"]), unique=True))
            marks = [
                grades.QuestionMark(
                    question_id=question_id,
                    points_awarded=self.draw(st.sampled_from(["", "0", "1.50", "2"])),
                    max_points="2",
                    outcome=self.draw(st.sampled_from(["correct", "wrong", "unanswered"])),
                    response=self.draw(_responses),
                )
                for question_id in question_ids
            ]
            grade = grades.GradeState(
                attempt_id=state.attempt_id,
                revision=revision,
                exam_id=state.exam_id,
                student_id=state.student_id,
                status="waiting" if revision == 1 else "marked" if revision == 2 else "finalized",
                is_released=kind is grades.GradeReleased,
                is_invalidated=kind is grades.GradeInvalidated,
                score="3",
                max_score="4",
                percentage="" if revision == 1 else "75.00",
                has_passed=True,
                marks=marks,
                submitted_at=state.submitted_at,
                class_id=state.class_id,
            )
            self.record("grading.grades.v1", state.attempt_id, kind(grade=grade))


@st.composite
def tapes(draw: Draw) -> list[Event]:
    """Everything that happened in one small society."""
    tape = Tape(draw, [])
    tape.centre(0)
    for number in range(draw(_places)):
        tape.person(number)
        tape.school_class(number)
    for number in range(draw(_places)):
        tape.exam(number)
    for number in range(draw(st.integers(1, 3))):
        tape.attempt(number)
    return tape.events


def shuffled_with_repeats(tape: list[Event]) -> st.SearchStrategy[list[Event]]:
    """Every event of the tape at least once, in any order, some more than once."""
    repeats = st.lists(st.sampled_from(tape), max_size=len(tape) // 2)
    return repeats.flatmap(lambda repeated: st.permutations(tape + repeated))
