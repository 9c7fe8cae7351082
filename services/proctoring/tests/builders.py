"""Attempts under watch, and what happens to them, with good defaults."""

from decimal import Decimal
from uuid import UUID, uuid5

from services.proctoring.baselines import Baseline, Figure, Sample, with_sample
from services.proctoring.evidence import Evidence, Tally, epoch_ms, moment
from services.proctoring.signals import ExamRules, Keystrokes, Mouse, Observed
from services.proctoring.state import (
    AnswerKept,
    AnswersKept,
    AttemptChanged,
    Happening,
    SignalsTaken,
    Watch,
    WatchBegan,
    fold,
)

START_MS = 1_780_000_200_000  # a window of five minutes begins here
IDS = {"attempt_id": "attempt", "exam_id": "exam", "student_id": "student"}


def at(seconds: float) -> object:
    """So many seconds into the attempt."""
    return moment(START_MS + int(seconds * 1000))


def a_tally(count: int, total: int = 0) -> Tally:
    tally = Tally()
    for index in range(count):
        tally = tally.with_(Evidence(START_MS + index, "signal", f"1.{index + 1}"), total // max(count, 1))
    return tally


def watch_began(rules: ExamRules | None = None, **more: object) -> WatchBegan:
    return WatchBegan(**IDS, revision=1, rules=rules or ExamRules(), **more)


def attempt_started(version: int = 1, network: str = "10.0.0.1", **more: object) -> AttemptChanged:
    values = {"at_ms": START_MS, "status": "in_progress", "started_at_ms": START_MS, "question_count": 40} | more
    return AttemptChanged(**IDS, version=version, network=network, **values)


def signals_taken(number: int, *signals: Observed, received: float | None = None, **more: object) -> SignalsTaken:
    """A batch that comes when its last signal happened, unless told."""
    received_at_ms = START_MS + int(received * 1000) if received is not None else max(epoch_ms(s.at) for s in signals)
    values = {"session_id": "log-in 1", "network": "10.0.0.1"} | more
    return SignalsTaken(**IDS, number=number, received_at_ms=received_at_ms, signals=signals, **values)


def answers_kept(seconds: float, *answers: tuple[str, int, int], is_text: bool = False) -> AnswersKept:
    """Answers as (question, revision, digest), saved at one moment."""
    kept = tuple(AnswerKept(question, revision, digest, is_text) for question, revision, digest in answers)
    return AnswersKept(**IDS, at_ms=START_MS + int(seconds * 1000), answers=kept)


def watched(*events: Happening, rules: ExamRules | None = None) -> Watch:
    """The state after the attempt began and these events."""
    watch = fold(fold(None, watch_began(rules)), attempt_started())
    for event in events:
        watch = fold(watch, event)
    return watch


def typing(seconds: float, wpm: int, strokes: int = 200) -> Keystrokes:
    typing_ms = strokes * 12_000 // wpm
    return Keystrokes(
        at=at(seconds),
        window_milliseconds=60_000,
        strokes=strokes,
        typing_milliseconds=typing_ms,
        dwell_milliseconds=strokes * 90,
        flight_milliseconds=strokes * 120,
    )


def mouse(seconds: float, pixels_a_second: int) -> Mouse:
    return Mouse(
        at=at(seconds), window_milliseconds=60_000, moving_milliseconds=20_000, distance_pixels=pixels_a_second * 60
    )


def a_sample(number: int, **figures: str | int) -> Sample:
    return Sample(
        attempt_id=str(uuid5(UUID(int=0), str(number))),
        taken_at_ms=START_MS + number * 86_400_000,
        figures={Figure(name): Decimal(value) for name, value in figures.items()},
    )


def a_baseline(samples: int = 5, **figures: str | int) -> Baseline:
    """A baseline of so many attempts that were all alike."""
    baseline = Baseline()
    for number in range(samples):
        baseline = with_sample(baseline, a_sample(number, **figures), is_flagged=False)
    return baseline
