"""The numbers of one exam, kept up to date beside the events that go on coming: everything slow happens in a thread, one thing after the other.

They are a function of the facts. An answer that sorts before one that was taken already, a source that turns out to have been plausible all along, another
version of the exam: then they are computed anew from the facts, which is rare.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.proctoring.collusion.arrivals import Arrivals
from services.proctoring.collusion.evidence import ExamModel
from services.proctoring.collusion.facts import Candidate
from services.proctoring.collusion.ledger import Ledger, decoded
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.running import Running, estimated, width_for
from services.proctoring.collusion.seating import Seating, seating_of

# Seats are looked at at most so often: a thousand candidates start within a minute.
SEATING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam as far as it has been taken in: the running evidence, who sits where, and the candidates' facts as they were then."""

    running: Running
    seating: Seating
    candidates: Mapping[str, Candidate]


class Numbers:
    """`plan` is None until the exam is known. `ready`: answers whose turn it is. `exam` is None until something was computed."""

    def __init__(self, ledger: Ledger, arrivals: Arrivals) -> None:
        self.plan: Plan | None = None
        self.exam: Exam | None = None
        self.ready: list[Answer] = []
        self._ledger, self._arrivals = ledger, arrivals
        self._is_stale = self._is_from_the_beginning = self._are_seats_stale = True
        self._seated_at = float("-inf")
        self._estimate: asyncio.Task[ExamModel] | None = None

    def plan_again(self) -> None:
        """The exam is another one than before: all facts are to be taken anew."""
        exam = self._ledger.agenda.exam
        self.plan = Plan.of(exam) if exam is not None else None
        self.begin_again()

    def begin_again(self) -> None:
        """What was computed is not to be relied on."""
        self._is_stale = self._is_from_the_beginning = True

    def arrive(self, answer: Answer) -> None:
        """An answer has been heard. A late one lets everything be computed anew."""
        self._is_stale |= not self._arrivals.add(answer)

    def seats_changed(self) -> None:
        """Something new was heard of who sits where."""
        self._are_seats_stale = True

    def wants_work(self, now: float) -> bool:
        """Whether there is anything to take in at this moment."""
        return bool(self.plan and (self._is_stale or self.ready or self._wants_seating(now)))

    @property
    def is_up_to_date(self) -> bool:
        """Every fact is in the numbers."""
        return not (self._is_stale or self._are_seats_stale or self.ready or self._arrivals)

    @property
    def is_complete(self) -> bool:
        """Every answer heard is in the numbers."""
        return not (self._is_stale or self.ready or self._arrivals)

    @property
    def revision(self) -> int:
        """Counts the facts that the numbers were computed from, and what was asked: it grows whenever they may have changed."""
        agenda = self._ledger.agenda
        taken = (self.exam.running.count + self.exam.seating.version) if self.exam is not None else 0
        return taken + agenda.heard + (agenda.exam.revision if agenda.exam is not None else 0)

    async def bring_up_to_date(self, now: float) -> None:
        """Takes in what there is; what could not be, for something late, stays for the next time."""
        if self.plan is None:
            return
        if self._is_stale or self._wants_seating(now):
            await self._look_at_seats(self.plan, now)
        if self._is_stale and self.exam is not None:
            await self._compute_anew(self.plan, self.exam)
        if self.ready and self.exam is not None and not self._is_stale:
            answers, self.ready = self.ready, []
            await self._take(self.exam.running, answers)

    async def all_answers(self, plan: Plan) -> list[Answer]:
        """Those that were let through, in order."""
        return await asyncio.to_thread(_answers, plan, self._ledger.picture(), self._arrivals.last)

    def abandon(self) -> None:
        """Stops what is being computed."""
        if self._estimate is not None:
            self._estimate.cancel()

    def _wants_seating(self, now: float) -> bool:
        return self._are_seats_stale and now >= self._seated_at + SEATING_SECONDS

    async def _look_at_seats(self, plan: Plan, now: float) -> None:
        self._are_seats_stale, self._seated_at = False, now
        picture = self._ledger.picture()
        candidates = await asyncio.to_thread(decoded, picture)
        self._ledger.learn(candidates, picture)
        seating = await asyncio.to_thread(seating_of, candidates, plan.exam.opened_at_ms)
        if self.exam is None or self.exam.running.width != width_for(seating.candidates):
            running = await asyncio.to_thread(Running, plan, seating.neighbours, width_for(seating.candidates))
            self._is_stale = True
        else:
            running = self.exam.running
            self._is_stale |= not await asyncio.to_thread(running.compare_with, seating.neighbours)
        self.exam = Exam(running, seating, candidates)

    async def _compute_anew(self, plan: Plan, exam: Exam) -> None:
        """From the facts up to what had been let through; from all of them, where nothing had been."""
        is_from_the_beginning = self._is_from_the_beginning
        self._is_stale, self._is_from_the_beginning, self.ready = False, False, []
        if is_from_the_beginning:
            self._arrivals.begin()
        self.abandon()
        answers = await self.all_answers(plan)
        if is_from_the_beginning and not self._arrivals.go_on_after(answers[-1] if answers else None):
            self.begin_again()
        running = await asyncio.to_thread(Running, plan, exam.seating.neighbours, width_for(exam.seating.candidates))
        await self._take(running, answers)
        self.exam = replace(exam, running=running)

    async def _take(self, running: Running, answers: list[Answer]) -> None:
        taken = 0
        while taken < len(answers):
            if running.is_waiting and self._estimate is not None:
                running.expect(await self._estimate)
            before, taken = taken, await asyncio.to_thread(running.take, answers, taken)
            if running.to_estimate is not None:
                snapshot, running.to_estimate = running.to_estimate, None
                self._estimate = asyncio.create_task(asyncio.to_thread(estimated, running.plan, snapshot))
            elif taken == before and not running.is_waiting:
                # One candidate too many to follow all pairs, not yet seen among the seats.
                self._is_stale = self._are_seats_stale = True
                return


def _answers(plan: Plan, picture: dict[str, Candidate | bytes], up_to: Answer | None) -> list[Answer]:
    answers = plan.answers(decoded(picture))
    return answers if up_to is None else answers[: bisect_right(answers, up_to)]
