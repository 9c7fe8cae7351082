"""Events a second from an outbox to a consumer's tables, over the bare broker's rate for the same messages."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg

from benchmarks.hall import Hall
from benchmarks.results import Figure
from chassis.ids import new_id
from chassis.kafka import new_consumer, new_producer
from examhall.servers import HOST
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState

EVENTS = 10_000
_PATIENCE_SECONDS = 120


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Writes changes of people into identity's outbox at once and waits until attempts has each of them in its tables."""
    ports = hall.ports()
    messages = {str(new_id()): b"" for _ in range(EVENTS)}
    for person_id in messages:
        state = PersonState(person_id=person_id, version=1, role="student", name="Some Body", is_active=True)
        messages[person_id] = PersonChanged(person=state).SerializeToString()
    identity = await asyncpg.connect(host=HOST, port=ports["postgres"], user="postgres", database="examhall_identity")
    attempts = await asyncpg.connect(host=HOST, port=ports["postgres"], user="postgres", database="examhall_attempts")
    known = await attempts.fetchval("SELECT count(*) FROM people")
    began = time.perf_counter()
    await identity.execute(
        "INSERT INTO outbox (event_id, topic, key, type, subject, payload)"
        " SELECT gen_random_uuid(), 'identity.people.v1', key, $3, key, payload FROM unnest($1::text[], $2::bytea[]) AS given(key, payload)",
        list(messages), list(messages.values()), PersonChanged.DESCRIPTOR.full_name,
    )  # fmt: skip
    while await attempts.fetchval("SELECT count(*) FROM people") < known + EVENTS:
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            raise RuntimeError("the events did not arrive")
        await asyncio.sleep(0.05)
    ours = EVENTS / (time.perf_counter() - began)
    await identity.close()
    await attempts.close()
    bare = await _bare(f"{HOST}:{ports['broker']}", messages)
    behind = f"{ours:.0f}/s into five services at once, against {bare:.0f}/s through the bare broker into one"
    yield Figure("events outbox → consumer / broker alone", f"{ours / bare:.2f}", "reported", behind)


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
