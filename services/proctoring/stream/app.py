"""The Faust app of the stream: its topics, tables and agents, and what it does when partitions come and go."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import faust
import structlog
from faust.auth import Credentials
from faust.transport import base as transports
from faust.types import TP

from chassis.kafka import MAX_MESSAGE_BYTES, PARTITIONS, PRODUCER_BATCH_BYTES, access, new_producer
from proto.catalogue import STREAM, consumer_groups, group_of
from services.proctoring.stream.agents import (
    ATTEMPT_MESSAGES,
    ATTEMPT_TOPICS,
    BY_ATTEMPT,
    BY_EXAM,
    EXAM_MESSAGES,
    EXAM_TOPICS,
    Attempts,
    Exams,
)
from services.proctoring.stream.backlog import Backlog
from services.proctoring.stream.durable import Durable, Effect
from services.proctoring.stream.markers import WORKER_TOPIC, Epochs, state_lost
from services.proctoring.stream.settings import StreamSettings
from services.proctoring.stream.tables import StoredTable, Write
from services.proctoring.stream.transport import DurableTransport, Positions

log = structlog.get_logger()

_TABLES = ("watches", "exams")
_TOLD = ("proctoring.risk.v1", "proctoring.alerts.v1", "proctoring.collusion.v1", WORKER_TOPIC, BY_ATTEMPT, BY_EXAM)
_HEARD = tuple(dict.fromkeys((*ATTEMPT_TOPICS, *EXAM_TOPICS)))

# What a broker may be away before a send fails and the worker begins again.
_SEND_SECONDS = 120.0
# What a rebalance waits for batches on their way, before the worker gives up and begins again.
REVOKE_SECONDS = 15.0
_LOOK_SECONDS = 1.0
_TICK_FORGET_SECONDS = 3_600.0


@dataclass(frozen=True)
class StreamTopic:
    """A topic of the stream as it is made on a real Kafka."""

    name: str
    partitions: int
    is_compacted: bool


def _other_groups(topic: str) -> tuple[str, ...]:
    """The groups beside our own that take in a topic."""
    return tuple(group for group in consumer_groups(topic) if group != group_of(STREAM))


def changelog_of(table: str) -> str:
    """The changelog topic of a table."""
    return f"{group_of(STREAM)}-{table}-changelog"


def topics(partitions: int = PARTITIONS) -> tuple[StreamTopic, ...]:
    """Every topic that the stream reads or writes, dead letters included. All have the same number of partitions: keys meet in one worker."""
    names = tuple(dict.fromkeys((*_HEARD, *_TOLD)))
    plain = (*names, *(f"{name}.dlq" for name in _HEARD))
    return (
        *(StreamTopic(name, partitions, is_compacted=False) for name in plain),
        *(StreamTopic(changelog_of(table), partitions, is_compacted=True) for table in _TABLES),
    )


class StreamApp(faust.App):  # type: ignore[misc]
    """One worker. `stopped` is set when it has to be started anew; `reason` says why."""

    def __init__(self, settings: StreamSettings, partitions: int) -> None:
        super().__init__(
            group_of(STREAM),
            broker=f"kafka://{settings.kafka_bootstrap_servers.replace(',', ';')}",
            broker_credentials=_credentials(),
            # Not on disk: a worker takes some tens of megabytes, and what it reads at its start are the changelogs, which are the truth.
            store="memory://",
            datadir=settings.data / "stream",
            web_enabled=False,
            autodiscover=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            topic_partitions=partitions,
            table_standby_replicas=0,
            reply_create_topic=False,
            processing_guarantee="at_least_once",
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=settings.stream_commit_milliseconds / 1000,
            broker_commit_every=1_000_000,
            broker_commit_livelock_soft_timeout=600.0,
            broker_max_poll_records=500,
            broker_max_poll_interval=3_600.0,
            broker_session_timeout=10.0,
            broker_heartbeat_interval=1.0,
            broker_request_timeout=15.0,
            broker_rebalance_timeout=30.0,
            consumer_metadata_max_age_ms=10_000,
            producer_metadata_max_age_ms=30_000,
            producer_acks=-1,
            producer_linger=0,
            producer_max_batch_size=PRODUCER_BATCH_BYTES,
            producer_request_timeout=_SEND_SECONDS,
            producer_max_request_size=MAX_MESSAGE_BYTES,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            stream_processing_timeout=600.0,
            Table=StoredTable,
        )
        self.settings = settings
        self.worker_name = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self.positions = Positions()
        self.own_topics = frozenset((BY_ATTEMPT, BY_EXAM))
        self.partitions = partitions
        self.stopped = asyncio.Event()
        self.reason: str | None = None
        self.is_ready = False
        self.epochs = Epochs(self)
        self.backlog = Backlog(settings.kafka_bootstrap_servers, settings.outbox_window_bytes, _other_groups)
        self.watches, self.exams = (self._table(name) for name in _TABLES)
        self.attempts_rule, self.exams_rule = Attempts(self), Exams(self)
        self.durables = (
            Durable(self, "attempts", ATTEMPT_MESSAGES, self.attempts_rule.take_in),
            Durable(self, "exams", EXAM_MESSAGES, self.exams_rule.take_in, one_by_one=True),
        )
        for durable, names in zip(self.durables, (ATTEMPT_TOPICS, EXAM_TOPICS), strict=True):
            heard = self.topic(*names, key_serializer="raw", value_serializer="raw", allow_empty=True, acks=False)
            self.agent(heard, name=durable.name)(durable.agent)
        self._written: dict[TP, int] = {}
        self._held: set[int] = set()
        self._beside: list[asyncio.Task[None]] = []
        self.on_partitions_revoked.connect(self._finish_before_revocation)
        self.on_rebalance_complete.connect(self._take_up_partitions)

    @property
    def stored_tables(self) -> tuple[StoredTable, ...]:
        """Its tables."""
        return self.watches, self.exams

    @property
    def is_stopping(self) -> bool:
        """Whether it takes in nothing more."""
        return self.stopped.is_set()

    @property
    def goes_on(self) -> bool:
        """Whether its tables are whole and nobody else's: not while partitions are shared out anew, when an old row may stand for a new one."""
        return self.is_ready and not self.is_stopping

    def begin_again(self, reason: str) -> None:
        """The worker is to be started anew."""
        if not self.stopped.is_set():
            log.warning("stream_begins_again", reason=reason)
            self.reason = reason
            self.is_ready = False
            self.stopped.set()

    def log_replaced(self, tp: TP, reason: str) -> None:
        """The broker's log of a partition is not the one that was read."""
        self.begin_again(f"log of {tp.topic}/{tp.partition} replaced: {reason}")

    async def on_started(self) -> None:
        """Everything beside the agents runs before the tables are recovered, which Faust waits for here: a group that is lost meanwhile is heard of."""
        self._start_all_beside()
        await super().on_started()

    async def publish(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        """Hands a message to the producer; what is given back is done when the broker has it."""
        producer = self.producer._ensure_producer()
        return await producer.send(topic, value, key=key.encode(), partition=partition, headers=headers)  # type: ignore[no-any-return]

    def written(self, write: Write, offset: int) -> None:
        """The broker has a row. Rows that begin again from a lower offset say that it has lost those before."""
        tp = TP(write.table.changelog, write.partition)
        if offset <= self._written.get(tp, -1):
            self.begin_again(f"changelog {tp.topic}/{tp.partition} replaced")
        self._written[tp] = offset
        write.table.stored(write, offset)

    async def finish(self) -> None:
        """Takes in nothing more; returns when what was under way is done and committed."""
        await asyncio.gather(*(durable.pause() for durable in self.durables))
        await self.consumer.commit()

    async def stop_beside(self) -> None:
        """Ends what runs beside the agents."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    @property
    def held(self) -> frozenset[int]:
        """The partitions whose attempts and exams this worker watches."""
        return frozenset(self._held)

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.begin_again(f"{type(reason).__name__}: {reason}"[:300])

    def _start_all_beside(self) -> None:
        for durable in self.durables:
            self._start_beside(durable.compute())
            self._start_beside(durable.deliver())
        self._start_beside(self.backlog.watch())
        self._start_beside(self._tick())
        self._start_beside(self._watch_group())
        self._start_beside(self._forget())

    def _start_beside(self, work: Any) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_task_done)
        self._beside.append(task)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("stream_task_failed", exc_info=error)
            self.begin_again(f"{type(error).__name__}: {error}"[:300])

    async def _tick(self) -> None:
        """Goes on with the search for collusion, tells what no event tells, and says when messages were lost."""
        attempts, exams = self.durables
        while True:
            await asyncio.sleep(self.settings.stream_tick_milliseconds / 1000)
            if not self.goes_on:
                continue
            lost = await self.consumer.settle_doubts()
            if lost:
                log.warning("messages_lost", partitions=sorted(f"{tp.topic}/{tp.partition}" for tp in lost))
                await exams.lead_to(Effect(tell=[state_lost(self.worker_name, {tp.partition for tp in lost})]))
            if self.goes_on:  # the broker may have taken as long as a rebalance does
                await attempts.lead_to(self.attempts_rule.catch_up())
            if self.goes_on:
                await exams.lead_to(await self.exams_rule.advance())

    async def _watch_group(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.consumer.check_group()

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_TICK_FORGET_SECONDS)
            if self.goes_on:
                await self.durables[0].lead_to(await self.attempts_rule.forget(set(self._held)))
            if self.goes_on:
                await self.durables[1].lead_to(self.exams_rule.forget())

    async def _finish_before_revocation(self, _: Any, revoked: Iterable[TP], **__: Any) -> None:
        """Partitions may go to another worker: what is on its way is finished first, so that the other finds all of it."""
        self.is_ready = False
        if self.is_stopping:
            return
        try:
            await asyncio.wait_for(self.finish(), REVOKE_SECONDS)
        except TimeoutError:
            self.begin_again("could not finish before a rebalance")

    async def _take_up_partitions(self, _: Any, **__: Any) -> None:
        """The tables are recovered: looks whether they are whole, and goes on with the exams in them."""
        held = {tp.partition for tp in self.assignor.assigned_actives() if tp.topic in self.tables.changelog_topics}
        for tp, highwater in self.tables.recovery.active_highwaters.items():
            if highwater < self._written.get(tp, -1):
                self.begin_again(f"changelog {tp.topic}/{tp.partition} replaced")
                return
            self._written[TP(tp.topic, tp.partition)] = highwater
        self.exams_rule.restore(held)
        await self.durables[0].lead_to(self.epochs.recovered(held))
        self.positions.stateless = self.epochs.lost
        self._held = held
        for durable in self.durables:
            durable.resume()
        self.is_ready = True
        log.info("partitions_taken_up", partitions=sorted(held))

    def _table(self, name: str) -> StoredTable:
        changelog = self.topic(
            changelog_of(name), key_serializer="raw", value_serializer="raw", allow_empty=True, internal=True
        )
        return self.Table(  # type: ignore[no-any-return]
            name,
            key_type=bytes,
            value_type=bytes,
            partitions=self.partitions,
            changelog_topic=changelog,
        )

    def _new_transport(self) -> transports.Transport:
        return DurableTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> transports.Transport:
        return DurableTransport(self.conf.broker_producer, self)


def _credentials() -> Credentials | None:
    """How this process speaks with Kafka, as Faust wants to be told."""
    chosen = access()
    if chosen.mechanism:
        return faust.SASLCredentials(
            username=chosen.user, password=chosen.password, mechanism=chosen.mechanism, ssl_context=chosen.context
        )
    return faust.SSLCredentials(chosen.context) if chosen.context else None


def make_app(settings: StreamSettings, partitions: int = PARTITIONS) -> StreamApp:
    """A worker's app, for topics of so many partitions. To be called in the loop that it runs in. Makes the folder of its data."""
    settings.data.mkdir(parents=True, exist_ok=True)  # Faust makes the one below, whatever the store
    return StreamApp(settings, partitions)


async def count_partitions(bootstrap_servers: str) -> int:
    """How many partitions every topic of the stream has. Raises RuntimeError when they differ, and what Kafka says when one is missing."""
    producer = new_producer(bootstrap_servers)
    await producer.start()
    try:
        counts = {topic.name: len(await producer.partitions_for(topic.name)) for topic in topics()}
    finally:
        await producer.stop()
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"all topics of the stream must have the same number of partitions: {counts}")
    return next(iter(counts.values()))
