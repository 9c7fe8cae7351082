"""Every step and bound of the risk score, its bounds, and what it can never say."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.baselines import Figure, Norm, Source
from services.proctoring.behaviour import BehaviourScore
from services.proctoring.levels import Level, level_of
from services.proctoring.risk import (
    SENSITIVITY,
    Conduct,
    RiskScore,
    answer_speed_step,
    integrity_score,
    mouse_step,
    overall_level,
    risk_score,
    tab_switch_step,
    typing_step,
    window_focus_step,
)

NORMS = {
    Figure.TYPING_WPM: Norm(Decimal(40), Decimal(4), 8, Source.OWN),
    Figure.MOUSE_SPEED_PXS: Norm(Decimal(200), Decimal(20), 8, Source.OWN),
    Figure.SECONDS_PER_QUESTION: Norm(Decimal(30), Decimal(5), 8, Source.OWN),
}
FIGURES = st.dictionaries(st.sampled_from(Figure), st.decimals(0, 1_000_000, places=2), max_size=len(Figure))
CONDUCT = st.builds(
    Conduct,
    tab_switches=st.none() | st.integers(0, 1000),
    away_milliseconds=st.none() | st.integers(0, 10_000_000),
    figures=FIGURES,
)
SENSITIVITIES = st.sampled_from(sorted(SENSITIVITY))


def conduct(tab_switches: int | None = 0, away: int | None = 0, **figures: str) -> Conduct:
    return Conduct(
        tab_switches=tab_switches,
        away_milliseconds=away,
        figures={Figure(name): Decimal(value) for name, value in figures.items()},
    )


@pytest.mark.parametrize(
    ("current", "score"),
    [
        ("40", "0"),
        ("59.99", "0"),
        ("60", "0.6"),  # 50 % faster
        ("80", "0.6"),  # 100 %
        ("80.01", "0.9"),
        ("200", "0.9"),
        ("20.01", "0"),
        ("20", "0.6"),  # 50 % slower
        ("0", "0.6"),  # nobody types more than 100 % slower
    ],
)
def test_steps_of_typing_speed_against_40_words_a_minute(current: str, score: str) -> None:
    assert typing_step(Decimal(current), Decimal(40)) == Decimal(score)


@pytest.mark.parametrize(
    ("count", "score"),
    [(0, "0"), (1, "0"), (2, "0.5"), (3, "0.5"), (5, "0.5"), (6, "0.8"), (10, "0.8"), (11, "1.0"), (500, "1.0")],
)
def test_steps_of_tab_switches(count: int, score: str) -> None:
    assert tab_switch_step(count) == Decimal(score)


@pytest.mark.parametrize(
    ("current", "score"),
    [
        ("0", "0.7"),
        ("59.99", "0.7"),
        ("60", "0.4"),  # 30 %: no longer still, but 70 % off
        ("99.99", "0.4"),
        ("100", "0"),  # 50 % off is not more than 50 %
        ("200", "0"),
        ("300", "0"),
        ("300.01", "0.4"),
        ("9000", "0.4"),
    ],
)
def test_steps_of_mouse_speed_against_200_pixels_a_second(current: str, score: str) -> None:
    assert mouse_step(Decimal(current), Decimal(200)) == Decimal(score)


@pytest.mark.parametrize(
    ("current", "score"),
    [("0", "0.8"), ("8.99", "0.8"), ("9", "0"), ("30", "0"), ("90", "0"), ("90.01", "0.6"), ("900", "0.6")],
)
def test_steps_of_answer_speed_against_30_seconds_a_question(current: str, score: str) -> None:
    assert answer_speed_step(Decimal(current), Decimal(30)) == Decimal(score)


@pytest.mark.parametrize(
    ("away", "score"),
    [
        (0, "0"),
        (29_999, "0"),
        (30_000, "0.3"),
        (60_000, "0.3"),
        (60_001, "0.6"),
        (120_000, "0.6"),
        (120_001, "0.9"),
        (9_000_000, "0.9"),
    ],
)
def test_steps_of_lost_focus(away: int, score: str) -> None:
    assert window_focus_step(away) == Decimal(score)


@pytest.mark.parametrize(
    ("name", "observed", "score"),
    [
        ("typing", conduct(typing_wpm="100"), "0.18"),
        ("tab_switches", conduct(tab_switches=11), "0.3"),
        ("mouse", conduct(mouse_speed_pxs="10"), "0.105"),
        ("answer_speed", conduct(seconds_per_question="2"), "0.16"),
        ("window_focus", conduct(away=200_000), "0.135"),
    ],
)
def test_each_component_has_its_weight(name: str, observed: Conduct, score: str) -> None:
    risk = risk_score(observed, NORMS, "medium")
    assert risk.score == Decimal(score)
    assert [component.name for component in risk.components if component.score] == [name]


def test_the_weights_add_up_to_one_and_the_steps_to_at_most_88_hundredths() -> None:
    worst = conduct(11, 200_000, typing_wpm="100", mouse_speed_pxs="10", seconds_per_question="2")
    risk = risk_score(worst, NORMS, "medium")
    assert sum(component.weight for component in risk.components) == 1
    assert (risk.score, risk.level) == (Decimal("0.88"), Level.HIGH)
    assert risk_score(worst, NORMS, "high").score == 1
    assert risk_score(worst, NORMS, "low").score == Decimal("0.66")


@pytest.mark.parametrize(
    ("score", "level"),
    [("0", "low"), ("0.2999", "low"), ("0.3", "medium"), ("0.6999", "medium"), ("0.7", "high"), ("1", "high")],
)
def test_levels_begin_at_three_and_seven_tenths(score: str, level: str) -> None:
    assert level_of(Decimal(score)).value == level


def test_what_cannot_be_known_counts_nothing_and_says_why() -> None:
    risk = risk_score(conduct(typing_wpm="100"), {}, "high")
    typing, _, mouse, *_ = risk.components
    assert risk.score == 0
    assert (typing.text, typing.compared_with) == ("Typing speed: nothing to compare with yet.", Source.NOTHING)
    assert mouse.text == "Mouse speed: too little seen in this attempt."


def test_a_comparison_says_with_whom_it_was_made() -> None:
    own = risk_score(conduct(typing_wpm="100"), NORMS, "medium").components[0]
    assert own.text == "Typing speed 100 words a minute: 250 % of the student's own usual 40 (over 8)."
    others = {Figure.TYPING_WPM: Norm(Decimal(40), Decimal(4), 300, Source.POPULATION)}
    component = risk_score(conduct(typing_wpm="100"), others, "medium").components[0]
    assert component.compared_with is Source.POPULATION
    assert "the usual of all students, for want of own samples, 40 (over 300)" in component.text


def test_where_leaving_the_page_is_allowed_it_adds_nothing() -> None:
    risk = risk_score(conduct(None, None), NORMS, "high")
    assert risk.score == 0
    assert {risk.components[1].text, risk.components[4].text} == {"This exam allows leaving the page."}


@pytest.mark.parametrize(
    ("behaviour", "risk", "overall"),
    [
        (Level.LOW, Level.LOW, Level.LOW),
        (Level.MEDIUM, Level.LOW, Level.MEDIUM),
        (Level.LOW, Level.HIGH, Level.HIGH),
        (Level.HIGH, Level.MEDIUM, Level.HIGH),
        (Level.HIGH, Level.HIGH, Level.CRITICAL),
    ],
)
def test_critical_is_said_only_where_both_scores_are_high(behaviour: Level, risk: Level, overall: Level) -> None:
    scores = BehaviourScore(score=0, level=behaviour, reasons=())
    assert overall_level(scores, RiskScore(score=Decimal(0), unscaled=Decimal(0), level=risk, components=())) is overall


@given(observed=CONDUCT, sensitivity=SENSITIVITIES)
def test_the_score_stays_between_0_and_1_and_is_made_of_its_components(observed: Conduct, sensitivity: str) -> None:
    risk = risk_score(observed, NORMS, sensitivity)
    assert 0 <= risk.score <= 1
    assert 0 <= integrity_score(risk) <= 100
    assert risk.unscaled == sum(component.contribution for component in risk.components)
    assert risk.unscaled <= Decimal("0.88")


@given(observed=CONDUCT, sensitivity=SENSITIVITIES)
def test_statistics_of_behaviour_alone_never_make_a_high_risk(observed: Conduct, sensitivity: str) -> None:
    alone = Conduct(tab_switches=0, away_milliseconds=0, figures=observed.figures)
    assert risk_score(alone, NORMS, sensitivity).level.rank < Level.HIGH.rank


@given(observed=CONDUCT)
def test_a_closer_watch_never_lowers_the_score(observed: Conduct) -> None:
    low, medium, high = (risk_score(observed, NORMS, name).score for name in ("low", "medium", "high"))
    assert low <= medium <= high
    assert medium == risk_score(observed, NORMS, "medium").unscaled


@given(switches=st.integers(0, 30), away=st.integers(0, 200_000), more=st.integers(0, 200_000))
def test_leaving_more_often_or_for_longer_never_lowers_the_score(switches: int, away: int, more: int) -> None:
    before = risk_score(conduct(switches, away), NORMS, "medium").score
    assert risk_score(conduct(switches + 1, away), NORMS, "medium").score >= before
    assert risk_score(conduct(switches, away + more), NORMS, "medium").score >= before
