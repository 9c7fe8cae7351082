"""Takes in events: each one's effect happens once, in the transaction that also records its id (the inbox).

Messages of a partition are handled in order, many in one transaction; when that fails, one by one. An event that fails for its content is
tried again a few times, then parked as a dead letter with the reason, and what follows it under the same key is parked behind it, so that
a replay keeps the order. An event that fails because something is away waits until it is back.

The consumer's half of the lost-log rule (chassis/relay.py): a message of a newer generation than the one being read means that the broker's log was
replaced under a position that belonged to the old one; the partition is read again from its beginning, the inbox drops what was known.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.absences import is_away, is_told_to_stop
from chassis.clock import now
from chassis.counting import count_at_commit, observe_at_commit
from chassis.inbox import Event, park, parked_before, record_in_inbox
from chassis.kafka import LOG_GENERATION, close_all, commit_metadata, new_admin, new_consumer
from chassis.logs import without_details
from chassis.metrics import EVENT_LAG_SECONDS, EVENTS_CONSUMED
from chassis.tracing import TRACEPARENT, is_recorded, span

if TYPE_CHECKING:
    from chassis.service import Runtime

log = structlog.get_logger()

TRIES = 3
BATCH = 250  # of one partition in one transaction: the pieces in which what a relay sends at once comes in, with four partitions
GATHERED = 100  # so many at once share a transaction well enough: no waiting for more


@dataclass(frozen=True)
class Delivery:
    """What is known of an event beside its message."""

    event_id: UUID
    topic: str
    key: str
    type: str
    occurred_at: datetime
    runtime: "Runtime"


Handler = Callable[[AsyncSession, Any, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class Together:
    """Takes in neighbours with one call, in their order: for events that come by the hundred, of which many cost little more than one.

    Neighbours of several types too, where they have the same handler.
    """

    handler: Callable[[AsyncSession, Sequence[tuple[Any, Delivery]]], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    """The events of one topic that a service takes in, and what it does with each."""

    topic: str
    handlers: Mapping[type[Message], Handler | Together]


class Consumer:
    """Takes in the topics of one service for ever; of what waits, those first that are named first."""

    def __init__(
        self, runtime: "Runtime", group: str, subscriptions: Sequence[Subscription], gather_seconds: float = 0.0
    ) -> None:
        self._runtime = runtime
        self._group = group
        self._gather_seconds = gather_seconds
        self._topics = [subscription.topic for subscription in subscriptions]
        # (topic, event type) → the message class and the handler
        self._handlers = {
            (subscription.topic, message.DESCRIPTOR.full_name): (message, handler)
            for subscription in subscriptions
            for message, handler in subscription.handlers.items()
        }
        self._generations: dict[TopicPartition, int] = {}
        self.status = "starting"

    async def run(self) -> None:
        """Consumes, and joins again after any failure."""
        delay = 0.2
        while True:
            try:
                await self._consume()
            except (asyncio.CancelledError, TimeoutError, KafkaError, OSError) as error:
                if is_told_to_stop():
                    raise
                self.status = f"waiting: {type(error).__name__}"
                log.warning("consumer_interrupted", error=f"{type(error).__name__}: {error}"[:300])
            except Exception:
                self.status = "failing"
                log.exception("consumer_failed")
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)

    async def _consume(self) -> None:
        servers = self._runtime.settings.kafka_bootstrap_servers
        consumer, admin = new_consumer(servers, self._topics, self._group), new_admin(servers)
        try:
            await admin.start()
            await consumer.start()
            self.status = "consuming"
            while True:
                fetched = await consumer.getmany(timeout_ms=1000)
                for partition in first_named_first(fetched, self._topics):
                    await self._take_in_partition(consumer, admin, partition, fetched[partition])
                if self._gather_seconds and sum(map(len, fetched.values())) < GATHERED:
                    await asyncio.sleep(self._gather_seconds)
        finally:
            await close_all(consumer.stop, admin.close)

    async def _take_in_partition(
        self,
        consumer: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        partition: TopicPartition,
        records: list[ConsumerRecord],
    ) -> None:
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            generation = max(_generation_of(record) for record in batch)
            if generation > await self._generation_read(admin, partition, batch[0]):
                log.warning(
                    "log_replaced_reading_again",
                    topic=partition.topic,
                    partition=partition.partition,
                    generation=generation,
                )
                self._generations[partition] = generation
                await consumer.seek_to_beginning(partition)
                return
            await self._take_in([event for record in batch if (event := _event_of(record)) is not None])
            try:
                offset = OffsetAndMetadata(batch[-1].offset + 1, commit_metadata(self._generations[partition]))
                await consumer.commit({partition: offset})
            except (CommitFailedError, IllegalStateError):
                # The group has moved on; whoever reads this partition next meets these events again, and the inbox drops them.
                return

    async def _generation_read(
        self, admin: AIOKafkaAdminClient, partition: TopicPartition, first: ConsumerRecord
    ) -> int:
        """The generation of the log that this position belongs to."""
        if partition not in self._generations:
            committed = (await admin.list_consumer_group_offsets(self._group, partitions=[partition])).get(partition)
            if committed is None or committed.offset <= 0:
                self._generations[partition] = _generation_of(first)
            else:
                self._generations[partition] = int((committed.metadata or "log=0").removeprefix("log=") or 0)
        return self._generations[partition]

    async def _take_in(self, events: list[Event]) -> None:
        wanted = [event for event in events if (event.topic, event.type) in self._handlers]
        if not wanted:
            return
        try:
            await self.handle(wanted)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.debug("batch_failed_trying_singly", error=f"{type(error).__name__}: {error}"[:300])
            for event in wanted:
                await self._handle_or_park(event)

    async def handle(self, events: Sequence[Event]) -> None:
        """The effects of these events, in order, in one transaction; those already taken in or waiting behind a dead letter do not count."""
        async with self._runtime.database.session() as tx:
            fresh = await record_in_inbox(tx, events)
            behind = await parked_before(tx, events)
            due: list[Event] = []
            for event in events:
                if event.event_id not in fresh:
                    count_at_commit(tx, EVENTS_CONSUMED.labels(event.topic, "repeated"))
                elif blocker := behind.get((event.topic, event.key)):
                    await self._park(tx, event, f"waits behind dead letter {blocker}")
                else:
                    fresh.discard(event.event_id)
                    due.append(event)
            await self.apply(tx, due)

    async def apply(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        """The effects of these events, in order, whatever the inbox says."""
        known = [event for event in events if (event.topic, event.type) in self._handlers]
        for (_, handler), neighbours in groupby(known, key=self._topic_and_handler):
            if isinstance(handler, Together):
                await self._apply(tx, list(neighbours), handler)
            else:
                for event in neighbours:
                    await self._apply(tx, [event], handler)

    def _topic_and_handler(self, event: Event) -> tuple[str, Handler | Together]:
        _, handler = self._handlers[event.topic, event.type]
        return event.topic, handler

    async def _apply(self, tx: AsyncSession, events: Sequence[Event], handler: Handler | Together) -> None:
        first = events[0]
        heard = [(self._message(event), self._delivery(event)) for event in events]
        beside = [each.traceparent for each in events[1:] if each.traceparent and is_recorded(each.traceparent)]
        attributes: dict[str, str | int] = {"messaging.message.id": str(first.event_id)}
        if len(events) > 1:
            attributes = {"messaging.batch.message_count": len(events)}
        named = structlog.contextvars.bound_contextvars(**({"event_key": first.key} if len(events) == 1 else {}))
        with span(f"consume {first.topic}", SpanKind.CONSUMER, first.traceparent, beside, **attributes), named:
            if isinstance(handler, Together):
                await handler.handler(tx, heard)
            else:
                await handler(tx, *heard[0])
            await tx.flush()
            taken_in_at = now()
            lags = [max((taken_in_at - event.occurred_at).total_seconds(), 0) for event in events]
            observe_at_commit(tx, EVENT_LAG_SECONDS.labels(first.topic), *lags)
            count_at_commit(tx, EVENTS_CONSUMED.labels(first.topic, "handled"), len(events))

    def _message(self, event: Event) -> Message:
        message, _ = self._handlers[event.topic, event.type]
        return message.FromString(event.payload)

    def _delivery(self, event: Event) -> Delivery:
        return Delivery(event.event_id, event.topic, event.key, event.type, event.occurred_at, self._runtime)

    async def _park(self, tx: AsyncSession, event: Event, reason: str) -> None:
        await park(tx, event, reason, self._group)
        count_at_commit(tx, EVENTS_CONSUMED.labels(event.topic, "dead"))

    async def _handle_or_park(self, event: Event) -> None:
        failures, delay = 0, 0.1
        while True:
            try:
                await self.handle([event])
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if is_away(error):
                    self.status = f"waiting for a dependency: {error}"[:200]
                    log.warning(
                        "event_waits_for_dependency",
                        topic=event.topic,
                        event_id=event.event_id,
                        error=f"{type(error).__name__}: {error}"[:300],
                    )
                else:
                    failures += 1
                    if failures >= TRIES:
                        log.error(
                            "event_dead_lettered",
                            topic=event.topic,
                            event_id=event.event_id,
                            event_key=event.key,
                            type=event.type,
                            exc_info=error,
                        )
                        await self._park_when_possible(event, _reason(error))
                        return
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)
            self.status = "consuming"

    async def _park_when_possible(self, event: Event, reason: str) -> None:
        while True:
            try:
                async with self._runtime.database.session() as tx:
                    if await record_in_inbox(tx, [event]):
                        await self._park(tx, event, reason)
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if not is_away(error):
                    raise
                await asyncio.sleep(0.5)


def first_named_first(partitions: Iterable[TopicPartition], topics: Iterable[str]) -> list[TopicPartition]:
    """Partitions in the order of their topics in `topics`: when much waits, what somebody waits for need not wait behind it."""
    place = {topic: number for number, topic in enumerate(topics)}
    return sorted(partitions, key=lambda partition: place[partition.topic])


def _reason(error: Exception) -> str:
    """Why an event could not be taken in, without what stood in a row that PostgreSQL refused."""
    return without_details(f"{type(error).__name__}: {error}")[:2000]


def _generation_of(record: ConsumerRecord) -> int:
    for name, value in record.headers:
        if name == LOG_GENERATION:
            return int(value)
    return 0


def _event_of(record: ConsumerRecord) -> Event | None:
    """The event in a Kafka message; None (and a log line) for a message that is not a CloudEvent of ours."""
    headers = dict(record.headers)
    try:
        return Event(
            UUID(headers["ce_id"].decode()),
            record.topic,
            (record.key or b"").decode(),
            headers["ce_type"].decode(),
            datetime.fromisoformat(headers["ce_time"].decode()).astimezone(UTC),
            record.value or b"",
            headers[TRACEPARENT].decode() if TRACEPARENT in headers else None,
        )
    except (KeyError, ValueError) as error:
        log.error(
            "not_an_event", topic=record.topic, partition=record.partition, offset=record.offset, error=str(error)
        )
        return None
