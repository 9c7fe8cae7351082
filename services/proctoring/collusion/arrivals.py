"""Answers on their way in: each is held back for a moment, so that those that come a little out of order sort themselves."""

from typing import NamedTuple

from services.proctoring.collusion.plan import Answer

# Longer than transactions that overlap take to be committed and relayed; short enough for a proctor.
HELD_SECONDS = 0.25


class _Held(NamedTuple):
    answer: Answer
    since: float


class Arrivals:
    """`last`: the latest in order of those let through; None before any."""

    def __init__(self) -> None:
        self.last: Answer | None = None
        self._new: list[Answer] = []
        self._held: list[_Held] = []
        self._is_beginning = False

    def __bool__(self) -> bool:
        return bool(self._new or self._held)

    def add(self, answer: Answer) -> bool:
        """Holds an answer back. False: it is late, later ones have been let through."""
        if self.last is not None and answer <= self.last:
            return False
        self._new.append(answer)
        return True

    def due(self, now: float) -> list[Answer]:
        """Those whose time has come at this moment, and whatever sorts before them, in order."""
        self._held += [_Held(answer, now) for answer in self._new]
        self._new = []
        up_to = max((held.answer for held in self._held if held.since + HELD_SECONDS <= now), default=None)
        if up_to is None or self._is_beginning:
            return []
        let_through = sorted(held.answer for held in self._held if held.answer <= up_to)
        self._held = [held for held in self._held if held.answer > up_to]
        self.last = up_to
        return let_through

    def begin(self) -> None:
        """Everything that is here is taken otherwise: all facts are computed anew. Nothing is let through until that is done."""
        self.last, self._new, self._held, self._is_beginning = None, [], [], True

    def go_on_after(self, last: Answer | None) -> bool:
        """All up to this one are through. False: some that came meanwhile are late."""
        self.last, self._is_beginning = last, False
        waiting = (*self._new, *(held.answer for held in self._held))
        return last is None or all(each > last for each in waiting)
