"""What is known of one attempt: the state that events are folded into, in whatever order and however often they come.

Every part is a sum, an extreme, a bounded set of the earliest, or whatever has the highest revision, so the state depends on the set of events alone:
shuffled, repeated, or resumed from a changelog in the middle, the numbers are the same. It holds no clock; its time is that of its latest event.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from services.proctoring.baselines import Comparison
from services.proctoring.derived import AnswerFacts, Save, Trail, answer_facts
from services.proctoring.evidence import Evidence, Tally, earliest, epoch_ms
from services.proctoring.pauses import Span, Steps, with_step
from services.proctoring.signals import (
    ExamRules,
    FocusRegained,
    Keystrokes,
    Mouse,
    QuestionShown,
    Signal,
    SignalKind,
    is_somebodys_doing,
)
from services.proctoring.violations import KEPT_VIOLATIONS

# Alerts of one kind are raised at most once in so long; docs/proctoring.md gives the reason.
ALERT_WINDOW_MS = 300_000
# Cells of kind and window that are kept, the newest: more than a day of a new alert every five minutes.
KEPT_CELLS = 400
# Times at which the focus came back that are kept, the earliest.
KEPT_RETURNS = 200
# Networks and log-ins that are kept, the first seen.
KEPT_ORIGINS = 16

# Kinds that may count as violations, depending on the exam.
_FORBIDDABLE = frozenset(
    {
        SignalKind.TAB_SWITCH,
        SignalKind.FOCUS_LOST,
        SignalKind.FULLSCREEN_EXIT,
        SignalKind.RIGHT_CLICK,
        SignalKind.DEVTOOLS_OPEN,
        SignalKind.COPY_ATTEMPT,
        SignalKind.PASTE_ATTEMPT,
        SignalKind.MULTIPLE_WINDOWS,
    }
)
# Kinds that an alert may be about, window by window.
_ALERTABLE = (_FORBIDDABLE - {SignalKind.FOCUS_LOST, SignalKind.RIGHT_CLICK}) | {
    SignalKind.FACE_ABSENT,
    SignalKind.MULTIPLE_FACES,
    SignalKind.CAMERA_BLOCKED,
}


class WatchBegan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An attempt is proctored, by these rules and against this comparison."""

    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    rules: ExamRules
    comparison: Comparison = Comparison()


class AttemptChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where an attempt stands in its life."""

    attempt_id: str
    exam_id: str
    student_id: str
    version: int
    at_ms: int
    status: str
    started_at_ms: int
    submitted_at_ms: int | None = None
    question_count: int = 0
    network: str = ""  # it was started from; empty when the event does not say


class SignalsTaken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A batch of signals, with server times. Batches of an attempt are numbered from 1 without gaps."""

    attempt_id: str
    exam_id: str
    student_id: str
    number: int
    received_at_ms: int
    session_id: str
    network: str
    signals: tuple[Signal, ...]


class AnswerKept(msgspec.Struct, frozen=True, array_like=True):
    """One saved answer: its revision, what tells it apart from others (0: cleared), and whether it was typed."""

    question_id: str
    revision: int
    digest: int
    is_text: bool


