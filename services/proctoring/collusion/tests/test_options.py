import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.options import (
    ENOUGH_ANSWERS,
    GRID,
    OptionModel,
    Prior,
    calibrate,
    log_posterior,
    predictive,
)
from services.proctoring.collusion.tests.builders import EVERYTHING, honest_answers, known, some_items


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_options_of_an_item_have_probability_one_together_and_those_not_offered_none(
    seed: int, options: int
) -> None:
    random = np.random.default_rng(seed)
    offered = random.random((5, options)) < 0.7
    offered[:, :2] = True
    model = OptionModel(random.normal(0, 2, (5, options)), random.normal(0, 2, (5, options)), offered)
    likely = np.exp(model.log_probabilities())
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    assert (likely[~offered] == 0).all()


def test_a_thousand_answers_tell_how_likely_each_option_is_at_each_ability() -> None:
    random = np.random.default_rng(1)
    truth = some_items(random, items=30)
    chosen = honest_answers(random, truth, 1000)
    found = calibrate(chosen, Prior.from_key(np.zeros(30, np.int8), truth.offered))
    between = np.linspace(-1.5, 1.5, 7)
    error = np.exp(found.model.log_probabilities(between)) - np.exp(truth.log_probabilities(between))
    assert np.abs(error).mean() < 0.02
    assert found.believed.all()


def test_with_few_answers_the_banks_calibration_stands_and_with_many_it_gives_way() -> None:
    random = np.random.default_rng(2)
    truth, bank = some_items(random), some_items(random)
    prior = Prior.from_bank(bank, np.full(20, 400))

    def distance_to(other: OptionModel, candidates: int) -> float:
        found = calibrate(honest_answers(random, truth, candidates), prior)
        return float(
            np.abs(np.exp(found.model.log_probabilities()) - np.exp(other.log_probabilities()))[:, :, 8:17].mean()
        )

    assert distance_to(bank, 5) < 0.3 * distance_to(truth, 5)
    assert distance_to(truth, 2000) < 0.5 * distance_to(bank, 2000)


def test_a_weaker_group_is_recognised_on_the_banks_scale() -> None:
    random = np.random.default_rng(3)
    truth = some_items(random, items=30)
    chances = np.exp(truth.log_probabilities(random.normal(-0.8, 1, 600))).transpose(2, 0, 1)
    chosen = (random.random((600, 30, 1)) > chances.cumsum(axis=2)).sum(axis=2).astype(np.int8)
    found = calibrate(chosen, Prior.from_bank(truth, np.full(30, 500)))
    assert -1.1 < found.population.mean < -0.5


def test_an_item_is_believed_only_after_enough_answers_in_the_bank_and_here_together() -> None:
    random = np.random.default_rng(4)
    truth = some_items(random, items=3)
    chosen = honest_answers(random, truth, 30)
    chosen[10:, 1] = UNANSWERED
    prior = Prior.from_bank(truth, np.array([ENOUGH_ANSWERS - 30, ENOUGH_ANSWERS - 11, 0]))
    found = calibrate(chosen, prior)
    assert found.believed.tolist() == [True, False, False]
    assert found.is_enough
    assert not calibrate(chosen[:5], prior).is_enough


def test_belief_is_bayes_rule_and_an_unanswered_item_changes_nothing() -> None:
    random = np.random.default_rng(5)
    model = some_items(random, items=2)
    belief = np.exp(log_posterior(model, EVERYTHING, np.array([[2, UNANSWERED]], np.int8)))[0]
    by_hand = np.exp(EVERYTHING.log_weights() + model.log_probabilities()[0, 2])
    np.testing.assert_allclose(belief, by_hand / by_hand.sum())
    nothing = np.exp(log_posterior(model, EVERYTHING, np.full((1, 2), UNANSWERED, np.int8)))[0]
    np.testing.assert_allclose(nothing, np.exp(EVERYTHING.log_weights()))
    np.testing.assert_allclose(predictive(known(model), np.array([[2, 0]], np.int8)).sum(axis=2), 1)
    assert len(GRID) == len(belief)


def test_nobody_and_nothing_answered_leaves_the_prior() -> None:
    prior = Prior.from_key(np.zeros(4, np.int8), np.ones((4, 3), np.bool_))
    for chosen in (np.empty((0, 4), np.int8), np.full((3, 4), UNANSWERED, np.int8)):
        np.testing.assert_allclose(calibrate(chosen, prior).model.slopes, prior.model.slopes)


# Law School Admission Test, section 6: 1,000 examinees, five questions (Bock & Lieberman, Psychometrika 35, 1970; also in the R packages
# ltm and mirt). The frequencies of the 32 patterns from 00000 to 11111, the first question's digit first.
LSAT6 = (
    3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15,
    10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298,
)  # fmt: skip


def test_with_two_options_and_hardly_a_prior_lsat6_gives_the_published_two_parameter_model() -> None:
    """With two options the model is 2PL: a is the difference of the slopes, b = −(difference of the intercepts) / a. Estimating stops when steps are
    below 0.001, short of the last digits."""
    patterns = np.array([[pattern >> (4 - item) & 1 for item in range(5)] for pattern in range(32)], np.int8)
    nothing = OptionModel(np.zeros((5, 2)), np.zeros((5, 2)), np.ones((5, 2), np.bool_))
    weak = Prior(nothing, np.full(5, 1e-3), np.full(5, 1e-3), np.zeros(5, np.int64))
    model = calibrate(np.repeat(patterns, LSAT6, axis=0), weak).model
    a = model.slopes[:, 1] - model.slopes[:, 0]
    b = -(model.intercepts[:, 1] - model.intercepts[:, 0]) / a
    assert a == pytest.approx([0.8254, 0.7229, 0.8905, 0.6886, 0.6575], abs=0.025)
    assert b == pytest.approx([-3.3597, -1.3696, -0.2799, -1.8659, -3.1236], abs=0.05)
