"""When an exam has closed and everybody has submitted, its answers are analysed for good, once."""

import asyncio
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.ids import new_id
from chassis.outbox import record_event, timestamp
from chassis.service import Runtime
from proto.examhall.proctoring.v1.exams_pb2 import CollusionRequested
from services.proctoring.app_state import parts_of
from services.proctoring.reopening import EXAMS

# Indexes: ix_attempts_exam_id, ix_attempts_under_way. The grace is for events that are still on their way.
_CLOSED = sa.text("""
UPDATE exams SET is_collusion_final = true
WHERE watched IS NOT NULL AND NOT is_collusion_final AND (status = 'archived' OR closes_at < :until)
  AND NOT EXISTS (SELECT FROM attempts WHERE exam_id = exams.id AND status <> 'submitted')
  AND (SELECT max(submitted_at) FROM attempts WHERE exam_id = exams.id AND is_proctored) < :until
RETURNING id, watch_revision
""").bindparams(sa.bindparam("until", type_=sa.TIMESTAMP(timezone=True)))


async def close_exams(runtime: Runtime) -> None:
    """Looks for exams that have closed, for ever."""
    settings = parts_of(runtime).settings
    while True:
        await asyncio.sleep(settings.closing_milliseconds / 1000)
        async with runtime.database.session() as tx:
            await request_final_analyses(tx, timedelta(seconds=settings.closing_grace_seconds))


async def request_final_analyses(tx: AsyncSession, grace: timedelta) -> int:
    """Asks for the last analysis of every exam that closed at least `grace` ago, with all attempts over as long; how many these are."""
    at = now()
    closed = (await tx.execute(_CLOSED, {"until": at - grace})).all()
    for exam_id, revision in closed:
        event = CollusionRequested(
            exam_id=str(exam_id),
            request_id=str(new_id()),
            is_final=True,
            at=timestamp(at),
            exam_revision=revision,
        )
        record_event(tx, EXAMS, exam_id, event)
    return len(closed)
