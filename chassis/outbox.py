"""The outbox: events are rows, written in the transaction of the change they tell of. The relay (chassis/relay.py) publishes them."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.ids import new_id
from chassis.tracing import current_traceparent

PENDING = "pending_events"
WRITTEN = "wrote_events"
MAX_EVENT_BYTES = 900_000  # Kafka's default message.max.bytes is 1 MiB, headers included

_INSERT = sa.text(
    "INSERT INTO outbox (event_id, topic, key, type, subject, payload, headers, traceparent)"
    " SELECT * FROM unnest(CAST(:event_ids AS uuid[]), CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:types AS text[]),"
    " CAST(:subjects AS text[]), CAST(:payloads AS bytea[]), CAST(:headers AS jsonb[]), CAST(:traceparents AS text[]))"
)


class OutboxRow(NamedTuple):
    """One event as the outbox stores it; the columns of an `unnest` insert, in this order."""

    event_id: UUID
    topic: str
    key: str
    type: str
    subject: str
    payload: bytes
    headers: str | None
    traceparent: str | None


def outbox_row(
    topic: str, key: str | UUID, message: Message, subject: str | None = None, headers: str | None = None
) -> OutboxRow:
    """The row of an event, for statements that write the outbox themselves.

    Raises ValueError when the event is too large for a Kafka message: better here, where the change is refused, than in the relay.
    """
    payload = message.SerializeToString()
    if len(payload) > MAX_EVENT_BYTES:
        raise ValueError(
            f"{message.DESCRIPTOR.full_name} of {len(payload)} bytes is over the limit of {MAX_EVENT_BYTES}"
        )
    return OutboxRow(
        new_id(),
        topic,
        str(key),
        message.DESCRIPTOR.full_name,
        subject or str(key),
        payload,
        headers,
        current_traceparent(),
    )


def record_event(tx: AsyncSession, topic: str, key: str | UUID, message: Message, subject: str | None = None) -> None:
    """Records an event in the transaction of `tx`; it is published after the commit and only then.

    Events of one key are published in the order of their rows; the caller holds the lock of the thing that the key names
    (SELECT … FOR UPDATE), or two transactions could write them in the wrong order.
    """
    record_row(tx, outbox_row(topic, key, message, subject))


def record_row(tx: AsyncSession, row: OutboxRow) -> None:
    """Like record_event, for an event that is a row already."""
    tx.info.setdefault(PENDING, []).append(row)


async def write_events(tx: AsyncSession) -> None:
    """Writes what was recorded so far, for transactions that record so much that it should not all be in memory until the commit."""
    if PENDING in tx.info:
        await tx.run_sync(write_pending_events)


def write_pending_events(session: Session) -> None:
    """Inserts what record_event collected, in one statement. Called before COMMIT by the session itself."""
    rows: list[OutboxRow] = session.info.pop(PENDING)
    session.info[WRITTEN] = True
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ("event_ids", "topics", "keys", "types", "subjects", "payloads", "headers", "traceparents")
    session.execute(_INSERT, dict(zip(names, columns, strict=True)))


def timestamp(moment: datetime | None) -> Timestamp | None:
    """A datetime as Protobuf; None stays unset."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def moment_of(message: Any, field: str) -> datetime | None:
    """The aware UTC datetime in a Timestamp field of a message, or None when it is unset."""
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None
