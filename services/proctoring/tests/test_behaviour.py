"""The behaviour score's weights, step by step, and that it only grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.behaviour import behaviour_score
from services.proctoring.levels import Level
from services.proctoring.signals import ExamRules, SignalKind
from services.proctoring.tests.builders import a_tally

COUNTS = st.dictionaries(st.sampled_from(SignalKind), st.integers(0, 60))
RULES = st.builds(
    ExamRules, browser_lockdown=st.booleans(), tab_switch_allowed=st.booleans(), copy_paste_allowed=st.booleans()
)


def score_of(rules: ExamRules | None = None, **counts: int) -> int:
    return behaviour_score(
        {SignalKind(kind): a_tally(count) for kind, count in counts.items()}, rules or ExamRules()
    ).score


@pytest.mark.parametrize(
    ("counts", "score"),
    [
        ({}, 0),
        ({"tab_switch": 9}, 0),
        ({"tab_switch": 10}, 20),
        ({"tab_switch": 19}, 20),
        ({"tab_switch": 20}, 40),
        ({"tab_switch": 100}, 200),
        ({"devtools_open": 1}, 30),
        ({"devtools_open": 3}, 90),
        ({"copy_attempt": 4}, 0),
        ({"copy_attempt": 5}, 25),
        ({"paste_attempt": 5}, 25),
        ({"copy_attempt": 2, "paste_attempt": 3}, 25),
        ({"copy_attempt": 9, "paste_attempt": 1}, 50),
        ({"ip_change": 1}, 40),
        ({"ip_change": 7}, 40),
        ({"rapid_answers": 1}, 15),
        ({"rapid_answers": 30}, 15),
        ({"tab_switch": 10, "devtools_open": 1, "copy_attempt": 5, "ip_change": 1, "rapid_answers": 1}, 130),
        ({"right_click": 50, "focus_lost": 50, "multiple_faces": 9, "answer_modification": 30}, 0),
    ],
)
def test_points_are_given_by_the_weights(counts: dict[str, int], score: int) -> None:
    assert score_of(**counts) == score


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ({"rapid_answers": 1}, Level.LOW),
        ({"devtools_open": 1}, Level.MEDIUM),
        ({"ip_change": 1, "copy_attempt": 5}, Level.MEDIUM),
        ({"ip_change": 1, "devtools_open": 1}, Level.HIGH),
        ({"tab_switch": 1000}, Level.HIGH),
    ],
)
def test_the_level_reads_points_as_hundredths_and_is_never_critical_by_itself(
    counts: dict[str, int], level: Level
) -> None:
    tallies = {SignalKind(kind): a_tally(count) for kind, count in counts.items()}
    assert behaviour_score(tallies, ExamRules()).level is level


def test_a_reason_says_what_was_counted_and_names_the_first_signals() -> None:
    score = behaviour_score({SignalKind.TAB_SWITCH: a_tally(12)}, ExamRules())
    (reason,) = score.reasons
    assert (reason.rule, reason.points, reason.count) == ("tab_switches", 20, 12)
    assert reason.text == "Left the page 12 times: 20 points for every 10."
    assert [item.reference for item in reason.evidence] == [f"1.{index}" for index in range(1, 13)]


def test_what_the_exam_allows_gives_no_points() -> None:
    assert score_of(ExamRules(tab_switch_allowed=True), tab_switch=100) == 0
    assert score_of(ExamRules(copy_paste_allowed=True), copy_attempt=100, paste_attempt=100) == 0
    assert score_of(ExamRules(tab_switch_allowed=True, copy_paste_allowed=True), devtools_open=1) == 30


@given(counts=COUNTS, kind=st.sampled_from(SignalKind), rules=RULES)
def test_one_more_signal_never_lowers_the_score(
    counts: dict[SignalKind, int], kind: SignalKind, rules: ExamRules
) -> None:
    before = behaviour_score({name: a_tally(count) for name, count in counts.items()}, rules)
    counts = counts | {kind: counts.get(kind, 0) + 1}
    after = behaviour_score({name: a_tally(count) for name, count in counts.items()}, rules)
    assert after.score >= before.score
    assert after.level.rank >= before.level.rank


@given(counts=COUNTS, rules=RULES)
def test_the_reasons_make_up_the_whole_score(counts: dict[SignalKind, int], rules: ExamRules) -> None:
    score = behaviour_score({name: a_tally(count) for name, count in counts.items()}, rules)
    assert sum(reason.points for reason in score.reasons) == score.score
    assert all(reason.points and reason.evidence for reason in score.reasons)
