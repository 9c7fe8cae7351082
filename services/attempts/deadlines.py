"""When an attempt ends. All times are the database server's; a client's clock decides nothing.

Working time is the exam's duration, cut short by the end of the window: who starts late has less. What is given to a person may pass that end:
an accommodation adds its share of the working time, an extension its seconds, a pause its length.
"""

import math
from datetime import datetime, timedelta


def first_deadline(
    started_at: datetime, duration_seconds: int, extra_time_percent: int, closes_at: datetime | None
) -> datetime:
    """The deadline of an attempt that starts at `started_at`: whole seconds of accommodation, rounded in the student's favour."""
    working = timedelta(seconds=duration_seconds)
    if closes_at is not None:
        working = min(working, closes_at - started_at)
    extra = math.ceil(working.total_seconds() * extra_time_percent / 100)
    return started_at + working + timedelta(seconds=extra)


def resumed_deadline(deadline_at: datetime, paused_at: datetime, resumed_at: datetime) -> datetime:
    """The deadline after a pause: moved by the pause's length."""
    return deadline_at + (resumed_at - paused_at)


def time_left(deadline_at: datetime, paused_at: datetime | None, moment: datetime) -> timedelta:
    """Working time left; a pause stops the clock; never negative."""
    return max(deadline_at - (paused_at or moment), timedelta(0))


def break_ends(paused_at: datetime, allowed_seconds: int, used_seconds: int) -> datetime | None:
    """When a break that starts at `paused_at` is over, or None when no break time is left."""
    left = allowed_seconds - used_seconds
    return paused_at + timedelta(seconds=left) if left > 0 else None
