"""Answers on their way in: each is held back for a moment, so that those that come a little out of order sort themselves."""

from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple

from services.proctoring.collusion.plan import Answer

# Longer than transactions that overlap take to be committed and relayed; short enough for a proctor.
HELD_SECONDS = 0.25
# What is let through at once, some milliseconds' work: after a long computation hundreds of thousands may wait.
MOST_AT_ONCE = 5_000


class _Held(NamedTuple):
    answer: Answer
    since: float


class Arrivals:
    """`last`: the latest in order of those let through; None before any."""

    def __init__(self) -> None:
        self.last: Answer | None = None
        self._new: list[Answer] = []
        self._in_order: list[Answer] = []
        self._as_they_came: deque[_Held] = deque()
        self._up_to: Answer | None = None
        self._is_beginning = False

    def __bool__(self) -> bool:
        return bool(self._new or self._in_order)

    def add(self, answer: Answer) -> bool:
        """Holds an answer back. False: it is late, later ones have been let through."""
        if self.last is not None and answer <= self.last:
            return False
        self._new.append(answer)
        return True

    def due(self, now: float) -> list[Answer]:
        """Those whose time has come at this moment, and whatever sorts before them, in order; MOST_AT_ONCE of them, the others the next time."""
        for answer in self._new:
            heappush(self._in_order, answer)
            self._as_they_came.append(_Held(answer, now))
        self._new = []
        if self._is_beginning:
            return []
        while self._as_they_came and self._as_they_came[0].since + HELD_SECONDS <= now:
            answer = self._as_they_came.popleft().answer
            self._up_to = answer if self._up_to is None else max(self._up_to, answer)
        through: list[Answer] = []
        while self._is_next_due() and len(through) < MOST_AT_ONCE:
            through.append(heappop(self._in_order))
        if through:
            self.last = through[-1]
        return through

    def begin(self) -> None:
        """Everything that is here is taken otherwise: all facts are computed anew. Nothing is let through until that is done."""
        self.last = self._up_to = None
        self._new, self._in_order, self._is_beginning = [], [], True
        self._as_they_came.clear()

    def go_on_after(self, last: Answer | None) -> bool:
        """All up to this one are through. False: some that came meanwhile are late."""
        self.last, self._is_beginning = last, False
        return last is None or all(each > last for each in (*self._new, *self._in_order[:1]))

    def _is_next_due(self) -> bool:
        return bool(self._in_order) and self._up_to is not None and self._in_order[0] <= self._up_to
