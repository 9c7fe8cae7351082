from itertools import pairwise

from services.proctoring.collusion.schedule import FIRST, in_force, next_estimate


def test_estimates_come_ever_more_rarely_and_each_is_in_force_before_the_next_is_made() -> None:
    counts = [next_estimate(0)]
    while counts[-1] < 600_000:
        counts.append(next_estimate(counts[-1]))
    assert counts[0] == FIRST
    assert len(counts) < 50
    for one, following in pairwise(counts):
        assert one < in_force(one) < following <= 1.2 * one


def test_the_next_estimate_depends_on_the_count_alone() -> None:
    assert {next_estimate(count) for count in range(FIRST)} == {FIRST}
    assert next_estimate(FIRST) == int(1.2 * FIRST)
    assert next_estimate(FIRST + 1) == next_estimate(FIRST)
