"""How likely each option of an item is for a candidate of a given ability: the nominal response model.

Bock (1972), "Estimating item parameters and latent ability when responses are scored in two or more nominal categories", Psychometrika 37:
P(option k | θ) = exp(a_k θ + c_k) / Σ_h exp(a_h θ + c_h). It knows that weak candidates prefer certain wrong answers, so that sharing a popular
mistake speaks little against anybody. Assumed: one ability, and answers that are independent once it is given.

Estimated by marginal maximum a posteriori (Bock & Aitkin 1981, Psychometrika 46, with normal priors as in Mislevy 1986, Psychometrika 51): the priors
are the bank's calibration, so that a small exam leans on the bank and a large one on itself.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Truths, Whole, one_hot
from services.proctoring.collusion.consensus import agreed_options, shares

# Abilities in standard deviations of the population. Finer or wider grids changed no probability by more than 0.002 at 40 items.
GRID: Floats = np.linspace(-4.0, 4.0, 25)
# Answers to an item, in the bank's calibration and this exam together, before its option probabilities are believed.
ENOUGH_ANSWERS = 50
# A bank's calibration never weighs more than so many answers: items age, and this exam's candidates are the ones in question.
MOST_BANK_ANSWERS = 200
# The information in one answer about an option's intercept is p(1 − p): about this at four options of usual popularity.
_INFORMATION_PER_ANSWER = 0.15
_ROUNDS = 40
_SETTLED = 1e-3


@dataclass(frozen=True, slots=True)
class OptionModel:
    """`slopes` and `intercepts` (items, options); `offered` (items, options) is false where an item has fewer options than the widest."""

    slopes: Floats
    intercepts: Floats
    offered: Truths

    def log_probabilities(self, abilities: Floats = GRID) -> Floats:
        """log P(option | ability), of shape (items, options, abilities); −inf for an option that is not offered."""
        logits = self.slopes[:, :, None] * abilities + self.intercepts[:, :, None]
        logits = np.where(self.offered[:, :, None], logits, -np.inf)
        highest = logits.max(axis=1, keepdims=True)
        normal: Floats = logits - highest - np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))
        return normal


@dataclass(frozen=True, slots=True)
class Population:
    """The candidates' abilities: normal, in units of the bank's scale."""

    mean: float = 0.0
    deviation: float = 1.0

    def log_weights(self) -> Floats:
        """log of the share of the population at each point of GRID, (abilities,)."""
        density = -0.5 * ((GRID - self.mean) / self.deviation) ** 2
        weights: Floats = density - np.log(np.exp(density).sum())
        return weights


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of the items before the exam: a model, and the precision (1 / variance) of its numbers per item, (items,).

    `answers` (items,) is how many the bank's calibration rests on; nought where the bank knows nothing.
    """

    model: OptionModel
    slope_precision: Floats
    intercept_precision: Floats
    answers: Whole

    @classmethod
    def from_key(cls, key: Options, offered: Truths) -> Self:
        """Items never used: the right option grows with ability, the others shrink, with wide doubt (standard deviation 1 on both)."""
        items, _ = offered.shape
        count = offered.sum(axis=1, keepdims=True)
        right = np.zeros_like(offered)
        right[np.arange(items), key] = True
        slopes = np.where(right, 1 - 1 / count, -1 / count) * offered
        intercepts = np.where(right, 1 - 1 / count, -1 / count) * offered
        return cls(OptionModel(slopes, intercepts, offered), np.ones(items), np.ones(items), np.zeros(items, np.int64))

    @classmethod
    def of_unknown(cls, offered: Truths) -> Self:
        """Items of which nothing is known, not even the right option: all options alike, with the same wide doubt. Direction comes from the answers
        (`consensus`)."""
        items, _ = offered.shape
        nothing = np.zeros(offered.shape)
        return cls(OptionModel(nothing, nothing, offered), np.ones(items), np.ones(items), np.zeros(items, np.int64))

    @classmethod
    def from_bank(cls, model: OptionModel, answers: Whole) -> Self:
        """Items calibrated on `answers` (items,) earlier answers each."""
        weight = 1 + _INFORMATION_PER_ANSWER * np.minimum(answers, MOST_BANK_ANSWERS)
        return cls(model, weight, weight, answers)

    @property
    def has_direction(self) -> Truths:
        """(items,): whether it is known which of the item's options grow with ability."""
        known: Truths = (self.model.slopes != 0).any(axis=1)
        return known


@dataclass(frozen=True, slots=True)
class Calibration:
    """The items and the candidates of an exam as far as they are known. `believed` (items,): the items on whose options anything may be staked."""

    model: OptionModel
    population: Population
    believed: Truths

    @property
    def is_enough(self) -> bool:
        """Whether anything can be said of collusion yet: some item has been answered often enough."""
        return bool(self.believed.any())


