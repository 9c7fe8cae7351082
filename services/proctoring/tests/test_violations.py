"""Violations are acts, not signals, and the limit is reached once."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.assessing import assessed
from services.proctoring.evidence import Evidence
from services.proctoring.signals import ExamRules, SignalKind, TabSwitch
from services.proctoring.state import fold
from services.proctoring.tests.builders import at, signals_taken, watched
from services.proctoring.violations import acts, limit_reached

RULES = ExamRules(browser_lockdown=True)
SIGNALS = st.lists(st.tuples(st.sampled_from(SignalKind), st.integers(0, 60_000)), max_size=40)


def by_kind(*signals: tuple[SignalKind, int]) -> dict[SignalKind, tuple[Evidence, ...]]:
    found: dict[SignalKind, tuple[Evidence, ...]] = {}
    for index, (kind, at_ms) in enumerate(signals):
        found[kind] = tuple(sorted((*found.get(kind, ()), Evidence(at_ms, "signal", f"1.{index}"))))
    return found


def test_signals_of_one_act_are_one_violation() -> None:
    one = by_kind((SignalKind.TAB_SWITCH, 1000), (SignalKind.FOCUS_LOST, 1010), (SignalKind.FULLSCREEN_EXIT, 2999))
    assert [act.at_ms for act in acts(one, RULES)] == [1000]
    two = by_kind((SignalKind.TAB_SWITCH, 1000), (SignalKind.FOCUS_LOST, 3000))
    assert len(acts(two, RULES)) == 2


@pytest.mark.parametrize(
    ("limit", "count", "reached"), [(3, 2, False), (3, 3, True), (3, 9, True), (1, 1, True), (0, 99, False)]
)
def test_the_limit_is_reached_by_its_last_violation(limit: int, count: int, reached: bool) -> None:
    rules = ExamRules(violation_limit=limit)
    found = limit_reached(acts(by_kind(*((SignalKind.TAB_SWITCH, 5000 * n) for n in range(count))), rules), rules)
    assert (found is not None) is reached
    if found:
        assert (found.at_ms, found.violations, len(found.evidence)) == (5000 * (limit - 1), limit, limit)


def test_the_highest_limit_that_an_exam_may_set_can_be_reached() -> None:
    document = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
    highest = int(document["components"]["schemas"]["SittingRules"]["properties"]["violation_limit"]["maximum"])
    rules = ExamRules(violation_limit=highest)
    watch = watched(rules=rules)
    for number in range(1, highest + 1):
        watch = fold(watch, signals_taken(number, TabSwitch(at=at(3 * number))))
    assessment = assessed(watch)
    assert assessment is not None
    assert len(assessment.violations) == highest
    assert assessment.limit is not None


def test_more_violations_after_the_limit_change_nothing_of_it() -> None:
    times = [(SignalKind.TAB_SWITCH, 5000 * number) for number in range(10)]
    at_limit, later = (limit_reached(acts(by_kind(*times[:count]), RULES), RULES) for count in (3, 10))
    assert at_limit == later


def test_the_student_is_told_why() -> None:
    found = limit_reached(acts(by_kind(*((SignalKind.COPY_ATTEMPT, 5000 * n) for n in range(3))), RULES), RULES)
    assert found is not None
    assert found.text == (
        "The limit of this exam, 3 violations of its rules, was reached."
        " Your attempt was submitted with all answers saved until then."
    )


@given(signals=SIGNALS, more=st.tuples(st.sampled_from(SignalKind), st.integers(0, 60_000)), limit=st.integers(0, 9))
def test_one_more_signal_never_makes_violations_fewer(
    signals: list[tuple[SignalKind, int]], more: tuple[SignalKind, int], limit: int
) -> None:
    rules = ExamRules(browser_lockdown=True, violation_limit=limit)
    before, after = acts(by_kind(*signals), rules), acts(by_kind(*signals, more), rules)
    assert len(after) >= len(before)
    if limit_reached(before, rules):
        assert limit_reached(after, rules)


@given(signals=SIGNALS)
def test_an_exam_without_proctoring_knows_no_violation(signals: list[tuple[SignalKind, int]]) -> None:
    assert acts(by_kind(*signals), ExamRules(proctoring=False)) == ()
