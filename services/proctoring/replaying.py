"""A worker of the stream has lost its state: the events of exams that are not over are published once more, here and by attempts.

The stream's state depends on the set of events alone and its tellings have fixed ids, so events that come twice change nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery
from chassis.errors import DependencyUnavailable
from chassis.replay import OutboxRpc, request_replay
from chassis.service import Runtime
from proto.examhall.chassis.v1.outbox_pb2 import ReplayRequest
from proto.examhall.proctoring.v1.stream_pb2 import StateLost
from services.proctoring.app_state import parts_of
from services.proctoring.reopening import EXAMS
from services.proctoring.watching import SIGNALS

log = structlog.get_logger()

_POLL_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_KEYS_AT_ONCE = 5_000  # of a call: a gRPC message has at most 4 MiB
_OF_ATTEMPTS = ("attempts.lifecycle.v1", "attempts.answers.v1")

_WISH = sa.text(
    "INSERT INTO replay_wishes (worker, asked_at) VALUES (:worker, clock_timestamp())"
    " ON CONFLICT (worker) DO UPDATE SET asked_at = excluded.asked_at"
)
# Several workers that start together share one replay: it begins when none has asked for a moment.
_DUE = sa.text(
    "SELECT max(asked_at) FROM replay_wishes HAVING max(asked_at) < clock_timestamp() - :quiet_ms * interval '1 millisecond'"
)
_DONE = sa.text("DELETE FROM replay_wishes WHERE asked_at <= :asked_at").bindparams(
    sa.bindparam("asked_at", type_=sa.TIMESTAMP(timezone=True))
)
# Index: ix_attempts_exam_id.
_NOT_OVER = sa.text("""
SELECT DISTINCT attempts.exam_id FROM attempts JOIN exams ON exams.id = attempts.exam_id
LEFT JOIN collusion_states ON collusion_states.exam_id = attempts.exam_id
WHERE is_proctored AND (
    attempts.status <> 'submitted' OR (exams.closes_at > clock_timestamp() AND exams.status <> 'archived')
    OR (submitted_at > clock_timestamp() - interval '1 day' AND collusion_states.is_final IS NOT TRUE)
)
""")
_ATTEMPTS = sa.text("SELECT id FROM attempts WHERE is_proctored AND exam_id = ANY (:exam_ids)")
# An exam that may still be sat must be known to the stream before anybody sits it.
_TO_COME = sa.text(
    "SELECT id FROM exams WHERE watched IS NOT NULL AND status <> 'archived'"
    " AND (closes_at IS NULL OR closes_at > clock_timestamp() - interval '1 day')"
)


class Lost(NamedTuple):
    """What the stream needs once more. `running`: exams that are not over, `known`: these and those that may still be sat."""

    running: Sequence[str]
    known: Sequence[str]
    attempts: Sequence[str]


async def wish_for_replay(tx: AsyncSession, event: StateLost, delivery: Delivery) -> None:
    """Notes that a worker needs its events once more."""
    log.warning("stream_state_lost", worker=event.worker, partitions=list(event.partitions))
    await tx.execute(_WISH, {"worker": event.worker or delivery.key})


async def replay_when_wished(runtime: Runtime) -> None:
    """Answers wishes for ever. One that fails since attempts is away is tried again."""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        try:
            await answer_wishes(runtime)
        except DependencyUnavailable as error:
            log.warning("replay_waits", error=error.detail)
            await asyncio.sleep(_RETRY_SECONDS)


async def answer_wishes(runtime: Runtime) -> None:
    """Has everything published once more that the wishes so far are about. Wishes that come meanwhile stay."""
    async with runtime.database.session() as tx:
        quiet_ms = parts_of(runtime).settings.replay_quiet_milliseconds
        asked_at = await tx.scalar(_DUE, {"quiet_ms": quiet_ms})
        lost = await _lost(tx) if asked_at is not None else None
    if lost is None:
        return
    own = await _replay_own(runtime, EXAMS, lost.known) + await _replay_own(runtime, SIGNALS, lost.attempts)
    theirs = 0
    for keys in _portions([*lost.attempts, *lost.running]):
        theirs += await request_replay(runtime, "attempts", _OF_ATTEMPTS, keys)
    async with runtime.database.session() as tx:
        await tx.execute(_DONE, {"asked_at": asked_at})
    log.warning("events_published_again", exams=len(lost.running), attempts=len(lost.attempts), events=own + theirs)


async def _lost(tx: AsyncSession) -> Lost:
    running: list[UUID] = list((await tx.scalars(_NOT_OVER)).all())
    to_come: list[UUID] = list((await tx.scalars(_TO_COME)).all())
    attempts = await tx.scalars(_ATTEMPTS, {"exam_ids": running})
    known = dict.fromkeys([*running, *to_come])
    return Lost([str(exam) for exam in running], [str(exam) for exam in known], [str(attempt) for attempt in attempts])


async def _replay_own(runtime: Runtime, topic: str, keys: Sequence[str]) -> int:
    events = 0
    for portion in _portions(keys):
        reply = await OutboxRpc(runtime).Replay(ReplayRequest(topics=[topic], keys=portion), None)
        events += reply.events
    return events


def _portions(keys: Sequence[str]) -> list[Sequence[str]]:
    """Never an empty one: no keys would mean all."""
    return [keys[start : start + _KEYS_AT_ONCE] for start in range(0, len(keys), _KEYS_AT_ONCE)]
