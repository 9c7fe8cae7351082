"""The state of every exam under way, pushed to its proctors every few seconds: who is in, how far, and how it looks."""

import asyncio

from chassis.clock import now
from chassis.service import Runtime
from services.proctoring.app_state import parts_of
from services.proctoring.board import quiz_status, states_under_way
from services.proctoring.feeds import exam_feed, tell_passing


async def push_states(runtime: Runtime) -> None:
    """Pushes for ever."""
    seconds = parts_of(runtime).settings.status_milliseconds / 1000
    while True:
        await asyncio.sleep(seconds)
        await push_states_now(runtime)


async def push_states_now(runtime: Runtime) -> None:
    """Pushes the state of each exam with an attempt under way; the gravest attempts alone are named, however many there are."""
    most, at = parts_of(runtime).settings.status_students, now()
    async with runtime.database.session() as tx:
        for exam_id, state in (await states_under_way(tx, most)).items():
            tell_passing(tx, exam_feed(exam_id), "quiz_status", at, quiz_status(exam_id, state, at))
