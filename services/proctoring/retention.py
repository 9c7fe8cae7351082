"""What is kept too long goes: signals by kind, live events, and copies of either in the outbox. In small transactions, so that nobody waits.

Assessments, alerts and reviews stay: they are what a decision rests on. Their evidence names signals that may be gone.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.clock import now
from chassis.service import Runtime
from proto.examhall.proctoring.v1 import signals_pb2 as heard
from services.proctoring.app_state import parts_of
from services.proctoring.feeds import LIVE
from services.proctoring.keeping import MOVEMENT_KINDS, kept_days
from services.proctoring.settings import Settings
from services.proctoring.signals import CAMERA_KINDS, SignalKind
from services.proctoring.tables import SignalBatch
from services.proctoring.watching import SIGNALS

log = structlog.get_logger()

_SWEEP_SECONDS = 60.0
_PUSHED_SECONDS_AGO = 60.0

_TIME = sa.bindparam("before", type_=sa.TIMESTAMP(timezone=True))
# Index: ix_signal_batches_received_at.
_OLD_BATCHES = sa.text(
    "DELETE FROM signal_batches WHERE (attempt_id, number) IN"
    " (SELECT attempt_id, number FROM signal_batches WHERE received_at < :before ORDER BY received_at LIMIT :most)"
).bindparams(_TIME)
# Index: ix_feed_entries_at. The feed's own row stays, so that numbers go on.
_OLD_ENTRIES = sa.text(
    "DELETE FROM feed_entries WHERE (feed, number) IN (SELECT feed, number FROM feed_entries WHERE at < :before ORDER BY at LIMIT :most)"
).bindparams(_TIME)
# The outbox has no index by topic: these read it from its oldest row on, once an hour.
_OLD_EVENTS = sa.text(
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE topic = :topic AND occurred_at < :before AND published_at IS NOT NULL"
    " ORDER BY id LIMIT :most)"
).bindparams(_TIME)
_EVENTS_OF_NOBODY = sa.text(
    "DELETE FROM outbox WHERE id IN (SELECT outbox.id FROM outbox JOIN attempts ON attempts.id::text = outbox.key"
    " JOIN people ON people.id = attempts.student_id AND people.is_deleted"
    " WHERE outbox.topic = :topic AND outbox.published_at IS NOT NULL LIMIT :most)"
)
_PUSHED = sa.text(
    "DELETE FROM outbox WHERE id > :after AND topic = :topic AND published_at < clock_timestamp() - make_interval(secs => :seconds)"
)
_SWEPT_TO = sa.text("SELECT coalesce(min(id) FILTER (WHERE topic = :topic), max(id), 0) FROM outbox WHERE id > :after")
# Transactions that were open at the last sweep may have drawn lower numbers.
_NUMBERS_IN_FLIGHT = 10_000


async def purge_for_ever(runtime: Runtime) -> None:
    """Purges at the start and every so many minutes."""
    settings = parts_of(runtime).settings
    while True:
        await purge(runtime, now())
        await asyncio.sleep(settings.purge_minutes * 60)


async def sweep_for_ever(runtime: Runtime) -> None:
    """Takes live events out of the outbox a minute after they were pushed: their feed has them, and nobody is to be told twice of the past."""
    swept_to = 0
    while True:
        async with runtime.database.session() as tx:
            await tx.execute(_PUSHED, {"after": swept_to, "topic": LIVE, "seconds": _PUSHED_SECONDS_AGO})
            first = await tx.scalar(_SWEPT_TO, {"after": swept_to, "topic": LIVE}) or swept_to
            swept_to = max(swept_to, first - _NUMBERS_IN_FLIGHT)
        await asyncio.sleep(_SWEEP_SECONDS)


async def purge(runtime: Runtime, at: datetime) -> None:
    """Deletes all that is kept too long as of `at`."""
    settings = parts_of(runtime).settings
    shortest = min(kept_days(kind, settings) for kind in SignalKind)
    counts = {
        "signal_batches": await _repeat(runtime, _OLD_BATCHES, before=_back(at, settings.signals_kept_days)),
        "camera": await _thin(runtime, at, CAMERA_KINDS, settings),
        "movement": await _thin(runtime, at, MOVEMENT_KINDS, settings),
        "feed_entries": await _repeat(runtime, _OLD_ENTRIES, before=_back(at, settings.feed_kept_days)),
        "signal_events": await _repeat(runtime, _OLD_EVENTS, topic=SIGNALS, before=_back(at, shortest)),
        "signal_events_of_nobody": await _repeat(runtime, _EVENTS_OF_NOBODY, topic=SIGNALS),
    }
    log.info("purged", **counts)


async def _repeat(runtime: Runtime, statement: sa.TextClause, **values: object) -> int:
    """Runs a deletion until it finds no more; how many rows it took."""
    most, total = parts_of(runtime).settings.purge_batch, 0
    while True:
        async with runtime.database.session() as tx:
            result = await tx.execute(statement, {**values, "most": most})
            count: int = result.rowcount  # type: ignore[attr-defined]
        total += count
        if count < most:
            return total


async def _thin(runtime: Runtime, at: datetime, kinds: Collection[SignalKind], settings: Settings) -> int:
    """Takes signals of these kinds out of batches that are kept longer; how many batches it changed."""
    before, total = _back(at, min(kept_days(kind, settings) for kind in kinds)), 0
    while True:
        async with runtime.database.session() as tx:
            count = await _thin_some(tx, before, kinds, settings.purge_batch)
        total += count
        if count < settings.purge_batch:
            return total


async def _thin_some(tx: AsyncSession, before: datetime, kinds: Collection[SignalKind], most: int) -> int:
    """Indexes: ix_signal_batches_camera, ix_signal_batches_movement."""
    flag = SignalBatch.has_camera if kinds == CAMERA_KINDS else SignalBatch.has_movement
    query = sa.select(SignalBatch).where(col(flag), col(SignalBatch.received_at) < before)
    batches = (await tx.scalars(query.order_by(col(SignalBatch.received_at)).limit(most).with_for_update())).all()
    for batch in batches:
        batch.signals = thinned(batch.signals, kinds)
        setattr(batch, flag.key, False)  # type: ignore[attr-defined]
    return len(batches)


def thinned(stored: bytes, kinds: Collection[SignalKind]) -> bytes:
    """A SignalsReceived whose signals of these kinds tell no more than when. They keep their place: evidence names signals by it."""
    event = heard.SignalsReceived.FromString(stored)
    for index, signal in enumerate(event.signals):
        if signal.WhichOneof("kind") in kinds:
            event.signals[index].CopyFrom(heard.Signal(at=signal.at))
    content: bytes = event.SerializeToString()
    return content


def _back(at: datetime, days: int) -> datetime:
    return at - timedelta(days=days)
