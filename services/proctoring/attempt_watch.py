"""One attempt under watch, step by step: what is stored of it, the events that came, what is to be stored and told now.

The stored bytes hold the state that the events were folded into, and what was told of it, so that whoever goes on from them tells nothing twice
and leaves nothing out. Every telling has an id that is fixed by what it says; a telling that is repeated after a crash is known as the same.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from services.proctoring.alerts import alerts_of, news
from services.proctoring.assessing import Assessment, assessed
from services.proctoring.messages import alert_raised, risk_assessed, violation_limit_reached
from services.proctoring.signals import SignalKind
from services.proctoring.state import Happening, Watch, fold
from services.proctoring.telling import Telling, event_id

RISK_TOPIC = "proctoring.risk.v1"
ALERTS_TOPIC = "proctoring.alerts.v1"

# By the attempt's own time: how far a student has come is told so often while it changes, as a rule at once at a student's pace.
PROGRESS_EVERY_MS = 3_000
# Typing and mouse change with every batch and decide little by themselves.
STATISTICS_EVERY_MS = 10_000
_PROGRESS = frozenset({SignalKind.RAPID_ANSWERS, SignalKind.ANSWER_MODIFICATION})


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """What was told of an attempt so far."""

    alerts: dict[str, int] = {}  # revision by alert id
    is_limit_told: bool = False
    revision: int = 0  # of the assessment last told
    at_ms: int = 0  # its time
    digest: bytes = b""  # of what matters in it
    progress: bytes = b""  # the same of how far the student has come


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    watch: Watch
    told: _Told = _Told()


class Step(NamedTuple):
    """What is to be stored of the attempt, and told, in this order. `stored` is the object that was given when nothing has changed.

    `is_behind`: how far the student has come was not told yet. When no event comes that tells it, `catch_up` should.
    """

    stored: bytes | None
    tell: list[Telling]
    is_behind: bool = False


_ENCODER = msgspec.msgpack.Encoder(order="deterministic", decimal_format="string")
_DECODER = msgspec.msgpack.Decoder(_Kept)


def step(stored: bytes | None, events: Sequence[Happening]) -> Step:
    """Takes events of one attempt in. They may come in any order and repeatedly; the state depends on the set of them alone."""
    kept = None if stored is None else _DECODER.decode(stored)
    before = None if kept is None else kept.watch
    watch = before
    for event in events:
        watch = fold(watch, event)
    if watch is None or watch is before:
        return Step(stored, [])
    return _step(watch, _Told() if kept is None else kept.told)


def catch_up(stored: bytes) -> Step:
    """Tells how far the student has come, though no event came."""
    kept = _DECODER.decode(stored)
    return _step(kept.watch, kept.told, is_pause_over=True)


def watch_in(stored: bytes) -> Watch:
    """The state of an attempt that is stored."""
    return _DECODER.decode(stored).watch


def _step(watch: Watch, told: _Told, *, is_pause_over: bool = False) -> Step:
    """What nobody was told yet of an attempt as it stands now."""
    assessment = assessed(watch)
    if assessment is None:
        return Step(_ENCODER.encode(_Kept(watch, told)), [])
    tellings: list[Telling] = []
    digest, progress = _digest(_what_matters(assessment)), _digest(_progress(assessment))
    is_behind = progress != told.progress
    if _is_due(assessment, digest, told, is_behind=is_behind, is_pause_over=is_pause_over):
        is_behind = False
        tellings.append(
            Telling(
                RISK_TOPIC,
                watch.attempt_id,
                risk_assessed(assessment),
                event_id(f"risk {watch.attempt_id}", assessment.revision),
            )
        )
        told = msgspec.structs.replace(
            told, revision=assessment.revision, at_ms=assessment.as_of_ms, digest=digest, progress=progress
        )
    fresh = news(alerts_of(watch, assessment), told.alerts, is_over=assessment.is_over)
    for alert in fresh:
        tellings.append(
            Telling(
                ALERTS_TOPIC,
                watch.attempt_id,
                alert_raised(alert),
                event_id(f"alert {alert.alert_id}", alert.revision),
            )
        )
    if fresh:
        told = msgspec.structs.replace(told, alerts=told.alerts | {alert.alert_id: alert.revision for alert in fresh})
    limit = None if told.is_limit_told else violation_limit_reached(assessment)
    if limit is not None:
        tellings.append(Telling(ALERTS_TOPIC, watch.attempt_id, limit, event_id(f"limit {watch.attempt_id}", 1)))
        told = msgspec.structs.replace(told, is_limit_told=True)
    return Step(_ENCODER.encode(_Kept(watch, told)), tellings, is_behind)


def _is_due(assessment: Assessment, digest: bytes, told: _Told, *, is_behind: bool, is_pause_over: bool) -> bool:
    """Whether the assessment is to be told: at once when something that matters has changed or the attempt is over, otherwise now and then."""
    if digest != told.digest:
        return True
    if assessment.revision <= told.revision:
        return False
    pause = PROGRESS_EVERY_MS if is_behind else STATISTICS_EVERY_MS
    return assessment.is_over or (is_behind and is_pause_over) or assessment.as_of_ms >= told.at_ms + pause


def _what_matters(assessment: Assessment) -> tuple[object, ...]:
    """What a proctor would want to know at once."""
    return (
        assessment.level,
        assessment.behaviour.score,
        assessment.risk.score,
        [component.score for component in assessment.risk.components],
        len(assessment.violations),
        assessment.status,
        assessment.is_over,
        assessment.baseline_version,
        {kind: tally.count for kind, tally in assessment.tallies.items() if kind not in _PROGRESS},
    )


def _progress(assessment: Assessment) -> tuple[object, ...]:
    """What changes with each answer."""
    tallies = {kind: tally.count for kind, tally in assessment.tallies.items() if kind in _PROGRESS}
    return assessment.answered, assessment.position, tallies


def _digest(what: tuple[object, ...]) -> bytes:
    return blake2b(_ENCODER.encode(what), digest_size=8).digest()
