"""How scores are spread, by example and for every list of scores."""

import statistics
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.distributions import Summary, distribution, share, summarize

percentages = st.lists(st.decimals(0, 100, places=2), min_size=1, max_size=60)


def decimals(*values: str) -> list[Decimal]:
    return [Decimal(value) for value in values]


def test_a_summary_tells_mean_median_extremes_and_spread() -> None:
    assert summarize(decimals("40", "60.5", "80", "100")) == Summary(
        4, *decimals("70.12", "70.25", "100.00", "40.00", "25.76")
    )


def test_no_scores_have_no_summary_and_one_score_has_no_spread() -> None:
    assert summarize([]) is None
    [single] = [summarize(decimals("75"))]
    assert single == Summary(1, *decimals("75.00", "75.00", "75.00", "75.00"), None)


def test_bins_take_their_lower_edge_and_the_last_takes_100() -> None:
    bins = distribution(decimals("0", "9.99", "10", "89.99", "90", "100"))
    assert [one.count for one in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 1, 2]
    assert (bins[0].start, bins[0].end, bins[-1].start, bins[-1].end) == (0, 10, 90, 100)


def test_scores_below_nothing_are_in_the_first_bin() -> None:
    assert distribution(decimals("-12.5"))[0].count == 1


def test_a_share_of_nothing_is_unknown() -> None:
    assert share(0, 0) is None
    assert share(1, 3) == Decimal("33.33")


@given(percentages)
def test_every_score_is_in_exactly_one_bin(scores: list[Decimal]) -> None:
    bins = distribution(scores)
    assert sum(one.count for one in bins) == len(scores)
    for one in bins[:-1]:
        assert one.count == sum(one.start <= score < one.end for score in scores)


@given(percentages)
def test_a_summary_agrees_with_its_definitions(scores: list[Decimal]) -> None:
    found = summarize(scores)
    assert found is not None
    assert (found.highest, found.lowest) == (max(scores), min(scores))
    assert abs(found.mean - statistics.mean(scores)) <= Decimal("0.005")
    assert abs(found.median - statistics.median(scores)) <= Decimal("0.005")
    if len(scores) > 1:
        assert found.standard_deviation is not None
        assert abs(found.standard_deviation - statistics.stdev(scores)) <= Decimal("0.006")
