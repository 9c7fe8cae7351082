"""The watch over one running exam: events in, rows to keep and tellings out. No Kafka, no clock of its own; whoever drives it calls `advance` often.

    watch = ExamWatch(exam_id)                      # or ExamWatch.restored(exam_id, rows)
    rows = watch.put(event, at)                     # store them; {} when the event says nothing new
    tellings = await watch.advance(monotonic())     # about every 100 ms; returns soon, whatever is being computed
    rows = watch.unstored()                         # store them before the tellings are sent
    watch.abandon()                                 # the exam is another worker's now

What is told in the end is a function of the facts alone; when it is told is not. A telling's revision counts the facts behind it.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from google.protobuf.message import Message

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring import exam_messages
from services.proctoring.collusion.arrivals import Arrivals
from services.proctoring.collusion.facts import Save, WatchedExam
from services.proctoring.collusion.ledger import AGENDA_ROW, Ledger
from services.proctoring.collusion.told import Told
from services.proctoring.exam_analysis import Analysis
from services.proctoring.exam_numbers import Numbers
from services.proctoring.telling import Telling

__all__ = ["AGENDA_ROW", "TOLD_ROW", "ExamWatch"]
TOLD_ROW = "told"
# How long `advance` waits for work that it has begun: most is done by then, and told without another round.
_PATIENCE_SECONDS = 0.01


class ExamWatch:
    """One exam. Not to be used by two threads or tasks at once."""

    def __init__(self, exam_id: str) -> None:
        self._work: asyncio.Task[None] | None = None
        self._stored_told = b""
        self._watch(exam_id, Ledger(), Told())

    @classmethod
    def restored(cls, exam_id: str, rows: Mapping[str, bytes]) -> Self:
        """From the rows that were stored; the numbers are computed anew from them by the next `advance`s."""
        watch = cls(exam_id)
        facts = {key: row for key, row in rows.items() if key != TOLD_ROW}
        told = Told.decoded(rows[TOLD_ROW]) if TOLD_ROW in rows else Told()
        watch._watch(exam_id, Ledger.restored(facts), told)
        watch._numbers.plan_again()
        return watch

    def put(self, event: Message, at: datetime) -> dict[str, bytes]:
        """Takes in an ExamWatched, SeatsPlanned, CandidateSeated, AnswersSaved or CollusionRequested recorded `at`; gives the rows that
        changed, by key.

        Raises TypeError for any other event.
        """
        match event:
            case attempts.AnswersSaved():
                return self._put_answers(event, at)
            case stream.CandidateSeated():
                return self._seat(event)
            case exams.SeatsPlanned():
                return self._seats(self._ledger.plan_seats(exam_messages.seats_planned(event)))
            case exams.ExamWatched():
                return self._put_exam(exam_messages.watched_exam(event))
            case exams.CollusionRequested():
                return self._ledger.request(exam_messages.requested(event))
        raise TypeError(f"an exam's watch does not know {event.DESCRIPTOR.full_name}")

    async def advance(self, now: float) -> list[Telling]:
        """Goes on with what can be done at this moment, `now` in seconds of a monotonic clock; gives what is to be told since the last time.

        Raises whatever went wrong in what was being computed; it is then computed anew.
        """
        self._numbers.ready += self._arrivals.due(now)
        if self._work is None and self._analysis.wants_work(now):
            self._work = asyncio.create_task(self._analysis.work(now))
            await asyncio.wait({self._work}, timeout=_PATIENCE_SECONDS)
        if self._work is not None and self._work.done():
            finished, self._work = self._work, None
            finished.result()
        tellings, self._analysis.tellings = self._analysis.tellings, []
        return tellings

    def unstored(self) -> dict[str, bytes]:
        """The rows that `advance` has changed since this was last asked."""
        row = self._analysis.told.encoded()
        if row == self._stored_told:
            return {}
        self._stored_told = row
        return {TOLD_ROW: row}

    async def finish(self) -> None:
        """Waits until what is being computed is done, for whoever has the time; the next `advance` gives what came of it."""
        if self._work is not None:
            await asyncio.wait({self._work})
        await self._numbers.finish_looking()

    @property
    def is_settled(self) -> bool:
        """All facts are in the numbers, and everything is told."""
        return self._work is None and self._analysis.is_settled and not self._analysis.tellings

    def abandon(self) -> None:
        """Stops whatever is being computed; the watch is of no use afterwards."""
        if self._work is not None:
            self._work.cancel()
        self._numbers.abandon()

    def _watch(self, exam_id: str, ledger: Ledger, told: Told) -> None:
        self.exam_id = exam_id
        self._ledger, self._arrivals = ledger, Arrivals()
        self._numbers = Numbers(ledger, self._arrivals)
        self._analysis = Analysis(exam_id, ledger, self._numbers, told)
        self._stored_told = told.encoded()

    def _seat(self, event: stream.CandidateSeated) -> dict[str, bytes]:
        before = self._takes_part(event.attempt_id)
        rows = self._ledger.seat(event.attempt_id, event.student_id, exam_messages.seated(event))
        if before and not self._takes_part(event.attempt_id) and self._ledger.candidate(event.attempt_id).saves:
            self._numbers.begin_again()
        return self._seats(rows)

    def _takes_part(self, attempt_id: str) -> bool:
        plan = self._numbers.plan
        return plan is not None and plan.takes_part(self._ledger.candidate(attempt_id).seat)

    def _seats(self, rows: dict[str, bytes]) -> dict[str, bytes]:
        if rows:
            self._numbers.seats_changed()
        return rows

    def _put_exam(self, exam: WatchedExam) -> dict[str, bytes]:
        known, rows = self._ledger.agenda.exam, self._ledger.plan(exam)
        if rows and (known is None or not exam.is_sat_as(known)):
            self._numbers.plan_again()
        return rows

    def _put_answers(self, event: attempts.AnswersSaved, at: datetime) -> dict[str, bytes]:
        rows: dict[str, bytes] = {}
        for part in event.attempts:
            changed, news = self._ledger.save(part.attempt_id, part.student_id, exam_messages.saves(part, at))
            rows |= changed
            if news and not self._takes_part(part.attempt_id):
                self._numbers.seats_changed()  # the seating's version counts what is known of others
                continue
            for question, save in news:
                self._arrive(part.attempt_id, question, save)
        return rows

    def _arrive(self, attempt_id: str, question: bytes, save: Save) -> None:
        plan = self._numbers.plan
        answer = plan.answer(attempt_id, question, save) if plan is not None else None
        if answer is not None:
            self._numbers.arrive(answer)
