"""A small school with good defaults, told to a running analytics service the way the other services would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from google.protobuf.message import Message

from chassis.consuming import Consumer
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.outbox import timestamp
from chassis.testing import RunningService
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.grading.v1 import events_pb2 as grades
from proto.examhall.identity.v1 import people_pb2 as people
from services.analytics.consumers import SUBSCRIPTIONS

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def chose(*option_ids: str) -> attempts.Response:
    return attempts.Response(choice=attempts.Choice(option_ids=option_ids))


def typed(text: str) -> attempts.Response:
    return attempts.Response(text=text)


@dataclass(frozen=True)
class AnExam:
    """A published exam of questions that give one point each; half of the points pass."""

    instructor_id: UUID = field(default_factory=new_id)
    exam_id: UUID = field(default_factory=new_id)
    proctor_ids: tuple[UUID, ...] = ()
    title: str = "Circuits I"
    subject: str = "Physics"
    status: str = "published"
    revision: int = 1
    closes_at: datetime | None = None
    published_at: datetime = NINE

    def state(self) -> exams.ExamState:
        return exams.ExamState(
            exam_id=str(self.exam_id), revision=self.revision, version=1, status=self.status, title=self.title, subject=self.subject,
            kind="exam", instructor_id=str(self.instructor_id), proctor_ids=[str(one) for one in self.proctor_ids],
            passing_percentage="50", published_at=timestamp(self.published_at),
            schedule=exams.Schedule(closes_at=timestamp(self.closes_at)),
        )  # fmt: skip


@dataclass(frozen=True)
class AnAttempt:
    """An attempt at an exam, by default an hour's, of a student of no class."""

    exam: AnExam
    student_id: UUID = field(default_factory=new_id)
    attempt_id: UUID = field(default_factory=new_id)
    class_id: UUID | None = None
    centre_id: UUID | None = None
    started_at: datetime = NINE

    def state(self, status: str = "in_progress", version: int = 1) -> attempts.AttemptState:
        submitted_at = self.started_at + timedelta(hours=1) if status == "submitted" else None
        return attempts.AttemptState(
            attempt_id=str(self.attempt_id), version=version, exam_id=str(self.exam.exam_id), exam_version=1, number=1,
            student_id=str(self.student_id), status=status, class_id=str(self.class_id or ""), centre_id=str(self.centre_id or ""),
            started_at=timestamp(self.started_at), submitted_at=timestamp(submitted_at), question_count=3,
            submit_reason="student" if submitted_at else "", answered_count=3 if submitted_at else 0,
        )  # fmt: skip

    def grade(
        self, points: Mapping[str, str | None], *, revision: int = 1, is_released: bool = False,
        responses: Mapping[str, attempts.Response] | None = None, is_human: bool = False,
    ) -> grades.GradeState:  # fmt: skip
        """The grade that these points by question make, one point being all; None waits for a human."""
        given = responses or {}
        marks = [
            grades.QuestionMark(
                question_id=question_id,
                points_awarded=got or "",
                max_points="1",
                outcome=_outcome(got),
                is_human=is_human,
                topic="Ohm",
                response=given.get(question_id),
            )
            for question_id, got in points.items()
        ]
        score = sum((Decimal(got) for got in points.values() if got), Decimal(0))
        is_waiting = None in points.values()
        percentage = (100 * score / len(points)).quantize(Decimal("0.01"))
        return grades.GradeState(
            attempt_id=str(self.attempt_id), revision=revision, exam_id=str(self.exam.exam_id), student_id=str(self.student_id),
            status="waiting" if is_waiting else "finalized", is_released=is_released, score=str(score), max_score=str(len(points)),
            percentage="" if is_waiting else str(percentage), has_passed=not is_waiting and percentage >= 50, marks=marks,
            submitted_at=timestamp(self.started_at + timedelta(hours=1)), class_id=str(self.class_id or ""),
            centre_id=str(self.centre_id or ""),
        )  # fmt: skip


def _outcome(points: str | None) -> str:
    match points:
        case None:
            return "waiting"
        case "1":
            return "correct"
        case "0":
            return "wrong"
    return "partial"


