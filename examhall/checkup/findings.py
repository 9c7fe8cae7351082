"""What a look at something found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is."""

    FINE = "fine"
    WATCH = "watch"  # an exam can go on; somebody should look before the next one
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and, unless it is fine, what to do."""

    about: str
    grade: Grade
    says: str
    do: str = ""


Look = Callable[[], Awaitable[list[Finding]]]


def fine(about: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(about, Grade.FINE, says)


def watch(about: str, says: str, do: str) -> Finding:
    """To be looked at before the next exam."""
    return Finding(about, Grade.WATCH, says, do)


def wrong(about: str, says: str, do: str) -> Finding:
    """To be mended now."""
    return Finding(about, Grade.WRONG, says, do)
