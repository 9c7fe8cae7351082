"""What taking events in leaves behind, so that a test can compare ways of taking them in."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message
from hypothesis import strategies as st

from chassis.clock import now
from chassis.consuming import Consumer, Subscription
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.outbox import PENDING
from chassis.testing import RunningService
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered, PersonState

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Left:
    """The rows of the tables asked for, and the events recorded, in their order by topic and key."""

    rows: dict[str, Rows]
    events: dict[tuple[str, str], list[bytes]]


async def left_by(
    service: RunningService,
    subscriptions: Sequence[Subscription],
    groups: Iterable[Sequence[Event]],
    *tables: str,
) -> Left:
    """What these groups of events leave, each taken in at once, with no inbox to drop what comes again; undone afterwards."""
    consumer = Consumer(service.runtime, "test", subscriptions)
    async with service.database.session() as tx:
        for group in groups:
            await consumer.apply(tx, group)
        rows = {}
        for table in tables:
            found = await tx.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2"))
            rows[table] = [tuple(row) for row in found]
        events: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
        for recorded in tx.info.pop(PENDING, []):
            events[recorded.topic, recorded.key].append(recorded.payload)
        await tx.rollback()
    return Left(rows, dict(events))


def one_by_one(events: Iterable[Event]) -> list[list[Event]]:
    """Each event a group of its own."""
    return [[event] for event in events]


def an_event(topic: str, key: str, message: Message) -> Event:
    """An event as it comes from the broker."""
    return Event(new_id(), topic, key, message.DESCRIPTOR.full_name, now(), message.SerializeToString(), None)


@st.composite
def people_told(draw: st.DrawFn) -> list[Event]:
    """What is told of a few people: new, changed and gone, the same more than once, old after new."""
    ids = draw(st.lists(st.uuids(), min_size=1, max_size=3, unique=True))
    kinds = st.sampled_from([PersonRegistered, PersonChanged, PersonDeleted])
    told = draw(st.lists(st.tuples(kinds, st.sampled_from(ids), st.integers(1, 5)), min_size=1, max_size=12))
    return [_a_person(*each) for each in told]


def _a_person(kind: Any, person_id: Any, version: int) -> Event:
    if kind is PersonDeleted:
        message = kind(person_id=str(person_id), version=version)
    else:
        values = {"name": f"Name {version}", "role": "student", "centre_id": str(person_id)}
        message = kind(person=PersonState(person_id=str(person_id), version=version, **values))
    return an_event("identity.people.v1", str(person_id), message)
