"""What students heard on their own sockets against what is kept for them: every way in which the two can differ is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from examhall.rehearsal.audit import Kind
from examhall.rehearsal.holdings import Assessed, WatchedAttempt
from examhall.rehearsal.told_audit import differing_told

Json = dict[str, Any]


def kept() -> list[Json]:
    """Two violations, a little more time, the third violation, and the end."""
    entries: list[Json] = [
        {"type": "violation", "count": 1},
        {"type": "violation", "count": 2},
        {"type": "time_changed", "added_seconds": 5, "seconds_left": 40},
        {"type": "violation", "count": 3},
        {"type": "submitted", "reason": "violation_limit", "text": "The limit was reached."},
    ]
    return [{**entry, "number": number} for number, entry in enumerate(entries, start=1)]


HELD = WatchedAttempt(
    attempt_id="a1",
    student_id="ana",
    status="submitted",
    submit_reason="violation_limit",
    started_at=datetime.now(UTC),
    submitted_at=datetime.now(UTC),
    question_count=2,
    assessed=Assessed("high", 75, Decimal("0.7"), 3, {}, {}),
)


def kinds(told: list[Json], held: WatchedAttempt = HELD) -> set[Kind]:
    """What the audit calls the difference."""
    return {finding.kind for finding in differing_told(told, kept(), held, 5)}


def test_what_was_told_as_it_is_kept_is_no_finding():
    assert kinds(kept()) == set()


def without(number: int) -> Callable[[list[Json]], object]:
    return lambda told: told.pop(number - 1)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (without(1), {Kind.FEED_NOT_TOLD}),
        (without(3), {Kind.FEED_NOT_TOLD, Kind.TIME_NOT_TOLD}),
        (without(4), {Kind.FEED_NOT_TOLD, Kind.VIOLATIONS_TOLD_WRONGLY}),
        (without(5), {Kind.FEED_NOT_TOLD, Kind.END_TOLD_WRONGLY}),
        (lambda told: told.insert(3, told[2]), {Kind.FEED_TWICE}),
        (lambda told: told.append(told[4]), {Kind.FEED_TWICE, Kind.END_TOLD_WRONGLY}),
        (lambda told: told.append({"type": "message", "number": 6, "text": "!"}), {Kind.FEED_UNKNOWN}),
        (lambda told: told[4].update(reason="deadline"), {Kind.FEED_UNKNOWN, Kind.END_TOLD_WRONGLY}),
        (lambda told: told[4].update(text=""), {Kind.FEED_UNKNOWN, Kind.END_TOLD_WRONGLY}),
        (lambda told: told[3].update(count=7), {Kind.FEED_UNKNOWN, Kind.VIOLATIONS_TOLD_WRONGLY}),
        (lambda told: told.insert(0, told.pop(2)), {Kind.FEED_UNKNOWN}),
    ],
)
def test_every_difference_is_found(change: Callable[[list[Json]], object], found: set[Kind]):
    told = kept()
    change(told)
    assert kinds(told) == found


def test_a_reason_that_is_kept_and_not_the_true_one_is_found():
    assert kinds(kept(), replace(HELD, submit_reason="proctor")) == {Kind.END_TOLD_WRONGLY}


def test_who_was_told_nothing_and_has_no_assessment_lacks_the_end_alone():
    held = replace(HELD, assessed=None)
    assert [each.kind for each in differing_told([], [], held, None)] == [Kind.END_TOLD_WRONGLY]
