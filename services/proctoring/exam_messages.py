"""Between the contracts and what the search for collusion works with: facts out of events, tellings out of what was found."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from math import isnan
from uuid import NAMESPACE_OID, uuid5

from google.protobuf.timestamp_pb2 import Timestamp

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring.collusion.concluding import ItemEstimate
from services.proctoring.collusion.discoveries import LEVEL
from services.proctoring.collusion.facts import Item, Request, Save, Seated, SeatPlan, WatchedExam, mark
from services.proctoring.collusion.standing import GroupStanding, PairStanding, Statistic
from services.proctoring.evidence import epoch_ms
from services.proctoring.telling import Telling, event_id

TOPIC = "proctoring.collusion.v1"
# An e-value or Bayes factor beyond so many digits is told by its logarithm alone.
_WRITTEN_OUT = 9.0
_SMALLEST = 1e-18


def watched_exam(event: exams.ExamWatched) -> WatchedExam:
    """The exam of an event."""
    return WatchedExam(
        exam_id=event.exam_id,
        revision=event.revision,
        opened_at_ms=_milliseconds(event.opened_at),
        is_order_shuffled=event.is_order_shuffled,
        items=tuple(_item(item) for item in event.items),
        versions=tuple(event.versions),
    )


def requested(event: exams.CollusionRequested) -> Request:
    """The request of an event."""
    return Request(event.request_id, event.is_final, _milliseconds(event.at), event.exam_revision)


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
        exam_version=event.exam_version,
    )


def seats_planned(event: exams.SeatsPlanned) -> SeatPlan:
    """The seating plan of an event."""
    places = {mark(student_id): place for place, room in enumerate(event.rooms) for student_id in room.student_ids}
    return SeatPlan(event.revision, tuple(room.name for room in event.rooms), places)


def saves(part: attempts.AttemptAnswers, at: datetime) -> Iterator[tuple[bytes, Save]]:
    """What an event of the time `at` says of one attempt: the question's mark and the save. Text and choices of several options say nothing here."""
    at_ms = epoch_ms(at)
    for answer in part.answers:
        option = _option(answer.response)
        if option is not None:
            yield mark(answer.question_id), Save(answer.revision, at_ms, option)


def pair_assessed(
    exam_id: str, standing: PairStanding, students: Mapping[str, str], revision: int, as_of_ms: int
) -> Telling:
    """How a pair stands, told under one id whichever way round it points."""
    message = told.PairAssessed(
        exam_id=exam_id,
        copier_attempt_id=standing.copier,
        source_attempt_id=standing.source,
        copier_student_id=students.get(standing.copier, ""),
        source_student_id=students.get(standing.source, ""),
        revision=revision,
        family="plausible" if standing.is_plausible else "other",
        plausible_by=standing.plausible_by,
        verdict=standing.verdict,
        statistics=[_statistic(each) for each in standing.statistics],
        expected_false_flags=_decimal(standing.expected_false),
        items_compared=standing.items_compared,
        items=[
            told.SpeakingItem(
                question_id=each.question_id,
                log10_evidence=_decimal(each.log10_evidence),
                source_answered_at=_timestamp(each.source_at_ms),
                copier_answered_at=_timestamp(each.copier_at_ms),
            )
            for each in standing.items
        ],
        as_of=_timestamp(as_of_ms),
    )
    return _telling(exam_id, f"pair {' '.join(standing.pair)}", message, revision)


def group_id(exam_id: str, members: tuple[str, ...]) -> str:
    """The id of a group: that of its first member by id, so that it stays while others join."""
    return str(uuid5(NAMESPACE_OID, f"{exam_id} {members[0]}"))


def group_found(exam_id: str, group: str, standing: GroupStanding | None, revision: int, as_of_ms: int) -> Telling:
    """A group as it is now; None: it is no more."""
    message = told.GroupFound(
        exam_id=exam_id,
        group_id=group,
        revision=revision,
        attempt_ids=standing.members if standing else (),
        likely_source_attempt_id=standing.likely_source if standing else "",
        as_of=_timestamp(as_of_ms),
    )
    return _telling(exam_id, f"group {group}", message, revision)


def collusion_progress(
    exam_id: str,
    *,
    revision: int,
    candidates: int,
    pairs_tested: int,
    pairs_flagged: int,
    answers: int,
    items_believed: int,
    items: int,
    as_of_ms: int,
    is_final: bool = False,
    request_id: str = "",
    request_ids: Sequence[str] = (),
    percent: int = 0,
) -> Telling:
    """How far the analysis is."""
    message = told.CollusionProgress(
        exam_id=exam_id,
        revision=revision,
        candidates=candidates,
        pairs_tested=pairs_tested,
        pairs_flagged=pairs_flagged,
        false_discovery_rate=_decimal(LEVEL),
        is_final=is_final,
        as_of=_timestamp(as_of_ms),
        answers=answers,
        items_believed=items_believed,
        items=items,
        request_id=request_id,
        request_ids=request_ids,
        percent=percent,
    )
    return _telling(exam_id, f"progress {request_id}", message, revision)


def items_calibrated(exam_id: str, items: tuple[ItemEstimate, ...], revision: int) -> Telling:
    """How the options were chosen."""
    message = told.ItemsCalibrated(
        exam_id=exam_id,
        revision=revision,
        items=[
            told.ItemCalibration(
                question_id=each.item.question_id,
                option_ids=each.item.option_ids,
                slopes=[f"{value:.4f}" for value in each.slopes],
                intercepts=[f"{value:.4f}" for value in each.intercepts],
                answers=each.answers,
            )
            for each in items
        ],
    )
    return _telling(exam_id, "items", message, revision)


def _telling(
    exam_id: str,
    what: str,
    message: told.PairAssessed | told.GroupFound | told.CollusionProgress | told.ItemsCalibrated,
    revision: int,
) -> Telling:
    return Telling(TOPIC, exam_id, message, event_id(f"{exam_id} {what}", revision))


def _statistic(statistic: Statistic) -> told.Statistic:
    log10, value = statistic.log10, statistic.value
    if isnan(value) and abs(log10) <= _WRITTEN_OUT:
        value = 10.0**log10
    return told.Statistic(
        method=statistic.method,
        kind=statistic.kind,
        value=_decimal(value),
        log10_value="" if isnan(log10) else f"{log10:.4f}",
        assumptions=statistic.assumptions,
    )


def _decimal(value: float) -> str:
    """Four significant digits, without an exponent; empty for nan. What is smaller than anybody can read is rounded up to the smallest that is told."""
    if isnan(value):
        return ""
    if 0 <= value < _SMALLEST:
        value = _SMALLEST if value else 0.0
    return format(Decimal(f"{value:.4g}"), "f")


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


def _timestamp(at_ms: int) -> Timestamp:
    return Timestamp(seconds=at_ms // 1000, nanos=at_ms % 1000 * 1_000_000)


def _milliseconds(at: Timestamp) -> int:
    return int(at.seconds * 1000 + at.nanos // 1_000_000)
