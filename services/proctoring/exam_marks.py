"""Where the numbers of a running exam stood a little while ago: an answer that comes late costs what came since then, not the whole exam once more."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.proctoring.collusion.evidence import ExamModel
from services.proctoring.collusion.plan import Answer
from services.proctoring.collusion.running import Running

# Longer than a commit that waits for a lock, or a relay that changes its leader, keeps answers back; short enough to be made up for within a second.
MARK_MS = 30_000
# A mark is a copy of tens of megabytes in a large exam; so many answers cost as much ten times over, and less than half a second to take in again.
MARK_ANSWERS = 4_000
# Of two, the older one is always as old as that.
_KEPT = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """The numbers after `last`, not to be changed, with the estimate that was being made then."""

    running: Running
    last: Answer
    estimate: asyncio.Task[ExamModel] | None


class Marks:
    """The marks of one exam, and the answers that were taken in since the first of them."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._since: list[Answer] = []
        self._taken = 0  # since the last mark

    def clear(self) -> None:
        """None of them holds any more."""
        self._marks, self._since = [], []

    def parts(self, answers: Sequence[Answer]) -> Iterator[Sequence[Answer]]:
        """Answers to be taken in, in order, cut where a mark is worth setting between them."""
        if not answers:
            return
        cut = bisect_left(answers, answers[-1].at_ms - MARK_MS, key=lambda answer: answer.at_ms)
        if cut:
            yield answers[:cut]
        yield answers[cut:]

    def took(self, answers: Sequence[Answer]) -> bool:
        """These were taken in. True: a mark is due."""
        if not self._marks:
            return True
        self._since += answers
        self._taken += len(answers)
        return self._taken >= MARK_ANSWERS and answers[-1].at_ms >= self._marks[-1].last.at_ms + MARK_MS

    def put(self, mark: Mark) -> None:
        """The numbers as they are now."""
        self._taken = 0
        self._marks = [*self._marks, mark][-_KEPT:]
        self._since = self._since[bisect_right(self._since, self._marks[0].last) :]

    def before(self, late: Answer | None) -> list[Mark]:
        """Those that know nothing of what would have come after this answer, the latest first; all of them, when there is none."""
        return [mark for mark in reversed(self._marks) if late is None or mark.last < late]

    def back_to(self, mark: Mark) -> list[Answer]:
        """Forgets what came after a mark; gives the answers to be taken in anew."""
        self._marks = self._marks[: self._marks.index(mark) + 1]
        cut = bisect_right(self._since, mark.last)
        again, self._since = self._since[cut:], self._since[:cut]
        self._taken = 0
        return again
