"""The one wrapper around every agent: takes events in so that none is lost and nothing is told twice, whatever stops when.

Events that wait are taken together, grouped by key, and given to a pure rule that says what is to be told and stored. What is told is sent first and
the broker's word awaited, then the rows, then the offsets count as done: whoever goes on after a crash may tell something again, under the same id,
and never leaves it out. An event that cannot be taken in goes to the topic's dead letters with the reason, and what follows it is taken in.

While one batch is on its way to the broker the next is computed; rows that it changes are read as they will be.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from faust.types import TP
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from chassis.clock import now
from chassis.kafka import LOG_GENERATION
from chassis.metrics import EVENT_LAG_SECONDS, EVENTS_CONSUMED, EVENTS_PUBLISHED
from chassis.tracing import TRACEPARENT, current_traceparent, exemplar_of, span
from proto.catalogue import STREAM, group_of
from services.proctoring.stream.tables import Write, partition_of
from services.proctoring.telling import Telling

if TYPE_CHECKING:
    from services.proctoring.stream.app import StreamApp

log = structlog.get_logger()

TRIES = 3
# Events that arrived and wait; beyond, Faust's own queue fills and the consumer pauses.
WAITING = 2_000
# A batch is done with soon after it holds so much, for it is computed without letting others in.
BATCH_BYTES = 64 * 1024
# Batches that are computed and on their way to the broker.
UNDER_WAY = 4

BATCH_EVENTS = Histogram(
    "examhall_stream_batch_events", "Events taken together", ["agent"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
BATCH_SECONDS = Histogram(
    "examhall_stream_batch_seconds",
    "Time to compute what a batch leads to",
    ["agent"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
)
ROWS_STORED = Counter("examhall_stream_rows_stored_total", "Rows written to changelogs, by table", ["table"])


class Heard(NamedTuple):
    """An event as it came."""

    tp: TP
    offset: int
    key: str
    type: str
    at: datetime
    message: Any  # Protobuf
    traceparent: str | None
    raw: Any  # Faust's message


@dataclass
class Effect:
    """What events lead to: rows to store before anything is told, what is to be told, rows to store after that."""

    before: list[Write] = field(default_factory=list)
    tell: list[Telling] = field(default_factory=list)
    after: list[Write] = field(default_factory=list)


Rule = Callable[[int, str, Sequence[Heard]], Effect]
"""Partition, key and the events of that key, in order → what they lead to."""


class _Sending(NamedTuple):
    """One telling with what its headers are made of."""

    telling: Telling
    at: datetime
    traceparent: str | None


@dataclass
class _Batch:
    """A batch on its way to the broker."""

    effect_before: list[Write] = field(default_factory=list)
    tell: list[_Sending] = field(default_factory=list)
    after: list[Write] = field(default_factory=list)
    letters: list[tuple[Any, str]] = field(default_factory=list)
    done: dict[TP, int] = field(default_factory=dict)
    consumed: list[tuple[str, str, Heard | None]] = field(default_factory=list)


class Durable:
    """Takes in the events of some topics by a rule. `messages` names the types that are decoded; others are skipped.

    `one_by_one`: the rule changes something of its own with every event, so it may not be given the same ones again with others.
    """

    def __init__(
        self, app: "StreamApp", name: str, messages: Iterable[type[Message]], rule: Rule, *, one_by_one: bool = False
    ) -> None:
        self._app = app
        self.name = name
        self._types = {message.DESCRIPTOR.full_name: message for message in messages}
        self._rule = rule
        self._one_by_one = one_by_one
        self._arrived: deque[Any] = deque()
        self._woken = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._under_way: asyncio.Queue[_Batch] = asyncio.Queue(UNDER_WAY)
        self._in_turn = asyncio.Lock()
        self._unfinished = 0
        self._settled = asyncio.Event()
        self._settled.set()
        self._is_paused = False

    async def agent(self, stream: Any) -> None:
        """The body of an agent: gathers what arrives. Ends only when the worker does; Faust would start it again without what it had in hand."""
        try:
            await self._gather(stream)
        except Exception as error:
            self._app.begin_again(f"{self.name} failed: {type(error).__name__}: {error}"[:300])
            raise

    async def _gather(self, stream: Any) -> None:
        async for event in stream.noack().events():
            if self._is_paused:
                continue  # it comes again, here or elsewhere, from the last commit on
            self._arrived.append(event.message)
            self._woken.set()
            if len(self._arrived) >= WAITING:
                self._room.clear()
                await self._room.wait()

    async def compute(self) -> None:
        """Takes together what waits and computes what it leads to, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._arrived and not self._app.is_stopping:
                await self._app.backlog.room()
                batch = self._taken_together()
                await self._put(batch)
                await asyncio.sleep(0)

    async def lead_to(self, effect: Effect) -> None:
        """What a timer found: told and stored like the rest. Returns when that is under way."""
        if effect.before or effect.tell or effect.after:
            sendings = [_Sending(telling, now(), None) for telling in effect.tell]
            await self._put(_Batch(effect.before, sendings, effect.after))

    async def deliver(self) -> None:
        """Sends what batches lead to, in order and batch upon batch, for ever; a send that fails ends the worker."""
        while True:
            batches = [await self._under_way.get()]
            while not self._under_way.empty():
                batches.append(self._under_way.get_nowait())
            await self._store(write for batch in batches for write in batch.effect_before)
            await self._send(batches)
            await self._store(write for batch in batches for write in batch.after)
            for batch in batches:
                self._app.positions.done.update(batch.done)
                for topic, outcome, event in batch.consumed:
                    EVENTS_CONSUMED.labels(topic, outcome).inc()
                    if event is not None:
                        lag = max((now() - event.at).total_seconds(), 0)
                        EVENT_LAG_SECONDS.labels(topic).observe(lag, exemplar_of(event.traceparent))
            self._unfinished -= len(batches)
            if not self._unfinished:
                self._settled.set()

    async def pause(self) -> None:
        """Takes in nothing more until `resume`; returns when all that was under way is told, stored and done. What waited is read again later."""
        self._is_paused = True
        self._arrived.clear()
        self._room.set()
        await self._settled.wait()

    def resume(self) -> None:
        """Goes on."""
        self._is_paused = False

    async def _put(self, batch: _Batch) -> None:
        """In the order in which batches were computed, also when there is no room: a row of an earlier one may not come after that of a later one."""
        self._unfinished += 1
        self._settled.clear()
        async with self._in_turn:
            await self._under_way.put(batch)

    def _taken_together(self) -> _Batch:
        batch, groups = _Batch(), {}  # type: ignore[var-annotated]
        began, count, size = time.perf_counter(), 0, 0
        while self._arrived and count < self._app.settings.stream_batch and size < BATCH_BYTES:
            message = self._arrived.popleft()
            if message.generation_id != self._app.consumer_generation_id:
                continue  # of before a rebalance: it comes again, here or elsewhere
            count += 1
            size += len(message.value or b"")
            batch.done[message.tp] = message.offset + 1
            heard = self._read(batch, message)
            if heard is not None:
                groups.setdefault((heard.tp.partition, heard.key), []).append(heard)
        if len(self._arrived) < WAITING // 2:
            self._room.set()
        for (partition, key), events in groups.items():
            for part in ([event] for event in events) if self._one_by_one else (events,):
                self._apply(batch, partition, key, part)
        if count:
            BATCH_EVENTS.labels(self.name).observe(count)
            BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - began)
        return batch

    def _read(self, batch: _Batch, message: Any) -> Heard | None:
        """The event in a Kafka message; None for a type that is not wanted, and for what is no event, which becomes a dead letter."""
        try:
            headers = dict(message.headers or ())
            type_name = headers["ce_type"].decode()
            wanted = self._types.get(type_name)
            if wanted is None:
                batch.consumed.append((message.topic, "skipped", None))
                return None
            content = wanted()
            content.ParseFromString(message.value or b"")
            traceparent = headers.get(TRACEPARENT)
            return Heard(
                message.tp,
                message.offset,
                (message.key or b"").decode(),
                type_name,
                datetime.fromisoformat(headers["ce_time"].decode()).astimezone(UTC),
                content,
                traceparent.decode() if traceparent else None,
                message,
            )
        except Exception as error:
            self._give_up(batch, message, error)
            return None

    def _apply(self, batch: _Batch, partition: int, key: str, events: Sequence[Heard]) -> None:
        """The effect of a key's events together; when that fails, of each by itself."""
        try:
            effect = self._rule(partition, key, events)
        except Exception as error:
            if len(events) > 1:
                for event in events:
                    self._apply(batch, partition, key, [event])
            else:
                self._try_again(batch, partition, key, events[0], error)
            return
        self._add(batch, effect, events)

    def _try_again(self, batch: _Batch, partition: int, key: str, event: Heard, error: Exception) -> None:
        for _ in range(TRIES - 1):
            try:
                effect = self._rule(partition, key, [event])
            except Exception as again:
                error = again
            else:
                self._add(batch, effect, [event])
                return
        self._give_up(batch, event.raw, error)

    def _add(self, batch: _Batch, effect: Effect, events: Sequence[Heard]) -> None:
        cause = max(events, key=lambda event: event.at)
        batch.effect_before += effect.before
        batch.after += effect.after
        batch.tell += [_Sending(telling, cause.at, cause.traceparent) for telling in effect.tell]
        batch.consumed += [(event.tp.topic, "handled", event) for event in events]

    def _give_up(self, batch: _Batch, message: Any, error: Exception) -> None:
        log.error(
            "event_dead_lettered",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            exc_info=error,
        )
        batch.letters.append((message, f"{type(error).__name__}: {error}"[:2000]))
        batch.consumed.append((message.topic, "dead", None))

    async def _send(self, batches: Sequence[_Batch]) -> None:
        sent: list[Awaitable[Any]] = []
        for batch in batches:
            for message, reason in batch.letters:
                sent.append(await self._send_letter(message, reason))
            for sending in batch.tell:
                sent.append(self._counted(sending.telling, await self._send_telling(sending)))
        if sent:
            await asyncio.gather(*sent)

    async def _send_telling(self, sending: _Sending) -> Awaitable[Any]:
        telling, traceparent = sending.telling, sending.traceparent
        partition = partition_of(telling.key, self._app.partitions)
        if traceparent is not None:
            with span(f"publish {telling.topic}", SpanKind.PRODUCER, traceparent):
                traceparent = current_traceparent()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(telling.event_id).encode()),
            ("ce_type", telling.message.DESCRIPTOR.full_name.encode()),
            ("ce_source", f"/examhall/{STREAM}".encode()),
            ("ce_subject", telling.key.encode()),
            ("ce_time", sending.at.isoformat().encode()),
            ("content-type", b"application/protobuf"),
            (LOG_GENERATION, str(self._app.epochs.of(partition)).encode()),
        ]
        if traceparent is not None:
            headers.append((TRACEPARENT, traceparent.encode()))
        EVENTS_PUBLISHED.labels(telling.topic).inc()
        return await self._app.publish(
            telling.topic, partition, telling.key, telling.message.SerializeToString(), headers
        )

    async def _counted(self, telling: Telling, stored: Awaitable[Any]) -> None:
        """Awaits the broker's word; from then on the telling waits for its consumers."""
        record, partition = await stored, partition_of(telling.key, self._app.partitions)
        epoch = self._app.epochs.of(partition)
        self._app.backlog.told(telling.topic, partition, record.offset, telling.message.ByteSize(), epoch)

    async def _send_letter(self, message: Any, reason: str) -> Awaitable[Any]:
        headers = [(name, value) for name, value in message.headers or () if not name.startswith("dead-letter-")]
        headers.append(("dead-letter-reason", reason.encode("ascii", "replace")))
        headers.append(("dead-letter-group", group_of(STREAM).encode()))
        key = (message.key or b"").decode("utf-8", "replace")
        return await self._app.publish(f"{message.topic}.dlq", message.partition, key, message.value, headers)

    async def _store(self, writes: Iterable[Write]) -> None:
        """Stores rows; of several for one key the last."""
        latest = {(write.table.name, write.key): write for write in writes}
        if not latest:
            return
        sent = []
        for write in latest.values():
            stored = await self._app.publish(write.table.changelog, write.partition, write.key, write.value, [])
            stored.add_done_callback(partial(self._stored, write))
            sent.append(stored)
        await asyncio.gather(*sent)

    def _stored(self, write: Write, stored: asyncio.Future[Any]) -> None:
        """Is called in the order of the changelog: whoever waits for several rows may go on after one that was stored later."""
        if not stored.cancelled() and stored.exception() is None:
            self._app.written(write, stored.result().offset)
            ROWS_STORED.labels(write.table.name).inc()
