"""Feeds: what happens at an exam or to an attempt, numbered without gaps, kept for who was away and pushed to who listens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import record_event, timestamp
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

LIVE = "proctoring.live.v1"

# The row is locked until the commit: numbers are given in the order in which they become visible, so a cursor misses nothing.
_ADD = sa.text("""
WITH next AS (
    INSERT INTO feeds (feed, last) VALUES (:feed, 1) ON CONFLICT (feed) DO UPDATE SET last = feeds.last + 1 RETURNING last
)
INSERT INTO feed_entries (feed, number, type, at, body)
SELECT :feed, last, :type, :at, CAST(:head AS text) || last || CAST(:tail AS text) FROM next RETURNING number
""").bindparams(sa.bindparam("at", type_=sa.TIMESTAMP(timezone=True)))


def exam_feed(exam_id: UUID | str) -> str:
    """The feed of those who watch an exam."""
    return f"exam:{exam_id}"


def attempt_feed(attempt_id: UUID | str) -> str:
    """The feed of the student who sits an attempt."""
    return f"attempt:{attempt_id}"


async def tell(tx: AsyncSession, feed: str, type: str, at: datetime, body: Mapping[str, Any]) -> int:
    """Adds an entry to a feed and has it pushed, both with the commit of `tx`. Its number, one above the last.

    The message is `body` with type, number and at (when it happened, UTC) before its own members. Whoever locks an attempt's row as well locks it
    first, and tells the exam's feed before the attempt's.
    """
    head, tail = _around_the_number(type, at, body)
    values = {"feed": feed, "type": type, "at": at, "head": head, "tail": tail}
    number: int = (await tx.execute(_ADD, values)).scalar_one()
    record_event(
        tx, LIVE, feed, LiveEvent(feed=feed, number=number, type=type, at=timestamp(at), body=f"{head}{number}{tail}")
    )
    return number


def tell_passing(tx: AsyncSession, feed: str, type: str, at: datetime, body: Mapping[str, Any]) -> None:
    """Has something pushed that is worth nothing a moment later: number 0, kept nowhere."""
    head, tail = _around_the_number(type, at, body)
    record_event(tx, LIVE, feed, LiveEvent(feed=feed, number=0, type=type, at=timestamp(at), body=f"{head}0{tail}"))


def _around_the_number(type: str, at: datetime, body: Mapping[str, Any]) -> tuple[str, str]:
    """The message in two parts: the number that comes between them is given by the statement that stores it."""
    rest = msgspec.json.encode({"at": at, **body}).decode()
    return f'{{"type":{msgspec.json.encode(type).decode()},"number":', f",{rest[1:]}"
