"""Events that were taken in, and those that wait: the tables behind exactly-once effects."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import OutboxRow, record_row


@dataclass(frozen=True)
class Event:
    """A message from a topic, read but not decoded."""

    event_id: UUID
    topic: str
    key: str
    type: str
    occurred_at: datetime
    payload: bytes
    traceparent: str | None


async def record_in_inbox(tx: AsyncSession, events: Sequence[Event]) -> set[UUID]:
    """Records the events as taken in; the ids that were not there yet. Sorted, so that two consumers never wait for each other in a circle."""
    rows = sorted({event.event_id: event.topic for event in events}.items())
    fresh = await tx.execute(
        sa.text(
            "INSERT INTO inbox (event_id, topic) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:topics AS text[])) ON CONFLICT DO NOTHING RETURNING event_id"
        ),
        {"ids": [event_id for event_id, _ in rows], "topics": [topic for _, topic in rows]},
    )
    return set(fresh.scalars())


async def parked_before(tx: AsyncSession, events: Sequence[Event]) -> dict[tuple[str, str], UUID]:
    """(topic, key) → the dead letter that later events of this key wait behind; served by ix_dead_letters_waiting."""
    rows = await tx.execute(
        sa.text(
            "SELECT DISTINCT ON (topic, key) topic, key, event_id FROM dead_letters WHERE resolved_at IS NULL"
            " AND topic = ANY(:topics) AND key = ANY(:keys) ORDER BY topic, key, id"
        ),
        {"topics": sorted({event.topic for event in events}), "keys": sorted({event.key for event in events})},
    )
    return {(topic, key): event_id for topic, key, event_id in rows}


async def park(tx: AsyncSession, event: Event, reason: str, group: str) -> None:
    """Keeps an event as a dead letter of this consumer group, and tells of it in the dead letters' topic."""
    await tx.execute(
        sa.text(
            "INSERT INTO dead_letters (event_id, topic, key, type, payload, reason, occurred_at)"
            " VALUES (:event_id, :topic, :key, :type, :payload, :reason, :occurred_at) ON CONFLICT (event_id) DO NOTHING"
        ),
        {
            "event_id": event.event_id,
            "topic": event.topic,
            "key": event.key,
            "type": event.type,
            "payload": event.payload,
            "reason": reason,
            "occurred_at": event.occurred_at,
        },
    )
    headers = json.dumps({"dead-letter-reason": reason.encode("ascii", "replace").decode(), "dead-letter-group": group})
    record_row(
        tx,
        OutboxRow(
            event.event_id,
            f"{event.topic}.dlq",
            event.key,
            event.type,
            event.key,
            event.payload,
            headers,
            event.traceparent,
        ),
    )
