"""The risk score: five components between 0 and 1, weighted, scaled by how closely the exam is to be watched.

A step is named by its bounds. A bound that two steps name belongs to the milder one; a lowest bound belongs to the only step that names it.
A component that can't be known (nothing typed, no baseline) counts 0 and says so. Keyboard, mouse and pace together reach at most 0.445,
so statistics of behaviour alone never make a high risk, at any sensitivity.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from services.proctoring.baselines import Figure, Norm, Source
from services.proctoring.behaviour import BehaviourScore
from services.proctoring.evidence import Evidence
from services.proctoring.levels import Level, level_of

# Weights and steps are taken over as they were given; docs/proctoring.md names the source.
TYPING_WEIGHT = Decimal("0.20")
TAB_SWITCH_WEIGHT = Decimal("0.30")
MOUSE_WEIGHT = Decimal("0.15")
ANSWER_SPEED_WEIGHT = Decimal("0.20")
WINDOW_FOCUS_WEIGHT = Decimal("0.15")

# How closely an exam is watched: the middle setting leaves the score as it is. The outer two are our choice.
SENSITIVITY = {"low": Decimal("0.75"), "medium": Decimal("1"), "high": Decimal("1.25")}
_PLACES = Decimal("0.0001")
_NONE = Decimal(0)


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an attempt when its risk is computed. None where too little was seen to say."""

    tab_switches: int | None  # None: the exam allows leaving the page
    away_milliseconds: int | None  # without the focus, over the whole attempt; None as above
    figures: Mapping[Figure, Decimal]
    tab_evidence: tuple[Evidence, ...] = ()
    away_evidence: tuple[Evidence, ...] = ()
    pace_evidence: tuple[Evidence, ...] = ()


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One of the five: its step between 0 and 1, what was observed and what is usual, in words."""

    name: str
    weight: Decimal
    score: Decimal
    observed: Decimal | None
    usual: Decimal | None
    compared_with: Source
    text: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def contribution(self) -> Decimal:
        """What it adds to the unscaled score."""
        return self.weight * self.score


class RiskScore(msgspec.Struct, frozen=True, kw_only=True):
    """0 to 1: the sum of the contributions (at most 0.88) times the exam's sensitivity, at most 1."""

    score: Decimal
    unscaled: Decimal
    level: Level
    components: tuple[Component, ...]


def typing_step(current: Decimal, usual: Decimal) -> Decimal:
    """Typing speed off the usual: more than 100 % gives 0.9, 50 to 100 % gives 0.6."""
    off = abs(current - usual)
    if off > usual:
        return Decimal("0.9")
    return Decimal("0.6") if 2 * off >= usual else _NONE


def tab_switch_step(count: int) -> Decimal:
    """More than 10 switches give 1.0, over 5 to 10 give 0.8, 2 to 5 give 0.5."""
    if count > 10:
        return Decimal("1.0")
    if count > 5:
        return Decimal("0.8")
    return Decimal("0.5") if count >= 2 else _NONE


def mouse_step(current: Decimal, usual: Decimal) -> Decimal:
    """Below 30 % of the usual speed (stillness) gives 0.7, otherwise more than 50 % off gives 0.4."""
    if current * 100 < usual * 30:
        return Decimal("0.7")
    return Decimal("0.4") if abs(current - usual) * 2 > usual else _NONE


def answer_speed_step(current: Decimal, usual: Decimal) -> Decimal:
    """Below 30 % of the usual time a question gives 0.8, above 300 % gives 0.6."""
    if current * 100 < usual * 30:
        return Decimal("0.8")
    return Decimal("0.6") if current > usual * 3 else _NONE


def window_focus_step(away_milliseconds: int) -> Decimal:
    """More than 2 minutes without the focus give 0.9, over 1 to 2 minutes 0.6, 30 to 60 seconds 0.3."""
    if away_milliseconds > 120_000:
        return Decimal("0.9")
    if away_milliseconds > 60_000:
        return Decimal("0.6")
    return Decimal("0.3") if away_milliseconds >= 30_000 else _NONE


