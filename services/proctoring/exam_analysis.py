"""What is told of one exam, and when: pairs and groups as they come to be shown, how far the analysis is, and all of it at the close.

What is told in the end depends on the facts alone; time decides only how soon. While an exam runs a pair is told of when it is flagged, when its evidence
has changed tenfold, and when it is not flagged any more; smaller changes once nothing has been heard for a while.
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from services.proctoring import exam_messages
from services.proctoring.collusion import concluding
from services.proctoring.collusion.concluding import Conclusion, Further, conclude
from services.proctoring.collusion.facts import Request
from services.proctoring.collusion.ledger import Ledger
from services.proctoring.collusion.seating import Pair
from services.proctoring.collusion.standing import (
    Flagged,
    PairStanding,
    Verdict,
    flagged,
    later_and_earlier,
    no_standing,
    standing,
)
from services.proctoring.collusion.told import Told
from services.proctoring.exam_numbers import Exam, Numbers
from services.proctoring.telling import Telling

# Progress is told at most so often; smaller changes after so long without news; a final analysis is made anew after so long.
PROGRESS_SECONDS = 5.0
# After something went wrong it is tried again, not at once.
RETRY_SECONDS = 5.0
# What is asked for comes by another topic than answers: those saved before are waited for so long, well above what takes both to come.
GRACE_SECONDS = 2.0
# Facts that come after the close let it be concluded anew, half of the time at most: it rests for as long as it took, by this factor.
_CONCLUDING_RESTS = 1.0
# The last analysis of a large exam plays it once more, in so many steps, before what every analysis does.
FOLLOWING_STEPS = 10
_CONCLUSION = FOLLOWING_STEPS + concluding.STEPS
# Revisions for one set of facts: the running exam's, the steps of its analysis, and what the last of them ends with.
_REVISIONS = _CONCLUSION + 1


class _Wanted(NamedTuple):
    """An analysis to be made: under the name of which request, and every request that it answers."""

    request: Request
    answers: frozenset[str]

    @classmethod
    def of(cls, request: Request, answered: Iterable[Request]) -> Self:
        """The analysis that answers these."""
        return cls(request, frozenset(each.request_id for each in answered))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Of one analysis: the revision of the facts, the flags before it, and how many of all the steps are none of its own."""

    revision: int
    flags: int
    before: int = FOLLOWING_STEPS

    def percent(self, step: int) -> int:
        """How much of the analysis is done after a step: of its steps, which take unlike times."""
        return 100 * (step - self.before) // (_CONCLUSION - self.before)


