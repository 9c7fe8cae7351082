"""Whole exams as the events that tell of them, with known copiers, and a driver that plays events to a watch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import numpy as np
from google.protobuf.message import Message

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.options import OptionModel
from services.proctoring.collusion.tests.builders import honest_answers, some_items
from services.proctoring.evidence import moment
from services.proctoring.exam_watch import ExamWatch
from services.proctoring.telling import Telling
from services.proctoring.tests.builders import START_MS

EXAM = "00000000-0000-7000-8000-00000000e8a3"
_NAMES = UUID("00000000-0000-7000-8000-000000000000")

Event = tuple[Message, datetime]


@dataclass(frozen=True)
class Sitting:
    """An exam's events in their order; `copied`: attempts as (copier, source)."""

    watched: exams.ExamWatched
    seats: list[Event]
    answers: list[Event]
    copied: list[tuple[str, str]]

    @property
    def events(self) -> list[Event]:
        return [(self.watched, moment(START_MS)), *self.seats, *self.answers]

    def opened_again(self, revision: int = 2) -> Event:
        """The same exam in a higher revision."""
        watched = exams.ExamWatched()
        watched.CopyFrom(self.watched)
        watched.revision = revision
        return watched, moment(START_MS + 7_300_000)


def name(what: str) -> str:
    return str(uuid5(_NAMES, what))


def attempt(number: int) -> str:
    return name(f"attempt {number}")


def a_sitting(
    seed: int = 1,
    candidates: int = 40,
    items: int = 30,
    copiers: Sequence[tuple[int, int]] = ((1, 0), (12, 10)),
    share: float = 0.9,
    with_bank: bool = True,
    per_centre: int = 8,
    together: int = 1,
) -> Sitting:
    """`copiers` take a share of their answers from their sources a while later. With a bank the items are known; `together`: answers in one commit."""
    random = np.random.default_rng(seed)
    model = some_items(random, items)
    chosen = honest_answers(random, model, candidates)
    starts = random.uniform(0, 60_000, candidates)
    at = starts[:, None] + np.cumsum(random.lognormal(np.log(30_000), 0.4, (candidates, items)), axis=1)
    order = np.argsort(random.random((candidates, items)), axis=1)
    when = np.empty_like(at)
    np.put_along_axis(when, order, at, axis=1)
    for copier, source in copiers:
        taken = random.random(items) < share
        chosen[copier, taken] = chosen[source, taken]
        when[copier, taken] = when[source, taken] + random.uniform(60_000, 300_000, items)[taken]
    places = np.argsort(when, axis=None)
    answers: list[Event] = []
    for first in range(0, len(places), together):
        saved: dict[str, list[attempts.SavedAnswer]] = {}
        for place in places[first : first + together]:
            candidate, item = divmod(int(place), items)
            saved.setdefault(attempt(candidate), []).append(an_answer(item, int(chosen[candidate, item])))
        answers.append((saved_answers(saved), moment(START_MS + int(when.flat[places[first]]))))
    return Sitting(
        exam_watched(model, with_bank),
        [seated(each, starts[each], centre=f"centre {each // per_centre}") for each in range(candidates)],
        answers,
        [(attempt(copier), attempt(source)) for copier, source in copiers],
    )


def an_answer(item: int, option: int, revision: int = 1) -> attempts.SavedAnswer:
    chosen = attempts.Choice(option_ids=[name(f"option {item} {option}")])
    response = None if option == UNANSWERED else attempts.Response(choice=chosen)
    return attempts.SavedAnswer(question_id=name(f"question {item}"), revision=revision, response=response)


def saved_answers(saved: dict[str, list[attempts.SavedAnswer]]) -> attempts.AnswersSaved:
    parts = [
        attempts.AttemptAnswers(attempt_id=each, student_id=f"student of {each}", answers=answers)
        for each, answers in saved.items()
    ]
    return attempts.AnswersSaved(exam_id=EXAM, attempts=parts)


def exam_watched(model: OptionModel, with_bank: bool, revision: int = 1, shuffled: bool = True) -> exams.ExamWatched:
    items, options = model.offered.shape
    watched = exams.ExamWatched(exam_id=EXAM, revision=revision, is_order_shuffled=shuffled)
    watched.opened_at.FromMilliseconds(START_MS)
    for item in range(items):
        added = watched.items.add(question_id=name(f"question {item}"))
        added.option_ids.extend(name(f"option {item} {option}") for option in range(options))
        if with_bank:
            added.prior_answers = 200
            for slope, intercept in zip(model.slopes[item], model.intercepts[item], strict=True):
                added.priors.add(slope=f"{slope:.4f}", intercept=f"{intercept:.4f}")
    return watched


