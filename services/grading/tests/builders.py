"""Exams, keys and attempts with good defaults, told to a running grading service the way its peers would."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import grpc
import httpx

from chassis.errors import Conflict, NotFound
from chassis.ids import new_id
from chassis.outbox import timestamp
from chassis.rpc import make_server
from chassis.testing import SECRET, RunningService, eventually, running
from proto.examhall.attempts.v1.attempts_pb2 import GetSubmissionRequest, Submission
from proto.examhall.attempts.v1.attempts_pb2_grpc import AttemptsServicer, add_AttemptsServicer_to_server
from proto.examhall.attempts.v1.events_pb2 import (
    AttemptStarted,
    AttemptState,
    AttemptSubmitted,
    Choice,
    Response,
    SavedAnswer,
)
from proto.examhall.exams.v1 import exams_pb2, keys_pb2, papers_pb2
from proto.examhall.exams.v1.events_pb2 import ExamPublished, ExamState, Schedule
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsServicer, add_ExamsServicer_to_server
from proto.examhall.identity.v1.people_pb2 import PersonRegistered, PersonState
from services.grading.app import build
from services.grading.tables import Attempt, Exam, Grade

SUBMITTED_AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
# Words that stand nowhere but in keys: nothing that a student can fetch may hold one before its time.
EXPLANATION, RUBRIC, SAMPLE = "canary-explanation", "canary-rubric", "canary-sample"
RIGHT_TEXT = "canary-accepted-form"


@dataclass
class AnExam:
    """An exam of three questions: single choice (2 points), short answer (2), essay (6); the right answers are `a` and RIGHT_TEXT."""

    exam_id: UUID = field(default_factory=new_id)
    instructor_id: UUID = field(default_factory=new_id)
    evaluator_ids: tuple[UUID, ...] = ()
    title: str = "Circuits I"
    version: int = 1
    revision: int = 1
    has_essay: bool = True
    choice_points: str = "2"
    release_automatically: bool = False
    allow_review: bool = False
    show_answers: bool = False
    closes_at: datetime | None = None

    @property
    def question_ids(self) -> list[str]:
        return ["choice", "short", "essay"] if self.has_essay else ["choice", "short"]

    def state(self) -> ExamState:
        return ExamState(
            exam_id=str(self.exam_id), revision=self.revision, status="published", version=self.version, title=self.title, subject="Physics",
            kind="exam", instructor_id=str(self.instructor_id), evaluator_ids=[str(one) for one in self.evaluator_ids],
            allow_review_after_submit=self.allow_review, show_answers_after_submit=self.show_answers,
            release_automatically=self.release_automatically, passing_percentage="50",
            schedule=Schedule(closes_at=timestamp(self.closes_at)),
        )  # fmt: skip

    def key(self) -> keys_pb2.AnswerKey:
        notes = {"explanation": EXPLANATION, "rubric": RUBRIC, "sample_answer": SAMPLE}
        keys = [
            keys_pb2.QuestionKey(
                question_id="choice", type=papers_pb2.SINGLE_CHOICE, points=self.choice_points, penalty="1", **notes,
                options=[keys_pb2.OptionKey(option_id="a", is_correct=True), keys_pb2.OptionKey(option_id="b")],
            ),
            keys_pb2.QuestionKey(
                question_id="short", type=papers_pb2.SHORT_ANSWER, points="2", accepted_forms=[RIGHT_TEXT], **notes
            ),
            keys_pb2.QuestionKey(question_id="essay", type=papers_pb2.ESSAY, points="6", **notes),
        ]  # fmt: skip
        questions = [
            papers_pb2.Question(
                question_id=key.question_id, type=key.type, text=f"Question {key.question_id}", points=key.points, topic="Ohm",
                options=[papers_pb2.Option(option_id=option.option_id, text=option.option_id.upper()) for option in key.options],
            )
            for key in keys
        ]  # fmt: skip
        return keys_pb2.AnswerKey(
            exam_id=str(self.exam_id),
            version=self.version,
            rules=keys_pb2.MarkingRules(floor_question_at_zero=True, floor_total_at_zero=True),
            questions=keys,
            paper=papers_pb2.Paper(
                slots=[papers_pb2.Slot(draw=1, questions=[question]) for question in questions],
                settings=papers_pb2.ExamSettings(passing_percentage="50"),
            ),
        )


@dataclass(frozen=True)
class AnAttempt:
    """An attempt at an exam; by default everything is right and the essay says something."""

    exam: AnExam
    attempt_id: UUID = field(default_factory=new_id)
    student_id: UUID = field(default_factory=new_id)
    class_id: UUID | None = None
    centre_id: UUID | None = None
    number: int = 1
    answers: Mapping[str, Response] = field(
        default_factory=lambda: {"choice": chose("a"), "short": typed(RIGHT_TEXT), "essay": typed("Since U = R I.")}
    )

    def state(self, status: str = "submitted", version: int = 2) -> AttemptState:
        return AttemptState(
            attempt_id=str(self.attempt_id), version=version, exam_id=str(self.exam.exam_id), exam_version=self.exam.version,
            student_id=str(self.student_id), number=self.number, status=status, class_id=str(self.class_id or ""),
            centre_id=str(self.centre_id or ""), submitted_at=timestamp(SUBMITTED_AT) if status == "submitted" else None,
        )  # fmt: skip

    def submission(self) -> Submission:
        answers = [
            SavedAnswer(question_id=question_id, revision=1, response=response)
            for question_id, response in self.answers.items()
        ]
        return Submission(attempt=self.state(), question_ids=self.exam.question_ids, answers=answers)


def chose(*option_ids: str) -> Response:
    return Response(choice=Choice(option_ids=option_ids))


def typed(text: str) -> Response:
    return Response(text=text)


@dataclass
class Peers(AttemptsServicer, ExamsServicer):  # type: ignore[misc]
    """Attempts and exams as far as grading asks them; `are_away` makes them unreachable."""

    attempts: dict[str, AnAttempt] = field(default_factory=dict)
    exams: dict[str, AnExam] = field(default_factory=dict)
    open_attempts: set[str] = field(default_factory=set)
    are_away: bool = False
    asked: list[str] = field(default_factory=list)

    async def GetSubmission(self, request: GetSubmissionRequest, context: Any) -> Submission:
        await self._ask("GetSubmission", context)
        if request.attempt_id in self.open_attempts:
            raise Conflict("The attempt is open.")
        if request.attempt_id not in self.attempts:
            raise NotFound("There is no such attempt.")
        return self.attempts[request.attempt_id].submission()

    async def GetExam(self, request: exams_pb2.GetExamRequest, context: Any) -> ExamState:
        await self._ask("GetExam", context)
        return self.exams[request.exam_id].state()

    async def GetAnswerKey(self, request: exams_pb2.GetVersionRequest, context: Any) -> keys_pb2.AnswerKey:
        await self._ask("GetAnswerKey", context)
        return replace(self.exams[request.exam_id], version=request.version).key()

    async def _ask(self, method: str, context: Any) -> None:
        self.asked.append(method)
        if self.are_away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")


@dataclass
class Office:
    """A running grading service with ways to fill it."""

    service: RunningService
    peers: Peers

    async def knows(self, exam: AnExam) -> AnExam:
        """Tells of a published exam and waits until grading has it."""
        self.peers.exams[str(exam.exam_id)] = exam
        await self.service.publish("exams.exams.v1", exam.exam_id, ExamPublished(exam=exam.state()))

        async def is_known() -> bool:
            async with self.service.database.session() as tx:
                found = await tx.get(Exam, exam.exam_id)
            return found is not None and found.revision == exam.revision

        await eventually(is_known)
        return exam

    async def knows_person(self, person_id: UUID, name: str, registration_number: str = "") -> None:
        state = PersonState(
            person_id=str(person_id), version=1, role="student", name=name, registration_number=registration_number
        )
        await self.service.publish("identity.people.v1", person_id, PersonRegistered(person=state))

    async def started(self, attempt: AnAttempt) -> AnAttempt:
        """Tells of an open attempt and waits until grading has it."""
        self.peers.attempts[str(attempt.attempt_id)] = attempt
        event = AttemptStarted(attempt=attempt.state("in_progress", version=1))
        await self.service.publish("attempts.lifecycle.v1", attempt.attempt_id, event)
        await eventually(lambda: self.row(Attempt, attempt.attempt_id))
        return attempt

    async def submitted(self, attempt: AnAttempt) -> AnAttempt:
        """Tells of a submitted attempt."""
        self.peers.attempts[str(attempt.attempt_id)] = attempt
        event = AttemptSubmitted(attempt=attempt.state())
        await self.service.publish("attempts.lifecycle.v1", attempt.attempt_id, event)
        return attempt

    async def marked(self, exam: AnExam, **values: Any) -> AnAttempt:
        """A submitted attempt that has its grade."""
        attempt = await self.submitted(AnAttempt(exam, **values))
        await self.grade(attempt)
        return attempt

    async def grade(self, attempt: AnAttempt) -> Grade:
        """The grade of an attempt, once it is there."""
        found = await eventually(lambda: self.row(Grade, attempt.attempt_id))
        assert isinstance(found, Grade)
        return found

    async def row(self, table: type[Any], identifier: Any) -> Any:
        async with self.service.database.session() as tx:
            return await tx.get(table, identifier)

    async def events(self) -> list[tuple[str, Any]]:
        """(type, grade) of every event of grades, oldest first."""
        return [(kind, event.grade) for kind, event in await self.service.recorded("grading.grades.v1")]

    def instructor(self, exam: AnExam) -> httpx.AsyncClient:
        return self.service.as_("instructor", exam.instructor_id)

    def student(self, attempt: AnAttempt) -> httpx.AsyncClient:
        return self.service.as_("student", attempt.student_id)

    async def give(
        self, exam: AnExam, attempt: AnAttempt, points: str, if_match: int | None = None, **values: Any
    ) -> httpx.Response:
        """The instructor marks the essay."""
        headers = {} if if_match is None else {"If-Match": f'"v{if_match}"'}
        body = {"marks": [{"question_id": "essay", "points": points, **values}]}
        path = f"/api/v1/grading/attempts/{attempt.attempt_id}/marks"
        return await self.instructor(exam).post(path, json=body, headers=headers)

    async def lead(self, exam: AnExam, step: str) -> httpx.Response:
        """The instructor finalizes, releases or hides."""
        return await self.instructor(exam).post(f"/api/v1/grading/exams/{exam.exam_id}/{step}")


@asynccontextmanager
async def an_office(postgres_url: str, kafka: str, **settings: Any) -> AsyncIterator[Office]:
    peers = Peers()
    server = make_server(SECRET, {})
    add_AttemptsServicer_to_server(peers, server)
    add_ExamsServicer_to_server(peers, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        known = {"attempts": address, "exams": address}
        quick = {"marking_poll_milliseconds": 20, **settings}
        async with running(build, postgres_url, kafka, peers=known, settings=quick) as service:
            yield Office(service, peers)
    finally:
        await server.stop(grace=None)
