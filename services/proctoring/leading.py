"""What has to be done by one replica at a time: the leader does it, the others stand by."""

import asyncio
import zlib

import asyncpg
import structlog

from chassis.service import Runtime
from services.proctoring.closing import close_exams
from services.proctoring.replaying import replay_when_wished
from services.proctoring.retention import purge_for_ever, sweep_for_ever
from services.proctoring.status import push_states

log = structlog.get_logger()

_LOCK = zlib.crc32(b"examhall proctoring chores")
_SECONDS = 1.0
_CHORES = (push_states, close_exams, replay_when_wished, purge_for_ever, sweep_for_ever)


async def lead(runtime: Runtime) -> None:
    """Does the chores for ever, once this replica is the leader; ends with an error when the lock's connection is lost."""
    connection = await runtime.database.direct_connection()
    try:
        await _become_leader(connection)
        log.info("leading_chores")
        async with asyncio.TaskGroup() as group:
            group.create_task(_watch_lock(connection))
            for chore in _CHORES:
                group.create_task(chore(runtime))
    finally:
        connection.terminate()


async def _become_leader(connection: asyncpg.Connection) -> None:
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return
        await asyncio.sleep(_SECONDS)


async def _watch_lock(connection: asyncpg.Connection) -> None:
    """Raises when the connection, and with it the lock, is gone."""
    while True:
        await asyncio.sleep(_SECONDS)
        await connection.execute("SELECT 1")
