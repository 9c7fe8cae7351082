"""Live events fetched by cursor: what a socket missed, or what somebody without one reads now and then."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.proctoring.tables import Feed, FeedEntry


class Followed(NamedTuple):
    """Entries after a cursor: their messages as they went over the socket, JSON each."""

    bodies: list[str]
    next: int
    last: int
    is_complete: bool

    def as_json(self) -> str:
        """The reply: messages stand in it as they are, none is read and written again."""
        complete = "true" if self.is_complete else "false"
        entries = ",".join(self.bodies)
        return f'{{"entries":[{entries}],"next":{self.next},"last":{self.last},"is_complete":{complete}}}'


async def entries_after(tx: AsyncSession, feed: str, after: int, limit: int) -> Followed:
    """At most `limit` entries of a feed after the number `after`, in their order.

    Numbers are given and become visible in the same order, so what is missing was purged, and that is said. A cursor beyond the feed's end, as after
    an old state was restored, goes on from the end. Entries and end are read at one instant: an entry told between two readings would seem purged.
    """
    entries = (
        sa.select(col(FeedEntry.number), col(FeedEntry.body))
        .where(col(FeedEntry.feed) == feed, col(FeedEntry.number) > after)
        .order_by(col(FeedEntry.number))
        .limit(limit)
        .subquery()
    )
    read = sa.select(col(Feed.last), entries).select_from(sa.outerjoin(Feed, entries, sa.true()))
    rows = (await tx.execute(read.where(col(Feed.feed) == feed).order_by(entries.c.number))).all()
    last: int = rows[0].last if rows else 0
    if not rows or rows[0].number is None:
        return Followed([], last, last, is_complete=after >= last)
    return Followed([row.body for row in rows], rows[-1].number, last, is_complete=rows[0].number == after + 1)
