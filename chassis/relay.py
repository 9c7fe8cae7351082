"""The relay: publishes the outbox to Kafka in commit order per key, at least once, and knows what has been taken in.

One relay is the leader of a service (a session lock in PostgreSQL); the others stand by. It publishes rows with no `published_at` in
id order and marks them after the broker's acknowledgement. Rows of one key can't be skipped or overtaken: their ids were given while
the lock of the thing they tell of was held (chassis/outbox.py), and a row whose transaction commits late is still unpublished.

A broker may lose its log (the single machine's broker keeps it in memory; a cluster may fail over uncleanly). So the outbox stays the log of
record until every consumer group has committed past an event. `outbox_log.replay_from` is the first id not known to be taken in. When a topic's
offsets run backwards the log was lost: the topic gets a new generation and everything from `replay_from` on is published again. Messages
carry their generation, commits carry the generation they were read in; a commit of another generation says nothing about this log
(chassis/consuming.py keeps the consumer's half of this). A reader that stands in the old log just where the new one ends is given nothing and would
hear of the new log with the next event only, whenever that comes: what nobody answers for is sent once more, and is that next one.
"""

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from opentelemetry.trace import SpanKind

from chassis.absences import is_told_to_stop
from chassis.kafka import LOG_GENERATION, close_all, commit_metadata, new_admin, new_log_reader, new_producer
from chassis.metrics import EVENTS_PUBLISHED, OUTBOX_WAITING
from chassis.tracing import TRACEPARENT, current_traceparent, is_recorded, span

log = structlog.get_logger()

BATCH_ROWS = 1000
BATCH_BYTES = 1_000_000
ACKNOWLEDGEMENT_SECONDS = 0.25
# A partition of a new log for which no reader has answered is called again after so long, and then twice as long each time.
FIRST_CALL_SECONDS, LONGEST_CALL_SECONDS = 2.0, 300.0
_SOURCE = "/examhall/"

_NEXT_ROWS = (  # served by ix_outbox_unpublished
    "SELECT id, event_id, topic, key, type, subject, payload, headers, traceparent, occurred_at FROM outbox"
    " WHERE published_at IS NULL AND topic <> ALL($1::text[]) ORDER BY id LIMIT $2"
)
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
_NOTE = (
    "INSERT INTO outbox_log (topic, replay_from, end_offsets) VALUES ($1, $2, $3::jsonb) ON CONFLICT (topic) DO UPDATE"
    " SET replay_from = least(outbox_log.replay_from, excluded.replay_from), end_offsets = outbox_log.end_offsets || excluded.end_offsets"
)
_ADVANCE = "UPDATE outbox_log SET replay_from = $2 WHERE topic = $1"
_NEW_GENERATION = (
    "INSERT INTO outbox_log (topic, generation, end_offsets) VALUES ($1, 2, '{}') ON CONFLICT (topic) DO UPDATE"
    " SET generation = outbox_log.generation + 1, end_offsets = '{}' RETURNING generation, replay_from"
)
_UNPUBLISH = "UPDATE outbox SET published_at = NULL WHERE topic = $1 AND id >= $2 AND published_at IS NOT NULL"
_UNPUBLISH_SOME = f"{_UNPUBLISH} AND id <= $3"


@dataclass(slots=True)
class _Waiting:
    """Published rows of one partition that not every consumer has taken in: up to which offset, from which id, how many bytes."""

    last_offset: int
    first_id: int
    last_id: int
    bytes: int


@dataclass(slots=True)
class _Silence:
    """Since when nobody has answered for a partition of a new log, and how long to wait for it."""

    since: float
    seconds: float = FIRST_CALL_SECONDS


