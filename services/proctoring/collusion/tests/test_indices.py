from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.closing import statistics_of
from services.proctoring.collusion.indices import at_ability, generalized_binomial, harpp_hogan, k2, matches, omega
from services.proctoring.collusion.options import Prior, calibrate
from services.proctoring.collusion.rarity import log_bayes_factors, rarity_p_values, weight_of_match
from services.proctoring.collusion.tests.builders import EVERYTHING, honest_answers, known, some_items

PAIR = np.array([[0, 1]])


def two_candidates(seed: int, items: int, options: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    likely = random.dirichlet(np.full(options, 3.0), (2, items))
    return likely, random.integers(0, options, (2, items)).astype(np.int8)


def test_omega_is_the_standardised_number_of_matches_given_the_source() -> None:
    likely, _ = two_candidates(1, 3)
    chosen = np.array([[0, 1, 2], [0, 1, 0]], np.int8)
    p = np.array([likely[0, 0, 0], likely[0, 1, 1], likely[0, 2, 0]])
    assert omega(likely, chosen, PAIR)[0] == pytest.approx((2 - p.sum()) / np.sqrt((p * (1 - p)).sum()))


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_generalized_binomial_test_counts_every_way_to_match_as_often(seed: int) -> None:
    likely, chosen = two_candidates(seed, 6)
    meets = (likely[0] * likely[1]).sum(axis=1)
    seen = matches(chosen, PAIR)[0]
    by_hand = sum(
        np.where(outcome, meets, 1 - meets).prod()
        for outcome in map(np.array, product([True, False], repeat=6))
        if outcome.sum() >= seen
    )
    assert generalized_binomial(likely, chosen, PAIR)[0] == pytest.approx(by_hand)


def tail_by_hand(likely: np.ndarray, chosen: np.ndarray) -> float:
    items = chosen.shape[1]
    p = likely[0, np.arange(items), chosen[1]]
    weight = weight_of_match(p)
    seen = weight[chosen[0] == chosen[1]].sum()
    outcomes = np.array(list(product([False, True], repeat=items)))
    sums = (outcomes * weight).sum(axis=1)
    return float(np.where(outcomes, p, 1 - p).prod(axis=1)[sums >= seen - 1e-12].sum())


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_rarity_of_matches_has_its_exact_tail_within_a_factor_of_about_two(seed: int) -> None:
    likely, chosen = two_candidates(seed, 13)
    random = np.random.default_rng(seed)
    taken = random.permutation(13)[: random.integers(3, 12)]
    chosen[0, taken] = chosen[1, taken]
    exact, found = tail_by_hand(likely, chosen), rarity_p_values(likely, chosen, PAIR)[0]
    if exact < 0.05:
        assert 0.45 < found / exact < 2.2
    else:
        assert found == pytest.approx(exact, abs=0.1)


def test_all_matching_and_none_matching_have_their_exact_probabilities() -> None:
    likely, chosen = two_candidates(3, 13)
    chosen[0] = chosen[1]
    assert rarity_p_values(likely, chosen, PAIR)[0] == pytest.approx(tail_by_hand(likely, chosen))
    chosen[0] = (chosen[1] + 1) % 3
    assert rarity_p_values(likely, chosen, PAIR)[0] == 1


def test_unanswered_items_say_nothing() -> None:
    random = np.random.default_rng(4)
    items = some_items(random, items=12)
    chosen = honest_answers(random, items, 2)
    chosen[0, 8:], chosen[1, 6:8] = UNANSWERED, UNANSWERED
    key = np.zeros(12, np.int8)
    likely = np.exp(items.log_probabilities(np.zeros(2))).transpose(2, 0, 1)
    whole = statistics_of(known(items), likely, chosen, key, PAIR)
    few = some_of(items, 6)
    part = statistics_of(known(few), likely[:, :6], chosen[:, :6], key[:6], PAIR)
    for name in ("matches", "rarity", "omega", "generalized_binomial", "harpp_hogan"):
        np.testing.assert_allclose(getattr(whole, name), getattr(part, name), err_msg=name)
    chosen[0] = UNANSWERED
    empty = statistics_of(known(items), likely, chosen, key, PAIR)
    assert (empty.rarity[0], empty.generalized_binomial[0], empty.k2[0], empty.omega[0]) == (1, 1, 1, 1)
    assert empty.log_bayes_factor[0] == pytest.approx(0)


def some_of(items, count: int):
    return type(items)(items.slopes[:count], items.intercepts[:count], items.offered[:count])


def test_the_bayes_factor_of_the_innocent_averages_to_one() -> None:
    """Over everything an innocent copier can answer, the source's answers given."""
    random = np.random.default_rng(5)
    items = some_items(random, items=4, options=3)
    answers = np.array(list(product(range(3), repeat=4)), np.int8)
    chosen = np.vstack([answers, [[2, 0, 1, 1]]]).astype(np.int8)
    pairs = np.column_stack([np.arange(81), np.full(81, 81)])
    log_likely = items.log_probabilities()
    chances = np.exp(log_likely[np.arange(4), answers].sum(axis=1) + EVERYTHING.log_weights()).sum(axis=1)
    assert chances @ np.exp(log_bayes_factors(known(items), chosen, pairs)) == pytest.approx(1)


def test_harpp_and_hogan_divide_shared_errors_by_differences() -> None:
    chosen = np.array([[1, 2, 0, 0, 3, 1], [1, 2, 0, 1, 3, UNANSWERED]], np.int8)
    ratio, errors = harpp_hogan(chosen, np.zeros(6, np.int8), PAIR)
    assert (ratio[0], errors[0]) == (3.0, 3)
    ratio, _ = harpp_hogan(chosen[:, :3], np.zeros(3, np.int8), PAIR)
    assert ratio[0] == 2.0


def test_p_values_of_the_innocent_are_uniform_or_larger_with_everything_estimated() -> None:
    random = np.random.default_rng(6)
    p_values: dict[str, list[np.ndarray]] = {}
    for _ in range(3):
        items = some_items(random, items=40)
        chosen = honest_answers(random, items, 500)
        calibration = calibrate(chosen, Prior.from_key(np.zeros(40, np.int8), items.offered))
        pairs = random.integers(0, 500, (4000, 2))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        found = statistics_of(calibration, at_ability(calibration, chosen), chosen, np.zeros(40, np.int8), pairs)
        for name in ("rarity", "omega", "generalized_binomial", "k2"):
            p_values.setdefault(name, []).append(getattr(found, name))
    for name, parts in p_values.items():
        values = np.concatenate(parts)
        for nominal in (0.05, 0.01, 0.001):
            # Two standard errors of the count above nominal.
            allowed = nominal + 2 * np.sqrt(nominal / len(values))
            assert np.mean(values <= nominal) <= allowed, (name, nominal)


def test_a_copier_of_half_the_items_stands_out_in_every_index() -> None:
    random = np.random.default_rng(7)
    items = some_items(random, items=60)
    chosen = honest_answers(random, items, 400)
    weakest, other = np.argsort((chosen == 0).sum(axis=1))[[20, 60]]
    chosen[weakest, :36] = chosen[other, :36]
    key = np.zeros(60, np.int8)
    calibration = calibrate(chosen, Prior.from_key(key, items.offered))
    likely = at_ability(calibration, chosen)
    found = statistics_of(calibration, likely, chosen, key, np.array([[weakest, other]]))
    assert found.rarity[0] < 1e-5
    assert max(found.omega[0], found.generalized_binomial[0], found.k2[0]) < 1e-3
    assert found.log_bayes_factor[0] > np.log(1e4)
    assert k2(chosen, key, np.array([[weakest, other]]))[0] < 1e-3
