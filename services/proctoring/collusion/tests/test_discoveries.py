import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from services.proctoring.collusion.discoveries import (
    both_directions,
    by_e_values,
    by_p_values,
    expected_false,
    mutual_best,
)

logs = st.lists(st.floats(-5, 20), min_size=1, max_size=40).map(np.array)


@given(logs, st.integers(0, 60), st.sampled_from([0.01, 0.05, 0.2]))
def test_e_bh_finds_the_largest_set_whose_members_all_reach_its_bar(
    values: np.ndarray, left_out: int, level: float
) -> None:
    size = len(values) + left_out
    found = by_e_values(values, size, level)
    largest = max(
        k for k in range(len(values) + 1) if k == 0 or (np.exp(values) * k * level >= size * (1 - 1e-12)).sum() >= k
    )
    assert found.sum() == largest
    assert largest in (0, len(values)) or values[found].min() >= values[~found].max()


@given(logs, st.data())
def test_whoever_has_more_evidence_is_found_before_whoever_has_less(values: np.ndarray, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    before = by_e_values(values, 40)
    more = values.copy()
    more[place] += 3
    assert (by_e_values(more, 40) >= before).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array))
def test_p_values_are_judged_as_by_benjamini_and_hochberg(values: np.ndarray) -> None:
    np.testing.assert_array_equal(
        by_p_values(values, len(values), 0.05), false_discovery_control(values) <= 0.05 + 1e-15
    )


def test_left_out_pairs_count_as_having_nothing() -> None:
    values = np.array([1e-4, 0.5])
    assert by_p_values(values, 400).tolist() == [True, False]
    assert not by_p_values(values, 600).any()
    assert by_p_values(np.empty(0), 10).tolist() == []
    assert by_e_values(np.empty(0), 10).tolist() == []


def test_false_discoveries_stay_below_the_level_also_when_evidence_is_shared() -> None:
    """e-values exp(λx − λ²/2), all sharing half of their noise, two of forty with a real effect."""
    random = np.random.default_rng(21)
    guilty = np.arange(40) < 2
    shares = []
    for _ in range(4000):
        x = np.sqrt(0.5) * random.normal() + np.sqrt(0.5) * random.normal(size=40) + 5.0 * guilty
        found = by_e_values(3.0 * x - 4.5, 40, 0.05)
        shares.append((found & ~guilty).sum() / max(1, found.sum()))
    assert np.mean(shares) <= 0.05


def test_expected_false_flags_are_the_family_over_the_evidence_and_never_more_than_the_family() -> None:
    np.testing.assert_allclose(expected_false(np.log([0.5, 1.0, 4000.0, 80000.0]), 4000), [4000, 4000, 1, 0.05])


def test_one_who_resembles_everybody_keeps_only_the_mutually_closest() -> None:
    """Candidate 0 resembles 1 to 5, of whom all but 1 resemble another more."""
    pairs = np.array([[0, other] for other in range(1, 6)] + [[2, 3], [4, 5]])
    strength = np.array([9.0, 8, 7, 6, 5, 20, 20])
    assert pairs[mutual_best(pairs, strength, 6, depth=1)].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert pairs[mutual_best(pairs, strength, 6, depth=2)].tolist() == [[0, 1], [0, 2], [2, 3], [4, 5]]


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=40)
def test_nobody_stands_in_more_mutually_best_pairs_than_asked_for_whatever_the_order(seed: int, depth: int) -> None:
    random = np.random.default_rng(seed)
    pairs = (
        np.array([(a, b) for a in range(9) for b in range(a + 1, 9) if random.random() < 0.6])
        .reshape(-1, 2)
        .astype(np.int64)
    )
    strength = random.permutation(len(pairs)).astype(float)
    kept = mutual_best(pairs, strength, 9, depth)
    assert np.bincount(pairs[kept].ravel(), minlength=9).max(initial=0) <= depth
    shuffled = random.permutation(len(pairs))
    np.testing.assert_array_equal(mutual_best(pairs[shuffled, ::-1], strength[shuffled], 9, depth), kept[shuffled])


def test_evidence_either_way_is_the_mean_of_both() -> None:
    np.testing.assert_allclose(np.exp(both_directions(np.log([3.0]), np.log([1.0]))), 2)
