"""The numbers of one exam, kept up to date beside the events that go on coming: everything slow happens in a thread, one thing after the other.

They are a function of the facts. An answer that sorts before one that was taken already, or a source that turns out to have been plausible all along: then
they go back to a mark before it and on from there. Where no mark is so old, and for another version of the exam, they are computed anew from the facts,
which is rare.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.proctoring.collusion.arrivals import Arrivals
from services.proctoring.collusion.evidence import ExamModel
from services.proctoring.collusion.facts import Candidate, SeatPlan
from services.proctoring.collusion.ledger import Ledger, decoded
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.running import Running, estimated, width_for
from services.proctoring.collusion.seating import Seating, seating_of, seats_version
from services.proctoring.exam_marks import Mark, Marks

# Seats are looked at at most so often, since a thousand candidates start within a minute; in large exams, and on busy machines, for a quarter of the time.
SEATING_SECONDS = 1.0
_LONGEST_SEATING_SECONDS = 10.0
_SEATING_RESTS = 3.0


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam as far as it has been taken in: the running evidence, who sits where, and all candidates' facts as they were then."""

    running: Running
    seating: Seating
    candidates: Mapping[str, Candidate]

    def takes_part(self, attempt_id: str) -> bool:
        """Whether an attempt is compared with others, as far as is known."""
        candidate = self.candidates.get(attempt_id)
        return candidate is None or self.running.plan.takes_part(candidate.seat)


