"""Faust's transport with offsets that can be trusted.

Faust acknowledges an event when its agent fails, and when it skips one during a rebalance; after a rebalance it goes on from wherever it had read,
where nothing was committed, and throws away what it let in too early. Here exactly what is reported as done is committed, beside it the generation of
the log that was read (chassis/relay.py), and reading goes on from there. A message of a newer generation says that a log was replaced, and so does
one that is read again in a log that has become shorter. Where the tables of a partition were lost, what was committed means nothing: whoever dies
with a broker may commit at the next one what it had read of the last. All that is there is read then, from the beginning.
"""

import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport, ensure_aiokafka_TP
from faust.types import TP

from chassis.kafka import LOG_GENERATION, commit_metadata

log = structlog.get_logger()

# What a rebalance lets in too early comes again, in order, long before.
_SKIPPED_SECONDS = 5.0


@dataclass
class Positions:
    """Where this worker stands in the topics it reads. Shared by the consumer and its thread: each entry is replaced whole."""

    done: dict[TP, int] = field(default_factory=dict)  # everything before it has been taken in
    committed: dict[TP, int] = field(default_factory=dict)
    expected: dict[TP, int] = field(default_factory=dict)  # the offset of the next message
    generations: dict[TP, int] = field(default_factory=dict)  # of the log that is read
    # The end of the log when it was begun at its beginning: before it, a newer generation is but a later send into the same log.
    whole_until: dict[TP, int] = field(default_factory=dict)
    replaced: dict[TP, int] = field(default_factory=dict)  # what was read is not this log, whose generation this is
    # A message came before or after the one expected here. During a rebalance that may be; whoever looks after it asks the broker.
    doubts: dict[TP, int] = field(default_factory=dict)
    # A message came before the one expected here, which has not come since that moment of the monotonic clock.
    skipped: dict[TP, tuple[int, float]] = field(default_factory=dict)
    stateless: frozenset[int] = frozenset()  # partitions whose tables were found to be lost when they were taken up

    def forget(self, partitions: set[TP]) -> None:
        """These partitions are another worker's now."""
        for tp in partitions:
            for known in (self.done, self.committed, self.expected, self.generations, self.whole_until, self.skipped):
                known.pop(tp, None)


class _AtThisMoment(Container[TP]):
    """Partitions of a set that changes while a fetch waits. aiokafka takes an empty set for all partitions, and what it gives of those that are not wanted
    is dropped and counts as read; this is never empty to it.
    """

    def __init__(self, partitions: Container[TP]) -> None:
        self._partitions = partitions

    def __contains__(self, tp: object) -> bool:
        return tp in self._partitions


