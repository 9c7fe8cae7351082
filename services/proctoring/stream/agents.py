"""What the stream does with events: of attempts, keyed by attempt id, and of exams, keyed by exam id. Both are rules for `durable`."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter

from chassis.clock import now
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import signals_pb2 as signals
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring import attempt_watch, messages
from services.proctoring.collusion.facts import decoded_agenda
from services.proctoring.evidence import epoch_ms
from services.proctoring.exam_watch import AGENDA_ROW, ExamWatch
from services.proctoring.state import Happening
from services.proctoring.stream.durable import Effect, Heard
from services.proctoring.stream.markers import state_lost
from services.proctoring.stream.tables import partition_of
from services.proctoring.telling import Telling, event_id

if TYPE_CHECKING:
    from services.proctoring.stream.app import StreamApp

log = structlog.get_logger()

BY_ATTEMPT, BY_EXAM = "proctoring.by-attempt.v1", "proctoring.by-exam.v1"

ATTEMPT_TOPICS = ("attempts.lifecycle.v1", "proctoring.signals.v1", BY_ATTEMPT)
ATTEMPT_MESSAGES = (
    attempts.AttemptStarted,
    attempts.AttemptPaused,
    attempts.AttemptResumed,
    attempts.AttemptExtended,
    attempts.AttemptSubmitted,
    signals.WatchBegan,
    signals.SignalsReceived,
    stream.AttemptAnswered,
)
EXAM_TOPICS = ("attempts.answers.v1", "proctoring.exams.v1", BY_EXAM)
EXAM_MESSAGES = (
    attempts.AnswersSaved,
    exams.ExamWatched,
    exams.SeatsPlanned,
    exams.CollusionRequested,
    stream.CandidateSeated,
)

# The row of an exam that is not known to be watched, or not any more, and of which something was dropped, so that it can be asked for again.
_DROPPED = "dropped"
# Events of such exams that are held in memory, in case the exam turns out to be watched a moment later.
HELD_EVENTS = 2_000
# An attempt that was never submitted is forgotten when nothing has happened for so much longer than after an end.
_UNFINISHED_FACTOR = 15
# How long an exam rests whose numbers could not be computed. Its facts are kept meanwhile; nothing of it is lost.
REST_SECONDS = 30.0
# Rows that are looked at without letting others in.
_ROWS_AT_ONCE = 100

ANALYSES_FAILED = Counter("examhall_stream_analyses_failed_total", "Times an exam's numbers could not be computed")


class Attempts:
    """Watches attempts, and tells the exam's watch who sits it."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app
        self._behind: dict[str, tuple[int, float]] = {}  # its partition, and when it is told without an event

    def take_in(self, partition: int, attempt_id: str, events: Sequence[Heard]) -> Effect:
        """The rule for an attempt's events."""
        table = self._app.watches
        stored = table.row(partition, attempt_id)
        happenings = [_happening(event) for event in events]
        if stranger := next((each for each in happenings if each.attempt_id != attempt_id), None):
            raise ValueError(f"an event of attempt {stranger.attempt_id} under the key {attempt_id}")
        step = attempt_watch.step(stored, happenings)
        effect = Effect(tell=[_seated(event) for event in events if hasattr(event.message, "attempt")])
        effect.tell += step.tell
        if step.stored is not None and step.stored is not stored:
            effect.after.append(table.put(partition, attempt_id, step.stored))
        if not step.is_behind:
            self._behind.pop(attempt_id, None)
        else:
            self._behind.setdefault(attempt_id, (partition, time.monotonic() + attempt_watch.PROGRESS_EVERY_MS / 1000))
        return effect

    def catch_up(self) -> Effect:
        """Tells how far students have come of whom no event tells it."""
        effect, moment = Effect(), time.monotonic()
        for attempt_id, (partition, at) in list(self._behind.items()):
            if at > moment:
                continue
            del self._behind[attempt_id]
            stored = self._app.watches.row(partition, attempt_id) if partition in self._app.held else None
            if stored is not None:
                step = attempt_watch.catch_up(stored)
                assert step.stored is not None
                effect.tell += step.tell
                effect.after.append(self._app.watches.put(partition, attempt_id, step.stored))
        return effect

    async def forget(self, partitions: set[int]) -> Effect:
        """Forgets attempts that ended, or came to rest, long ago; none of which anything is heard meanwhile, and none while partitions are shared out anew."""
        table, count, generation = self._app.watches, self._app.partitions, self._app.consumer_generation_id
        kept_ms = self._app.settings.stream_kept_hours * 3_600_000
        today = epoch_ms(now())
        old = []
        for number, (attempt_id, stored) in enumerate(table.rows(partitions, count)):
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            watch = attempt_watch.watch_in(stored)
            factor = 1 if watch.submitted_at_ms is not None else _UNFINISHED_FACTOR
            if watch.as_of_ms < today - kept_ms * factor:
                old.append((partition_of(attempt_id, count), attempt_id, stored))
        if not self._app.goes_on or self._app.consumer_generation_id != generation:
            return Effect()
        return Effect(
            after=[
                table.put(partition, attempt_id, None)
                for partition, attempt_id, stored in old
                if table.row(partition, attempt_id) == stored
            ]
        )


