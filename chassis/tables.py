"""What all tables have in common, and the chassis's own tables, which every service database holds.

Each service has metadata of its own, so that two services in one test process do not see each other's tables.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def table_base() -> type[SQLModel]:
    """A base class for the tables of one service (`Table = table_base()`), its metadata already holding the chassis's tables."""
    metadata = sa.MetaData(naming_convention=NAMING)
    add_chassis_tables(metadata)

    class Table(SQLModel, registry=registry(metadata=metadata)):
        """Base of the tables of one service."""

    Table.metadata = metadata
    return Table


def _timestamp(name: str, *, default_now: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name, TIMESTAMP(timezone=True), nullable=nullable, server_default=sa.func.now() if default_now else None
    )


def add_chassis_tables(metadata: sa.MetaData) -> None:
    """Adds outbox, outbox_log, inbox, dead_letters and idempotency_keys."""
    sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", PG_UUID(as_uuid=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", BYTEA, nullable=False),
        sa.Column("headers", JSONB, nullable=True),
        sa.Column("traceparent", sa.Text, nullable=True),
        _timestamp("occurred_at", default_now=True),
        _timestamp("published_at", nullable=True),
        sa.Index("ix_outbox_unpublished", "id", postgresql_where=sa.text("published_at IS NULL")),
    )
    sa.Table(
        "outbox_log",
        metadata,
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False, server_default="1"),
        sa.Column("replay_from", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("end_offsets", JSONB, nullable=False, server_default="{}"),
        comment="How far the broker's log of a topic is known to be taken in; see chassis/relay.py",
    )
    sa.Table(
        "inbox",
        metadata,
        sa.Column("event_id", PG_UUID(as_uuid=True), primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        _timestamp("received_at", default_now=True),
    )
    sa.Table(
        "dead_letters",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", PG_UUID(as_uuid=True), nullable=False, unique=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("payload", BYTEA, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _timestamp("occurred_at"),
        _timestamp("parked_at", default_now=True),
        _timestamp("resolved_at", nullable=True),
        sa.Index("ix_dead_letters_waiting", "topic", "key", postgresql_where=sa.text("resolved_at IS NULL")),
    )
    sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", BYTEA, nullable=False),
        sa.Column("reply", JSONB, nullable=True),
        _timestamp("created_at", default_now=True),
    )
