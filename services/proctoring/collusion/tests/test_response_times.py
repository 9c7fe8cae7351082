import numpy as np

from services.proctoring.collusion.response_times import TimeEvidence, inflation, residuals, time_evidence, with_times


def times_of(random: np.random.Generator, candidates: int, items: int) -> np.ndarray:
    logs = (
        4
        + 0.4 * random.normal(size=items)
        - 0.3 * random.normal(size=(candidates, 1))
        + 0.5 * random.normal(size=(candidates, items))
    )
    return np.exp(logs)


def test_residuals_know_neither_slow_candidates_nor_long_items() -> None:
    random = np.random.default_rng(41)
    seconds = times_of(random, 300, 30)
    slower = seconds.copy()
    slower[5] *= 7
    slower[:, 3] *= 4
    np.testing.assert_allclose(residuals(slower), residuals(seconds), atol=1e-6)
    assert 0.9 < residuals(seconds).std() < 1.05


def test_independent_candidates_show_no_evidence_more_often_than_its_bound() -> None:
    random = np.random.default_rng(42)
    standardised = residuals(times_of(random, 600, 40))
    pairs = random.integers(0, 600, (40_000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    found = time_evidence(standardised, pairs, inflation(standardised, pairs))
    for bound in (0.1, 0.01, 0.001):
        assert np.mean(found.log_e_values >= np.log(1 / bound)) <= bound


def test_two_who_pause_at_the_same_items_show_in_their_times() -> None:
    random = np.random.default_rng(43)
    seconds = times_of(random, 300, 40)
    seconds[1] = seconds[0] * np.exp(0.15 * random.normal(size=40))
    standardised = residuals(seconds)
    found = time_evidence(standardised, np.array([[0, 1], [0, 2]]), 1.0)
    assert found.log_e_values[0] > np.log(100) > found.log_e_values[1]


def test_noise_that_all_share_is_calibrated_away() -> None:
    random = np.random.default_rng(44)
    shared = np.exp(0.6 * random.normal(size=(6, 40)))[random.integers(0, 6, 300)]
    standardised = residuals(times_of(random, 300, 40) * shared)
    pairs = random.integers(0, 300, (5000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    kappa = inflation(standardised, pairs)
    assert kappa > 1.3
    raw, calibrated = (time_evidence(standardised, pairs, each).log_e_values for each in (1.0, kappa))
    assert (calibrated <= raw + 1e-9).all()


def test_too_few_common_times_say_nothing_and_unknown_times_are_no_times() -> None:
    random = np.random.default_rng(45)
    seconds = times_of(random, 50, 30)
    seconds[0, 9:], seconds[1] = np.nan, seconds[0]
    standardised = residuals(seconds)
    assert not np.isnan(standardised).any()
    assert time_evidence(standardised, np.array([[0, 1]]), 1.0).log_e_values[0] == 0


def test_times_cost_little_where_they_say_nothing_and_multiply_where_they_speak() -> None:
    times = TimeEvidence(np.array([-30.0, 5.0]), np.zeros(2), 1.0)
    together = with_times(np.array([6.0, 6.0]), np.array([6.0, 6.0]), times)
    np.testing.assert_allclose(together, [6 - np.log(2), np.log((np.exp(6) + np.exp(11)) / 2)], atol=1e-9)