@dataclass
class School:
    """A running analytics service with ways to tell it what happened. Each event comes a second after the one before."""

    service: RunningService
    at: datetime = NINE
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._consumer = Consumer(self.service.runtime, "test", SUBSCRIPTIONS)

    async def tell(self, topic: str, key: UUID | str, message: Message) -> None:
        """Takes in an event as the consumer does, inbox included."""
        self.at += timedelta(seconds=1)
        name = message.DESCRIPTOR.full_name
        self.told.append(Event(new_id(), topic, str(key), name, self.at, message.SerializeToString(), None))
        await self._consumer.handle(self.told[-1:])

    async def person(self, role: str, name: str = "Ada", **values: Any) -> UUID:
        person_id = values.pop("person_id", None) or new_id()
        texts = {key: str(value or "") for key, value in values.items()}
        state = people.PersonState(person_id=str(person_id), version=1, role=role, name=name, **texts)
        await self.tell("identity.people.v1", person_id, people.PersonRegistered(person=state))
        return person_id

    async def centre(self, name: str = "North") -> UUID:
        centre_id = new_id()
        state = people.CentreState(centre_id=str(centre_id), version=1, name=name, code=name[:1])
        await self.tell("identity.people.v1", centre_id, people.CentreChanged(centre=state))
        return centre_id

    async def school_class(self, *teacher_ids: UUID, centre_id: UUID | None = None) -> UUID:
        class_id = new_id()
        state = people.ClassState(
            class_id=str(class_id), version=1, name="10", section="A", academic_year="2026",
            centre_id=str(centre_id or ""), teacher_ids=[str(one) for one in teacher_ids],
        )  # fmt: skip
        await self.tell("identity.people.v1", class_id, people.ClassChanged(class_state=state))
        return class_id

    async def exam(self, **values: Any) -> AnExam:
        exam = AnExam(**values)
        await self.tell("exams.exams.v1", exam.exam_id, exams.ExamPublished(exam=exam.state()))
        return exam

    async def started(self, exam: AnExam, **values: Any) -> AnAttempt:
        attempt = AnAttempt(exam, **values)
        event = attempts.AttemptStarted(attempt=attempt.state())
        await self.tell("attempts.lifecycle.v1", attempt.attempt_id, event)
        return attempt

    async def saved(
        self, attempt: AnAttempt, question_id: str, revision: int, response: attempts.Response | None, *, flag: bool = False
    ) -> None:  # fmt: skip
        answer = attempts.SavedAnswer(question_id=question_id, revision=revision, response=response, is_flagged=flag)
        part = attempts.AttemptAnswers(attempt_id=str(attempt.attempt_id), answers=[answer])
        event = attempts.AnswersSaved(exam_id=str(attempt.exam.exam_id), attempts=[part])
        await self.tell("attempts.answers.v1", attempt.exam.exam_id, event)

    async def submitted(self, exam: AnExam, **values: Any) -> AnAttempt:
        attempt = await self.started(exam, **values)
        event = attempts.AttemptSubmitted(attempt=attempt.state("submitted", version=2))
        await self.tell("attempts.lifecycle.v1", attempt.attempt_id, event)
        return attempt

    async def graded(
        self, exam: AnExam, points: Mapping[str, str | None], *, is_released: bool = False,
        responses: Mapping[str, attempts.Response] | None = None, is_human: bool = False, **values: Any,
    ) -> AnAttempt:  # fmt: skip
        """A submitted attempt with a grade of these points by question."""
        attempt = await self.submitted(exam, **values)
        grade = attempt.grade(points, is_released=is_released, responses=responses, is_human=is_human)
        kind = grades.GradeReleased if is_released else grades.AttemptMarked
        await self.tell("grading.grades.v1", attempt.attempt_id, kind(grade=grade))
        return attempt

    async def get(self, client: httpx.AsyncClient, path: str, **query: Any) -> Any:
        """The JSON that a client gets, which must be there."""
        reply = await client.get(f"/api/v1/analytics/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def instructor(self, exam: AnExam) -> httpx.AsyncClient:
        return self.service.as_("instructor", exam.instructor_id)

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.service.as_("admin")
