"""Keeps the clock: submits what is due and ends breaks that are used up. Every replica runs it; row locks share out the work."""

import asyncio

import structlog

from chassis.service import Runtime
from services.attempts.pausing import end_due_breaks
from services.attempts.settings import Settings
from services.attempts.submitting import DUE_BATCH, submit_due

log = structlog.get_logger()


async def keep_time(runtime: Runtime) -> None:
    """Runs for ever. Deadlines are in the database, so a restart loses nothing."""
    assert isinstance(runtime.settings, Settings)
    pause = runtime.settings.timekeeper_milliseconds / 1000
    while True:
        async with runtime.database.session() as tx:
            submitted = await submit_due(tx)
        if submitted:
            log.info("attempts_submitted_at_deadline", count=submitted)
        async with runtime.database.session() as tx:
            await end_due_breaks(tx)
        if submitted < DUE_BATCH:
            await asyncio.sleep(pause)
