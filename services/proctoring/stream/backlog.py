"""What the stream told and not every consumer has taken in yet. Beyond a bound the stream takes in nothing more until they have.

A broker that keeps a few megabytes of a partition, as the single machine's does, would drop what waits longer, and nothing would tell it again. The
relays hold their outboxes back by the same rule (chassis/relay.py); here it is the input that waits, and the relays behind it with theirs.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.kafka import close_all, commit_metadata, new_admin

log = structlog.get_logger()

LOOK_SECONDS = 0.25
_HEADER_BYTES = 400


class _Waiting(NamedTuple):
    offset: int
    bytes: int
    generation: int


class Backlog:
    """Counts what waits. `groups` gives the consumer groups of a topic; `window_bytes` 0: no bound, nothing is counted."""

    def __init__(self, bootstrap_servers: str, window_bytes: int, groups: Callable[[str], Sequence[str]]) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._window_bytes = window_bytes
        self._groups = groups
        self._waiting: dict[TopicPartition, deque[_Waiting]] = {}
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    def told(self, topic: str, partition: int, offset: int, size: int, generation: int) -> None:
        """The broker has a message of so many bytes."""
        if self._window_bytes and self._groups(topic):
            waiting = _Waiting(offset, size + _HEADER_BYTES, generation)
            self._waiting.setdefault(TopicPartition(topic, partition), deque()).append(waiting)
            self._add(waiting.bytes)

    async def room(self) -> None:
        """Waits until there is room."""
        await self._room.wait()

    def take_in(self, partition: TopicPartition, offset: int, metadata: str) -> None:
        """Every group has taken in what lies before `offset`, in the log that its commit names."""
        waiting = self._waiting.get(partition, deque())
        while waiting and waiting[0].offset < offset and metadata == commit_metadata(waiting[0].generation):
            self._add(-waiting.popleft().bytes)

    async def watch(self) -> None:
        """Asks the broker again and again how far the groups are, for ever. A broker that is away is asked again; meanwhile nothing counts as taken in."""
        if not self._window_bytes:
            return
        while True:
            admin = new_admin(self._bootstrap_servers)
            try:
                await admin.start()
                while True:
                    await asyncio.sleep(LOOK_SECONDS)
                    for topic in {partition.topic for partition, waiting in self._waiting.items() if waiting}:
                        await self._look(admin, topic)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("backlog_not_known", error=f"{type(error).__name__}: {error}"[:300])
            finally:
                await close_all(admin.close)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, admin: object, topic: str) -> None:
        partitions = [partition for partition, waiting in self._waiting.items() if partition.topic == topic and waiting]
        commits = [
            await admin.list_consumer_group_offsets(group, partitions=partitions)  # type: ignore[attr-defined]
            for group in self._groups(topic)
        ]
        for partition in partitions:
            found = [commit.get(partition) for commit in commits]
            if all(found):
                slowest = min(found, key=lambda commit: commit.offset)
                self.take_in(partition, slowest.offset, slowest.metadata)

    def _add(self, size: int) -> None:
        self._bytes += size
        if self._bytes <= self._window_bytes:
            self._room.set()
        else:
            self._room.clear()
