"""An author's office for tests: the exams service, running, beside a small gRPC server that answers for identity; and things to put into it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.rpc import make_server
from chassis.testing import SECRET, RunningService, eventually, running, security_state
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsStub
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityServicer, add_IdentityServicer_to_server
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.exams.app import build

Json = dict[str, Any]

RIGHT, WRONG = {"text": "right", "is_correct": True}, {"text": "wrong", "is_correct": False}
QUESTIONS: dict[str, Json] = {
    "single_choice": {"options": [RIGHT, WRONG]},
    "multiple_select": {
        "options": [{**RIGHT, "credit": "1.50"}, {"text": "too", "is_correct": True, "credit": "0.50"}, WRONG]
    },
    "true_false": {"correct_truth": True},
    "short_answer": {"accepted_forms": ["creep", "creeping"]},
    "numeric": {"numeric": {"value": "9.81", "absolute_tolerance": "0.01", "unit": "m/s²", "unit_required": True}},
    "essay": {"max_characters": 2000, "rubric": "two arguments", "sample_answer": "It depends."},
}
EVERYONE = {"audience": {"is_everyone": True}}


def a_question(kind: str = "single_choice", **values: Any) -> Json:
    """The body of a complete question worth two points."""
    return {"type": kind, "text": f"A {kind} question", "points": "2", **QUESTIONS[kind], **values}


class Registry(IdentityServicer):  # type: ignore[misc]
    """What identity would answer."""

    def __init__(self) -> None:
        self.people: dict[str, PersonState] = {}
        self.asked: list[str] = []

    async def GetPerson(self, request: Any, context: Any) -> PersonState:
        self.asked.append(request.person_id)
        if request.person_id not in self.people:
            raise NotFound("There is no such person.")
        return self.people[request.person_id]

    async def WatchSecurity(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        yield security_state()
        await asyncio.Event().wait()


@dataclass
class Office:
    """The running service and what is in it; `author` is an instructor who writes exams."""

    service: RunningService
    registry: Registry
    stop_registry: Callable[[], Awaitable[None]]
    author_id: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        self.author = self.service.as_("instructor", self.author_id)
        self.admin = self.service.as_("admin")
        self.stub = ExamsStub(self.service.channel())

    def person(self, role: str, **fields: Any) -> UUID:
        """Somebody whom identity knows."""
        person_id = new_id()
        texts = {name: str(value) for name, value in fields.items()}
        self.registry.people[str(person_id)] = PersonState(person_id=str(person_id), version=1, role=role, **texts)
        return person_id

    def student(self, **fields: Any) -> httpx.AsyncClient:
        """A client of a student whom identity knows."""
        return self.service.as_("student", self.person("student", **fields))

    async def draft(self, *questions: Json, client: httpx.AsyncClient | None = None, **values: Any) -> Json:
        """An exam with these questions, one single choice when none are given; not published."""
        client = client or self.author
        body = {"title": "Mechanics", "subject": "Engineering", "kind": "exam", **values}
        exam = await made(client, "/api/v1/exams", body)
        for question in questions or (a_question(),):
            await made(client, f"/api/v1/exams/{exam['id']}/questions", {"question": question})
        return exam

    async def published(
        self, *questions: Json, client: httpx.AsyncClient | None = None, schedule: Json = EVERYONE, **values: Any
    ) -> Json:
        """Such an exam, published to everyone."""
        client = client or self.author
        exam = await self.draft(*questions, client=client, **values)
        await done(client.put(f"/api/v1/exams/{exam['id']}/schedule", json=schedule))
        return await done(client.post(f"/api/v1/exams/{exam['id']}/publish"))

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, or what a change returns."""
        rows: list[Any] = await self.service.database.pool.fetch(statement, *values)
        return rows


async def made(client: httpx.AsyncClient, path: str, body: Json) -> Json:
    """What a POST made."""
    reply = await client.post(path, json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def done(request: Any) -> Any:
    """The reply of a request that is to succeed."""
    reply = await request
    assert reply.status_code == 200, reply.text
    return reply.json()


def rules(reply: httpx.Response) -> list[tuple[str, str]]:
    """Field and rule of every fault in a refusal."""
    assert reply.status_code == 422, reply.text
    return [(error["field"], error["rule"]) for error in reply.json()["errors"]]


def problem(reply: httpx.Response) -> tuple[int, str]:
    """Status and slug of a refusal."""
    return reply.status_code, reply.json()["type"].rpartition("/")[2]


@asynccontextmanager
async def open_office(postgres_url: str, kafka: str) -> AsyncIterator[Office]:
    """Starts identity's stand-in and the service."""
    registry = Registry()
    server = make_server(SECRET, {})
    add_IdentityServicer_to_server(registry, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with running(build, postgres_url, kafka, peers={"identity": address}) as service:
            await eventually(service.runtime.security.is_ready.is_set)
            yield Office(service, registry, lambda: server.stop(grace=None))
    finally:
        await server.stop(grace=None)
