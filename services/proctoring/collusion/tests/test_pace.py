import numpy as np
import pytest

from services.proctoring.collusion.evidence import ExamModel, RunningEvidence, log_pace_evidence, take_answer
from services.proctoring.collusion.pace import PACE_SHARES, log_pace_factors, order_weights
from services.proctoring.collusion.tests.builders import honest_answers, known, some_items


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


def hard_items_last(random: np.random.Generator, items: int) -> np.ndarray:
    """Shuffled, but hard items are skipped at first, by some more than by others."""
    order = random.permutation(items)
    skipped = random.random(items) < np.linspace(0, 0.9, items) * random.random()
    return np.concatenate([order[~skipped[order]], order[skipped[order]]])


def section_by_section(random: np.random.Generator, items: int) -> np.ndarray:
    """Shuffled within sections of five."""
    return np.argsort(np.arange(items) // 5 + random.random(items))


@pytest.mark.parametrize("an_order", [hard_items_last, section_by_section])
def test_innocent_habits_of_order_raise_no_more_alarms_than_the_bound(an_order) -> None:
    random = np.random.default_rng(71)
    items, candidates = 25, 140
    truth = some_items(random, items=items)
    answers = honest_answers(random, truth, candidates)
    times = np.empty((candidates, items))
    for row in times:
        row[an_order(random, items)] = random.uniform(0, 120) + np.cumsum(random.lognormal(4, 0.5, items))
    model = ExamModel.of(known(truth), order_weights(times.T))
    state = RunningEvidence.begin(candidates, items, model)
    peak = np.zeros((candidates, candidates))
    for place in np.argsort(times, axis=None):
        candidate, item = divmod(int(place), items)
        take_answer(state, model, candidate, item, int(answers[candidate, item]), float(times[candidate, item]))
        np.maximum(peak[candidate], log_pace_evidence(state, candidate), out=peak[candidate])
    peaks = peak[~np.eye(candidates, dtype=bool)]
    assert peaks.max() > 1
    for bound in (0.1, 0.01, 0.001):
        assert np.mean(peaks >= np.log(1 / bound)) <= bound
