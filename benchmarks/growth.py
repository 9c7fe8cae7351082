"""Whether a save costs the same when a million attempts are stored."""

from collections.abc import AsyncIterator
from statistics import median

import asyncpg

from benchmarks.hall import Hall, Load, seat
from benchmarks.results import Figure
from examhall.servers import HOST

ATTEMPTS = 1_000_000
ROUNDS = 3
SECONDS = 4


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """The rate of saves before and after the tables have grown."""
    clients = [sitter.save_request() for sitter in await seat(hall, 64)]
    load = Load(hall)
    few = [(await load.requests(clients, SECONDS))["per_second"] for _ in range(ROUNDS)]
    connection = await asyncpg.connect(
        host=HOST, port=hall.ports()["postgres"], user="postgres", database="examhall_attempts", timeout=10
    )
    await _grow(connection)
    await connection.close()
    many = [(await load.requests(clients, SECONDS))["per_second"] for _ in range(ROUNDS)]
    ratio = median(many) / median(few)
    behind = f"{median(few):.0f}/s with 64 attempts, {median(many):.0f}/s with {ATTEMPTS:,}, each with an answer"
    yield Figure("saves/s with a million attempts / with few", f"{ratio:.2f}", "about 1", behind)


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
