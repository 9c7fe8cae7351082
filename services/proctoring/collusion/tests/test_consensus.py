import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.consensus import agreed_options
from services.proctoring.collusion.options import Prior, calibrate, predictive, steepest_options
from services.proctoring.collusion.tests.builders import honest_answers, some_items

NOTHING_KNOWN = np.full(20, UNANSWERED, np.int8)


def test_candidates_agree_on_the_right_options_without_a_key() -> None:
    random = np.random.default_rng(1)
    items = some_items(random)
    agreed = agreed_options(honest_answers(random, items, 600), items.offered, NOTHING_KNOWN)
    assert (agreed == 0).mean() >= 0.95


def test_a_popular_mistake_is_not_taken_for_the_right_answer_once_there_are_answers_enough() -> None:
    random = np.random.default_rng(2)
    items = some_items(random)
    items.intercepts[3] = [0.0, 1.2, -0.6, -0.6]
    items.slopes[3] = [1.2, -0.8, -0.2, -0.2]
    chosen = honest_answers(random, items, 600)
    assert np.bincount(chosen[:, 3]).argmax() == 1
    assert agreed_options(chosen, items.offered, NOTHING_KNOWN)[3] == 0


def test_what_the_bank_knows_stays() -> None:
    random = np.random.default_rng(3)
    items = some_items(random)
    known = np.where(np.arange(20) < 5, 2, UNANSWERED).astype(np.int8)
    agreed = agreed_options(honest_answers(random, items, 300), items.offered, known)
    assert (agreed[:5] == 2).all()
    assert (agreed[5:] != 2).all()


@given(st.integers(0, 1000), st.integers(2, 90))
@settings(max_examples=20, deadline=None)
def test_an_option_that_is_not_offered_is_never_agreed_on(seed: int, candidates: int) -> None:
    random = np.random.default_rng(seed)
    offered = np.ones((6, 4), np.bool_)
    offered[:, 3] = offered[:3, 2] = False
    chosen = random.integers(UNANSWERED, 2, (candidates, 6)).astype(np.int8)
    agreed = agreed_options(chosen, offered, np.full(6, UNANSWERED, np.int8))
    assert offered[np.arange(6), agreed].all()


def test_without_a_key_the_items_are_estimated_as_with_one() -> None:
    random = np.random.default_rng(4)
    items = some_items(random, items=40)
    chosen = honest_answers(random, items, 1000)
    keyless = calibrate(chosen, Prior.of_unknown(items.offered))
    keyed = calibrate(chosen, Prior.from_key(np.zeros(40, np.int8), items.offered))
    assert (steepest_options(keyless.model) == 0).all()
    assert np.abs(keyless.model.slopes - items.slopes).mean() < 0.12
    assert np.abs(predictive(keyless, chosen) - predictive(keyed, chosen)).mean() < 0.01