def risk_score(conduct: Conduct, norms: Mapping[Figure, Norm], sensitivity: str) -> RiskScore:
    """The risk of an attempt as it stands."""
    components = (
        _compared("typing", TYPING_WEIGHT, Figure.TYPING_WPM, conduct, norms),
        _tab_switches(conduct),
        _compared("mouse", MOUSE_WEIGHT, Figure.MOUSE_SPEED_PXS, conduct, norms),
        _compared("answer_speed", ANSWER_SPEED_WEIGHT, Figure.SECONDS_PER_QUESTION, conduct, norms),
        _window_focus(conduct),
    )
    unscaled = sum((component.contribution for component in components), _NONE).quantize(_PLACES, ROUND_HALF_EVEN)
    scaled = min(unscaled * SENSITIVITY[sensitivity], Decimal(1)).quantize(_PLACES, ROUND_HALF_EVEN)
    return RiskScore(score=scaled, unscaled=unscaled, level=level_of(scaled), components=components)


def overall_level(behaviour: BehaviourScore, risk: RiskScore) -> Level:
    """The graver of the two levels; critical where both are high: two ways of counting that agree."""
    if behaviour.level is Level.HIGH and risk.level is Level.HIGH:
        return Level.CRITICAL
    return max(behaviour.level, risk.level, key=lambda level: level.rank)


def integrity_score(risk: RiskScore) -> Decimal:
    """100 for no risk at all, 0 for the highest: a summary for results. It never changes a grade."""
    return ((1 - risk.score) * 100).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


_STEPS = {"typing": typing_step, "mouse": mouse_step, "answer_speed": answer_speed_step}
_WORDS = {
    "typing": ("Typing speed", "words a minute"),
    "mouse": ("Mouse speed", "pixels a second"),
    "answer_speed": ("Time a question", "seconds"),
}
_WHOSE = {
    Source.OWN: "the student's own usual",
    Source.POPULATION: "the usual of all students, for want of own samples,",
}


def _compared(name: str, weight: Decimal, figure: Figure, conduct: Conduct, norms: Mapping[Figure, Norm]) -> Component:
    """A component that compares a figure with what is usual."""
    current, norm = conduct.figures.get(figure), norms.get(figure)
    what, unit = _WORDS[name]
    if current is None or norm is None or norm.median <= 0:
        missing = "too little seen in this attempt" if current is None else "nothing to compare with yet"
        return Component(
            name=name,
            weight=weight,
            score=_NONE,
            observed=current,
            usual=None,
            compared_with=Source.NOTHING,
            text=f"{what}: {missing}.",
        )
    share = (current * 100 / norm.median).quantize(Decimal(1))
    return Component(
        name=name,
        weight=weight,
        score=_STEPS[name](current, norm.median),
        observed=current,
        usual=norm.median,
        compared_with=norm.source,
        text=f"{what} {current} {unit}: {share} % of {_WHOSE[norm.source]} {norm.median} (over {norm.samples}).",
        evidence=conduct.pace_evidence if figure is Figure.SECONDS_PER_QUESTION else (),
    )


def _tab_switches(conduct: Conduct) -> Component:
    count = conduct.tab_switches
    return Component(
        name="tab_switches",
        weight=TAB_SWITCH_WEIGHT,
        score=_NONE if count is None else tab_switch_step(count),
        observed=None if count is None else Decimal(count),
        usual=None,
        compared_with=Source.NOTHING,
        text="This exam allows leaving the page." if count is None else f"Left the page: {count}.",
        evidence=conduct.tab_evidence,
    )


def _window_focus(conduct: Conduct) -> Component:
    away = conduct.away_milliseconds
    seconds = None if away is None else (Decimal(away) / 1000).quantize(Decimal("0.1"))
    return Component(
        name="window_focus",
        weight=WINDOW_FOCUS_WEIGHT,
        score=_NONE if away is None else window_focus_step(away),
        observed=seconds,
        usual=None,
        compared_with=Source.NOTHING,
        text="This exam allows leaving the page." if away is None else f"Seconds without the focus: {seconds}.",
        evidence=conduct.away_evidence,
    )
