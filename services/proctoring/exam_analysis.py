"""What is told of one exam, and when: pairs and groups as they come to be shown, how far the analysis is, and all of it at the close.

What is told in the end depends on the facts alone; time decides only how soon. While an exam runs a pair is told of when it is flagged, when its evidence
has changed tenfold, and when it is not flagged any more; smaller changes once nothing has been heard for a while.
"""

import asyncio
from collections.abc import Iterable

from services.proctoring import exam_messages
from services.proctoring.collusion.concluding import conclude, followed_further
from services.proctoring.collusion.facts import Request
from services.proctoring.collusion.ledger import Ledger
from services.proctoring.collusion.seating import Pair
from services.proctoring.collusion.standing import Flagged, PairStanding, Verdict, flagged, later_and_earlier, standing
from services.proctoring.collusion.told import Told
from services.proctoring.exam_numbers import Exam, Numbers
from services.proctoring.telling import Telling

# Progress is told at most so often; smaller changes after so long without news; a final analysis is made anew after so long.
PROGRESS_SECONDS = 5.0
# After something went wrong it is tried again, not at once.
RETRY_SECONDS = 5.0


class Analysis:
    """`told`: what has been told, for the store. `tellings`: what is to be told."""

    def __init__(self, exam_id: str, ledger: Ledger, numbers: Numbers, told: Told) -> None:
        self.told = told
        self.tellings: list[Telling] = []
        self._exam_id, self._ledger, self._numbers = exam_id, ledger, numbers
        self._progress_at = self._news_at = self._not_before = float("-inf")
        self._judged = self._flushed = self._progressed = self._concluded = -1

    def wants_work(self, now: float) -> bool:
        """Whether there is anything to do at this moment."""
        if self._numbers.plan is None or now < self._not_before:
            return False
        if self._numbers.wants_work(now):
            return True
        if self._open_request(now) is not None:
            return self._numbers.is_complete
        return not self._is_final and (
            self._judged != self._revision or self._may_flush(now) or self._may_progress(now)
        )

    @property
    def is_settled(self) -> bool:
        """Nothing is left to do or to tell, whenever it is asked."""
        told = {self._concluded} if self._is_final else {self._flushed, self._progressed}
        return self._numbers.plan is None or (self._numbers.is_up_to_date and told == {self._revision})

    async def work(self, now: float) -> None:
        """Takes in what there is, then tells of the pairs that may be shown now, or of the whole analysis that was asked for."""
        try:
            await self._numbers.bring_up_to_date(now)
            if self._judged != self._revision:
                self._news_at = now
            if self._numbers.exam is None:
                return
            request = self._open_request(now)
            if request is not None and self._numbers.is_complete:
                await self._conclude(self._numbers.exam, request, now)
            elif request is None and not self._is_final:
                await self._judge(self._numbers.exam, now)
        except BaseException:
            self._not_before = now + RETRY_SECONDS
            self._numbers.begin_again()
            raise

    @property
    def _revision(self) -> int:
        """Even while the exam goes on; the odd one after it is its conclusion from the same facts."""
        return 2 * self._numbers.revision

    @property
    def _is_final(self) -> bool:
        return any(request.is_final for request in self._ledger.agenda.requests)

    def _open_request(self, now: float) -> Request | None:
        """The analysis that is wanted next. A final one is wanted again whenever there are new facts."""
        requests = self._ledger.agenda.requests
        for request in requests:
            if not request.is_final and request.request_id not in self.told.answered:
                return request
        is_due = self._concluded < 0 or now >= self._progress_at + PROGRESS_SECONDS
        return requests[-1] if self._is_final and self._concluded != self._revision and is_due else None

    def _may_flush(self, now: float) -> bool:
        return self._flushed != self._revision and now >= self._news_at + PROGRESS_SECONDS

    def _may_progress(self, now: float) -> bool:
        return self._progressed != self._revision and now >= self._progress_at + PROGRESS_SECONDS

    async def _judge(self, exam: Exam, now: float) -> None:
        revision, is_quiet, may_progress = self._revision, self._may_flush(now), self._may_progress(now)
        shown = await asyncio.to_thread(flagged, exam.running, exam.seating)
        news = self.told.news({pair: flag.log_e_value for pair, flag in shown.flags.items()}, is_quiet)
        told = await asyncio.to_thread(_standings, exam, shown, [*news, *self.told.taken_back(shown.flags)])
        self._tell_findings(exam, shown, told, revision, is_whole=is_quiet)
        self._judged = revision
        if is_quiet:
            self._flushed = revision
        if may_progress:
            self._tell_progress(exam, now, revision, shown, is_whole=not exam.running.width)

    async def _conclude(self, exam: Exam, request: Request, now: float) -> None:
        revision, running = self._revision, exam.running
        if running.width and request.is_final:
            answers = await self._numbers.all_answers(running.plan)
            running = await asyncio.to_thread(followed_further, running.plan, answers, running, exam.seating)
            exam = Exam(running, exam.seating, exam.candidates)
        conclusion = await asyncio.to_thread(conclude, running, exam.seating, exam.candidates)
        shown = conclusion.flagged
        back = await asyncio.to_thread(_standings, exam, shown, self.told.taken_back(shown.flags))
        told = {pair.pair: pair for pair in (*back, *conclusion.pairs)}
        self._tell_findings(exam, shown, told.values(), revision + 1, is_whole=True)
        self._judged = self._flushed = revision
        if request.is_final:
            self._concluded = revision
            self.tellings.append(exam_messages.items_calibrated(self._exam_id, conclusion.items, revision + 1))
        else:
            self.told.answered.add(request.request_id)
        self._tell_progress(exam, now, revision, shown, is_whole=True, request=request)

    def _tell_findings(
        self, exam: Exam, shown: Flagged, pairs: Iterable[PairStanding], revision: int, *, is_whole: bool
    ) -> None:
        as_of_ms = exam.running.as_of_ms
        self.tellings += [
            exam_messages.pair_assessed(self._exam_id, pair, exam.seating.students, revision, as_of_ms)
            for pair in pairs
        ]
        news = {pair.pair for pair in pairs}
        kept = {pair: evidence for pair, evidence in self.told.pairs.items() if pair in shown.flags}
        self.told.pairs = kept | {pair: flag.log_e_value for pair, flag in shown.flags.items() if pair in news}
        groups = {exam_messages.group_id(self._exam_id, group.members): group for group in shown.groups}
        as_told = {name: (group.likely_source, *group.members) for name, group in groups.items()}
        self.tellings += [
            exam_messages.group_found(self._exam_id, name, groups.get(name), revision, as_of_ms)
            for name in self.told.groups_changed(as_told, is_whole)
        ]
        self.told.groups = as_told

    def _tell_progress(
        self, exam: Exam, now: float, revision: int, shown: Flagged, *, is_whole: bool, request: Request | None = None
    ) -> None:
        self._progress_at, self._progressed = now, revision
        running, seating = exam.running, exam.seating
        self.tellings.append(
            exam_messages.collusion_progress(
                self._exam_id,
                revision=revision + (request is not None),
                candidates=seating.candidates,
                pairs_tested=sum(seating.sizes) if is_whole else seating.sizes[0],
                pairs_flagged=len(shown.flags),
                answers=running.count,
                items_believed=int(running.model.calibration.believed.sum()),
                items=len(running.plan.items),
                as_of_ms=running.as_of_ms,
                is_final=request is not None and request.is_final,
                request_id=request.request_id if request is not None else "",
            )
        )


def _standings(exam: Exam, shown: Flagged, pairs: Iterable[Pair]) -> list[PairStanding]:
    """How these pairs stand, flagged or not any more. One whose answers are gone from the facts is not told of."""
    running, found = exam.running, []
    for pair in pairs:
        flag = shown.flags.get(pair)
        if flag is not None:
            places, verdict = (flag.copier, flag.source), Verdict.FLAGGED
        elif running.places.keys() >= set(pair):
            places, verdict = later_and_earlier(running, *(running.places[each] for each in pair)), Verdict.NOTHING
        else:
            continue
        found.append(standing(running, exam.seating, exam.candidates, *places, verdict))
    return found
