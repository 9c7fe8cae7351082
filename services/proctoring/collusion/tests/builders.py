"""Exams of the nominal response model, small enough for tests."""

import numpy as np

from services.proctoring.collusion.arrays import Floats, Options
from services.proctoring.collusion.options import GRID, Calibration, OptionModel, Population

EVERYTHING = Population()


def some_items(random: np.random.Generator, items: int = 20, options: int = 4) -> OptionModel:
    """Option 0 is right."""
    slopes = random.normal(-0.3, 0.3, (items, options))
    slopes[:, 0] = random.lognormal(-0.1, 0.3, items)
    intercepts = random.normal(0, 0.6, (items, options))
    intercepts[:, 0] += 1.2
    slopes -= slopes.mean(axis=1, keepdims=True)
    intercepts -= intercepts.mean(axis=1, keepdims=True)
    return OptionModel(slopes, intercepts, np.ones((items, options), np.bool_))


def known(model: OptionModel) -> Calibration:
    """The truth, as if calibrated on very many."""
    return Calibration(model, EVERYTHING, np.ones(len(model.slopes), np.bool_))


def honest_answers(random: np.random.Generator, model: OptionModel, candidates: int) -> Options:
    """Independent answers of candidates whose abilities are spread as the grid has them."""
    weights = np.exp(EVERYTHING.log_weights())
    abilities: Floats = random.choice(GRID, candidates, p=weights / weights.sum())
    chances = np.exp(model.log_probabilities(abilities)).transpose(2, 0, 1)
    return (random.random((candidates, len(model.slopes), 1)) > chances.cumsum(axis=2)).sum(axis=2).astype(np.int8)
