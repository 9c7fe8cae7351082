"""Events that stand side by side are taken in by one call where that is asked for."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.consuming import Consumer, Delivery, Subscription, Together
from chassis.inbox import Event
from chassis.testing import RunningService, running
from chassis.tests import sample
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonRegistered, PersonState

TOPIC = "identity.people.v1"


@pytest.fixture
async def service(postgres_url: str, kafka: str, database_url: str) -> AsyncIterator[RunningService]:
    async with running(sample.build, postgres_url, kafka, database_url=database_url) as started:
        yield started


class Listener:
    """Takes registrations in together and changes one by one, and writes down each call: the names, and the traces it belongs to."""

    def __init__(self, service: RunningService) -> None:
        self.calls: list[list[str]] = []
        self.traces: list[list[str]] = []
        handlers = {PersonRegistered: Together(self._together), PersonChanged: self._one}
        self.consumer = Consumer(service.runtime, "examhall.sample", [Subscription(TOPIC, handlers)])

    async def _together(self, _: AsyncSession, heard: Sequence[tuple[PersonRegistered, Delivery]]) -> None:
        assert all(delivery.key == event.person.person_id for event, delivery in heard)
        self.calls.append([event.person.name for event, _ in heard])
        current = trace.get_current_span()
        if isinstance(current, ReadableSpan):
            assert current.parent is not None
            contexts = [current.parent, *(link.context for link in current.links)]
            self.traces.append([trace.format_trace_id(context.trace_id) for context in contexts])

    async def _one(self, _: AsyncSession, event: PersonChanged, __: Delivery) -> None:
        self.calls.append([event.person.name])


def an_event(message: type[Message], name: str, trace_id: str = "") -> Event:
    """As it comes from the broker."""
    person = PersonState(person_id=str(uuid4()), name=name)
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


async def test_what_is_done_for_many_events_belongs_to_the_traces_of_all(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", TracerProvider())
    listener = Listener(service)
    ids = [uuid4().hex for _ in range(3)]
    await listener.consumer.handle([an_event(PersonRegistered, "a", each) for each in ids])
    assert listener.traces == [ids]
