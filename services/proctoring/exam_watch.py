"""The watch over one running exam: events in, rows to keep and tellings out. No Kafka, no clock of its own; whoever drives it calls `advance` often.

    watch = ExamWatch(exam_id)                      # or ExamWatch.restored(exam_id, rows)
    rows = watch.put(event, at)                     # store them; {} when the event says nothing new
    tellings = await watch.advance(monotonic())     # about every 100 ms; returns soon, whatever is being computed
    rows = watch.unstored()                         # store them before the tellings are sent
    watch.abandon()                                 # the exam is another worker's now

What is told in the end is a function of the facts alone; when it is told is not. A telling's revision counts the facts behind it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from google.protobuf.message import Message

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring import exam_messages
from services.proctoring.collusion.facts import (
    Agenda,
    Candidate,
    decoded_agenda,
    decoded_candidate,
    encoded_agenda,
    encoded_candidate,
)
from services.proctoring.telling import Telling

AGENDA_ROW = ""
_NOBODY = Candidate()


class ExamWatch:
    """One exam. Not to be used by two threads or tasks at once."""

    def __init__(self, exam_id: str) -> None:
        self.exam_id = exam_id
        self._agenda = Agenda()
        self._candidates: dict[str, Candidate] = {}

    @classmethod
    def restored(cls, exam_id: str, rows: Mapping[str, bytes]) -> Self:
        """From the rows that were stored; the numbers are computed anew from them by the next `advance`s."""
        watch = cls(exam_id)
        for key, row in rows.items():
            if key == AGENDA_ROW:
                watch._agenda = decoded_agenda(row)
            else:
                watch._candidates[key] = decoded_candidate(row)
        return watch

    def put(self, event: Message, at: datetime) -> dict[str, bytes]:
        """Takes in an ExamWatched, CandidateSeated, AnswersSaved or CollusionRequested recorded `at`; gives the rows that changed, by key.

        Raises TypeError for any other event.
        """
        match event:
            case attempts.AnswersSaved():
                return self._put_answers(event, at)
            case stream.CandidateSeated():
                known = self._candidates.get(event.attempt_id, _NOBODY)
                return self._keep(event.attempt_id, known.with_seat(event.student_id, exam_messages.seated(event)))
            case exams.ExamWatched():
                return self._plan(self._agenda.with_exam(exam_messages.watched_exam(event)))
            case exams.CollusionRequested():
                return self._plan(self._agenda.with_request(exam_messages.requested(event)))
        raise TypeError(f"an exam's watch does not know {event.DESCRIPTOR.full_name}")

    async def advance(self, now: float) -> list[Telling]:
        """Goes on with what can be done at this moment, `now` in seconds of a monotonic clock; gives what is to be told since the last time."""
        return []

    def unstored(self) -> dict[str, bytes]:
        """The rows that `advance` has changed since this was last asked."""
        return {}

    def abandon(self) -> None:
        """Stops whatever is being computed; the watch is of no use afterwards."""

    def _put_answers(self, event: attempts.AnswersSaved, at: datetime) -> dict[str, bytes]:
        rows: dict[str, bytes] = {}
        for part in event.attempts:
            candidate = self._candidates.get(part.attempt_id, _NOBODY)
            for question, save in exam_messages.saves(part, at):
                candidate = candidate.with_save(part.student_id, question, save)
            rows |= self._keep(part.attempt_id, candidate)
        return rows

    def _keep(self, attempt_id: str, candidate: Candidate) -> dict[str, bytes]:
        if candidate is self._candidates.get(attempt_id, _NOBODY):
            return {}
        self._candidates[attempt_id] = candidate
        return {attempt_id: encoded_candidate(candidate)}

    def _plan(self, agenda: Agenda) -> dict[str, bytes]:
        if agenda is self._agenda:
            return {}
        self._agenda = agenda
        return {AGENDA_ROW: encoded_agenda(agenda)}
