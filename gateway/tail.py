"""Reads the live events of all exams from the end of their topic on: every gateway all partitions, in no group, keeping no position.

What is published while nothing is read is in the feeds: whenever reading begins, and whenever the broker's log turns out to be another one
(a position that it does not have, or a newer generation: chassis/relay.py), every follower looks into its feed for what it missed.
"""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from google.protobuf.message import DecodeError

from chassis.absences import is_told_to_stop
from chassis.kafka import LOG_GENERATION, close_all, new_admin, new_tail
from gateway.feeds import Feeds

log = structlog.get_logger()

TOPIC = "proctoring.live.v1"
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


class Tail:
    """`status` is "ok" while the broker is read."""

    def __init__(self, bootstrap_servers: str, feeds: Feeds, wait_milliseconds: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._feeds = feeds
        self._wait_milliseconds = wait_milliseconds
        self._begins_at: dict[TopicPartition, int] = {}
        self._generations: dict[TopicPartition, int] = {}
        self.status = "starting" if bootstrap_servers else "no broker is configured"

    async def run(self) -> None:
        """Reads, and begins again at the end after any failure."""
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                await self._read()
            except (asyncio.CancelledError, TimeoutError, KafkaError, OSError) as error:
                if is_told_to_stop():
                    raise
                log.warning("live_events_interrupted", error=f"{type(error).__name__}: {error}"[:300])
                pause = _SHORTEST_PAUSE_SECONDS if self.status == "ok" else min(pause * 2, _LONGEST_PAUSE_SECONDS)
                self.status = f"waiting: {type(error).__name__}"
            except Exception:
                self.status, pause = "failing", _LONGEST_PAUSE_SECONDS
                log.exception("live_events_failed")
            await asyncio.sleep(pause)

    async def _read(self) -> None:
        consumer = new_tail(self._bootstrap_servers, self._wait_milliseconds)
        try:
            await consumer.start()
            partitions = await self._partitions()
            consumer.assign(partitions)
            await self._go_to_end(consumer, partitions)
            self.status = "ok"
            self._feeds.look_again()
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in records:
                        self._take(partition, record)
        finally:
            await close_all(consumer.stop)

    async def _partitions(self) -> list[TopicPartition]:
        """All partitions of the topic; raises KafkaError while it is not there."""
        admin = new_admin(self._bootstrap_servers)
        try:
            await admin.start()
            (found,) = await admin.describe_topics([TOPIC])
        finally:
            await close_all(admin.close)
        if not found["partitions"]:
            raise KafkaError(f"{TOPIC} is not there yet")
        return [TopicPartition(TOPIC, each["partition"]) for each in found["partitions"]]

    async def _go_to_end(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """One message before the end, where there is one: it tells which log this is."""
        first, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        self._begins_at, self._generations = ends, {}
        for partition in partitions:
            consumer.seek(partition, max(first[partition], ends[partition] - 1))

    def _take(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        generation = next((int(value) for name, value in record.headers if name == LOG_GENERATION), 0)
        if generation > self._generations.setdefault(partition, generation):
            log.warning("log_replaced_looking_again", topic=TOPIC, partition=partition.partition, generation=generation)
            self._generations[partition] = generation
            self._feeds.look_again()
        if record.offset < self._begins_at[partition] or record.value is None:
            return
        try:
            self._feeds.hand_out(record.key or b"", record.value, record.timestamp / 1000)
        except DecodeError as error:
            log.error(
                "not_an_event", topic=TOPIC, partition=partition.partition, offset=record.offset, error=str(error)
            )