class AnswersKept(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What one commit saved of an attempt."""

    attempt_id: str
    exam_id: str
    student_id: str
    at_ms: int
    answers: tuple[AnswerKept, ...]


Happening = WatchBegan | AttemptChanged | SignalsTaken | AnswersKept


class KeystrokeTotals(msgspec.Struct, frozen=True, array_like=True):
    """Sums over all keystroke signals, in strokes and milliseconds."""

    strokes: int = 0
    typing_ms: int = 0
    dwell_ms: int = 0
    flight_ms: int = 0
    corrections: int = 0


class MouseTotals(msgspec.Struct, frozen=True, array_like=True):
    """Sums over all mouse signals, in pixels and milliseconds."""

    window_ms: int = 0
    moving_ms: int = 0
    distance_px: int = 0
    turns: int = 0
    clicks: int = 0


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one attempt."""

    attempt_id: str
    exam_id: str
    student_id: str
    revision: int = 0  # of the rules
    rules: ExamRules | None = None
    comparison: Comparison = Comparison()
    version: int = 0  # of the attempt
    status: str = ""
    started_at_ms: int | None = None
    submitted_at_ms: int | None = None
    question_count: int = 0
    batches: tuple[tuple[int, int], ...] = ()  # numbers taken in, as ranges: one range when none is missing
    tallies: dict[SignalKind, Tally] = {}
    forbiddable: dict[SignalKind, tuple[Evidence, ...]] = {}
    cells: dict[str, Tally] = {}  # by window and kind
    keystrokes: KeystrokeTotals = KeystrokeTotals()
    mouse: MouseTotals = MouseTotals()
    networks: dict[str, int] = {}  # first seen
    is_origin_known: bool = False  # the network it was started from is among them
    sessions: dict[str, tuple[int, int]] = {}  # when the first batch came, and what happened last
    trails: dict[str, Trail] = {}
    answers: AnswerFacts = AnswerFacts()
    steps: Steps = ()
    returns: tuple[Span, ...] = ()  # when the focus came back, and after how long; the earliest
    position: tuple[int, int] = (0, 0)  # time and number of the question last shown
    as_of_ms: int = 0

    @property
    def taken(self) -> int:
        """Grows with everything taken in: the revision of what is computed from this state."""
        batches = sum(last - first + 1 for first, last in self.batches)
        answers = sum(trail.weight for trail in self.trails.values())
        return self.revision + self.version + len(self.steps) + self.is_origin_known + batches + answers


def fold(watch: Watch | None, event: Happening) -> Watch:
    """The state with one more event taken in; the same object when the event changes nothing."""
    if watch is None:
        watch = Watch(attempt_id=event.attempt_id, exam_id=event.exam_id, student_id=event.student_id)
    match event:
        case SignalsTaken():
            return _with_signals(watch, event)
        case AnswersKept():
            return _with_answers(watch, event)
        case AttemptChanged():
            return _with_attempt(watch, event)
        case WatchBegan():
            if event.revision <= watch.revision:
                return watch
            return replace(watch, revision=event.revision, rules=event.rules, comparison=event.comparison)


_ENCODER = msgspec.msgpack.Encoder(order="deterministic", decimal_format="string")
_DECODER = msgspec.msgpack.Decoder(Watch)


def encoded(watch: Watch) -> bytes:
    """The state as bytes: equal states give equal bytes."""
    return _ENCODER.encode(watch)


def decoded(stored: bytes) -> Watch:
    """The state from bytes."""
    return _DECODER.decode(stored)


def _with_attempt(watch: Watch, event: AttemptChanged) -> Watch:
    changed: dict[str, Any] = {}
    networks = _seen(watch.networks, event.network, event.at_ms)
    if event.network and not watch.is_origin_known:
        changed |= {"networks": networks, "is_origin_known": True}
    if event.version > watch.version:
        changed |= {
            "version": event.version,
            "status": event.status,
            "started_at_ms": event.started_at_ms,
            "submitted_at_ms": event.submitted_at_ms,
            "question_count": event.question_count,
            "answers": answer_facts(event.started_at_ms, watch.trails),
        }
    steps = with_step(watch.steps, event.version, event.at_ms, is_paused=event.status == "paused")
    if steps is not watch.steps:
        changed["steps"] = steps
    if event.at_ms > watch.as_of_ms:
        changed["as_of_ms"] = event.at_ms
    return replace(watch, **changed) if changed else watch


def _with_answers(watch: Watch, event: AnswersKept) -> Watch:
    trails = dict(watch.trails)
    for answer in event.answers:
        save = Save(answer.revision, event.at_ms, answer.digest)
        trails[answer.question_id] = trails.get(answer.question_id, Trail()).with_(save, answer.is_text)
    as_of_ms = max(watch.as_of_ms, event.at_ms)
    if trails == watch.trails and as_of_ms == watch.as_of_ms:
        return watch
    return replace(watch, trails=trails, answers=answer_facts(watch.started_at_ms, trails), as_of_ms=as_of_ms)


def _with_signals(watch: Watch, event: SignalsTaken) -> Watch:
    batches = _with_number(watch.batches, event.number)
    if batches is watch.batches:
        return watch
    tallies, forbiddable, cells = dict(watch.tallies), dict(watch.forbiddable), dict(watch.cells)
    keystrokes, mouse, position, returns = watch.keystrokes, watch.mouse, watch.position, watch.returns
    as_of_ms = max(watch.as_of_ms, event.received_at_ms)
    for index, signal in enumerate(event.signals, start=1):
        kind, at_ms = signal.kind, epoch_ms(signal.at)
        evidence = Evidence(at_ms, "signal", f"{event.number}.{index}")
        if isinstance(signal, Keystrokes):
            keystrokes = _with_keystrokes(keystrokes, signal)
        elif isinstance(signal, Mouse):
            mouse = _with_mouse(mouse, signal)
        elif isinstance(signal, QuestionShown):
            position = max(position, (at_ms, signal.position))
        else:
            tallies[kind] = tallies.get(kind, Tally()).with_(evidence, signal.amount)
        if isinstance(signal, FocusRegained):
            returns = tuple(sorted((*returns, (at_ms, signal.away_milliseconds)))[:KEPT_RETURNS])
        if kind in _FORBIDDABLE:
            forbiddable[kind] = earliest(forbiddable.get(kind, ()), evidence, KEPT_VIOLATIONS)
        if kind in _ALERTABLE:
            cell = cell_of(kind, at_ms)
            cells[cell] = cells.get(cell, Tally()).with_(evidence, signal.amount)
    while len(cells) > KEPT_CELLS:
        del cells[min(cells)]
    return replace(
        watch,
        batches=batches,
        tallies=tallies,
        forbiddable=forbiddable,
        cells=cells,
        keystrokes=keystrokes,
        mouse=mouse,
        position=position,
        returns=returns,
        networks=_seen(watch.networks, event.network, event.received_at_ms),
        sessions=_used(watch.sessions, event),
        as_of_ms=as_of_ms,
    )


def cell_of(kind: SignalKind, at_ms: int) -> str:
    """The name of a window of a kind; names sort by time."""
    return f"{at_ms // ALERT_WINDOW_MS:012d} {kind.value}"


def _with_keystrokes(totals: KeystrokeTotals, signal: Keystrokes) -> KeystrokeTotals:
    return KeystrokeTotals(
        totals.strokes + signal.strokes,
        totals.typing_ms + signal.typing_milliseconds,
        totals.dwell_ms + signal.dwell_milliseconds,
        totals.flight_ms + signal.flight_milliseconds,
        totals.corrections + signal.corrections,
    )


def _with_mouse(totals: MouseTotals, signal: Mouse) -> MouseTotals:
    return MouseTotals(
        totals.window_ms + signal.window_milliseconds,
        totals.moving_ms + signal.moving_milliseconds,
        totals.distance_px + signal.distance_pixels,
        totals.turns + signal.turns,
        totals.clicks + signal.clicks,
    )


def _with_number(ranges: tuple[tuple[int, int], ...], number: int) -> tuple[tuple[int, int], ...]:
    """The ranges with one more number; the same object when it is in them."""
    if any(first <= number <= last for first, last in ranges):
        return ranges
    joined: list[tuple[int, int]] = []
    for first, last in sorted((*ranges, (number, number))):
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)


def _seen(first_seen: dict[str, int], what: str, at_ms: int) -> dict[str, int]:
    """When each was first seen, with one more observation; the earliest sixteen are kept."""
    if not what or first_seen.get(what, at_ms + 1) <= at_ms:
        return first_seen
    known = {**first_seen, what: at_ms}
    return (
        known
        if len(known) <= KEPT_ORIGINS
        else dict(sorted(known.items(), key=lambda item: (item[1], item[0]))[:KEPT_ORIGINS])
    )


def _used(spans: dict[str, tuple[int, int]], event: SignalsTaken) -> dict[str, tuple[int, int]]:
    """From when to when each log-in was used, with one more batch: from when it came, and until what was done last in it. A machine that is back on the
    line sends what it saw before, and that nothing moves now, when nobody sits at it any more; of a batch that was observed in a pause nothing is left.
    """
    done = [epoch_ms(signal.at) for signal in event.signals if is_somebodys_doing(signal)]
    if not done:
        return spans
    name, first, last = event.session_id, event.received_at_ms, max(done)
    known = spans.get(name, (first, last))
    if not name or (name not in spans and len(spans) >= KEPT_ORIGINS):
        return spans
    return {**spans, name: (min(known[0], first), max(known[1], last))}
