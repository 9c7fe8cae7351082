"""An exam hall for tests: the attempts service, running, beside small gRPC servers that answer for exams and identity."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.outbox import timestamp
from chassis.rpc import make_server
from chassis.testing import SECRET, RunningService, eventually, running, security_state
from proto.examhall.exams.v1 import events_pb2, papers_pb2
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsServicer, add_ExamsServicer_to_server
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityServicer, add_IdentityServicer_to_server
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.attempts.app import build

TYPES = {
    "single_choice": papers_pb2.SINGLE_CHOICE,
    "multiple_select": papers_pb2.MULTIPLE_SELECT,
    "true_false": papers_pb2.TRUE_FALSE,
    "short_answer": papers_pb2.SHORT_ANSWER,
    "numeric": papers_pb2.NUMERIC,
    "essay": papers_pb2.ESSAY,
}


class Peers(ExamsServicer, IdentityServicer):  # type: ignore[misc]
    """What exams and identity would answer."""

    def __init__(self) -> None:
        self.exams: dict[str, events_pb2.ExamState] = {}
        self.papers: dict[tuple[str, int], papers_pb2.Paper] = {}
        self.people: dict[str, PersonState] = {}
        self.calls: list[str] = []

    async def GetExam(self, request: Any, context: Any) -> events_pb2.ExamState:
        self.calls.append("GetExam")
        if request.exam_id not in self.exams:
            raise NotFound("There is no such exam.")
        return self.exams[request.exam_id]

    async def GetPaper(self, request: Any, context: Any) -> papers_pb2.Paper:
        self.calls.append("GetPaper")
        return self.papers[request.exam_id, request.version]

    async def GetPerson(self, request: Any, context: Any) -> PersonState:
        self.calls.append("GetPerson")
        if request.person_id not in self.people:
            raise NotFound("There is no such person.")
        return self.people[request.person_id]

    async def WatchSecurity(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        yield security_state()
        await asyncio.Event().wait()


def a_question(kind: str = "single_choice", options: int = 4, **values: Any) -> papers_pb2.Question:
    """A question of two points; choices get four options."""
    is_choice = kind in ("single_choice", "multiple_select")
    return papers_pb2.Question(
        question_id=str(new_id()),
        type=TYPES[kind],
        points="2",
        options=[papers_pb2.Option(option_id=str(new_id()), text=f"option {n}") for n in range(options * is_choice)],
        **{"text": f"A {kind} question", **values},
    )


@dataclass
class Exam:
    """An exam as the tests know it."""

    state: events_pb2.ExamState
    paper: papers_pb2.Paper

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.state.exam_id)

    @property
    def questions(self) -> list[papers_pb2.Question]:
        """All questions, in the author's order."""
        return [question for slot in self.paper.slots for question in slot.questions]


@dataclass
class Hall:
    """The running service, and what is in it."""

    service: RunningService
    peers: Peers
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def exam(
        self,
        questions: list[papers_pb2.Question] | None = None,
        *,
        settings: dict[str, Any] | None = None,
        access_code: str = "",
        audience: dict[str, Any] | None = None,
        opens_at: datetime | None = None,
        closes_at: datetime | None = None,
        max_attempts: int = 1,
        slots: list[papers_pb2.Slot] | None = None,
        version: int = 1,
        **state: Any,
    ) -> Exam:
        """A published exam of two questions for everyone, unless said otherwise."""
        exam_id = state.pop("exam_id", None) or str(new_id())
        questions = questions if questions is not None else [a_question(), a_question("short_answer")]
        schedule = events_pb2.Schedule(
            opens_at=timestamp(opens_at),
            closes_at=timestamp(closes_at),
            max_attempts=max_attempts,
            audience=events_pb2.Audience(**(audience or {"is_everyone": True})),
        )
        if access_code:
            schedule.needs_access_code = True
            schedule.access_code_salt = "salt"
            schedule.access_code_sha256 = hashlib.sha256(f"salt{access_code}".encode()).hexdigest()
        exam = Exam(
            events_pb2.ExamState(
                exam_id=exam_id,
                version=version,
                schedule=schedule,
                **{"revision": 1, "status": "published", "title": "Statics", "instructor_id": str(new_id()), **state},
            ),
            papers_pb2.Paper(
                exam_id=exam_id,
                version=version,
                title="Statics",
                slots=slots or [papers_pb2.Slot(draw=1, questions=[question]) for question in questions],
                settings=papers_pb2.ExamSettings(**{"duration_seconds": 3600, **(settings or {})}),
            ),
        )
        self.peers.exams[exam_id] = exam.state
        self.peers.papers[exam_id, version] = exam.paper
        return exam

    def student(self, **state: Any) -> httpx.AsyncClient:
        """A client signed in as a student who may sit exams; `client.person_id` says who."""
        person_id = new_id()
        self.peers.people[str(person_id)] = PersonState(
            person_id=str(person_id),
            **{"version": 1, "role": "student", "is_active": True, "is_eligible": True, **state},
        )
        client = self.service.as_("student", person_id)
        client.person_id = person_id  # type: ignore[attr-defined]
        return client

    def staff(self, role: str, person_id: UUID | str | None = None, centre_id: UUID | None = None) -> httpx.AsyncClient:
        """A client signed in as staff."""
        return self.service.as_(role, UUID(str(person_id)) if person_id else None, centre_id)

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, or what a change returns."""
        rows: list[Any] = await self.service.database.pool.fetch(statement, *values)
        return rows


async def start(client: httpx.AsyncClient, exam: Exam, **body: Any) -> dict[str, Any]:
    """Starts an exam and gives the attempt."""
    reply = await client.post("/api/v1/attempts", json={"exam_id": exam.id, **body})
    assert reply.status_code in (200, 201), reply.text
    attempt: dict[str, Any] = reply.json()
    return attempt


async def save(
    client: httpx.AsyncClient, attempt: dict[str, Any], question: Any, response: Any, revision: int = 1, **more: Any
) -> httpx.Response:
    """Saves one answer."""
    path = f"/api/v1/attempts/{attempt['id']}/answers/{question.question_id}"
    return await client.put(path, json={"revision": revision, "response": response, **more})


def problem(reply: httpx.Response) -> tuple[int, str]:
    """Status and slug of a refusal."""
    return reply.status_code, reply.json()["type"].rpartition("/")[2]


@asynccontextmanager
async def open_hall(postgres_url: str, kafka: str, **more: Any) -> AsyncIterator[Hall]:
    """Starts peers and service; more services on the same database with `database_url` and `peers`."""
    peers = more.pop("peers", None) or Peers()
    server = make_server(SECRET, {})
    add_ExamsServicer_to_server(peers, server)
    add_IdentityServicer_to_server(peers, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with running(
            build, postgres_url, kafka, peers={"exams": address, "identity": address}, **more
        ) as service:
            await eventually(service.runtime.security.is_ready.is_set)
            yield Hall(service, peers)
    finally:
        await server.stop(grace=None)
