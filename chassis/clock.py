"""The one place that reads the process's clock; rules get the time as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
