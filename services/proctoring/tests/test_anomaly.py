"""The second opinion: calibrated whatever the distribution, and silent when it knows too little."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.anomaly import second_opinion
from services.proctoring.baselines import Comparison, Figure, Source

WPM, DWELL = Figure.TYPING_WPM, Figure.DWELL_MS


def compared_with(*samples: dict[Figure, Decimal], source: Source = Source.OWN) -> Comparison:
    return Comparison(samples=samples, samples_source=source)


def point(wpm: float, dwell: float) -> dict[Figure, Decimal]:
    return {WPM: Decimal(str(round(wpm, 2))), DWELL: Decimal(str(round(dwell, 2)))}


def test_four_samples_give_no_opinion() -> None:
    assert second_opinion(point(40, 90), compared_with(*[point(40, 90)] * 4)) is None


def test_no_figure_in_common_gives_no_opinion() -> None:
    assert second_opinion({Figure.MOUSE_SPEED_PXS: Decimal(5)}, compared_with(*[point(40, 90)] * 6)) is None


def test_a_stranger_stands_out_and_the_figure_that_speaks_is_named() -> None:
    usual = [point(40 + step, 90 - step) for step in range(-4, 5)]
    opinion = second_opinion(point(41, 250), compared_with(*usual))
    assert opinion is not None
    assert (opinion.p_value, opinion.samples, opinion.strongest) == (Decimal("0.1000"), 9, (DWELL, WPM))
    assert "as 9 of this student's own 9 samples (p = 0.100, no less than 0.100 with so many)" in opinion.text


def test_the_usual_is_usual() -> None:
    usual = [point(40 + step, 90 - step) for step in range(-4, 5)]
    opinion = second_opinion(point(40, 90), compared_with(*usual))
    assert opinion is not None
    assert opinion.p_value == 1


def test_samples_that_are_all_alike_do_not_make_a_small_difference_infinite() -> None:
    opinion = second_opinion(point(40.4, 90), compared_with(*[point(40, 90)] * 8))
    assert opinion is not None
    assert opinion.distance < 1


@pytest.mark.parametrize("draw", [random.Random.gauss, random.Random.lognormvariate], ids=["normal", "skewed"])
def test_of_honest_attempts_no_more_than_alpha_get_a_p_value_below_alpha(draw: object) -> None:
    source = random.Random(7)
    rounds, at_most = 3000, 0
    for _ in range(rounds):
        points = [point(30 + 10 * abs(draw(source, 0, 0.7)), 80 + 20 * abs(draw(source, 0, 0.7))) for _ in range(20)]
        opinion = second_opinion(points[-1], compared_with(*points[:-1]))
        at_most += opinion is not None and opinion.p_value <= Decimal("0.05")
    assert at_most / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5


@given(
    samples=st.lists(st.tuples(st.integers(1, 200), st.integers(1, 400)), min_size=5, max_size=12),
    shuffled=st.randoms(use_true_random=False),
)
def test_the_order_of_samples_does_not_matter_and_p_is_a_probability(
    samples: list[tuple[int, int]], shuffled: object
) -> None:
    points = [point(*sample) for sample in samples]
    other = list(points)
    shuffled.shuffle(other)
    opinion = second_opinion(point(50, 100), compared_with(*points))
    assert opinion == second_opinion(point(50, 100), compared_with(*other))
    assert opinion is not None
    assert Decimal(1) / (len(points) + 1) <= opinion.p_value + Decimal("0.0001")
    assert opinion.p_value <= 1