@dataclass(slots=True)
class _TopicLog:
    """What the relay knows of one topic's log."""

    generation: int = 1
    replay_from: int = 0
    last_id: int = 0
    ends: dict[int, int] = field(default_factory=dict)  # partition → the offset the next message must get at least
    waiting: dict[int, deque[_Waiting]] = field(default_factory=dict)
    waiting_bytes: int = 0
    silent: dict[int, _Silence] = field(default_factory=dict)
    looked_at: float = float("-inf")  # when it was last seen that the log is still there

    def wait_for(self, partition: int, entry: _Waiting) -> None:
        """Rows were published that somebody is to take in."""
        self.waiting.setdefault(partition, deque()).append(entry)
        self.waiting_bytes += entry.bytes

    def first_waiting_id(self) -> int:
        """The first id not known to be taken in by every consumer."""
        return min((entries[0].first_id for entries in self.waiting.values() if entries), default=self.last_id + 1)

    def take_in(self, committed: dict[int, int]) -> None:
        """Forgets what lies before the offsets that every consumer has committed."""
        for partition, entries in self.waiting.items():
            while entries and entries[0].last_offset < committed.get(partition, 0):
                self.waiting_bytes -= entries.popleft().bytes

    def to_call_again(self, committed: dict[int, int], at: float) -> list[_Waiting]:
        """What waits last in partitions that some group has not begun to read in this log, where it is time to send it again; `at` in seconds.

        Only of a log that replaced another: readers of a first log stand at its beginning.
        """
        called = []
        for partition, entries in self.waiting.items():
            if not entries or committed.get(partition) or self.generation == 1:
                self.silent.pop(partition, None)
                continue
            silence = self.silent.setdefault(partition, _Silence(at))
            if at - silence.since >= silence.seconds:
                self.silent[partition] = _Silence(at, min(silence.seconds * 2, LONGEST_CALL_SECONDS))
                called.append(entries[-1])
        return called


