"""Feeds: what happens at an exam or to an attempt, numbered without gaps, kept for who was away and pushed to who listens."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import record_event, timestamp
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

LIVE = "proctoring.live.v1"

# The feeds' rows are locked until the commit: numbers are given in the order in which they become visible, so a cursor misses nothing.
_ADD = sa.text("""
WITH told AS (
    SELECT * FROM unnest(CAST(:feeds AS text[]), CAST(:types AS text[]), CAST(:times AS timestamptz[]), CAST(:heads AS text[]), CAST(:tails AS text[]))
        WITH ORDINALITY AS told (feed, type, at, head, tail, place)
), next AS (
    INSERT INTO feeds (feed, last)
    SELECT feed, count(*) FROM told GROUP BY feed ORDER BY feed LIKE 'exam:%' DESC, feed
    ON CONFLICT (feed) DO UPDATE SET last = feeds.last + excluded.last RETURNING feed, last
), numbered AS (
    SELECT told.*, next.last + 1 - row_number() OVER (PARTITION BY feed ORDER BY place DESC) AS number FROM told JOIN next USING (feed)
)
INSERT INTO feed_entries (feed, number, type, at, body)
SELECT feed, number, type, at, head || number || tail FROM numbered RETURNING feed, number
""")


@dataclass(frozen=True)
class Entry:
    """What is to be told in a feed, and when it happened (UTC): the message is `body` with type, number and at before its own members."""

    feed: str
    type: str
    at: datetime
    body: Mapping[str, Any]


def exam_feed(exam_id: UUID | str) -> str:
    """The feed of those who watch an exam."""
    return f"exam:{exam_id}"


def attempt_feed(attempt_id: UUID | str) -> str:
    """The feed of the student who sits an attempt."""
    return f"attempt:{attempt_id}"


async def tell(tx: AsyncSession, feed: str, type: str, at: datetime, body: Mapping[str, Any]) -> int:
    """Adds an entry to a feed and has it pushed, both with the commit of `tx`. Its number, one above the last.

    Whoever locks an attempt's row as well locks it first, and tells the exam's feed before the attempt's.
    """
    [number] = await tell_all(tx, [Entry(feed, type, at, body)])
    return number


async def tell_all(tx: AsyncSession, entries: Sequence[Entry]) -> list[int]:
    """Adds entries to their feeds with one statement, in this order, and has them pushed; their numbers. Exams' feeds are locked before attempts'."""
    if not entries:
        return []
    parts = [_around_the_number(entry.type, entry.at, entry.body) for entry in entries]
    columns = {
        "feeds": [entry.feed for entry in entries],
        "types": [entry.type for entry in entries],
        "times": [entry.at for entry in entries],
        "heads": [head for head, _ in parts],
        "tails": [tail for _, tail in parts],
    }
    given: defaultdict[str, list[int]] = defaultdict(list)
    for feed, number in await tx.execute(_ADD, columns):
        given[feed].append(number)
    in_order = {feed: iter(sorted(numbers)) for feed, numbers in given.items()}
    numbers = [next(in_order[entry.feed]) for entry in entries]
    for entry, (head, tail), number in zip(entries, parts, numbers, strict=True):
        _push(tx, entry.feed, entry.type, entry.at, number, f"{head}{number}{tail}")
    return numbers


def tell_passing(tx: AsyncSession, feed: str, type: str, at: datetime, body: Mapping[str, Any]) -> None:
    """Has something pushed that is worth nothing a moment later: number 0, kept nowhere."""
    head, tail = _around_the_number(type, at, body)
    _push(tx, feed, type, at, 0, f"{head}0{tail}")


def _push(tx: AsyncSession, feed: str, type: str, at: datetime, number: int, body: str) -> None:
    record_event(tx, LIVE, feed, LiveEvent(feed=feed, number=number, type=type, at=timestamp(at), body=body))


def _around_the_number(type: str, at: datetime, body: Mapping[str, Any]) -> tuple[str, str]:
    """The message in two parts: the number that comes between them is given by the statement that stores it."""
    rest = msgspec.json.encode({"at": at, **body}).decode()
    return f'{{"type":{msgspec.json.encode(type).decode()},"number":', f",{rest[1:]}"
