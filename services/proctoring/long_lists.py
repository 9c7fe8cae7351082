"""Long lists as JSON, made a few rows at a time: the process that makes them takes signals meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

# Of attempts: less than a millisecond of work.
ROWS_AT_ONCE = 25


async def with_rows(
    head: bytes, name: str, rows: Iterable[T], shown: Callable[[T], Any], at_once: int = ROWS_AT_ONCE
) -> bytes:
    """An object, which is JSON already and has a field at least, with a list under `name`: what is `shown` of each row."""
    parts = [msgspec.json.encode([shown(row) for row in part])[1:-1] async for part in in_parts(rows, at_once)]
    return b'%s,"%s":[%s]}' % (head[:-1], name.encode(), b",".join(parts))


async def in_parts(rows: Iterable[T], size: int = ROWS_AT_ONCE) -> AsyncIterator[Sequence[T]]:
    """The rows a few at a time; everybody else has a turn between."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
        await asyncio.sleep(0)
