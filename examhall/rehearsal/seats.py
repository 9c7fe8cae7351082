"""Who sits what, how far a class is, and how much time a sitting has. Plain values."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_CLOCK_TOLERANCE = 2.0


@dataclass(frozen=True)
class Student:
    """Who sits, and how to sign in; `student_id` is known of those who were made for it."""

    login: str
    password: str
    student_id: str = ""


@dataclass(frozen=True)
class Exam:
    """What a student needs to know to sit it."""

    exam_id: str
    access_code: str


@dataclass
class Progress:
    """How far the class is, for the live table."""

    signed_in: int = 0
    started: int = 0
    finished: int = 0
    acknowledged: int = 0
    offline: int = 0
    alerts: int = 0


@dataclass
class Countdown:
    """The end of a sitting by the server's clock, as far as replies have told it."""

    ends_at: float = 0.0

    def follow(self, body: Mapping[str, Any]) -> None:
        """Exactly where a reply says the deadline, else when its whole seconds show that the end has moved."""
        if attempt := body.get("attempt"):
            left = datetime.fromisoformat(attempt["deadline_at"]) - datetime.fromisoformat(attempt["server_time"])
            self.ends_at = time.monotonic() + left.total_seconds()
        elif abs(body["seconds_left"] + 0.5 - self.seconds_left()) > _CLOCK_TOLERANCE:
            self.ends_at = time.monotonic() + body["seconds_left"] + 0.5

    def seconds_left(self) -> float:
        """Below 0 after the end."""
        return self.ends_at - time.monotonic()
