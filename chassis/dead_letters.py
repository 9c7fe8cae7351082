"""Events that could not be taken in: list them, and take them in again once the cause is mended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from chassis.consuming import Consumer
from chassis.database import Database
from chassis.inbox import Event

if TYPE_CHECKING:
    from chassis.service import Runtime, Service


@dataclass(frozen=True)
class DeadLetter:
    """An event that waits, and why."""

    number: int
    event_id: UUID
    topic: str
    key: str
    type: str
    reason: str
    occurred_at: datetime
    parked_at: datetime


@dataclass(frozen=True)
class Replayed:
    """What became of a dead letter; `error` is None when it was taken in."""

    letter: DeadLetter
    error: str | None


_WAITING = (
    "SELECT id, event_id, topic, key, type, reason, occurred_at, parked_at FROM dead_letters"
    " WHERE resolved_at IS NULL ORDER BY id"
)


async def waiting_letters(database: Database) -> list[DeadLetter]:
    """The dead letters of a service that wait, oldest first."""
    async with database.session() as tx:
        rows = await tx.execute(sa.text(_WAITING))
        return [DeadLetter(*row) for row in rows]


async def discard(database: Database, event_id: UUID) -> DeadLetter | None:
    """Gives a waiting letter up: it is kept, but waits no more, and what waits behind it can be replayed. None when no such letter waits."""
    async with database.session() as tx:
        row = (
            await tx.execute(
                sa.text(
                    "UPDATE dead_letters SET resolved_at = clock_timestamp(), reason = 'discarded: ' || reason"
                    " WHERE event_id = :event_id AND resolved_at IS NULL"
                    " RETURNING id, event_id, topic, key, type, reason, occurred_at, parked_at"
                ),
                {"event_id": event_id},
            )
        ).one_or_none()
    return None if row is None else DeadLetter(*row)


async def replay(service: "Service", runtime: "Runtime", only: UUID | None = None) -> AsyncIterator[Replayed]:
    """Takes waiting letters in again, in order; when one fails, those behind it under the same key stay."""
    consumer = Consumer(runtime, "", service.subscriptions)
    stuck: set[tuple[str, str]] = set()
    for letter in await waiting_letters(runtime.database):
        if (only is not None and letter.event_id != only) or (letter.topic, letter.key) in stuck:
            continue
        error = await _take_in(consumer, runtime.database, letter)
        if error is not None:
            stuck.add((letter.topic, letter.key))
        yield Replayed(letter, error)


async def _take_in(consumer: Consumer, database: Database, letter: DeadLetter) -> str | None:
    try:
        async with database.session() as tx:
            payload: Any = await tx.scalar(
                sa.text("SELECT payload FROM dead_letters WHERE id = :id AND resolved_at IS NULL FOR UPDATE"),
                {"id": letter.number},
            )
            if payload is None:
                return None
            event = Event(
                letter.event_id, letter.topic, letter.key, letter.type, letter.occurred_at, bytes(payload), None
            )
            await consumer.apply(tx, [event])
            await tx.execute(
                sa.text("UPDATE dead_letters SET resolved_at = clock_timestamp() WHERE id = :id"), {"id": letter.number}
            )
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
