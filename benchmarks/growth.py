"""Whether a save costs the same when a million attempts are stored."""

from collections.abc import AsyncIterator
from statistics import median

import asyncpg
import psutil

from benchmarks.autosaves import events_taken_in
from benchmarks.hall import Hall, Load, seat
from benchmarks.results import Figure
from examhall.servers import HOST

ATTEMPTS = 1_000_000
ROUNDS = 3
SECONDS = 4


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """The rate of saves with few attempts, with many, and with few again, for the machine may be another meanwhile; and what a save costs PostgreSQL."""
    clients = [sitter.save_request() for sitter in await seat(hall, 64)]
    load, port, server = Load(hall), hall.ports()["postgres"], psutil.Process(hall.pid("postgres"))

    async def rounds() -> list[tuple[float, float]]:
        found = []
        for _ in range(ROUNDS):
            await events_taken_in(port)
            before = _cpu(server)
            rate = (await load.requests(clients, SECONDS))["per_second"]
            found.append((rate, (_cpu(server) - before) / (rate * SECONDS) * 1e6))
        return found

    connection = await asyncpg.connect(host=HOST, port=port, user="postgres", database="examhall_attempts", timeout=10)
    few = await rounds()
    await _grow(connection)
    many = await rounds()
    await _shrink(connection)
    few += await rounds()
    await connection.close()
    (rate_of_few, cost_of_few), (rate_of_many, cost_of_many) = (
        (median(rate for rate, _ in each), median(cost for _, cost in each)) for each in (few, many)
    )
    behind = (
        f"{rate_of_few:.0f}/s with 64 attempts, {rate_of_many:.0f}/s with {ATTEMPTS:,}, each with an answer;"
        f" a save takes {cost_of_few:.0f} and {cost_of_many:.0f} µs of PostgreSQL's CPU"
    )
    yield Figure("saves/s with a million attempts / with few", f"{rate_of_many / rate_of_few:.2f}", "about 1", behind)


def _cpu(server: psutil.Process) -> float:
    """Seconds that a server and its children have used."""
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


async def _grow(connection: asyncpg.Connection) -> None:
    await connection.execute(
        """
        INSERT INTO attempts (id, version, exam_id, exam_version, student_id, number, status, seed, question_count, answered_count,
            started_at, deadline_at, pause_reason, break_allowed_seconds, break_used_seconds, submitted_at, submit_reason, client_address)
        SELECT gen_random_uuid(), 2, gen_random_uuid(), 1, gen_random_uuid(), 1, 'submitted', '\\x00', 40, 40,
            now() - interval '1 day', now() - interval '23 hours', '', 0, 0, now() - interval '23 hours', 'student', ''
        FROM generate_series(1, $1)
        """,
        ATTEMPTS,
        timeout=600,
    )
    await connection.execute(
        "INSERT INTO answers SELECT id, gen_random_uuid(), 1, '{}', false, now() FROM attempts WHERE status = 'submitted'",
        timeout=600,
    )
    await connection.execute("VACUUM ANALYZE attempts, answers", timeout=600)


async def _shrink(connection: asyncpg.Connection) -> None:
    for table, column in (("answers", "attempt_id"), ("attempts", "id")):
        await connection.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM attempts WHERE status = 'submitted')",  # noqa: S608
            timeout=600,
        )
    await connection.execute("VACUUM ANALYZE attempts, answers", timeout=600)
