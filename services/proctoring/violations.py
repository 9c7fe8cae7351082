"""Violations: acts that the exam forbids, and the limit at which an attempt is submitted, once."""

from collections.abc import Mapping

import msgspec

from services.proctoring.evidence import Evidence
from services.proctoring.signals import ExamRules, SignalKind, is_violation

# Leaving the page hides it, takes the focus and ends full screen: three signals of one act. What comes within two seconds is counted once.
ONE_ACT_MS = 2_000
# Of each kind so many of the earliest are kept for counting: the highest limit that an exam may set.
KEPT_VIOLATIONS = 200


class LimitReached(msgspec.Struct, frozen=True, kw_only=True):
    """The act that reached the exam's limit, and the acts before it."""

    at_ms: int
    violations: int
    limit: int
    evidence: tuple[Evidence, ...]
    text: str


def acts(signals: Mapping[SignalKind, tuple[Evidence, ...]], rules: ExamRules) -> tuple[Evidence, ...]:
    """The violations of an attempt: of signals that came together, the first. One more signal never makes them fewer."""
    found: list[Evidence] = []
    forbidden = (item for kind, items in signals.items() if is_violation(kind, rules) for item in items)
    for item in sorted(forbidden):
        if not found or item.at_ms >= found[-1].at_ms + ONE_ACT_MS:
            found.append(item)
    return tuple(found)


def limit_reached(violations: tuple[Evidence, ...], rules: ExamRules) -> LimitReached | None:
    """Whether the limit is reached: by the violation that is its last one, so later ones change nothing. A limit of 0 is none."""
    limit = rules.violation_limit
    if limit == 0 or len(violations) < limit:
        return None
    return LimitReached(
        at_ms=violations[limit - 1].at_ms,
        violations=limit,
        limit=limit,
        evidence=violations[:limit],
        text=(
            f"The limit of this exam, {limit} violations of its rules, was reached. Your attempt was submitted"
            " with all answers saved until then."
        ),
    )
