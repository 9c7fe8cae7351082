"""Kafka clients as Examhall uses them, and the topics an installation needs on a real cluster.

Callers say which brokers; how to speak with them (TLS, user and password) is the same for all clients of a process and is taken from its
environment here, in one place.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from chassis.settings import KafkaSettings, WrongSetting

PARTITIONS = 4
MAX_MESSAGE_BYTES = 1_000_000
# The single machine's broker gives a reader one batch of a partition at a time: with aiokafka's 16 KiB, many events were a round trip each.
PRODUCER_BATCH_BYTES = 256 * 1024
CLOSE_SECONDS = 3.0
LOG_GENERATION = "examhall-log"  # header: which log of the topic a message belongs to; see chassis/relay.py

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class Access:
    """How to speak with the brokers. `mechanism`, `user` and `password` are empty without SASL, `context` is None without TLS."""

    protocol: str
    mechanism: str
    user: str
    password: str
    context: ssl.SSLContext | None

    @property
    def options(self) -> dict[str, Any]:
        """The same as options of aiokafka's clients."""
        chosen: dict[str, Any] = {"security_protocol": self.protocol}
        if self.context is not None:
            chosen["ssl_context"] = self.context
        if self.mechanism:
            chosen["sasl_mechanism"] = self.mechanism
            chosen["sasl_plain_username"], chosen["sasl_plain_password"] = self.user, self.password
        return chosen


def access(settings: KafkaSettings | None = None) -> Access:
    """How this process speaks with Kafka, by its environment. Raises WrongSetting for settings that don't go together."""
    settings = settings or KafkaSettings()
    protocol, mechanism = settings.kafka_security_protocol.upper(), settings.kafka_sasl_mechanism.upper()
    user, password = settings.kafka_sasl_user, settings.kafka_sasl_password.get_secret_value()
    if protocol not in PROTOCOLS:
        raise WrongSetting(f"EXAMHALL_KAFKA_SECURITY_PROTOCOL must be one of {', '.join(PROTOCOLS)}")
    given = {"MECHANISM": mechanism, "USER": user, "PASSWORD": password}
    if protocol.startswith("SASL_"):
        if missing := [f"EXAMHALL_KAFKA_SASL_{name}" for name, value in given.items() if not value]:
            raise WrongSetting(f"EXAMHALL_KAFKA_SECURITY_PROTOCOL={protocol} needs {', '.join(missing)}")
        if mechanism not in MECHANISMS:
            raise WrongSetting(f"EXAMHALL_KAFKA_SASL_MECHANISM must be one of {', '.join(MECHANISMS)}")
    elif useless := [f"EXAMHALL_KAFKA_SASL_{name}" for name, value in given.items() if value]:
        raise WrongSetting(f"{', '.join(useless)}: without effect with EXAMHALL_KAFKA_SECURITY_PROTOCOL={protocol}")
    return Access(protocol, mechanism, user, password, _tls(protocol, settings.kafka_ca_file))


def _tls(protocol: str, ca_file: str) -> ssl.SSLContext | None:
    if not protocol.endswith("SSL"):
        if ca_file:
            raise WrongSetting(
                f"EXAMHALL_KAFKA_CA_FILE: without effect with EXAMHALL_KAFKA_SECURITY_PROTOCOL={protocol}"
            )
        return None
    try:
        return _context(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0)
    except OSError as error:  # an SSLError is one
        raise WrongSetting(f"EXAMHALL_KAFKA_CA_FILE: no certificates in {ca_file}: {error}") from error


@cache
def _context(ca_file: str, _: int) -> ssl.SSLContext:
    """Made once for each state of the file, told by its time of change: reading the system's certificates holds a process up for 20 ms."""
    return ssl.create_default_context(cafile=ca_file or None)


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
        max_batch_size=PRODUCER_BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
        **access().options,
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
        **access().options,
    )


def new_tail(bootstrap_servers: str, wait_milliseconds: int) -> AIOKafkaConsumer:
    """A consumer in no group, for partitions and positions that it is told; the broker may keep it waiting so long when there is nothing new.

    A position that is not there is an error, not passed over: it means that the log was replaced.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_poll_records=500,
        request_timeout_ms=5_000,
        metadata_max_age_ms=30_000,
        fetch_max_wait_ms=wait_milliseconds,
        **access().options,
    )


def new_log_reader(bootstrap_servers: str) -> AIOKafkaConsumer:
    """A consumer outside any group, for asking how long a log is."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        request_timeout_ms=5_000,
        **access().options,
    )


def new_admin(bootstrap_servers: str) -> AIOKafkaAdminClient:
    """An admin client."""
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5_000, **access().options)


async def answers(bootstrap_servers: str) -> bool:
    """Whether one of these brokers takes a new connection of ours (TLS, user and password included) and tells of its cluster."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=3_000, **access().options)
    try:
        await client.bootstrap()
    except (KafkaError, OSError):
        return False
    finally:
        await close_all(client.close)
    return True


async def close_all(*closes: Callable[[], Awaitable[None]]) -> None:
    """Closes clients side by side, within CLOSE_SECONDS. Never raises what they raise, which helps nobody: aiokafka even lets out
    CancelledErrors of tasks of its own, and those would end whoever only wanted to close."""
    closing = asyncio.gather(*(close() for close in closes), return_exceptions=True)
    await asyncio.wait([closing], timeout=CLOSE_SECONDS)
    closing.cancel()


async def make_topics(bootstrap_servers: str, topics: Iterable[NewTopic]) -> list[str]:
    """Makes those of these topics that are not there yet, and names them. Raises KafkaError with what the broker says of the first it refuses."""
    admin = new_admin(bootstrap_servers)
    try:
        await admin.start()
        there = set(await admin.list_topics())
        made = []
        for topic in topics:
            if topic.name not in there and await _make(admin, topic):
                made.append(topic.name)
        return made
    finally:
        await close_all(admin.close)


async def _make(admin: AIOKafkaAdminClient, topic: NewTopic) -> bool:
    """False when somebody else has just made it."""
    reply = await admin.create_topics([topic])
    [(_, code, *said)] = reply.topic_errors
    error = for_code(code)
    if error is TopicAlreadyExistsError:
        return False
    if code:
        raise error(f"{topic.name}: {said[0] if said and said[0] else error.description}")
    return True
