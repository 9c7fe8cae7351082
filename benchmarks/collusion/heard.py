"""A simulated exam as the events that a worker of the stream hears of it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from google.protobuf.message import Message

from benchmarks.collusion.generator import SimulatedExam
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream

EXAM = "exam"
OPENED_MS = 1_780_000_000_000


class Heard(NamedTuple):
    """An event and when it was recorded, in ms since 1970."""

    message: Message
    at_ms: int


def watched(exam: SimulatedExam) -> Heard:
    """The exam, without a bank's calibration."""
    items, options = exam.truth.offered.shape
    message = exams.ExamWatched(exam_id=EXAM, revision=1, is_order_shuffled=True)
    message.opened_at.FromMilliseconds(OPENED_MS)
    for item in range(items):
        message.items.add(question_id=_id(item), option_ids=[_id(option) for option in range(options)])
    return Heard(message, OPENED_MS)


def seat(candidate: int, at_ms: int, *, centre: str, address: str = "", submitted_ms: int | None = None) -> Heard:
    """One candidate's seat, told at the start or, with `submitted_ms`, at the end."""
    message = stream.CandidateSeated(
        exam_id=EXAM,
        attempt_id=_id(candidate),
        student_id=_id(candidate),
        version=1 if submitted_ms is None else 2,
        status="in_progress" if submitted_ms is None else "submitted",
        centre_id=centre,
        address=address,
    )
    message.started_at.FromMilliseconds(at_ms)
    if submitted_ms is not None:
        message.submitted_at.FromMilliseconds(submitted_ms)
    return Heard(message, at_ms if submitted_ms is None else submitted_ms)


def answers(exam: SimulatedExam, together: int) -> Iterator[Heard]:
    """In order of time, so many in one event."""
    items = exam.chosen.shape[1]
    places = np.argsort(exam.answered_at, axis=None)
    for first in range(0, len(places), together):
        event = attempts.AnswersSaved(exam_id=EXAM)
        for place in places[first : first + together]:
            candidate, item = divmod(int(place), items)
            part = event.attempts.add(attempt_id=_id(candidate), student_id=_id(candidate))
            answer = part.answers.add(question_id=_id(item), revision=1)
            answer.response.choice.option_ids.append(_id(int(exam.chosen[candidate, item])))
        yield Heard(event, OPENED_MS + int(exam.answered_at.flat[places[first]] * 1000))


def _id(number: int) -> str:
    """As long as the ids of a running installation are."""
    return f"{number:036}"
