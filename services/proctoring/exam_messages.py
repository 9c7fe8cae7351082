"""Between the contracts and what the search for collusion works with: facts out of events, tellings out of what was found."""

from collections.abc import Iterator
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring.collusion.facts import Item, Request, Save, Seated, WatchedExam, mark
from services.proctoring.evidence import epoch_ms


def watched_exam(event: exams.ExamWatched) -> WatchedExam:
    """The exam of an event."""
    return WatchedExam(
        exam_id=event.exam_id,
        revision=event.revision,
        opened_at_ms=_milliseconds(event.opened_at),
        is_order_shuffled=event.is_order_shuffled,
        items=tuple(_item(item) for item in event.items),
    )


def requested(event: exams.CollusionRequested) -> Request:
    """The request of an event."""
    return Request(event.request_id, event.is_final, _milliseconds(event.at))


def seated(event: stream.CandidateSeated) -> Seated:
    """The seat of an event."""
    return Seated(
        version=event.version,
        status=event.status,
        centre_id=event.centre_id,
        class_id=event.class_id,
        address=event.address,
        started_at_ms=_milliseconds(event.started_at),
        deadline_at_ms=_milliseconds(event.deadline_at) if event.HasField("deadline_at") else None,
        submitted_at_ms=_milliseconds(event.submitted_at) if event.HasField("submitted_at") else None,
    )


def saves(part: attempts.AttemptAnswers, at: datetime) -> Iterator[tuple[bytes, Save]]:
    """What an event of the time `at` says of one attempt: the question's mark and the save. Text and choices of several options say nothing here."""
    at_ms = epoch_ms(at)
    for answer in part.answers:
        option = _option(answer.response)
        if option is not None:
            yield mark(answer.question_id), Save(answer.revision, at_ms, option)


def _option(response: attempts.Response) -> bytes | None:
    match response.WhichOneof("kind"):
        case "choice":
            chosen = response.choice.option_ids
            return None if len(chosen) > 1 else mark(chosen[0]) if chosen else b""
        case "truth":
            return mark("true" if response.truth else "false")
        case "text":
            return None
        case _:
            return b""


def _item(item: exams.WatchedItem) -> Item:
    return Item(
        item.question_id,
        tuple(item.option_ids),
        tuple(float(prior.slope) for prior in item.priors),
        tuple(float(prior.intercept) for prior in item.priors),
        item.prior_answers,
    )


def _milliseconds(at: Timestamp) -> int:
    return int(at.seconds * 1000 + at.nanos // 1_000_000)
