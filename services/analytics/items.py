"""Classical item analysis: how hard a question was, how well it tells strong from weak attempts, how reliable the exam was as a whole.

Pure: it needs no single answer, only, for each question and each total that an attempt reached, how many attempts there were and the sums of their
points (ItemAtTotal). A database adds those up for 10,000 attempts at 60 questions in one pass, and only some thousand rows travel.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Kelley (1939), "The selection of upper and lower groups for the validation of test items", J. Educ. Psychol. 30: 27 % at each end.
EXTREME_SHARE = 0.27
# With fewer attempts the extreme groups hold less than three each, and a correlation says more about chance than about the question.
MINIMUM_ATTEMPTS = 10
_TOLERANCE = 1e-9

NOT_ENOUGH_ATTEMPTS = "not_enough_attempts"
NO_VARIANCE = "everybody_got_the_same_points"
ONE_QUESTION = "needs_two_questions"
DIFFERENT_QUESTIONS = "attempts_had_different_questions"


@dataclass(frozen=True, slots=True)
class ItemAtTotal:
    """The attempts with the total `total` that had this question: how many, and the sums of the points it gave them and could have.

    `points` may be negative where wrong answers cost; `earned` are those above nothing alone.
    """

    question_id: str
    total: float
    attempts: int
    points: float
    squared_points: float
    earned: float
    max_points: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, or the reason why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ItemStatistics:
    """What is known of one question.

    `difficulty` is the mean share of its points that attempts earned (p; 1: everybody got all); a wrong answer earns nothing, whatever it costs.
    `discrimination` is the difference of that share between the upper and the lower 27 % by total; `point_biserial` the correlation of its points
    with the rest of the total.
    """

    question_id: str
    attempts: int
    mean_points: float
    difficulty: float
    discrimination: Estimate
    point_biserial: Estimate


@dataclass(frozen=True, slots=True)
class Reliability:
    """Cronbach's alpha, and the standard error of measurement that follows from it, in points."""

    alpha: Estimate
    standard_error: Estimate


@dataclass(frozen=True, slots=True)
class ExtremeGroup:
    """Which share of the attempts at a total belongs to the group; totals that are not named belong to it with nobody."""

    weights: dict[float, float]

    def success(self, item: Sequence[ItemAtTotal]) -> float | None:
        """The mean share of the question's points that the group earned; None when nobody of the group had the question."""
        could = sum(self.weights.get(level.total, 0.0) * level.max_points for level in item)
        earned = sum(self.weights.get(level.total, 0.0) * level.earned for level in item)
        return earned / could if could > _TOLERANCE else None


def analyse_items(levels: Iterable[ItemAtTotal]) -> list[ItemStatistics]:
    """The statistics of each question, in the order of first appearance.

    The extreme groups are taken among the attempts that had the question, so that questions drawn at random are compared fairly.
    """
    items: dict[str, list[ItemAtTotal]] = {}
    for level in levels:
        items.setdefault(level.question_id, []).append(level)
    return [_analyse(question_id, item) for question_id, item in items.items()]


def reliability(levels: Iterable[ItemAtTotal], totals: Iterable[tuple[float, int]]) -> Reliability:
    """Cronbach's alpha (Psychometrika 16, 1951) of an exam.

    `totals` says how many attempts reached each total. Alpha speaks of one set of questions: attempts that had different ones give none.
    """
    totals, levels = list(totals), list(levels)
    attempts = sum(count for _, count in totals)
    questions = {level.question_id for level in levels}
    if attempts < MINIMUM_ATTEMPTS:
        return _no_reliability(NOT_ENOUGH_ATTEMPTS)
    if len(questions) < 2:
        return _no_reliability(ONE_QUESTION)
    if sum(level.attempts for level in levels) != attempts * len(questions):
        return _no_reliability(DIFFERENT_QUESTIONS)
    total_variance = _variance(
        attempts, sum(total * count for total, count in totals), sum(total**2 * count for total, count in totals)
    )
    if total_variance <= _TOLERANCE:
        return _no_reliability(NO_VARIANCE)
    item_variances = sum(_item_variance([level for level in levels if level.question_id == one]) for one in questions)
    alpha = len(questions) / (len(questions) - 1) * (1 - item_variances / total_variance)
    # A negative alpha (questions that work against each other) leaves no part of the variance to trust.
    error = math.sqrt(total_variance * (1 - max(alpha, 0.0)))
    return Reliability(Estimate(alpha), Estimate(error))


def extreme_groups(totals: Iterable[tuple[float, int]]) -> tuple[ExtremeGroup, ExtremeGroup]:
    """The upper and the lower group. Attempts with the same total at a group's border share the places left, so no order of ties decides."""
    ordered = sorted(totals)
    places = EXTREME_SHARE * sum(count for _, count in ordered)
    return _fill(reversed(ordered), places), _fill(ordered, places)


def _fill(totals: Iterable[tuple[float, int]], places: float) -> ExtremeGroup:
    weights: dict[float, float] = {}
    for total, count in totals:
        if places <= _TOLERANCE:
            break
        weights[total] = min(1.0, places / count)
        places -= weights[total] * count
    return ExtremeGroup(weights)


def _analyse(question_id: str, item: Sequence[ItemAtTotal]) -> ItemStatistics:
    attempts = sum(level.attempts for level in item)
    points = sum(level.points for level in item)
    could = sum(level.max_points for level in item)
    return ItemStatistics(
        question_id,
        attempts,
        mean_points=points / attempts,
        difficulty=sum(level.earned for level in item) / could if could else 0.0,
        discrimination=_discrimination(item, attempts),
        point_biserial=_rest_correlation(item, attempts),
    )


def _discrimination(item: Sequence[ItemAtTotal], attempts: int) -> Estimate:
    if attempts < MINIMUM_ATTEMPTS:
        return Estimate(None, NOT_ENOUGH_ATTEMPTS)
    if len(item) < 2:
        return Estimate(None, NO_VARIANCE)
    upper, lower = extreme_groups((level.total, level.attempts) for level in item)
    above, below = upper.success(item), lower.success(item)
    if above is None or below is None:
        return Estimate(None, NO_VARIANCE)
    return Estimate(above - below)


def _rest_correlation(item: Sequence[ItemAtTotal], attempts: int) -> Estimate:
    """Pearson's r of the question's points x with the rest of the total, t − x: the question must not be compared with itself."""
    if attempts < MINIMUM_ATTEMPTS:
        return Estimate(None, NOT_ENOUGH_ATTEMPTS)
    mean_points = sum(level.points for level in item) / attempts
    mean_total = sum(level.total * level.attempts for level in item) / attempts
    of_points = sum(level.squared_points for level in item) / attempts - mean_points**2
    of_totals = sum((level.total - mean_total) ** 2 * level.attempts for level in item) / attempts
    together = sum((level.total - mean_total) * level.points for level in item) / attempts
    of_rest = of_totals - 2 * together + of_points
    if of_points <= _TOLERANCE or of_rest <= _TOLERANCE:
        return Estimate(None, NO_VARIANCE)
    return Estimate(max(-1.0, min(1.0, (together - of_points) / math.sqrt(of_points * of_rest))))


def _item_variance(item: Sequence[ItemAtTotal]) -> float:
    return _variance(
        sum(level.attempts for level in item),
        sum(level.points for level in item),
        sum(level.squared_points for level in item),
    )


def _variance(count: int, total: float, squares: float) -> float:
    """The sample variance (n − 1)."""
    return max(0.0, (squares - total**2 / count) / (count - 1))


def _no_reliability(reason: str) -> Reliability:
    return Reliability(Estimate(None, reason), Estimate(None, reason))
