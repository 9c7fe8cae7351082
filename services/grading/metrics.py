"""The grading service's own metrics, beside those of every service."""

import asyncpg
from prometheus_client import Gauge

from chassis.counting import Count

_WAITING = Gauge("examhall_grading_waiting", "Submitted attempts that are not marked yet")
_OLDEST_SECONDS = Gauge(
    "examhall_grading_oldest_seconds",
    "Since the first of the attempts that are not marked yet was submitted; 0 when none waits",
)


def _show(row: asyncpg.Record) -> None:
    _WAITING.set(row["waiting"])
    _OLDEST_SECONDS.set(max(row["oldest_seconds"] or 0, 0))


COUNTS = (
    Count(
        "submissions",
        5,
        "SELECT count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(submitted_at))::float8 AS oldest_seconds"
        " FROM attempts WHERE marking_due_at IS NOT NULL",  # served by ix_attempts_marking_due
        _show,
    ),
)
