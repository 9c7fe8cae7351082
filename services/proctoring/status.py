"""The state of every exam under way, pushed to its proctors every few seconds: who is in, how far, and how it looks."""

import asyncio
from itertools import groupby

import sqlalchemy as sa
from sqlmodel import col

from chassis.clock import now
from chassis.service import Runtime
from services.proctoring.app_state import parts_of
from services.proctoring.board import quiz_status, standings
from services.proctoring.feeds import exam_feed, tell_passing
from services.proctoring.tables import Attempt


async def push_states(runtime: Runtime) -> None:
    """Pushes for ever."""
    seconds = parts_of(runtime).settings.status_milliseconds / 1000
    while True:
        await asyncio.sleep(seconds)
        await push_states_now(runtime)


async def push_states_now(runtime: Runtime) -> None:
    """Pushes the state of each exam with an attempt under way, all read by one query. Index: ix_attempts_under_way."""
    most, at = parts_of(runtime).settings.status_students, now()
    under_way = sa.select(col(Attempt.exam_id)).where(col(Attempt.status) != "submitted")
    async with runtime.database.session() as tx:
        rows = sorted(await standings(tx, col(Attempt.exam_id).in_(under_way)), key=lambda row: row.exam_id)
        for exam_id, of_exam in groupby(rows, key=lambda row: row.exam_id):
            tell_passing(tx, exam_feed(exam_id), "quiz_status", at, quiz_status(exam_id, of_exam, at, most))