class Relay:
    """Publishes one service's outbox for ever; `run` returns only when cancelled."""

    def __init__(
        self,
        service: str,
        connect: Callable[[], Any],
        bootstrap_servers: str,
        consumer_groups: Callable[[str], Sequence[str]],
        *,
        poll_seconds: float = 0.05,
        window_bytes: int = 0,
    ) -> None:
        self._service = service
        self._connect = connect
        self._bootstrap_servers = bootstrap_servers
        self._consumer_groups = consumer_groups
        self._poll_seconds = poll_seconds
        self._window_bytes = window_bytes
        self._woken = asyncio.Event()
        self._topics: dict[str, _TopicLog] = {}
        self._connection: asyncpg.Connection
        self._producer: AIOKafkaProducer
        self._admin: AIOKafkaAdminClient
        self._reader: AIOKafkaConsumer
        self.status = "starting"

    def wake(self) -> None:
        """Says that there is something to publish."""
        self._woken.set()

    async def run(self) -> None:
        """Leads or stands by, and starts again after any failure; nothing is lost meanwhile, only late."""
        delay = 0.1
        while True:
            try:
                await self._lead()
                delay = 0.1
            except (
                asyncio.CancelledError,
                TimeoutError,
                KafkaError,
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
            ) as error:
                if is_told_to_stop():
                    raise
                self.status = f"waiting: {type(error).__name__}"
                log.warning("relay_interrupted", error=f"{type(error).__name__}: {error}"[:300])
            except Exception:
                self.status = "failing"
                log.exception("relay_failed")
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)

    async def _lead(self) -> None:
        self._connection = await self._connect()
        try:
            while not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", _lock_of(self._service)):
                self.status = "standing by"
                await asyncio.sleep(0.5)
            self._producer = new_producer(self._bootstrap_servers)
            self._admin = new_admin(self._bootstrap_servers)
            self._reader = new_log_reader(self._bootstrap_servers)
            try:
                await self._producer.start()
                await self._admin.start()
                await self._reader.start()
                await self._remember()
                self.status = "leading"
                await self._publish_for_ever()
            finally:
                await close_all(self._producer.stop, self._admin.close, self._reader.stop)
        finally:
            self._connection.terminate()

    async def _remember(self) -> None:
        """Takes up the state an earlier leader left; publishes again what a lost log can no longer give."""
        self._topics = {}
        for row in await self._connection.fetch("SELECT topic, generation, replay_from, end_offsets FROM outbox_log"):
            topic: str = row["topic"]
            ends = {int(partition): offset for partition, offset in json.loads(row["end_offsets"]).items()}
            known = _TopicLog(row["generation"], row["replay_from"], ends=ends)
            self._topics[topic] = known
            last_id, waiting_bytes = await self._connection.fetchrow(
                "SELECT coalesce(max(id), 0), coalesce(sum(length(payload)), 0) FROM outbox"
                " WHERE topic = $1 AND published_at IS NOT NULL AND id >= $2",
                topic,
                known.replay_from,
            )
            known.last_id = max(last_id, known.replay_from - 1)
            if last_id and self._consumer_groups(topic):
                share = int(waiting_bytes) // max(len(ends), 1)
                for partition, end in ends.items():
                    known.wait_for(partition, _Waiting(end - 1, known.replay_from, last_id, share))
            if await self._is_lost(topic, known):
                await self._begin_generation(topic)

    async def _publish_for_ever(self) -> None:
        clock = asyncio.get_running_loop().time
        look_at = clock()
        while True:
            self._woken.clear()
            if clock() >= look_at:
                await self._look_for_acknowledgements()
                look_at = clock() + ACKNOWLEDGEMENT_SECONDS
            held = [
                topic
                for topic, known in self._topics.items()
                if self._window_bytes and known.waiting_bytes > self._window_bytes
            ]
            rows = _as_far_as_bytes_allow(await self._connection.fetch(_NEXT_ROWS, held, BATCH_ROWS))
            if rows:
                began = clock()
                await self._publish(rows)
                # What is committed one by one is published together: the first at once, the next a poll later.
                if len(rows) < BATCH_ROWS:
                    await asyncio.sleep(max(0.0, began + self._poll_seconds - clock()))
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._poll_seconds)

    async def _publish(self, rows: list[asyncpg.Record]) -> None:
        """Sends a batch and marks it, under a lock: a replay (chassis/replay.py) comes before the sending or after the marking, not between."""
        await self._connection.execute("SELECT pg_advisory_lock($1)", publishing_lock(self._service))
        try:
            if not await self._find_lost({row["topic"] for row in rows}):
                await self._send_and_mark(rows)
        finally:
            await self._connection.execute("SELECT pg_advisory_unlock($1)", publishing_lock(self._service))

    async def _find_lost(self, topics: set[str]) -> bool:
        """Begins a new generation of every log that was lost since it was looked at, before anything of the old one is sent into the new; whether any was."""
        at, has_lost = asyncio.get_running_loop().time(), False
        for topic in topics:
            known = self._topics.get(topic)
            if known is None or at - known.looked_at < ACKNOWLEDGEMENT_SECONDS:
                continue
            known.looked_at = at
            if await self._is_lost(topic, known):
                await self._begin_generation(topic)
                has_lost = True
        return has_lost

    async def _send_and_mark(self, rows: list[asyncpg.Record]) -> None:
        """Sends a batch and marks what the broker has; the rest is sent again from the outbox."""
        sent = await asyncio.gather(*[await self._send(row) for row in rows], return_exceptions=True)
        published: list[asyncpg.Record] = []
        lost: set[str] = set()
        for row, result in zip(rows, sent, strict=True):
            if isinstance(result, BaseException):
                continue
            known = self._topics.setdefault(row["topic"], _TopicLog())
            if result.offset < known.ends.get(result.partition, 0):
                lost.add(row["topic"])
                continue
            published.append(row)
            known.ends[result.partition] = result.offset + 1
            known.last_id = max(known.last_id, row["id"])
            if self._consumer_groups(row["topic"]):
                size = len(row["payload"]) + 400
                known.wait_for(result.partition, _Waiting(result.offset, row["id"], row["id"], size))
            EVENTS_PUBLISHED.labels(row["topic"]).inc()
        kept = [row for row in published if row["topic"] not in lost]
        async with self._connection.transaction():
            await self._connection.execute(_MARK, [row["id"] for row in kept])
            for topic in {row["topic"] for row in kept}:
                first_id = min(row["id"] for row in kept if row["topic"] == topic)
                await self._note(topic, first_id)
        for topic in lost:
            await self._begin_generation(topic)
        failures = [result for result in sent if isinstance(result, BaseException)]
        if failures:
            raise failures[0]

    async def _note(self, topic: str, first_id: int) -> None:
        """Keeps from where on the log would have to be published again. What no group has to take in is done with when the broker has it."""
        known = self._topics[topic]
        known.replay_from = min(known.replay_from, first_id)
        await self._connection.execute(_NOTE, topic, first_id, json.dumps(known.ends))
        if not self._consumer_groups(topic):
            known.replay_from = known.last_id + 1
            await self._connection.execute(_ADVANCE, topic, known.replay_from)

    async def _send(self, row: asyncpg.Record) -> Any:
        known = self._topics.setdefault(row["topic"], _TopicLog())
        traceparent: str | None = row["traceparent"]
        if traceparent and is_recorded(traceparent):  # else a span is ids that nobody sees
            with span(f"publish {row['topic']}", SpanKind.PRODUCER, traceparent):
                traceparent = current_traceparent()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(row["event_id"]).encode()),
            ("ce_type", row["type"].encode()),
            ("ce_source", (_SOURCE + self._service).encode()),
            ("ce_subject", row["subject"].encode()),
            ("ce_time", row["occurred_at"].isoformat().encode()),
            ("content-type", b"application/protobuf"),
            (LOG_GENERATION, str(known.generation).encode()),
        ]
        if traceparent:
            headers.append((TRACEPARENT, traceparent.encode()))
        for name, value in json.loads(row["headers"] or "{}").items():
            headers.append((name, str(value).encode()))
        return await self._producer.send(row["topic"], row["payload"], key=row["key"].encode(), headers=headers)

    async def _look_for_acknowledgements(self) -> None:
        for topic, known in list(self._topics.items()):
            if not any(known.waiting.values()):
                continue
            if await self._find_lost({topic}):
                continue
            committed = await self._committed(topic, known)
            known.take_in(committed)
            for entry in known.to_call_again(committed, asyncio.get_running_loop().time()):
                await self._connection.execute(_UNPUBLISH_SOME, topic, entry.first_id, entry.last_id)
                log.info("new_log_called_again", topic=topic, first_id=entry.first_id, last_id=entry.last_id)
            OUTBOX_WAITING.labels(topic).set(known.waiting_bytes)
            first = known.first_waiting_id()
            if first > known.replay_from:
                known.replay_from = first
                await self._connection.execute(_ADVANCE, topic, first)

    async def _committed(self, topic: str, known: _TopicLog) -> dict[int, int]:
        """Partition → the offset that every group has committed in this generation of the log."""
        partitions = [TopicPartition(topic, partition) for partition in known.ends]
        lowest: dict[int, int] = {}
        for group in self._consumer_groups(topic):
            offsets = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
            for partition in partitions:
                found = offsets.get(partition)
                valid = found is not None and found.offset >= 0 and found.metadata == commit_metadata(known.generation)
                offset = found.offset if valid and found is not None else 0
                lowest[partition.partition] = min(lowest.get(partition.partition, offset), offset)
        return lowest

    async def _is_lost(self, topic: str, known: _TopicLog) -> bool:
        if not known.ends:
            return False
        ends = await self._reader.end_offsets([TopicPartition(topic, partition) for partition in known.ends])
        return any(end < known.ends[partition.partition] for partition, end in ends.items())

    async def _begin_generation(self, topic: str) -> None:
        """The broker lost this topic's log: everything not taken in is published again, into a new generation."""
        async with self._connection.transaction():
            generation, replay_from = await self._connection.fetchrow(_NEW_GENERATION, topic)
            again = await self._connection.execute(_UNPUBLISH, topic, replay_from)
        self._topics[topic] = _TopicLog(generation, replay_from, last_id=replay_from - 1)
        log.warning("broker_log_lost", topic=topic, generation=generation, published_again=int(again.split()[-1]))


def _as_far_as_bytes_allow(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    total = 0
    for count, row in enumerate(rows):
        total += len(row["payload"])
        if total > BATCH_BYTES and count:
            return rows[:count]
    return rows


def publishing_lock(service: str) -> int:
    """The advisory lock that is held while a batch is sent and marked."""
    return zlib.crc32(f"examhall publishing {service}".encode())


def _lock_of(service: str) -> int:
    return zlib.crc32(f"examhall relay {service}".encode())
