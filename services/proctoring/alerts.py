"""Alerts: what a proctor should look at now. One cause gives one alert, which grows; it has the same id whoever finds it and however often.

A cause is an attempt, a kind and a window: five minutes for what the browser sends, the whole attempt for what is found by looking at all of it.
No alert rests on keyboard, mouse or pace, or on the second opinion alone.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from services.proctoring.assessing import Assessment
from services.proctoring.evidence import KEPT_EVIDENCE, Evidence, Tally
from services.proctoring.excused import counting_tally, excused_spans
from services.proctoring.levels import Level
from services.proctoring.signals import SignalKind, is_allowed, is_collected
from services.proctoring.state import Watch

_NAMESPACE = UUID("0d7a3f1e-6a0c-5e6c-9f0b-3f6b7a3c9d11")
_WHOLE_ATTEMPT = "attempt"
_RISK = "risk"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One cause, as it stands. The revision grows with the observations behind it."""

    alert_id: str
    revision: int
    attempt_id: str
    exam_id: str
    student_id: str
    kind: str
    severity: Level
    at_ms: int
    text: str
    count: int
    evidence: tuple[Evidence, ...]


class _Threshold(NamedTuple):
    """From how many observations in a window an alert is raised, how grave it is, and what it says."""

    at_least: int
    severity: Level
    text: str


# Our choices, set so that a single slip raises none except where nobody slips. What a camera's detector sees is never grave by itself: it errs.
WINDOW_THRESHOLDS = {
    SignalKind.TAB_SWITCH: _Threshold(3, Level.MEDIUM, "Left the page {count} times within five minutes."),
    SignalKind.FULLSCREEN_EXIT: _Threshold(2, Level.MEDIUM, "Left full screen {count} times within five minutes."),
    SignalKind.DEVTOOLS_OPEN: _Threshold(1, Level.HIGH, "Developer tools seemed open: {count} within five minutes."),
    SignalKind.COPY_ATTEMPT: _Threshold(3, Level.LOW, "Copied {count} times within five minutes, {total} characters."),
    SignalKind.PASTE_ATTEMPT: _Threshold(
        2, Level.MEDIUM, "Pasted {count} times within five minutes, {total} characters."
    ),
    SignalKind.MULTIPLE_WINDOWS: _Threshold(1, Level.MEDIUM, "The exam was open in several windows or screens."),
    SignalKind.MULTIPLE_FACES: _Threshold(2, Level.MEDIUM, "The camera's detector saw several faces, {count} times."),
    SignalKind.FACE_ABSENT: _Threshold(3, Level.LOW, "The camera's detector saw no face, {count} times."),
    SignalKind.CAMERA_BLOCKED: _Threshold(2, Level.MEDIUM, "The camera gave no picture, {count} times."),
}
ATTEMPT_THRESHOLDS = {
    SignalKind.MULTIPLE_LOGINS: _Threshold(1, Level.HIGH, "Two log-ins were in use at the same time."),
    SignalKind.IP_CHANGE: _Threshold(1, Level.MEDIUM, "The network address changed: {count} more than at first."),
    SignalKind.RAPID_ANSWERS: _Threshold(3, Level.MEDIUM, "{count} questions were answered in under 3 seconds each."),
}
_BURST = _Threshold(1, Level.MEDIUM, "Five or more answers were changed within one minute, {count} times.")


@lru_cache(maxsize=16_384)
def alert_id(attempt_id: str, kind: str, window: str) -> str:
    """The id of the alert about this cause."""
    return str(uuid5(_NAMESPACE, f"{attempt_id}\n{kind}\n{window}"))


