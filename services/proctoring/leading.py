"""What has to be done by one replica at a time: the leader does it, the others stand by."""

import asyncio
import zlib
from collections.abc import Sequence

import asyncpg
import structlog

from chassis.service import Runtime
from services.proctoring.closing import close_exams
from services.proctoring.replaying import replay_when_wished
from services.proctoring.retention import purge_for_ever, sweep_for_ever
from services.proctoring.status import push_states

log = structlog.get_logger()

CHORES_LOCK = zlib.crc32(b"examhall proctoring chores")
_SECONDS = 1.0
_CHORES = (push_states, close_exams, replay_when_wished, purge_for_ever, sweep_for_ever)


async def lead(runtime: Runtime) -> None:
    """Does the chores for ever, once this replica is the leader; ends with an error when the lock's connection is lost."""
    connection = await runtime.database.direct_connection()
    try:
        await _become_leader(connection)
        log.info("leading_chores")
        await _until_one_fails(
            [
                asyncio.create_task(_watch_lock(connection)),
                *(asyncio.create_task(chore(runtime)) for chore in _CHORES),
            ]
        )
    finally:
        connection.terminate()


async def _become_leader(connection: asyncpg.Connection) -> None:
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", CHORES_LOCK):
            return
        await asyncio.sleep(_SECONDS)


async def _until_one_fails(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Raises what the first one failed with, the others cancelled. A TaskGroup of Python 3.11 would leave this task marked as cancelled, as if told
    to stop.
    """
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch_lock(connection: asyncpg.Connection) -> None:
    """Raises when the connection, and with it the lock, is gone."""
    while True:
        await asyncio.sleep(_SECONDS)
        await connection.execute("SELECT 1")
