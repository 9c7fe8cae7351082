"""The attempts service's own metrics, beside those of every service."""

import asyncpg
from prometheus_client import Counter, Gauge

from chassis.counting import Count

SUBMITTED = Counter(
    "examhall_attempts_submitted_total",
    "Attempts submitted, by reason (student, deadline, violation_limit, staff)",
    ["reason"],
)
_OPEN = Gauge("examhall_attempts", "Attempts under way, by status (running, paused)", ["status"])
_DUE = Gauge("examhall_deadlines_due", "Running attempts whose deadline comes within so many seconds", ["within"])
_WITHIN_SECONDS = (60, 300, 900)


def _show_open(row: asyncpg.Record) -> None:
    for status in ("running", "paused"):
        _OPEN.labels(status).set(row[status])


def _show_due(row: asyncpg.Record) -> None:
    for seconds, count in zip(_WITHIN_SECONDS, row["counts"], strict=True):
        _DUE.labels(str(seconds)).set(count)


COUNTS = (
    Count(
        "attempts",
        5,
        "SELECT count(*) FILTER (WHERE status = 'in_progress') AS running, count(*) FILTER (WHERE status = 'paused') AS paused"
        " FROM attempts WHERE status IN ('in_progress', 'paused')",  # served by uq_attempts_open
        _show_open,
    ),
    Count(
        "deadlines",
        5,
        "SELECT ARRAY(SELECT (SELECT count(*) FROM attempts WHERE status = 'in_progress'"
        " AND deadline_at < statement_timestamp() + make_interval(secs => within))"  # served by ix_attempts_due
        " FROM unnest($1::int[]) WITH ORDINALITY AS spans(within, position) ORDER BY position) AS counts",
        _show_due,
        (_WITHIN_SECONDS,),
    ),
)