class _Thread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """aiokafka's consumer, in a thread of its own."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust has it wait 1.5 s for an empty fetch, and offers no setting: on a broker that lets it wait, every hop would take as long."""
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.consumer.app.settings.stream_wait_milliseconds
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Container[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        wanted = _AtThisMoment(active_partitions)
        return await super()._fetch_records(consumer, wanted, timeout=timeout, max_records=max_records)

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        return await self.call_thread(self._seek_to_committed)  # type: ignore[no-any-return]

    async def _seek_to_committed(self) -> Mapping[TP, int | None]:
        """Goes to what the group has committed, and to the beginning where it has not or where that is of no use; remembers the generations that were read."""
        consumer, positions = self._ensure_consumer(), self.consumer.positions
        partitions = [tp for tp in consumer.assignment() if tp.topic not in self.consumer.app.tables.changelog_topics]
        if not partitions:
            return {}
        positions.forget({TP(partition.topic, partition.partition) for partition in partitions})
        committed = await consumer._coordinator.fetch_committed_offsets(partitions)
        beginnings, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        found: dict[TP, int | None] = {}
        for partition in partitions:
            tp, known = TP(partition.topic, partition.partition), committed.get(partition)
            if known is None or not 0 <= known.offset <= ends[partition] or tp.partition in positions.stateless:
                offset = beginnings[partition]
                positions.whole_until[tp] = ends[partition]
            else:
                offset = positions.committed[tp] = known.offset
                positions.generations[tp] = int((known.metadata or "log=0").removeprefix("log=") or 0)
            consumer.seek(partition, offset)
            found[tp] = positions.expected[tp] = offset
        return found

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commits what is done. A refusal (the group has moved on, the broker is away) is no failure: whoever reads next begins at the last commit."""
        positions = self.consumer.positions
        assignment = self.assignment()
        due = {
            ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, commit_metadata(positions.generations.get(tp, 0)))
            for tp, offset in offsets.items()
            if tp in assignment and tp not in positions.replaced
        }
        if not due:
            return False
        return await self._try_to_commit(due)

    async def begin_again(self, generations: Mapping[TP, int]) -> bool:
        """Commits the beginning of these partitions, for these generations of their logs."""
        return await self.call_thread(self._begin_again, generations)  # type: ignore[no-any-return]

    async def _begin_again(self, generations: Mapping[TP, int]) -> bool:
        partitions = {ensure_aiokafka_TP(tp): generation for tp, generation in generations.items()}
        beginnings = await self._ensure_consumer().beginning_offsets(list(partitions))
        return await self._try_to_commit(
            {tp: OffsetAndMetadata(beginnings[tp], commit_metadata(partitions[tp])) for tp in partitions}
        )

    async def check_group(self) -> None:
        """Raises KafkaError when aiokafka can't go on with the group. It says so to whoever fetches, and waits until it is heard: where the group has no
        partitions nobody fetches, and it would wait for ever.
        """
        await self.call_thread(self._check_group)

    async def _check_group(self) -> None:
        self._ensure_consumer()._coordinator.check_errors()

    async def _try_to_commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> bool:
        try:
            await self._ensure_consumer().commit(offsets)
        except KafkaError as error:
            log.warning("commit_refused", error=f"{type(error).__name__}: {error}"[:300])
            return False
        return True


class _Consumer(Consumer):  # type: ignore[misc]
    """Commits what it is told is done, and looks at every message before anybody else does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.positions: Positions = self.app.positions
        self._to_resume: set[TP] = set()

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """After a recovery Faust lets messages in, then seeks, then empties its queues: what came in between would be lost. They wait for the end of it."""
        wanted = set(tps)
        self._to_resume |= {tp for tp in wanted if not self._is_changelog_tp(tp)}
        super().resume_partitions(wanted - self._to_resume)

    def resume_flow(self) -> None:
        super().resume_flow()
        waiting, self._to_resume = self._to_resume, set()
        super().resume_partitions(waiting)

    def _to_message(self, tp: TP, record: Any) -> Any:
        if not self._is_changelog_tp(tp):
            self._look_at(TP(tp.topic, tp.partition), record)
        return super()._to_message(tp, record)

    def _look_at(self, tp: TP, record: Any) -> None:
        positions = self.positions
        generation = generation_of(record.headers)
        known = positions.generations.setdefault(tp, generation)
        expected = positions.expected.get(tp)
        if tp.topic not in self.app.own_topics and generation > known:
            if record.offset < positions.whole_until.get(tp, 0):
                positions.generations[tp] = generation
            else:
                positions.replaced[tp] = generation
                self.app.log_replaced(tp, f"generation {generation} instead of {known}")
        elif expected is not None and record.offset != expected:
            positions.doubts.setdefault(tp, expected)
            if record.offset > expected:
                positions.skipped.setdefault(tp, (expected, time.monotonic()))
        if record.offset == positions.skipped.get(tp, (None,))[0]:
            del positions.skipped[tp]
        positions.expected[tp] = record.offset + 1

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commits what is done and not committed yet."""
        positions = self.positions
        due = {tp: offset for tp, offset in positions.done.items() if positions.committed.get(tp) != offset}
        if not due or not await self._thread.commit(due):
            return False
        positions.committed.update(due)
        return True

    async def begin_again(self) -> bool:
        """Commits the beginning of the partitions whose logs were replaced."""
        return bool(await self._thread.begin_again(self.positions.replaced))

    async def check_group(self) -> None:
        """Raises KafkaError when the group can't be gone on with."""
        await self._thread.check_group()

    async def settle_doubts(self) -> set[TP]:
        """The partitions of which something was not read: their logs begin after it, or it was skipped. Where one ends before it, it was replaced."""
        positions = self.positions
        doubts, positions.doubts = positions.doubts, {}
        long_ago = time.monotonic() - _SKIPPED_SECONDS
        skipped = {tp for tp, (_, since) in positions.skipped.items() if since < long_ago}
        for tp in skipped:
            del positions.skipped[tp]
        if not doubts:
            return skipped
        earliest, ends = await self.earliest_offsets(*doubts), await self.highwaters(*doubts)
        for tp in doubts:
            if ends[tp] < doubts[tp]:
                positions.replaced[tp] = positions.generations.get(tp, 0)
                self.app.log_replaced(tp, "it ends before what was read")
        gone = {tp for tp in doubts if earliest[tp] > doubts[tp]}
        for tp in gone:
            positions.skipped.pop(tp, None)
        return skipped | gone

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._to_resume = set()
        await super().on_partitions_revoked(revoked)
        self.positions.forget({TP(tp.topic, tp.partition) for tp in revoked})


class _Producer(Producer):  # type: ignore[misc]
    """Sends idempotently: a retry neither repeats nor reorders messages."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class DurableTransport(Transport):  # type: ignore[misc]
    """See the module."""

    Consumer = _Consumer
    Producer = _Producer


def generation_of(headers: Any) -> int:
    """The generation of the log that a message belongs to; 0 when it does not say."""
    for name, value in headers or ():
        if name == LOG_GENERATION:
            return int(value)
    return 0
