"""Snapshots of several databases that fit together.

While they are taken no event can be recorded and none be marked as taken in: whatever one database holds as heard of another, the other's snapshot
holds as recorded. What was recorded and not yet heard is published again after a restore. So no write-ahead log of a whole cluster is needed,
and each database may lie on a server of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

TRIES = 5
# A transaction that records an event takes milliseconds; who waits longer for all of them lets them go first and tries again.
_LOCK_SECONDS = 2
_LOCK = "LOCK TABLE outbox, outbox_log IN SHARE MODE"


class NoSnapshot(Exception):
    """The databases could not be held still together."""


@asynccontextmanager
async def fitting_snapshots(databases: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """The names of snapshots by service, good for `pg_dump --snapshot` until the end. `databases` are URLs by service. Raises NoSnapshot."""
    async with AsyncExitStack() as stack:
        connections = {name: await _connection(stack, url) for name, url in databases.items()}
        barriers = [await _connection(stack, url) for url in databases.values()]
        await _hold(barriers)
        names = {}
        for name, connection in connections.items():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            names[name] = await connection.fetchval("SELECT pg_export_snapshot()")
        for barrier in barriers:
            await barrier.execute("ROLLBACK")
        yield names


async def _hold(barriers: list[asyncpg.Connection]) -> None:
    """Locks every outbox, or none."""
    for _ in range(TRIES):
        try:
            for barrier in barriers:
                await barrier.execute("BEGIN")
                await barrier.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                await barrier.execute(_LOCK)
            return
        except asyncpg.LockNotAvailableError:
            await asyncio.gather(*(barrier.execute("ROLLBACK") for barrier in barriers))
    raise NoSnapshot(f"A transaction has held an outbox for {TRIES * _LOCK_SECONDS} seconds; nothing was backed up.")


async def _connection(stack: AsyncExitStack, url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(url, timeout=10, server_settings={"application_name": "backup"})
    stack.push_async_callback(connection.close)
    return connection
