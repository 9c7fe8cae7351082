"""What lies in a pause, or after the submission, counts against nobody, whenever either is heard of."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.alerts import alerts_of
from services.proctoring.assessing import Assessment, assessed, away_milliseconds
from services.proctoring.evidence import Evidence, Tally
from services.proctoring.excused import CLOCKS_DIFFER_MS, counting_tally
from services.proctoring.levels import Level
from services.proctoring.signals import ExamRules, FocusLost, SignalKind, TabSwitch
from services.proctoring.state import AttemptChanged, Happening, Watch
from services.proctoring.tests.builders import START_MS, at, attempt_started, signals_taken, watched


def step(version: int, seconds: float, status: str = "in_progress") -> AttemptChanged:
    return attempt_started(version, network="", at_ms=START_MS + int(seconds * 1000), status=status)


def submitted(version: int, seconds: float) -> AttemptChanged:
    at_ms = START_MS + int(seconds * 1000)
    return attempt_started(version, network="", at_ms=at_ms, status="submitted", submitted_at_ms=at_ms)


def switched(number: int, *seconds: float, **more: object) -> Happening:
    return signals_taken(number, *(TabSwitch(at=at(each)) for each in seconds), **more)


def known_of(watch: Watch) -> Assessment:
    assessment = assessed(watch)
    assert assessment is not None
    return assessment


TWO_BREAKS = (step(2, 100, "paused"), step(3, 200), step(4, 300, "paused"), step(5, 400))


@given(st.integers(0, 10_000))
def test_who_leaves_the_page_in_any_of_several_breaks_breaks_no_rule_in_whatever_order_it_is_heard(seed: int) -> None:
    events = [*TWO_BREAKS, switched(1, 110, 120, 130, received=140), switched(2, 310, 320, 330, received=340)]
    random.Random(seed).shuffle(events)
    watch = watched(*events)
    assessment = known_of(watch)
    assert (assessment.violations, assessment.limit, assessment.risk.score) == ((), None, 0)
    assert SignalKind.TAB_SWITCH not in assessment.tallies
    assert alerts_of(watch, assessment) == ()


def test_what_happened_before_between_and_after_breaks_counts_as_ever() -> None:
    watch = watched(*TWO_BREAKS, switched(1, 99.999, 100, 199.999, 200, 250, 350, 400))
    assessment = known_of(watch)
    assert [item.reference for item in assessment.violations] == ["1.1", "1.4", "1.5", "1.7"]
    assert assessment.limit is not None
    tally = assessment.tallies[SignalKind.TAB_SWITCH]
    assert (tally.count, tally.first_ms, tally.evidence) == (4, START_MS + 99_999, assessment.violations)
    (alert,) = (alert for alert in alerts_of(watch, assessment) if alert.kind == "tab_switch")
    assert (alert.count, alert.evidence) == (3, assessment.violations[:3])


def test_a_pause_that_goes_on_excuses_what_came_last() -> None:
    watch = watched(step(2, 100, "paused"), switched(1, 110, 120, 130))
    assert known_of(watch).violations == ()


def test_who_leaves_the_page_after_the_submission_breaks_no_rule() -> None:
    for events in ([switched(1, 610, 620, 630), submitted(2, 600)], [submitted(2, 600), switched(1, 610, 620, 630)]):
        watch = watched(*events)
        assessment = known_of(watch)
        assert (assessment.violations, assessment.level, alerts_of(watch, assessment)) == ((), Level.LOW, ())


def test_the_act_that_led_to_the_submission_counts_though_clocks_differ_a_little() -> None:
    rules = ExamRules(violation_limit=1)
    watch = watched(switched(1, 600 + CLOCKS_DIFFER_MS / 1000 - 0.001), submitted(2, 600), rules=rules)
    assert known_of(watch).limit is not None


def test_time_away_ends_with_the_submission() -> None:
    left = signals_taken(1, FocusLost(at=at(590)))
    assert away_milliseconds(watched(left, submitted(2, 600), switched(2, 900))) == 10_000
    assert away_milliseconds(watched(signals_taken(1, FocusLost(at=at(610))), submitted(2, 600))) == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_a_machine_that_sends_later_what_it_saw_in_a_break_was_not_in_use_meanwhile(is_first: bool) -> None:
    # Of what was observed in the break nothing is left in the batch.
    broken = [switched(1, 50), switched(3, received=900)] if is_first else [switched(3, received=900)]
    other = [switched(number, 400 + number, session_id="log-in 2", received=400 + number) for number in (2, 4)]
    later = switched(5, 950, session_id="log-in 2", received=950)
    assert SignalKind.MULTIPLE_LOGINS not in known_of(watched(*broken, *other, later)).tallies


@given(st.lists(st.integers(0, 100), max_size=30), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100))))
def test_a_tally_of_what_counts_has_what_lies_outside_and_nothing_else(
    times: list[int], spans: list[tuple[int, int]]
) -> None:
    observed = [Evidence(time, "signal", f"1.{number}") for number, time in enumerate(times, start=1)]
    outside = [item for item in observed if not any(begin <= item.at_ms < end for begin, end in spans)]
    tally, wanted = Tally(), Tally()
    for item in observed:
        tally = tally.with_(item)
    for item in outside:
        wanted = wanted.with_(item)
    counts = counting_tally(tally, sorted(observed), spans)
    assert (counts.count, counts.evidence) == (wanted.count, wanted.evidence)
    assert not outside or counts.first_ms == wanted.first_ms
