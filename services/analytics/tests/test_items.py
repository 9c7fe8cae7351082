"""Item analysis against published figures, and what holds for every exam."""

import math
import statistics
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.items import (
    DIFFERENT_QUESTIONS,
    MINIMUM_ATTEMPTS,
    NO_VARIANCE,
    NOT_ENOUGH_ATTEMPTS,
    ONE_QUESTION,
    Estimate,
    ItemAtTotal,
    analyse_items,
    extreme_groups,
    reliability,
)

# Law School Admission Test, section 6: 1,000 examinees, five questions (Bock & Lieberman, Psychometrika 35, 1970; also in the R packages
# ltm and mirt). The frequencies of the 32 patterns from 00000 to 11111, the first question's digit first.
LSAT6 = (
    3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15,
    10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298,
)  # fmt: skip

Answers = dict[str, float]


def levels_of(attempts: list[Answers], max_points: float = 1.0) -> list[ItemAtTotal]:
    """The sums that a database would give for these attempts' points."""
    sums: dict[tuple[str, float], list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for attempt in attempts:
        for question_id, points in attempt.items():
            level = sums[question_id, sum(attempt.values())]
            level[0] += 1
            level[1] += points
            level[2] += points**2
            level[3] += max(points, 0.0)
    return [
        ItemAtTotal(question_id, total, int(count), points, squares, earned, count * max_points)
        for (question_id, total), (count, points, squares, earned) in sorted(sums.items())
    ]


def totals_of(attempts: list[Answers]) -> list[tuple[float, int]]:
    totals = [sum(attempt.values()) for attempt in attempts]
    return [(total, totals.count(total)) for total in set(totals)]


def lsat6() -> list[Answers]:
    patterns = [{f"q{item}": float(pattern >> (4 - item) & 1) for item in range(5)} for pattern in range(32)]
    return [pattern for pattern, frequency in zip(patterns, LSAT6, strict=True) for _ in range(frequency)]


def test_lsat6_gives_the_published_figures() -> None:
    attempts = lsat6()
    items = analyse_items(levels_of(attempts))
    assert sum(LSAT6) == 1000
    assert [round(item.difficulty, 3) for item in items] == [0.924, 0.709, 0.553, 0.763, 0.870]
    assert [round(item.point_biserial.value or 0, 4) for item in items] == [0.1128, 0.1532, 0.1728, 0.1444, 0.1216]
    found = reliability(levels_of(attempts), totals_of(attempts))
    assert round(found.alpha.value or 0, 4) == 0.2950
    deviation = statistics.stdev(sum(attempt.values()) for attempt in attempts)
    assert found.standard_error.value == pytest.approx(deviation * math.sqrt(1 - 0.29498), abs=1e-4)


def test_a_question_that_only_the_strong_get_right_discriminates_fully() -> None:
    strong, weak = {"easy": 1.0, "hard": 1.0, "other": 1.0}, {"easy": 1.0, "hard": 0.0, "other": 0.0}
    easy, hard, _ = analyse_items(levels_of([strong] * 10 + [weak] * 10))
    assert hard.discrimination == Estimate(1.0)
    assert hard.point_biserial.value == pytest.approx(1.0)
    assert easy.discrimination == Estimate(0.0)
    assert easy.point_biserial == Estimate(None, NO_VARIANCE)


def test_ties_at_the_border_of_a_group_share_its_places() -> None:
    upper, lower = extreme_groups([(0.0, 50), (1.0, 40), (2.0, 10)])
    assert upper.weights == {2.0: 1.0, 1.0: pytest.approx(17 / 40)}
    assert lower.weights == {0.0: pytest.approx(27 / 50)}


def test_partial_credit_counts_by_its_share_of_the_points() -> None:
    [item] = analyse_items(levels_of([{"q": 1.0}] * 3 + [{"q": 4.0}], max_points=4.0))
    assert (item.attempts, item.mean_points, item.difficulty) == (4, 1.75, 0.4375)


def test_a_question_that_everybody_pays_for_is_as_hard_as_one_that_nobody_answers() -> None:
    [item] = analyse_items(levels_of([{"q": -0.25}] * 9 + [{"q": 1.0}]))
    assert (item.difficulty, item.mean_points) == (0.1, pytest.approx(-0.125))


def test_few_attempts_give_a_reason_in_place_of_a_figure() -> None:
    attempts = [{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}] * 2
    assert {item.discrimination for item in analyse_items(levels_of(attempts))} == {Estimate(None, NOT_ENOUGH_ATTEMPTS)}
    assert {item.point_biserial for item in analyse_items(levels_of(attempts))} == {Estimate(None, NOT_ENOUGH_ATTEMPTS)}
    assert reliability(levels_of(attempts), totals_of(attempts)).alpha == Estimate(None, NOT_ENOUGH_ATTEMPTS)


@pytest.mark.parametrize(
    ("attempts", "reason"),
    [
        ([{"a": float(n % 2)} for n in range(20)], ONE_QUESTION),
        ([{"a": 1.0, "b": 1.0}] * 20, NO_VARIANCE),
        ([{"a": 1.0, "b": float(n % 2)} if n % 3 else {"a": 1.0, "c": 0.0} for n in range(20)], DIFFERENT_QUESTIONS),
    ],
)
def test_reliability_says_why_there_is_none(attempts: list[Answers], reason: str) -> None:
    found = reliability(levels_of(attempts), totals_of(attempts))
    assert (found.alpha, found.standard_error) == (Estimate(None, reason), Estimate(None, reason))


quarters = st.integers(-2, 8).map(lambda quarter: quarter / 4)
matrices = st.integers(2, 6).flatmap(
    lambda width: st.lists(
        st.lists(quarters, min_size=width, max_size=width).map(
            lambda row: {f"q{item}": points for item, points in enumerate(row)}
        ),
        min_size=1,
        max_size=40,
    )
)


@given(matrices)
def test_figures_agree_with_their_definitions(attempts: list[Answers]) -> None:
    for item in analyse_items(levels_of(attempts, max_points=2.0)):
        points = [attempt[item.question_id] for attempt in attempts]
        rest = [sum(attempt.values()) - attempt[item.question_id] for attempt in attempts]
        assert item.attempts == len(attempts)
        assert item.mean_points == pytest.approx(statistics.fmean(points))
        assert item.difficulty == pytest.approx(statistics.fmean(max(one, 0) for one in points) / 2)
        assert 0 <= item.difficulty <= 1
        assert item.discrimination.value is None or -1 <= item.discrimination.value <= 1
        if item.point_biserial.value is not None:
            assert item.point_biserial.value == pytest.approx(statistics.correlation(points, rest), abs=1e-6)
        else:
            assert len(attempts) < MINIMUM_ATTEMPTS or len(set(points)) == 1 or len(set(rest)) == 1


@given(matrices)
def test_alpha_agrees_with_its_definition_and_never_passes_one(attempts: list[Answers]) -> None:
    found = reliability(levels_of(attempts), totals_of(attempts))
    if found.alpha.value is None:
        return
    variances = [statistics.variance(attempt[item] for attempt in attempts) for item in attempts[0]]
    total = statistics.variance(sum(attempt.values()) for attempt in attempts)
    width = len(variances)
    assert found.alpha.value == pytest.approx(width / (width - 1) * (1 - sum(variances) / total), abs=1e-6)
    assert found.alpha.value <= 1 + 1e-9
    assert found.standard_error.value is not None
    assert 0 <= found.standard_error.value <= math.sqrt(total) + 1e-9


@given(st.dictionaries(quarters, st.integers(1, 50), min_size=1))
def test_each_extreme_group_holds_27_percent_and_no_attempt_twice(totals: dict[float, int]) -> None:
    upper, lower = extreme_groups(totals.items())
    for group in (upper, lower):
        held = sum(group.weights.get(total, 0) * count for total, count in totals.items())
        assert held == pytest.approx(0.27 * sum(totals.values()))
    assert all(upper.weights.get(total, 0) + lower.weights.get(total, 0) <= 1 + 1e-9 for total in totals)
