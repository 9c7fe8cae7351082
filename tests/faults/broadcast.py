"""Events put on the broker by a test, and whether every consumer has read to the end of every topic."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.kafka import LOG_GENERATION, PARTITIONS, new_admin, new_log_reader, new_producer
from examhall.places import SERVICES, kept, naming
from examhall.tests.machine import Machine
from proto.catalogue import TOPICS, consumer_groups
from tests.faults.agreement import rows

_READ_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Event:
    """An event as it stands in an outbox; `generation` is that of its topic's log, so that no consumer takes the log for a new one."""

    event_id: UUID
    topic: str
    key: str
    type: str
    payload: bytes
    occurred_at: datetime
    generation: int = 1

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Its CloudEvents attributes."""
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(self.event_id).encode()),
            ("ce_type", self.type.encode()),
            ("ce_source", b"/examhall/faults"),
            ("ce_subject", self.key.encode()),
            ("ce_time", self.occurred_at.isoformat().encode()),
            ("content-type", b"application/protobuf"),
            (LOG_GENERATION, str(self.generation).encode()),
        ]


def all_events(up: Machine) -> list[Event]:
    """Every event of every outbox."""
    query = (
        "SELECT event_id, topic, key, type, payload, occurred_at, coalesce(generation, 1)"
        " FROM outbox LEFT JOIN outbox_log USING (topic) WHERE topic NOT LIKE '%.dlq' ORDER BY outbox.id"
    )
    return [Event(*row) for service in SERVICES for row in rows(up, service, query)]


def publish(up: Machine, events: Iterable[Event]) -> None:
    """Sends the events in this order."""
    asyncio.run(_publish(_address(up), [(each.topic, each.key, each.payload, each.headers) for each in events]))


def publish_bytes(up: Machine, topic: str, key: str, content: bytes) -> None:
    """Sends something that is no event at all."""
    asyncio.run(_publish(_address(up), [(topic, key, content, [])]))


def wait_until_all_is_read(up: Machine) -> None:
    """Waits until every consumer group has committed the end of each of its topics' partitions."""
    asyncio.run(_read_to_the_end(_address(up)))


def _address(up: Machine) -> str:
    return kept(up.folder, up.port).servers(naming(up.record.named)).broker


async def _publish(address: str, messages: Iterable[tuple[str, str, bytes, list[tuple[str, bytes]]]]) -> None:
    producer = new_producer(address)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, payload, key=key.encode(), headers=headers)
            for topic, key, payload, headers in messages
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _read_to_the_end(address: str) -> None:
    admin, reader = new_admin(address), new_log_reader(address)
    try:
        await admin.start()
        await reader.start()
        async with asyncio.timeout(_READ_SECONDS):
            for topic in TOPICS:
                partitions = [TopicPartition(topic.name, number) for number in range(PARTITIONS)]
                ends = await reader.end_offsets(partitions)
                for group in consumer_groups(topic.name):
                    while not await _has_read(admin, group, ends):  # noqa: ASYNC110, what is looked at is another process
                        await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await reader.stop()
        await admin.close()


async def _has_read(admin: AIOKafkaAdminClient, group: str, ends: dict[TopicPartition, int]) -> bool:
    committed = await admin.list_consumer_group_offsets(group, partitions=list(ends))
    return all(end == 0 or (where in committed and committed[where].offset >= end) for where, end in ends.items())
