"""Events that stand side by side are taken in by one call where that is asked for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from aiokafka.partitioner import murmur2
from google.protobuf.message import Message
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.consuming import BATCH, Consumer, Delivery, Subscription, Together
from chassis.inbox import Event
from chassis.kafka import PARTITIONS
from chassis.testing import RunningService, eventually, running
from chassis.tests import sample
from chassis.tracing import set_up_tracing
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered, PersonState

TOPIC = "identity.people.v1"


@pytest.fixture
async def service(postgres_url: str, kafka: str, database_url: str) -> AsyncIterator[RunningService]:
    async with running(sample.build, postgres_url, kafka, database_url=database_url) as started:
        yield started


class Listener:
    """Takes registrations and deletions in together and changes one by one; writes down each call: the names, and the traces it belongs to.

    The name "poison" is trouble.
    """

    def __init__(self, service: RunningService) -> None:
        self.calls: list[list[str]] = []
        self.traces: list[list[str]] = []
        together = dict.fromkeys((PersonRegistered, PersonDeleted), Together(self._together))
        handlers = {**together, PersonChanged: self._one}
        self.consumer = Consumer(service.runtime, f"examhall.{uuid4()}", [Subscription(TOPIC, handlers)])

    async def _together(
        self, _: AsyncSession, heard: Sequence[tuple[PersonRegistered | PersonDeleted, Delivery]]
    ) -> None:
        names = [event.person.name if isinstance(event, PersonRegistered) else "gone" for event, _ in heard]
        assert all(
            isinstance(event, PersonDeleted) or delivery.key == event.person.person_id for event, delivery in heard
        )
        if "poison" in names:
            raise ValueError("a name that can't be")
        self.calls.append(names)
        current = trace.get_current_span()
        if isinstance(current, ReadableSpan):
            assert current.parent is not None
            contexts = [current.parent, *(link.context for link in current.links)]
            self.traces.append([trace.format_trace_id(context.trace_id) for context in contexts])

    async def _one(self, _: AsyncSession, event: PersonChanged, __: Delivery) -> None:
        self.calls.append([event.person.name])


def an_event(message: type[Message], name: str, trace_id: str = "", key: str = "") -> Event:
    """As it comes from the broker."""
    person = PersonState(person_id=key or str(uuid4()), name=name)
    payload = message(person=person).SerializeToString()
    traceparent = f"00-{trace_id}-00f067aa0ba902b7-01" if trace_id else None
    return Event(uuid4(), TOPIC, person.person_id, message.DESCRIPTOR.full_name, now(), payload, traceparent)


async def test_neighbours_of_a_type_are_taken_in_by_one_call_and_the_order_stays(service: RunningService) -> None:
    listener = Listener(service)
    told = [(PersonRegistered, "a"), (PersonRegistered, "b"), (PersonChanged, "c"), (PersonChanged, "d"), (PersonRegistered, "e")]  # fmt: skip
    events = [an_event(message, name) for message, name in told]
    await listener.consumer.handle(events)
    assert listener.calls == [["a", "b"], ["c"], ["d"], ["e"]]
    await listener.consumer.handle([*events, an_event(PersonRegistered, "f"), an_event(PersonRegistered, "g")])
    assert listener.calls[4:] == [["f", "g"]]


async def test_neighbours_of_several_types_that_have_one_handler_are_taken_in_by_one_call(
    service: RunningService,
) -> None:
    listener = Listener(service)
    gone = Event(uuid4(), TOPIC, "k", PersonDeleted.DESCRIPTOR.full_name, now(), b"", None)
    around = [an_event(PersonRegistered, name) for name in "abc"]
    await listener.consumer.handle([around[0], gone, around[1], an_event(PersonChanged, "one"), around[2]])
    assert listener.calls == [["a", "gone", "b"], ["one"], ["c"]]


async def test_of_a_batch_with_poison_in_it_all_but_its_key_is_taken_in(service: RunningService) -> None:
    """The events wait in one partition before the consumer begins, so that they are one batch."""
    listener, (bad, good) = Listener(service), _keys_of_one_partition(2)
    told = [("before", bad), ("other", good), ("poison", bad), ("after", bad), ("another", good)]
    events = [an_event(PersonRegistered, name, key=key) for name, key in told]
    for event in events:
        person = PersonRegistered.FromString(event.payload)
        await service.publish(TOPIC, event.key, person, event_id=event.event_id)
    consuming = asyncio.create_task(listener.consumer.run())
    try:
        await eventually(lambda: _are_in_inbox(service, {event.event_id for event in events}))
    finally:
        consuming.cancel()
        with suppress(asyncio.CancelledError):
            await consuming
    ours = [call for call in listener.calls if {*call} & {name for name, _ in told}]
    assert ours == [["before"], ["other"], ["another"]]
    letters = await service.database.pool.fetch("SELECT event_id FROM dead_letters ORDER BY id")
    assert [row["event_id"] for row in letters] == [events[2].event_id, events[3].event_id]


def _keys_of_one_partition(count: int) -> list[str]:
    """By Kafka's own partitioner."""
    keys = (str(uuid4()) for _ in range(1000))
    return [key for key in keys if (murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS == 0][:count]


async def _are_in_inbox(service: RunningService, ids: set[UUID]) -> bool:
    rows = await service.database.pool.fetch("SELECT event_id FROM inbox WHERE event_id = ANY($1)", list(ids))
    return len(rows) == len(ids)


async def test_what_is_done_for_many_events_belongs_to_the_traces_of_all(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.trace.set_tracer_provider", lambda _: None)
    provider = set_up_tracing("sample", "", 1.0)
    provider.sampler = ALWAYS_ON
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    listener = Listener(service)
    ids = [uuid4().hex for _ in range(BATCH)]
    await listener.consumer.handle([an_event(PersonRegistered, "a", each) for each in ids])
    assert listener.traces == [ids]
