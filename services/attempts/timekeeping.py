"""Keeps the clock: submits what is due and ends breaks that are used up. Every replica runs it; row locks share out the work."""

import asyncio

import structlog

from chassis.service import Runtime
from services.attempts.pausing import end_due_breaks
from services.attempts.settings import Settings
from services.attempts.submitting import DUE_BATCH, submit_due

log = structlog.get_logger()


# Indexes: ix_attempts_due, ix_attempts_breaks. They serve a time that does not change within a statement; for clock_timestamp() every row is read.
IS_DUE = """
SELECT EXISTS (SELECT FROM attempts WHERE status = 'in_progress' AND deadline_at < statement_timestamp())
    OR EXISTS (SELECT FROM attempts WHERE break_ends_at <= statement_timestamp())
"""


async def keep_time(runtime: Runtime) -> None:
    """Runs for ever. Deadlines are in the database, so a restart loses nothing."""
    assert isinstance(runtime.settings, Settings)
    pause = runtime.settings.timekeeper_milliseconds / 1000
    while True:
        if not await runtime.database.pool.fetchval(IS_DUE) or await _keep(runtime) < DUE_BATCH:
            await asyncio.sleep(pause)


async def _keep(runtime: Runtime) -> int:
    """Does what is due now; how many attempts were submitted."""
    async with runtime.database.session() as tx:
        submitted = await submit_due(tx)
    if submitted:
        log.info("attempts_submitted_at_deadline", count=submitted)
    async with runtime.database.session() as tx:
        await end_due_breaks(tx)
    return submitted
