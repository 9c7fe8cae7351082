"""Counting in tables and transactions.

Gauges tell what waits, what is open, what is due. Every replica counts the same tables, so look at the largest of them, not at the sum.
What a transaction does is counted when it commits: what is rolled back and done again counts once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
from prometheus_client import Counter, Histogram
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.absences import is_away
from chassis.metrics import COUNTS_FAILED, DEAD_LETTERS_WAITING, OUTBOX_EVENTS, OUTBOX_OLDEST_SECONDS
from chassis.tracing import current_exemplar

if TYPE_CHECKING:
    from chassis.service import Runtime

_MOST_EVENTS = 100_000
_AT_COMMIT = "examhall.at_commit"


@dataclass(frozen=True)
class Count:
    """A query of one row, asked every so many seconds, and where its row is shown. A query that fails leaves what was shown and is counted."""

    name: str
    every_seconds: float
    query: str
    show: Callable[[asyncpg.Record], None]
    arguments: Sequence[Any] = ()

    async def once(self, runtime: "Runtime") -> None:
        """Asks and shows. Raises what the query raises, unless the database is away."""
        try:
            row = await runtime.database.pool.fetchrow(self.query, *self.arguments, timeout=self.every_seconds)
        except Exception as error:
            COUNTS_FAILED.labels(self.name).inc()
            if not is_away(error):
                raise
        else:
            self.show(row)


def counting(count: Count) -> Callable[["Runtime"], Awaitable[None]]:
    """A task of a service that counts for ever."""

    async def task(runtime: "Runtime") -> None:
        while True:
            await count.once(runtime)
            await asyncio.sleep(count.every_seconds)

    task.__name__ = f"count_{count.name}"
    return task


def count_at_commit(tx: AsyncSession, counter: Counter, amount: int = 1) -> None:
    """Adds to a counter when the transaction commits."""
    _at_commit(tx, partial(counter.inc, amount))


def observe_at_commit(tx: AsyncSession, histogram: Histogram, *seconds: float) -> None:
    """Observes times when the transaction commits, with the trace that is the current one now."""
    _at_commit(tx, partial(_observe, histogram, seconds, current_exemplar()))


def _observe(histogram: Histogram, times: Sequence[float], exemplar: dict[str, str] | None) -> None:
    for seconds in times:
        histogram.observe(seconds, exemplar)


def _at_commit(tx: AsyncSession, then: Callable[[], None]) -> None:
    """One listener for all that a transaction counts; a session is one transaction (chassis/database.py)."""
    waiting: list[Callable[[], None]] | None = tx.info.get(_AT_COMMIT)
    if waiting is None:
        waiting = tx.info[_AT_COMMIT] = []
        event.listen(tx.sync_session, "after_commit", lambda _: _do(waiting), once=True)
    waiting.append(then)


def _do(waiting: list[Callable[[], None]]) -> None:
    for then in waiting:
        then()


def _show_outbox(row: asyncpg.Record) -> None:
    OUTBOX_EVENTS.set(row["events"])
    OUTBOX_OLDEST_SECONDS.set(max(row["oldest_seconds"] or 0, 0))


# Of every service. Not of the relay's leader alone: while Kafka is away nobody leads, and that is when it matters.
COUNTS = (
    Count(
        "outbox",
        5,
        # Served by ix_outbox_unpublished. Bounded: after a long absence of Kafka, millions may wait.
        f"SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT {_MOST_EVENTS}) AS waiting) AS events,"  # noqa: S608
        " (SELECT extract(epoch FROM clock_timestamp() - occurred_at)::float8 FROM outbox WHERE published_at IS NULL"
        " ORDER BY id LIMIT 1) AS oldest_seconds",
        _show_outbox,
    ),
    Count(
        "dead_letters",
        30,
        "SELECT count(*) AS waiting FROM dead_letters WHERE resolved_at IS NULL",  # served by ix_dead_letters_waiting
        lambda row: DEAD_LETTERS_WAITING.set(row["waiting"]),
    ),
)
