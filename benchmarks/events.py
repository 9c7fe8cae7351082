"""Events a second from an outbox to the tables of every service that hears them, over the bare broker's rate for the same messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from google.protobuf.message import Message

from benchmarks.hall import Hall
from benchmarks.results import Figure
from chassis.clock import now
from chassis.ids import new_id
from chassis.kafka import new_consumer, new_producer
from chassis.outbox import timestamp
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.paper import demonstrated
from examhall.rehearsal.staff import Staff
from examhall.servers import HOST
from proto.catalogue import STREAM, TOPICS
from proto.examhall.attempts.v1.events_pb2 import AttemptStarted, AttemptState
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState

EVENTS = 10_000
_PATIENCE_SECONDS = 120
_RECORD = (
    "INSERT INTO outbox (event_id, topic, key, type, subject, payload)"
    " SELECT gen_random_uuid(), $1, key, $2, key, payload FROM unnest($3::text[], $4::bytea[]) AS given(key, payload)"
)
_HEARD = "SELECT count(*) FROM inbox WHERE topic = $1"


@dataclass(frozen=True)
class _Told:
    """Events of one topic, by key, and the service that tells them."""

    service: str
    topic: str
    messages: dict[str, Message]

    @property
    def payloads(self) -> dict[str, bytes]:
        return {key: message.SerializeToString() for key, message in self.messages.items()}


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Writes changes of people into identity's outbox at once and waits until every service that hears them has all; then starts of an exam."""
    people = _people()
    hearers, ours = await _rate(hall, people)
    bare = await _bare(f"{HOST}:{hall.ports()['broker']}", people.payloads)
    behind = f"{ours:.0f}/s into {hearers} services at once, against {bare:.0f}/s through the bare broker into one"
    yield Figure("events outbox → consumer / broker alone", f"{ours / bare:.2f}", "reported", behind)
    hearers, ours = await _rate(hall, await _starts(hall))
    behind = f"{EVENTS} starts of one proctored exam into {hearers} services at once"
    yield Figure("starts outbox → tables", f"{ours:.0f}/s", "reported", behind)


def _people() -> _Told:
    ids = [str(new_id()) for _ in range(EVENTS)]
    values: dict[str, Any] = {"version": 1, "role": "student", "name": "Some Body", "is_active": True}
    messages = {each: PersonChanged(person=PersonState(person_id=each, **values)) for each in ids}
    return _Told("identity", "identity.people.v1", messages)


async def _starts(hall: Hall) -> _Told:
    async with Gateway(hall.address) as gateway:
        staff = Staff(gateway, ADMIN.email, DEMO_PASSWORD)
        await staff.sign_in()
        class_id, _ = await staff.make_students(1, "Starts")
        exam_id = await staff.make_exam("Starts", class_id, demonstrated(), proctoring=True)
    begun = now()
    messages = {}
    for _ in range(EVENTS):
        state = AttemptState(
            attempt_id=str(new_id()),
            version=1,
            exam_id=exam_id,
            exam_version=1,
            student_id=str(new_id()),
            number=1,
            status="in_progress",
            started_at=timestamp(begun),
            deadline_at=timestamp(begun + timedelta(hours=1)),
            question_count=5,
        )
        messages[state.attempt_id] = AttemptStarted(attempt=state)
    return _Told("attempts", "attempts.lifecycle.v1", messages)


async def _rate(hall: Hall, told: _Told) -> tuple[int, float]:
    """How many services hear the events, and how many a second all of them take in."""
    hearers = _services(told.topic)
    async with AsyncExitStack() as stack:
        teller = await _connected(stack, hall, told.service)
        databases = [await _connected(stack, hall, service) for service in hearers]
        wanted = [await database.fetchval(_HEARD, told.topic) + len(told.messages) for database in databases]
        kind = next(iter(told.messages.values())).DESCRIPTOR.full_name
        payloads = told.payloads
        began = time.perf_counter()
        await teller.execute(_RECORD, told.topic, kind, list(payloads), list(payloads.values()))
        for database, count in zip(databases, wanted, strict=True):
            while await database.fetchval(_HEARD, told.topic) < count:
                if time.perf_counter() - began > _PATIENCE_SECONDS:
                    raise RuntimeError("the events did not arrive")
                await asyncio.sleep(0.05)
        return len(hearers), len(told.messages) / (time.perf_counter() - began)


def _services(topic: str) -> Sequence[str]:
    """Those that take the topic in; not the stream, which has no database."""
    [heard] = [each.consumers for each in TOPICS if each.name == topic]
    return [service for service in heard if service != STREAM]


async def _connected(stack: AsyncExitStack, hall: Hall, service: str) -> asyncpg.Connection:
    port = hall.ports()["postgres"]
    connection = await asyncpg.connect(host=HOST, port=port, user="postgres", database=f"examhall_{service}")
    stack.push_async_callback(connection.close)
    return connection


async def _bare(broker: str, messages: dict[str, bytes]) -> float:
    producer, consumer = new_producer(broker), new_consumer(broker, ["bench.bare.v1"], "bench")
    await producer.start()
    await producer.send_and_wait("bench.bare.v1", b"warm", key=b"up")
    await consumer.start()
    taken = len(await _some(consumer))
    began = time.perf_counter()
    sent = [await producer.send("bench.bare.v1", payload, key=key.encode()) for key, payload in messages.items()]
    await asyncio.gather(*sent)
    while taken < len(messages):
        taken += len(await _some(consumer))
    seconds = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    return len(messages) / seconds


async def _some(consumer: object) -> list[object]:
    batches = await consumer.getmany(timeout_ms=2000)  # type: ignore[attr-defined]
    return [record for records in batches.values() for record in records]
