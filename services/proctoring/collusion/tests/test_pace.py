import numpy as np

from services.proctoring.collusion.pace import PACE_SHARES, log_pace_factors, order_weights


def test_items_put_off_by_everybody_get_small_weights() -> None:
    random = np.random.default_rng(1)
    truth = np.array([1.0, 1.0, 1.0, 0.2, 0.05])
    # A Plackett–Luce order is the order of exponential times with these rates.
    answered_at = random.exponential(1 / truth[:, None], (5, 3000))
    np.testing.assert_allclose(order_weights(answered_at), truth / truth.mean(), rtol=0.12)


def test_unanswered_items_come_after_those_answered_and_nobody_leaves_all_alike() -> None:
    answered_at = np.array([[1.0] * 50, [2.0] * 50, [np.nan] * 50])
    first, second, never = order_weights(answered_at)
    assert first > second > never > 0
    np.testing.assert_array_equal(order_weights(np.empty((3, 0))), 1)


def test_the_stakes_are_fair_whatever_item_is_turned_to() -> None:
    weights = np.array([2.0, 0.0, 1.0, 1.0])
    recent_items = np.array([[0, 2], [3, 2]], np.int16)
    is_recent = np.array([[True, True], [True, False]])
    chances = weights / weights.sum()
    factors = np.array([np.exp(log_pace_factors(weights, recent_items, is_recent, item)) for item in range(4)])
    np.testing.assert_allclose((chances[:, None, None] * factors).sum(axis=0), 1)
    assert factors.shape == (4, len(PACE_SHARES), 2)


def test_nothing_is_staked_when_every_open_item_or_none_is_recent() -> None:
    weights = np.array([0.0, 3.0])
    recent_items = np.array([[1, 0, 1]], np.int16)
    is_recent = np.array([[True, True, False]])
    assert not log_pace_factors(weights, recent_items, is_recent, 1).any()