def calibrate(chosen: Options, prior: Prior) -> Calibration:
    """Estimates the options' parameters from `chosen` (candidates, items), shrunk to the prior.

    The population's mean and spread are estimated too where the bank has calibrated some item (that fixes the scale), else they are 0 and 1.
    A candidate's own answers are among those estimated from. That makes a mistake shared by two candidates look more popular than it is: it errs
    on the side of innocence.
    """
    items, options = prior.model.offered.shape
    if not items:
        return Calibration(prior.model, Population(), np.zeros(0, np.bool_))
    held = one_hot(chosen, options)
    model, population = _start(chosen, prior), Population()
    is_anchored = bool((prior.answers >= ENOUGH_ANSWERS).any())
    for _ in range(_ROUNDS):
        posterior = np.exp(log_posterior(model, population, chosen))
        counts = (held.T @ posterior).reshape(items, options, len(GRID))
        step = _step_towards_the_best(model, prior, counts)
        model = OptionModel(model.slopes + step[:, :options], model.intercepts + step[:, options:], model.offered)
        if is_anchored:
            population = _population_of(posterior)
        if np.abs(step).max() < _SETTLED:
            break
    answers = (chosen >= 0).sum(axis=0) + prior.answers
    return Calibration(model, population, answers >= ENOUGH_ANSWERS)


def log_posterior(model: OptionModel, population: Population, chosen: Options) -> Floats:
    """log of the share of belief at each point of GRID after a candidate's answers, (candidates, abilities)."""
    items, options = model.offered.shape
    log_likely = np.where(model.offered[:, :, None], model.log_probabilities(), 0.0).reshape(items * options, -1)
    belief = one_hot(chosen, options) @ log_likely + population.log_weights()
    belief -= belief.max(axis=1, keepdims=True)
    shares: Floats = belief - np.log(np.exp(belief).sum(axis=1, keepdims=True))
    return shares


def predictive(calibration: Calibration, chosen: Options) -> Floats:
    """P(option | all answers of the candidate), averaged over what is believed of the ability: (candidates, items, options)."""
    model = calibration.model
    posterior = np.exp(log_posterior(model, calibration.population, chosen))
    items, options = model.offered.shape
    likely = np.exp(model.log_probabilities()).reshape(items * options, -1)
    averaged: Floats = (posterior @ likely.T).reshape(len(chosen), items, options)
    return averaged


def steepest_options(model: OptionModel) -> Options:
    """The option of each item that grows most with ability, (items,): the right one as far as answers can tell."""
    steepest: Options = np.where(model.offered, model.slopes, -np.inf).argmax(axis=1).astype(np.int8)
    return steepest


def _start(chosen: Options, prior: Prior) -> OptionModel:
    """Where estimating begins: at the prior, and for items without a direction at the one that candidates agree on."""
    directed, offered = prior.has_direction, prior.model.offered
    if directed.all() or not len(chosen):
        return prior.model
    known = np.where(directed, steepest_options(prior.model), UNANSWERED).astype(np.int8)
    agreed = Prior.from_key(agreed_options(chosen, offered, known), offered).model
    slopes = np.where(directed[:, None], prior.model.slopes, agreed.slopes)
    intercepts = np.where(directed[:, None], prior.model.intercepts, shares(chosen, offered))
    return OptionModel(slopes, intercepts, offered)


def _step_towards_the_best(model: OptionModel, prior: Prior, counts: Floats) -> Floats:
    """One Newton step for every item: (items, 2 × options), slopes first. `counts` (items, options, abilities) are expected answers."""
    items, options, _ = counts.shape
    likely = np.exp(model.log_probabilities())
    totals = counts.sum(axis=1)
    left = counts - totals[:, None, :] * likely
    precision = np.concatenate(
        [
            np.repeat(prior.slope_precision[:, None], options, 1),
            np.repeat(prior.intercept_precision[:, None], options, 1),
        ],
        axis=1,
    )
    away = np.concatenate([model.slopes - prior.model.slopes, model.intercepts - prior.model.intercepts], axis=1)
    gradient = np.concatenate([left @ GRID, left.sum(axis=2)], axis=1) - precision * away
    curvature = np.empty((items, 2 * options, 2 * options))
    for row, column, power in ((0, 0, 2), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        weighted = likely * (totals * GRID**power)[:, None, :]
        block = -np.einsum("ikg,ihg->ikh", weighted, likely)
        block[:, np.arange(options), np.arange(options)] += weighted.sum(axis=2)
        curvature[:, row * options : (row + 1) * options, column * options : (column + 1) * options] = block
    curvature[:, np.arange(2 * options), np.arange(2 * options)] += precision
    step: Floats = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    return np.clip(step, -1.0, 1.0)


def _population_of(posterior: Floats) -> Population:
    shares = posterior.mean(axis=0)
    mean = float(shares @ GRID)
    return Population(mean, max(0.3, float(np.sqrt(shares @ (GRID - mean) ** 2))))