class Numbers:
    """`plan` is None until the exam is known. `ready`: answers whose turn it is. `exam` is None until something was computed."""

    def __init__(self, ledger: Ledger, arrivals: Arrivals) -> None:
        self.plan: Plan | None = None
        self.exam: Exam | None = None
        self.ready: list[Answer] = []
        self._ledger, self._arrivals, self._marks = ledger, arrivals, Marks()
        self._late: list[Answer] = []
        self._is_stale = self._is_from_the_beginning = self._are_seats_stale = True
        self._look_again_at = float("-inf")
        self._looking: asyncio.Task[tuple[Seating, Mapping[str, Candidate]]] | None = None
        self._estimate: asyncio.Task[ExamModel] | None = None

    def plan_again(self) -> None:
        """The exam is another one than before: all facts are to be taken anew."""
        exam = self._ledger.agenda.exam
        self.plan = Plan.of(exam) if exam is not None else None
        self.begin_again()

    def begin_again(self) -> None:
        """What was computed is not to be relied on."""
        self._is_stale = self._is_from_the_beginning = self._are_seats_stale = True

    def arrive(self, answer: Answer) -> None:
        """An answer has been heard. Before a late one the numbers go back."""
        if not self._arrivals.add(answer):
            self._late.append(answer)
            self._is_stale = True

    def seats_changed(self) -> None:
        """Something new was heard of who sits where."""
        self._are_seats_stale = True

    def wants_work(self, now: float) -> bool:
        """Whether there is anything to take in at this moment."""
        has_looked = self._looking is not None and self._looking.done()
        return bool(self.plan and (self._is_stale or self.ready or has_looked or self._wants_seating(now)))

    @property
    def is_up_to_date(self) -> bool:
        """Every fact is in the numbers."""
        return self.is_complete and not self._are_seats_stale and self._looking is None

    @property
    def is_complete(self) -> bool:
        """Every answer heard is in the numbers."""
        return not (self._is_stale or self.ready or self._arrivals)

    @property
    def is_sound(self) -> bool:
        """They rest on every answer that was let through before the latest were."""
        return self.exam is not None and not self._is_stale

    @property
    def revision(self) -> int:
        """Counts the facts that the numbers were computed from, and what was asked: it grows whenever they may have changed."""
        agenda = self._ledger.agenda
        taken = (self.exam.running.count + self.exam.seating.version) if self.exam is not None else 0
        return taken + agenda.heard + (agenda.exam.revision if agenda.exam is not None else 0)

    async def bring_up_to_date(self, now: float) -> None:
        """Takes in what there is; what could not be, for something late, stays for the next time. Seats are looked at beside the answers."""
        if self.plan is None:
            return
        if self._looking is None and (self._wants_seating(now) or self._needs_seating):
            self._are_seats_stale = False
            self._looking = asyncio.create_task(self._look_at_seats(self.plan, now))
        if self._looking is not None and (self._looking.done() or self._needs_seating or self._is_from_the_beginning):
            looking, self._looking = self._looking, None
            await self._sit_down(self.plan, *await looking)
        if self._is_stale and self.exam is not None:
            await self._go_back(self.plan, self.exam)
        if self.ready and self.exam is not None and not self._is_stale:
            answers, self.ready = self.ready, []
            await self._take(self.exam.running, answers)

    async def all_answers(self, plan: Plan) -> list[Answer]:
        """Those that were let through, in order."""
        return await asyncio.to_thread(_answers, plan, self._ledger.picture(), self._arrivals.last)

    async def finish_looking(self) -> None:
        """Waits until what is being looked at beside the answers is seen."""
        if self._looking is not None:
            await asyncio.wait({self._looking})

    def abandon(self) -> None:
        """Stops what is being computed."""
        for task in (self._estimate, self._looking):
            if task is not None:
                task.cancel()

    def _wants_seating(self, now: float) -> bool:
        return self._are_seats_stale and self._looking is None and now >= self._look_again_at

    @property
    def _needs_seating(self) -> bool:
        """Nothing can be computed before seats are known, or anew before those that changed are."""
        return self.exam is None or (self._is_stale and self._are_seats_stale)

    async def _look_at_seats(self, plan: Plan, now: float) -> tuple[Seating, Mapping[str, Candidate]]:
        begun, picture, seats = time.perf_counter(), self._ledger.picture(), self._ledger.agenda.seats
        candidates = await asyncio.to_thread(decoded, picture)
        self._ledger.learn(candidates, picture)
        seating = await asyncio.to_thread(_seated, plan, candidates, seats)
        took = time.perf_counter() - begun
        self._look_again_at = now + max(SEATING_SECONDS, took + min(_LONGEST_SEATING_SECONDS, _SEATING_RESTS * took))
        return seating, candidates

    async def _sit_down(self, plan: Plan, seating: Seating, candidates: Mapping[str, Candidate]) -> None:
        if self.exam is None or self.exam.running.width != width_for(seating.candidates):
            running = await asyncio.to_thread(Running, plan, seating.neighbours, width_for(seating.candidates))
            self._marks.clear()
            self._is_stale = True
        else:
            running = self.exam.running
            self._is_stale |= not await asyncio.to_thread(running.compare_with, seating.neighbours)
        self.exam = Exam(running, seating, candidates)

    async def _go_back(self, plan: Plan, exam: Exam) -> None:
        """To the latest mark that knows nothing it should not, and on from there; to the beginning, where there is none."""
        if self._is_from_the_beginning or not await self._go_back_to_a_mark(exam):
            await self._compute_anew(plan, exam)

    async def _go_back_to_a_mark(self, exam: Exam) -> bool:
        late, self._late, self._is_stale = sorted(self._late), [], False
        for mark in self._marks.before(late[0] if late else None):
            running = await asyncio.to_thread(mark.running.copied)
            if await asyncio.to_thread(running.compare_with, exam.seating.neighbours):
                ready, self.ready = self.ready, []
                answers = sorted([*self._marks.back_to(mark), *late, *ready])
                self._estimate = mark.estimate
                await self._take(running, answers)
                self.exam = replace(exam, running=running)
                return True
        return False

    async def _compute_anew(self, plan: Plan, exam: Exam) -> None:
        """From the facts up to what had been let through; from all of them, where nothing had been."""
        is_from_the_beginning = self._is_from_the_beginning
        self._is_stale, self._is_from_the_beginning, self.ready, self._late = False, False, [], []
        self._marks.clear()
        if is_from_the_beginning:
            self._arrivals.begin()
        if self._estimate is not None:
            self._estimate.cancel()
        answers = await self.all_answers(plan)
        if is_from_the_beginning and not self._arrivals.go_on_after(answers[-1] if answers else None):
            self.begin_again()
        running = await asyncio.to_thread(Running, plan, exam.seating.neighbours, width_for(exam.seating.candidates))
        await self._take(running, answers)
        self.exam = replace(exam, running=running)

    async def _take(self, running: Running, answers: Sequence[Answer]) -> None:
        for part in self._marks.parts(answers):
            if not await self._take_part(running, part):
                # One candidate too many to follow all pairs, not yet seen among the seats.
                self._is_stale = self._are_seats_stale = True
                return
            if self._marks.took(part):
                self._marks.put(Mark(await asyncio.to_thread(running.copied), part[-1], self._estimate))

    async def _take_part(self, running: Running, answers: Sequence[Answer]) -> bool:
        taken = 0
        while taken < len(answers):
            if running.is_waiting and self._estimate is not None:
                running.expect(await self._estimate)
            before, taken = taken, await asyncio.to_thread(running.take, answers, taken)
            if running.to_estimate is not None:
                snapshot, running.to_estimate = running.to_estimate, None
                self._estimate = asyncio.create_task(asyncio.to_thread(estimated, running.plan, snapshot))
            elif taken == before and not running.is_waiting:
                return False
        return True


def _seated(plan: Plan, candidates: Mapping[str, Candidate], seats: SeatPlan | None) -> Seating:
    """The seating of those who take part. Facts of the others count in its version: else it would shrink when one turns out to be one of them."""
    here = plan.taking_part(candidates)
    others = {attempt: candidate for attempt, candidate in candidates.items() if attempt not in here}
    left_out = seats_version(others, None) + len(plan.answers(others)) if others else 0
    return seating_of(here, plan.exam.opened_at_ms, seats, left_out=left_out)


def _answers(plan: Plan, picture: dict[str, Candidate | bytes], up_to: Answer | None) -> list[Answer]:
    answers = plan.answers(plan.taking_part(decoded(picture)))
    return answers if up_to is None else answers[: bisect_right(answers, up_to)]
