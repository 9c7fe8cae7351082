"""What the institution holds of proctored attempts, as its staff may read it. Plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class HeldBatch:
    """A batch of signals as it is stored; times are the server's."""

    number: int
    received_at: datetime
    session_id: str
    network: str
    signals: tuple[Json, ...]  # kind, at, question_id and what the kind carries


@dataclass(frozen=True)
class HeldAlert:
    """An alert as the desk shows it."""

    alert_id: str
    attempt_id: str
    kind: str
    severity: str
    revision: int
    version: int
    count: int
    status: str
    text: str = ""


@dataclass(frozen=True)
class Assessed:
    """How the board and its unfolded assessment show an attempt; `reasons` are points by rule, components are as they are told."""

    level: str
    behaviour_score: int
    risk_score: Decimal
    violations: int
    reasons: Mapping[str, int]
    components: Mapping[str, Json]
    baseline_version: int = 0
    second_opinion: Json | None = None


@dataclass(frozen=True)
class WatchedAttempt:
    """An attempt as proctoring holds it. `assessed` is None while nothing is told of it."""

    attempt_id: str
    student_id: str
    status: str
    submit_reason: str
    started_at: datetime
    submitted_at: datetime | None
    question_count: int
    batches: tuple[HeldBatch, ...] = ()
    assessed: Assessed | None = None
    room: str | None = None


@dataclass(frozen=True)
class FlaggedPair:
    """A pair that is shown as flagged."""

    copier: str
    source: str
    log10_e_value: Decimal | None = None


@dataclass(frozen=True)
class Collusion:
    """How far the exam's analysis is, in words, and the pairs it shows."""

    pairs: tuple[FlaggedPair, ...] = ()
    progress: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Holdings:
    """All of it, of one exam."""

    rules: Json  # the settings of the exam
    attempts: tuple[WatchedAttempt, ...]
    alerts: tuple[HeldAlert, ...]
    collusion: Collusion = field(default_factory=Collusion)
    feeds: Mapping[str, Sequence[Json]] = field(
        default_factory=dict
    )  # by attempt, of students with a socket: all that is kept for them
