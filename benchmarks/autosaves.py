"""Autosaves a second over pgbench, through the gateway and without it; latency at half load."""

import asyncio
from collections.abc import AsyncIterator
from statistics import median

import asyncpg

from benchmarks import pgbench
from benchmarks.hall import Hall, Load, seat
from benchmarks.results import Figure
from examhall.servers import HOST

STUDENTS = 256
ROUNDS = 3
SECONDS = 5
_HALF_LOAD_SECONDS = 10
_PATIENCE_SECONDS = 300
_WAITING = "SELECT count(*) FROM outbox JOIN outbox_log USING (topic) WHERE published_at IS NULL OR id >= replay_from"


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Three interleaved rounds, medians of the ratios; each save checked for owner, status and deadline, its event in the outbox."""
    port = hall.ports()["postgres"]
    await pgbench.prepare(port, hall.folder)
    clients = [sitter.save_request() for sitter in await seat(hall, STUDENTS)]
    load = Load(hall)
    rounds, halves, waits = [], [], []
    for _ in range(ROUNDS):
        yardstick = await pgbench.upserts_per_second(port, hall.folder, SECONDS)
        waits.append(await pgbench.p99_at(port, hall.folder, yardstick / 2, _HALF_LOAD_SECONDS))
        through = (await load.requests(clients, SECONDS))["per_second"]
        without = (await load.batches(clients, SECONDS))["per_second"]
        rounds.append((yardstick, through, without))
        await events_taken_in(port)
        halves.append(await load.requests(clients, _HALF_LOAD_SECONDS, rate=through / 2))
    yardsticks, throughs, withouts = zip(*rounds, strict=True)
    behind = f"{median(throughs):.0f}/s against {median(yardsticks):.0f} single-row upserts/s by pgbench, 32 clients"
    ratio = median(through / yardstick for yardstick, through, _ in rounds)
    yield Figure("autosaves through the gateway / pgbench", f"{ratio:.2f}", "at least 0.5", behind)
    ratio = median(without / yardstick for yardstick, _, without in rounds)
    yield Figure(
        "autosaves without the gateway / pgbench",
        f"{ratio:.2f}",
        "at least 0.8",
        f"{median(withouts):.0f}/s in batches over gRPC",
    )
    p50, p95, p99 = (median(half[mark] * 1000 for half in halves) for mark in ("p50", "p95", "p99"))
    each = ", ".join(f"{half['p99'] * 1000:.0f} ({wait * 1000:.0f})" for half, wait in zip(halves, waits, strict=True))
    behind = (
        f"p50 {p50:.1f} ms, p95 {p95:.1f} ms at {median(throughs) / 2:.0f}/s;"
        f" each round's p99, and that of pgbench at half of its own rate: {each} ms"
    )
    yield Figure("p99 of a save at half load", f"{p99:.1f} ms", "under 50 ms", behind)


async def events_taken_in(port: int) -> None:
    """Waits until the events of the load before are taken in, so that the next measurement does not pay for them. Raises TimeoutError."""
    attempts = await asyncpg.connect(host=HOST, port=port, user="postgres", database="examhall_attempts")
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await attempts.fetchval(_WAITING):  # noqa: ASYNC110, what is looked at is in a database
            await asyncio.sleep(0.5)
    await attempts.close()
