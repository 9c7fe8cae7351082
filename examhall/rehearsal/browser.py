"""The browser of an invented student: keeps what a real page would tell, counts and timings only, until it is sent. Pure but for what it keeps.

A rehearsal compresses time. What people do with their hands in between does not get faster, so keyboard and mouse are reported in a person's
time: one second of a rehearsal at pace 1 stands for `PERSONS_SECONDS` of an exam.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

Signal = dict[str, Any]

# A sitting of 75 s stands for a quarter of an hour.
PERSONS_SECONDS = 12.0
_LONGEST_WINDOW_MS = 600_000
_MOST_SIGNALS = 100  # of one batch
_MOVING = 0.3  # of the time, the pointer
_STROKES_A_CHARACTER = 3  # what is typed is typed, taken back, and typed anew


@dataclass(frozen=True)
class Style:
    """How a person types and moves the pointer. `within` is how much one stretch of time differs from another (of a logarithm)."""

    words_a_minute: float
    dwell_milliseconds: float
    pixels_a_second: float  # rests included
    within: float = 0.08


def style_of(seed: str) -> Style:
    """A person's own style, log-normal between persons."""
    random = Random(f"{seed}/style")
    return Style(
        words_a_minute=34 * random.lognormvariate(0, 0.18),
        dwell_milliseconds=95 * random.lognormvariate(0, 0.15),
        pixels_a_second=140 * random.lognormvariate(0, 0.2),
    )


def somebody_elses(style: Style) -> Style:
    """A style that is nobody's odd day: more than twice as fast on the keyboard, and a hand that hardly uses the mouse."""
    return Style(style.words_a_minute * 2.5, style.dwell_milliseconds * 0.6, style.pixels_a_second * 0.2, style.within)


@dataclass
class Page:
    """The page while it is open. `at` is always the browser's clock."""

    style: Style
    random: Random
    reported_at: datetime
    faster: float = 1.0  # the rehearsal's pace
    question_id: str = ""
    strokes: int = 0
    kept: list[Signal] = field(default_factory=list)

    def show(self, question_id: str, position: int, at: datetime) -> None:
        """The student turns to a question."""
        if question_id != self.question_id:
            self.question_id = question_id
            self.note("question_shown", at, position=position)

    def type(self, text: str) -> None:
        """Something is typed: how much is remembered, not what."""
        self.strokes += len(text) * _STROKES_A_CHARACTER

    def note(self, kind: str, at: datetime, **amounts: int) -> None:
        """Something happened."""
        self.kept.append({"kind": kind, "at": at.isoformat(), "question_id": self.question_id, **amounts})

    def sum_up(self, at: datetime) -> None:
        """Adds the sums of keyboard and mouse since the last time."""
        window = (at - self.reported_at).total_seconds() * PERSONS_SECONDS * self.faster
        window_ms = min(int(window * 1000), _LONGEST_WINDOW_MS)
        self.reported_at = at
        if window_ms <= 0:
            return
        for kind, amounts in self._sums(window_ms):
            self.note(kind, at, window_milliseconds=window_ms, **amounts)

    def take(self) -> list[Signal]:
        """The oldest signals, as many as go into a batch; they are the caller's now."""
        taken, self.kept = self.kept[:_MOST_SIGNALS], self.kept[_MOST_SIGNALS:]
        return taken

    def _sums(self, window_ms: int) -> list[tuple[str, Mapping[str, int]]]:
        sums: list[tuple[str, Mapping[str, int]]] = []
        strokes, self.strokes = self.strokes, 0
        if strokes:
            each_ms = 12_000 / self._varied(self.style.words_a_minute)  # a word is five strokes
            strokes = min(strokes, int(window_ms / each_ms))
            dwell = min(self._varied(self.style.dwell_milliseconds), each_ms)
            typing = {
                "strokes": strokes,
                "typing_milliseconds": int(strokes * each_ms),
                "dwell_milliseconds": int(strokes * dwell),
                "flight_milliseconds": int(strokes * (each_ms - dwell)),
                "corrections": strokes // 12,
            }
            sums.append(("keystrokes", typing))
        moving = int(window_ms * _MOVING)
        mouse = {
            "moving_milliseconds": moving,
            "distance_pixels": int(self._varied(self.style.pixels_a_second) * window_ms / 1000),
            "turns": moving // 800,
            "clicks": window_ms // 9_000,
        }
        return [*sums, ("mouse", mouse)]

    def _varied(self, usual: float) -> float:
        return usual * self.random.lognormvariate(0, self.style.within)


def batch(batch_id: UUID | str, signals: list[Signal], at: datetime) -> dict[str, Any]:
    """A batch as it is sent."""
    return {"batch_id": str(batch_id), "sent_at": at.isoformat(), "signals": signals}
