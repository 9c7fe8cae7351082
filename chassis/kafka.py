"""Kafka clients as Examhall uses them, and the topics an installation needs on a real cluster."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

PARTITIONS = 4
MAX_MESSAGE_BYTES = 1_000_000
CLOSE_SECONDS = 3.0
LOG_GENERATION = "examhall-log"  # header: which log of the topic a message belongs to; see chassis/relay.py


def commit_metadata(generation: int) -> str:
    """What a consumer commits beside its offset: the generation of the log that it read."""
    return f"log={generation}"


def new_producer(bootstrap_servers: str) -> AIOKafkaProducer:
    """An idempotent producer that answers only when all in-sync replicas have the message."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
    )


def new_consumer(bootstrap_servers: str, topics: Iterable[str], group: str) -> AIOKafkaConsumer:
    """A consumer in a group that starts at the beginning and commits only when told."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=3_600_000,  # a handler may wait long for a broken dependency; the group must not take its partition away
        max_poll_records=500,
        request_timeout_ms=15_000,
        metadata_max_age_ms=10_000,
        fetch_max_wait_ms=100,
    )


def new_log_reader(bootstrap_servers: str) -> AIOKafkaConsumer:
    """A consumer outside any group, for asking how long a log is."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=None, enable_auto_commit=False, request_timeout_ms=5_000
    )


def new_admin(bootstrap_servers: str) -> AIOKafkaAdminClient:
    """An admin client."""
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5_000)


async def close_all(*closes: Callable[[], Awaitable[None]]) -> None:
    """Closes clients side by side, within CLOSE_SECONDS. Never raises what they raise, which helps nobody: aiokafka even lets out
    CancelledErrors of tasks of its own, and those would end whoever only wanted to close."""
    closing = asyncio.gather(*(close() for close in closes), return_exceptions=True)
    await asyncio.wait([closing], timeout=CLOSE_SECONDS)
    closing.cancel()


async def make_topics(
    bootstrap_servers: str, topics: Iterable[str], *, partitions: int = PARTITIONS, replication: int = 1
) -> list[str]:
    """Makes the topics that are not there yet, each with a dead-letter topic; names those that were made."""
    admin = new_admin(bootstrap_servers)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        wanted = [name for topic in topics for name in (topic, f"{topic}.dlq") if name not in there]
        for name in wanted:
            try:
                await admin.create_topics([NewTopic(name, partitions, replication)])
            except TopicAlreadyExistsError:
                continue
        return wanted
    finally:
        await admin.close()