class Analysis:
    """`told`: what has been told, for the store. `tellings`: what is to be told."""

    def __init__(self, exam_id: str, ledger: Ledger, numbers: Numbers, told: Told) -> None:
        self.told = told
        self.tellings: list[Telling] = []
        self._exam_id, self._ledger, self._numbers = exam_id, ledger, numbers
        self._progress_at = self._news_at = self._not_before = self._conclude_again_at = float("-inf")
        self._asked_at: dict[str, float] = {}
        self._judged = self._flushed = self._progressed = self._concluded = -1

    def wants_work(self, now: float) -> bool:
        """Whether there is anything to do at this moment."""
        if self._numbers.plan is None or now < self._not_before:
            return False
        if self._numbers.wants_work(now) or self._wanted(now) is not None:
            return True
        return not self._is_final and (
            self._judged != self._revision or self._may_flush(now) or self._may_progress(now)
        )

    @property
    def is_settled(self) -> bool:
        """Nothing is left to do or to tell, whenever it is asked."""
        told = {self._concluded} if self._is_final else {self._flushed, self._progressed}
        is_told = told == {self._revision} and not self._unanswered
        return self._numbers.plan is None or (self._numbers.is_up_to_date and is_told)

    async def work(self, now: float) -> None:
        """Takes in what there is, then tells of the pairs that may be shown now, or of the whole analysis that was asked for."""
        try:
            await self._numbers.bring_up_to_date(now)
            if self._judged != self._revision:
                self._news_at = now
            if self._numbers.exam is None:
                return
            wanted = self._wanted(now)
            if wanted is not None:
                await self._conclude(self._numbers.exam, wanted, now)
            elif not self._is_final:
                await self._judge(self._numbers.exam, now)
        except BaseException:
            self._not_before = now + RETRY_SECONDS
            self._numbers.begin_again()
            raise

    @property
    def _revision(self) -> int:
        """While the exam goes on; those after it, below the next, are its conclusion's from the same facts."""
        return self._revision_with(frozenset())

    def _revision_with(self, answers: frozenset[str]) -> int:
        """Once these requests are answered, too: of two analyses of the same facts the later one is to be told above the earlier one."""
        return _REVISIONS * (self._numbers.revision + len(self.told.answered | answers))

    @property
    def _is_final(self) -> bool:
        return self._ledger.agenda.final is not None

    @property
    def _unanswered(self) -> list[Request]:
        requests = self._ledger.agenda.requests
        return [each for each in requests if not each.is_final and each.request_id not in self.told.answered]

    def _wanted(self, now: float) -> _Wanted | None:
        """The analysis to be made now. One on demand is made a moment after it is heard of, though answers go on coming, and answers all that have waited
        as long. The final one is made from every fact heard, and again whenever there are new ones; it answers whatever was asked."""
        final = self._ledger.agenda.final
        if final is not None:
            is_due = self._concluded != self._revision and now >= self._conclude_again_at
            return _Wanted.of(final, self._unanswered) if is_due and self._numbers.is_up_to_date else None
        waited = [
            request
            for request in self._unanswered
            if now >= self._asked_at.setdefault(request.request_id, now) + GRACE_SECONDS
        ]
        return _Wanted.of(waited[-1], waited) if waited and self._numbers.is_sound else None

    def _may_flush(self, now: float) -> bool:
        return self._flushed != self._revision and now >= self._news_at + PROGRESS_SECONDS

    def _may_progress(self, now: float) -> bool:
        return self._progressed != self._revision and now >= self._progress_at + PROGRESS_SECONDS

    async def _judge(self, exam: Exam, now: float) -> None:
        revision, is_quiet, may_progress = self._revision, self._may_flush(now), self._may_progress(now)
        shown = await asyncio.to_thread(flagged, exam.running, exam.seating)
        apart = self._apart(exam)
        news = self.told.news({pair: flag.log_e_value for pair, flag in shown.flags.items()}, is_quiet)
        back = self.told.taken_back(shown.flags.keys() | apart)
        told = await asyncio.to_thread(_standings, exam, shown, [*news, *back])
        await self._tell_findings(exam, shown, apart, told, revision, is_whole=is_quiet)
        self._judged = revision
        if is_quiet:
            self._flushed = revision
        if may_progress:
            self._progress_at, self._progressed = now, revision
            self._tell_progress(exam, revision, len(shown.flags) + len(apart))

    async def _conclude(self, exam: Exam, wanted: _Wanted, now: float) -> None:
        request, revision, begun = wanted.request, self._revision_with(wanted.answers), time.perf_counter()
        apart = set() if request.is_final else self._apart(exam)
        steps = _Steps(revision, len((await asyncio.to_thread(flagged, exam.running, exam.seating)).flags) + len(apart))
        if exam.running.width and request.is_final:
            steps = replace(steps, before=0)
            exam = await self._followed_further(exam, steps)
        conclusion = await self._concluded_in_steps(exam, steps)
        shown = conclusion.flagged
        back = await asyncio.to_thread(_standings, exam, shown, self.told.taken_back(shown.flags.keys() | apart))
        told = {pair.pair: pair for pair in (*back, *conclusion.pairs) if pair.pair not in apart}
        await self._tell_findings(exam, shown, apart, told.values(), revision + _CONCLUSION, is_whole=True)
        self._judged = self._flushed = revision
        self.told.answered |= wanted.answers
        for request_id in wanted.answers:
            self._asked_at.pop(request_id, None)
        if request.is_final:
            self._concluded, self.told.concluded = revision, set(shown.flags)
            self._conclude_again_at = now + max(
                PROGRESS_SECONDS, (1 + _CONCLUDING_RESTS) * (time.perf_counter() - begun)
            )
            self.tellings.append(
                exam_messages.items_calibrated(self._exam_id, conclusion.items, revision + _CONCLUSION)
            )
        self._progress_at, self._progressed = now, revision
        flags = len(shown.flags) + len(apart)
        self._tell_progress(exam, revision + _CONCLUSION, flags, percent=100, request=request)

    def _apart(self, exam: Exam) -> set[Pair]:
        """Pairs that stand as the last analysis for good told them, since the running exam does not follow them, though both take part."""
        return {pair for pair in self.told.apart(exam.running.follows) if all(map(exam.takes_part, pair))}

    async def _followed_further(self, exam: Exam, steps: _Steps) -> Exam:
        """The exam played once more with the likeliest sources, in steps that are told: how many answers of it are taken in."""
        answers = await self._numbers.all_answers(exam.running.plan)
        further = await asyncio.to_thread(Further.after, exam.running, exam.seating)
        followed = Exam(further.running, exam.seating, exam.candidates)
        for step in range(1, FOLLOWING_STEPS + 1):
            await asyncio.to_thread(further.take, answers[: len(answers) * step // FOLLOWING_STEPS])
            self._tell_step(followed, steps, step)
        return followed

    async def _concluded_in_steps(self, exam: Exam, steps: _Steps) -> Conclusion:
        loop = asyncio.get_running_loop()

        def done(step: int) -> None:
            """Called by the thread that concludes."""
            loop.call_soon_threadsafe(self._tell_step, exam, steps, FOLLOWING_STEPS + step)

        return await asyncio.to_thread(conclude, exam.running, exam.seating, exam.candidates, done)

    def _tell_step(self, exam: Exam, steps: _Steps, step: int) -> None:
        self._tell_progress(exam, steps.revision + step, steps.flags, percent=steps.percent(step))

    async def _tell_findings(
        self,
        exam: Exam,
        shown: Flagged,
        apart: Collection[Pair],
        pairs: Collection[PairStanding],
        revision: int,
        *,
        is_whole: bool,
    ) -> None:
        """`apart`: pairs that stand as they were told, and so do the groups that they are in."""
        as_of_ms = exam.running.as_of_ms
        self.tellings += await asyncio.to_thread(_assessed, self._exam_id, exam, pairs, revision)
        news = {pair.pair for pair in pairs}
        kept = {pair: evidence for pair, evidence in self.told.pairs.items() if pair in shown.flags or pair in apart}
        self.told.pairs = kept | {pair: flag.log_e_value for pair, flag in shown.flags.items() if pair in news}
        stay = self.told.groups_of(apart)
        placed = {member for group in stay.values() for member in group[1:]}
        found = [group for group in shown.groups if placed.isdisjoint(group.members)]
        groups = {exam_messages.group_id(self._exam_id, group.members): group for group in found}
        as_told = stay | {name: (group.likely_source, *group.members) for name, group in groups.items()}
        self.tellings += [
            exam_messages.group_found(self._exam_id, name, groups.get(name), revision, as_of_ms)
            for name in self.told.groups_changed(as_told, is_whole)
            if name not in stay
        ]
        self.told.groups = as_told

    def _tell_progress(
        self, exam: Exam, revision: int, flags: int, *, percent: int = 0, request: Request | None = None
    ) -> None:
        running, seating = exam.running, exam.seating
        asked = [each.request_id for each in self._ledger.agenda.requests]
        answered = [each for each in asked if each in self.told.answered]
        self.tellings.append(
            exam_messages.collusion_progress(
                self._exam_id,
                revision=revision,
                candidates=seating.candidates,
                pairs_tested=seating.sizes[0] if running.width and request is None else sum(seating.sizes),
                pairs_flagged=flags,
                answers=running.count,
                items_believed=int(running.model.calibration.believed.sum()),
                items=len(running.plan.items),
                as_of_ms=running.as_of_ms,
                is_final=request is not None and request.is_final,
                request_id=[request.request_id, *answered][-1] if request is not None else "",
                request_ids=answered,
                percent=percent,
            )
        )


def _assessed(exam_id: str, exam: Exam, pairs: Iterable[PairStanding], revision: int) -> list[Telling]:
    """A message of sixty items takes about a millisecond to write."""
    known, as_of_ms = exam.candidates, exam.running.as_of_ms
    told = []
    for pair in pairs:
        students = {attempt: known[attempt].student_id for attempt in pair.pair if attempt in known}
        told.append(exam_messages.pair_assessed(exam_id, pair, students, revision, as_of_ms))
    return told


def _standings(exam: Exam, shown: Flagged, pairs: Iterable[Pair]) -> list[PairStanding]:
    """How these pairs stand, flagged or not any more. One of whom a candidate is gone from the facts is not told of."""
    running, found = exam.running, []
    for pair in pairs:
        flag = shown.flags.get(pair)
        if flag is not None:
            places, verdict = (flag.copier, flag.source), Verdict.FLAGGED
        elif running.places.keys() >= set(pair):
            places, verdict = later_and_earlier(running, *(running.places[each] for each in pair)), Verdict.NOTHING
        elif exam.candidates.keys() >= set(pair):
            found.append(no_standing(pair))
            continue
        else:
            continue
        found.append(standing(running, exam.seating, exam.candidates, *places, verdict))
    return found
