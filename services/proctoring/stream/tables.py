"""Faust's tables, written to by key and partition, and stored when we say so rather than some time afterwards.

Faust sends a changelog in the background, to the partition of whatever event it thinks is being handled, and commits without having asked whether
it arrived. Here a row is read as it was `put` last, and enters table and changelog when `durable` has the broker's word for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Token
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import ref

import faust
from aiokafka.partitioner import DefaultPartitioner
from faust.streams import _current_event
from faust.types import TP

# The row that says since when a partition's changelog is whole; see markers.py.
MARKER = "complete:"

_PARTITIONER = DefaultPartitioner()


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key in a topic of so many partitions, as every producer of ours chooses it."""
    every = list(range(partitions))
    return int(_PARTITIONER(key.encode(), every, every))


class Write(NamedTuple):
    """A row to be stored in a partition of a table's changelog; no value: the row goes."""

    table: "StoredTable"
    partition: int
    key: str
    value: bytes | None


class StoredTable(faust.Table):  # type: ignore[misc]
    """A table of bytes by text. A row's key may have parts, `exam/attempt`: the first one chooses the partition."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unstored: dict[str, Write] = {}
        self._places: dict[int, _Event] = {}

    def row(self, partition: int, key: str) -> bytes | None:
        """The row as it was put last; None when there is none."""
        if key in self._unstored:
            return self._unstored[key].value
        with self._place(partition):
            return self.get(key.encode())  # type: ignore[no-any-return]

    def put(self, partition: int, key: str, value: bytes | None) -> Write:
        """Sets a row, or takes it away; gives what is to be stored."""
        self._unstored[key] = write = Write(self, partition, key, value)
        return write

    def stored(self, write: Write, offset: int) -> None:
        """The broker has the row, at this offset of the changelog."""
        key = write.key.encode()
        with self._place(write.partition):
            if write.value is not None:
                self[key] = write.value
            elif key in self:
                del self[key]
        self.data.set_persisted_offset(TP(self.changelog, write.partition), offset)
        places = getattr(self.data, "_key_partition", None)
        if (
            places is not None
        ):  # the store in memory gives up rows of lost partitions by this, and notes only recovered ones
            places[key] = write.partition
        if self._unstored.get(write.key) is write:
            del self._unstored[write.key]

    def forget_unstored(self) -> None:
        """What was put and not stored is nobody's any more."""
        self._unstored.clear()

    def rows(self, partitions: set[int], count: int) -> Iterator[tuple[str, bytes]]:
        """The stored rows of these partitions, of `count` that there are."""
        for raw, value in list(self.items()):
            key = raw.decode()
            if not key.startswith(MARKER) and partition_of(key.partition("/")[0], count) in partitions:
                yield key, value

    @property
    def changelog(self) -> str:
        """The name of its changelog topic."""
        return self.changelog_topic.get_topic_name()  # type: ignore[no-any-return]

    def on_key_set(self, key: Any, value: Any) -> None:
        """Nothing: the changelog has it already."""

    def on_key_del(self, key: Any) -> None:
        """As above."""

    @contextmanager
    def _place(self, partition: int) -> Iterator[None]:
        """Tells Faust's stores which partition is meant. They ask for the event being handled, which a batch of events has not."""
        place = self._places.get(partition)
        if place is None:
            place = self._places[partition] = _Event(_Message(self.changelog, partition))
        token: Token[Any] = _current_event.set(ref(place))
        try:
            yield
        finally:
            _current_event.reset(token)


class _Message(NamedTuple):
    topic: str
    partition: int


class _Event:
    def __init__(self, message: _Message) -> None:
        self.message = message