def alerts_of(watch: Watch, assessment: Assessment) -> tuple[Alert, ...]:
    """Every alert that the attempt gives cause for, by time."""
    found: list[Alert] = []
    spans = excused_spans(watch)
    for cell, tally in watch.cells.items():
        window, _, name = cell.partition(" ")
        kind = SignalKind(name)
        if not _is_silent(watch, kind):
            counts = counting_tally(tally, tally.evidence, spans)
            found += _when(watch, WINDOW_THRESHOLDS[kind], name, window, counts)
    for kind, threshold in ATTEMPT_THRESHOLDS.items():
        found += _when(watch, threshold, kind.value, _WHOLE_ATTEMPT, assessment.tallies.get(kind, Tally()))
    found += _when(watch, _BURST, SignalKind.ANSWER_MODIFICATION.value, _WHOLE_ATTEMPT, assessment.bursts)
    found += _of_limit(watch, assessment)
    found += _of_level(watch, assessment)
    return tuple(sorted(found, key=lambda alert: (alert.at_ms, alert.kind)))


def news(alerts: Iterable[Alert], told: Mapping[str, int], *, is_over: bool = False) -> tuple[Alert, ...]:
    """The alerts that are to be told as they stand; `told` holds the revision last told, by alert id.

    A new one is, a graver one, one whose observations have doubled since, and whatever has grown when the attempt is over: a proctor who has
    heard of eight quick answers learns nothing from the ninth.
    """
    return tuple(alert for alert in alerts if _is_news(alert, told.get(alert.alert_id, 0), is_over))


def _is_news(alert: Alert, told: int, is_over: bool) -> bool:
    if alert.kind == _RISK or is_over:
        return alert.revision > told
    return alert.revision >= max(1, 2 * told)


def _is_silent(watch: Watch, kind: SignalKind) -> bool:
    rules = watch.rules
    return rules is None or is_allowed(kind, rules) or not is_collected(kind, rules)


def _when(watch: Watch, threshold: _Threshold, kind: str, window: str, tally: Tally) -> list[Alert]:
    if tally.count < threshold.at_least:
        return []
    text = threshold.text.format(count=tally.count, total=tally.total)
    return [
        _alert(watch, kind, window, tally.count, threshold.severity, tally.first_ms, text, tally.count, tally.evidence)
    ]


def _of_limit(watch: Watch, assessment: Assessment) -> list[Alert]:
    limit = assessment.limit
    if limit is None:
        return []
    text = f"The limit of {limit.limit} violations is reached: the attempt is submitted."
    kind = "violation_limit"
    return [
        _alert(watch, kind, _WHOLE_ATTEMPT, 1, Level.HIGH, limit.at_ms, text, limit.violations, limit.evidence),
    ]


def _of_level(watch: Watch, assessment: Assessment) -> list[Alert]:
    """One alert for a high level, which becomes critical where both scores agree."""
    if assessment.level.rank < Level.HIGH.rank:
        return []
    reasons = [reason.text for reason in assessment.behaviour.reasons]
    reasons += [component.text for component in assessment.risk.components if component.score]
    evidence = {item for reason in assessment.behaviour.reasons for item in reason.evidence}
    evidence |= {item for component in assessment.risk.components if component.score for item in component.evidence}
    text = (
        f"Level {assessment.level.value}: behaviour score {assessment.behaviour.score}, risk {assessment.risk.score}. "
        + " ".join(reasons)
    )
    earliest = sorted(evidence)
    at_ms = earliest[0].at_ms if earliest else assessment.as_of_ms
    rank = assessment.level.rank
    return [
        _alert(
            watch,
            _RISK,
            _WHOLE_ATTEMPT,
            rank,
            assessment.level,
            at_ms,
            text,
            len(evidence),
            tuple(earliest[:KEPT_EVIDENCE]),
        )
    ]


def _alert(
    watch: Watch,
    kind: str,
    window: str,
    revision: int,
    severity: Level,
    at_ms: int,
    text: str,
    count: int,
    evidence: tuple[Evidence, ...],
) -> Alert:
    return Alert(
        alert_id=alert_id(watch.attempt_id, kind, window),
        revision=revision,
        attempt_id=watch.attempt_id,
        exam_id=watch.exam_id,
        student_id=watch.student_id,
        kind=kind,
        severity=severity,
        at_ms=at_ms,
        text=text,
        count=count,
        evidence=evidence,
    )