def seated(
    number: int,
    started_ms: float,
    *,
    version: int = 1,
    centre: str = "",
    address: str = "",
    student: str = "",
    submitted_ms: float | None = None,
) -> Event:
    seat = stream.CandidateSeated(
        exam_id=EXAM,
        attempt_id=attempt(number),
        student_id=student or f"student of {attempt(number)}",
        version=version,
        status="in_progress" if submitted_ms is None else "submitted",
        centre_id=centre,
        address=address,
    )
    seat.started_at.FromMilliseconds(START_MS + int(started_ms))
    seat.deadline_at.FromMilliseconds(START_MS + 7_200_000)
    if submitted_ms is not None:
        seat.submitted_at.FromMilliseconds(START_MS + int(submitted_ms))
    return seat, moment(START_MS + int(submitted_ms if submitted_ms is not None else started_ms))


def planned(rooms: Mapping[str, Iterable[int]], revision: int = 1) -> Event:
    """A seating plan: rooms by name, with the numbers of the attempts whose students sit there."""
    plan = exams.SeatsPlanned(exam_id=EXAM, revision=revision)
    for room, numbers in rooms.items():
        plan.rooms.add(name=room, student_ids=[f"student of {attempt(number)}" for number in numbers])
    return plan, moment(START_MS - 60_000 + revision)


def requested(request_id: str = "request", *, is_final: bool = False, revision: int = 1) -> Event:
    """`revision`: of the exam that has closed."""
    request = exams.CollusionRequested(
        exam_id=EXAM, request_id=request_id, is_final=is_final, exam_revision=revision if is_final else 0
    )
    request.at.FromMilliseconds(START_MS + 7_200_000)
    return request, moment(START_MS + 7_200_000)


class Driver:
    """Plays events to a watch by a clock of its own, keeps its rows as a store would, and all that it told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rows: dict[str, bytes] = {}
        self.tellings: list[Telling] = []
        self.watch = ExamWatch(EXAM)

    def put(self, events: Iterable[Event]) -> None:
        for event, at in events:
            self.rows |= self.watch.put(event, at)

    async def play(self, events: Sequence[Event], at_once: int = 50, *, keeping_up: bool = False) -> None:
        """So many events between two rounds of a tenth of a second. `keeping_up`: as on a machine that computes in no time."""
        for first in range(0, len(events), at_once):
            self.put(events[first : first + at_once])
            await self.advance()
            if keeping_up:
                await self.watch.finish()

    async def advance(self, seconds: float = 0.1) -> None:
        self.now += seconds
        told = await self.watch.advance(self.now)
        self.rows |= self.watch.unstored()
        self.tellings += told

    async def settle(self) -> None:
        """Until nothing is left to do or to tell."""
        for _ in range(10_000):
            if self.watch.is_settled:
                return
            await self.advance()
            await self.watch.finish()
        raise AssertionError("the watch does not come to rest")

    def restart(self) -> None:
        """As if the worker had been killed: what is not in the rows is lost."""
        self.watch.abandon()
        self.watch = ExamWatch.restored(EXAM, self.rows)

    def last(self, kind: type[Message]) -> list[Message]:
        """What was told of each thing in the highest revision."""
        best: dict[object, Message] = {}
        for telling in self.tellings:
            if isinstance(telling.message, kind):
                thing = _thing(telling.message)
                if thing not in best or best[thing].revision < telling.message.revision:
                    best[thing] = telling.message
        return [best[thing] for thing in sorted(best)]

    @property
    def flagged(self) -> list[told.PairAssessed]:
        return [pair for pair in self.last(told.PairAssessed) if pair.verdict == "flagged"]

    @property
    def progress(self) -> told.CollusionProgress:
        (progress,) = self.last(told.CollusionProgress)
        return progress

    @property
    def groups(self) -> list[told.GroupFound]:
        return [group for group in self.last(told.GroupFound) if group.attempt_ids]

    @property
    def outcome(self) -> list[bytes]:
        """All that holds in the end, to be compared byte by byte."""
        return [each.SerializeToString(deterministic=True) for each in (*self.flagged, *self.groups, self.progress)]


async def played(events: list[Event], at_once: int = 50) -> Driver:
    """A watch that has heard these, so many between two rounds, and come to rest."""
    driver = Driver()
    await driver.play(events, at_once)
    await driver.settle()
    return driver


def pairs(told_pairs: list[told.PairAssessed]) -> set[tuple[str, str]]:
    """Attempts as (copier, source)."""
    return {(pair.copier_attempt_id, pair.source_attempt_id) for pair in told_pairs}


def _thing(message: Message) -> tuple[str, ...]:
    match message:
        case told.PairAssessed():
            return ("pair", *sorted((message.copier_attempt_id, message.source_attempt_id)))
        case told.GroupFound():
            return "group", message.group_id
        case _:
            return (message.DESCRIPTOR.name,)


def statistic(pair: told.PairAssessed, method: str) -> told.Statistic:
    (found,) = [each for each in pair.statistics if each.method == method]
    return found