class Exams:
    """Keeps the facts of exams, looks for collusion as time goes by, and tells attempts' watches that answers were saved."""

    def __init__(self, app: "StreamApp") -> None:
        self._app = app
        self._partitions: set[int] = set()
        self._watches: dict[str, ExamWatch] = {}
        self._dropped: set[str] = set()
        self._held: dict[str, list[Heard]] = {}
        self._resting: dict[str, float] = {}  # until when, by the monotonic clock

    def restore(self, partitions: set[int]) -> None:
        """Lets go of the exams that are another worker's now, and takes up from the table those that are new here."""
        for exam_id in [each for each in self._watches if self._partition(each) not in partitions]:
            self._watches.pop(exam_id).abandon()
        self._held.clear()
        rows: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        dropped = set()
        for key, value in self._app.exams.rows(partitions, self._app.partitions):
            exam_id, _, row = key.partition("/")
            if row == _DROPPED:
                dropped.add(exam_id)
            elif exam_id not in self._watches:
                rows[exam_id][row] = value
        self._dropped = dropped
        for exam_id, known in rows.items():
            self._watches[exam_id] = ExamWatch.restored(exam_id, known)
        self._partitions = partitions

    def take_in(self, partition: int, exam_id: str, events: Sequence[Heard]) -> Effect:
        """The rule for an exam's events. Of an exam that is not proctored nothing is kept."""
        effect = Effect()
        for event in events:
            if event.message.exam_id != exam_id:
                raise ValueError(f"an event of exam {event.message.exam_id} under the key {exam_id}")
            if isinstance(event.message, exams.ExamWatched) and exam_id not in self._watches:
                self._begin(partition, event.message, effect)
            if exam_id in self._watches:
                self._put(partition, exam_id, event, effect)
            else:
                self._drop(partition, exam_id, event, effect)
        return effect

    async def advance(self) -> Effect:
        """Goes on with every exam; what was found. An exam whose numbers can't be computed rests for a while: the others go on, and so do attempts."""
        effect = Effect()
        for exam_id, watch in list(self._watches.items()):
            moment = time.monotonic()
            if self._resting.get(exam_id, moment) > moment:
                continue
            try:
                tellings = await watch.advance(moment)
            except Exception:
                log.exception("exam_analysis_failed", exam_id=exam_id, again_after_seconds=REST_SECONDS)
                ANALYSES_FAILED.inc()
                self._resting[exam_id] = moment + REST_SECONDS
                continue
            if self._watches.get(exam_id) is not watch:
                continue  # another worker's since
            effect.before += self._rows(self._partition(exam_id), exam_id, watch.unstored())
            effect.tell += tellings
        return effect

    def forget(self) -> Effect:
        """Forgets exams that were analysed for good long ago, but for a mark: one that is opened again needs its events once more."""
        effect = Effect()
        before_ms = epoch_ms(now()) - self._app.settings.stream_kept_hours * 3_600_000
        rows = dict(self._app.exams.rows(self._partitions, self._app.partitions))
        for key in [key for key in rows if key.endswith(f"/{AGENDA_ROW}")]:
            exam_id = key.partition("/")[0]
            final = decoded_agenda(rows[key]).final
            if final is not None and final.at_ms < before_ms:
                if watch := self._watches.pop(exam_id, None):
                    watch.abandon()
                gone = [each for each in rows if each.startswith(f"{exam_id}/")]
                effect.before += [self._app.exams.put(self._partition(exam_id), each, None) for each in gone]
                effect.before += self._rows(self._partition(exam_id), exam_id, {_DROPPED: b"1"})
                self._dropped.add(exam_id)
        return effect

    def _partition(self, exam_id: str) -> int:
        return partition_of(exam_id, self._app.partitions)

    def _drop(self, partition: int, exam_id: str, event: Heard, effect: Effect) -> None:
        """Nothing says that this exam is proctored. A row says that something of it was dropped; a few events are held, for it may be said at once."""
        if exam_id not in self._dropped:
            self._dropped.add(exam_id)
            self._held[exam_id] = []
            effect.before.append(self._app.exams.put(partition, f"{exam_id}/{_DROPPED}", b"1"))
        if exam_id in self._held:
            self._held[exam_id].append(event)
            while sum(map(len, self._held.values())) > HELD_EVENTS:
                del self._held[next(iter(self._held))]

    def _begin(self, partition: int, exam: exams.ExamWatched, effect: Effect) -> None:
        """The exam is proctored after all: what is still held counts, what was dropped is asked for, and so is what was known of it by a state that is
        lost, when this is not the first that is told of it."""
        exam_id = exam.exam_id
        self._watches[exam_id] = ExamWatch(exam_id)
        if exam_id not in self._dropped:
            if exam.revision > 1:
                effect.tell.append(state_lost(self._app.worker_name, {partition}))
            return
        self._dropped.discard(exam_id)
        held = self._held.pop(exam_id, None)
        for event in held or ():
            self._put(partition, exam_id, event, effect)
        if held is None:
            effect.tell.append(state_lost(self._app.worker_name, {partition}))
        effect.before.append(self._app.exams.put(partition, f"{exam_id}/{_DROPPED}", None))

    def _put(self, partition: int, exam_id: str, event: Heard, effect: Effect) -> None:
        effect.before += self._rows(partition, exam_id, self._watches[exam_id].put(event.message, event.at))
        if isinstance(event.message, attempts.AnswersSaved):
            effect.tell += [_marked(event, index, kept) for index, kept in enumerate(_kept(event))]

    def _rows(self, partition: int, exam_id: str, rows: dict[str, bytes]) -> list[Any]:
        return [self._app.exams.put(partition, f"{exam_id}/{row}", value) for row, value in rows.items()]


def _happening(event: Heard) -> Happening:
    match event.message:
        case signals.SignalsReceived():
            return messages.signals_taken(event.message)
        case stream.AttemptAnswered():
            return messages.answers_marked(event.message)
        case signals.WatchBegan():
            return messages.watch_began(event.message)
        case attempts.AttemptStarted():
            return messages.attempt_changed(event.message.attempt, event.at, event.message.client_address)
        case _:
            return messages.attempt_changed(event.message.attempt, event.at)


def _seated(event: Heard) -> Telling:
    state = event.message.attempt
    address = getattr(event.message, "client_address", "")
    return Telling(
        BY_EXAM,
        state.exam_id,
        messages.candidate_seated(state, address),
        event_id(f"seat {state.attempt_id}", state.version),
    )


def _kept(event: Heard) -> Any:
    return messages.answers_kept(event.message, event.at)


def _marked(event: Heard, index: int, kept: Any) -> Telling:
    revisions = sum(answer.revision for answer in kept.answers)
    what = f"answers {kept.attempt_id} {kept.at_ms} {index}"
    return Telling(BY_ATTEMPT, kept.attempt_id, messages.attempt_answered(kept), event_id(what, revisions))
