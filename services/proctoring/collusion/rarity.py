"""Our own statistic: every match weighs as much as it is unlikely for this copier, and what it proves comes from its exact moments.

For copier c and source s, the log-likelihood ratio of "c copies a share π of items from s" against innocence is Σ_i log((1 − π) + π·1{u_c = u_s} / p_i),
p_i = P_c(u_s): the best test of a fixed π by Neyman & Pearson (1933). ω counts matches; this weighs them. Up to a constant it is Σ w_i Y_i with
w_i = log(1 + π / ((1 − π) p_i)) over matches Y_i, independent with probability p_i under innocence, whose upper tail the saddlepoint approximation of
Lugannani & Rice (1980), Advances in Applied Probability 12, gives far out, where the normal distribution promises too much.
It is an approximation: of 3,000 enumerated cases of 13 items it met the exact tail within a factor of 2.1, of 98 in 100 within 1.6.

Assumed: as for `indices`. Arrays as there.
"""

import numpy as np
from scipy.special import ndtr

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Truths, Whole
from services.proctoring.collusion.evidence import RAREST, SHARES
from services.proctoring.collusion.options import Calibration

# The share of copied items that the weights are best for; they lose little between a fifth and all.
COPIED = 0.4
_AT_ONCE = 4096
_AT_ONCE_BY_ABILITY = 512
_NEWTON_STEPS = 40
_STEEPEST = 60.0


def weight_of_match(chance: Floats) -> Floats:
    """w: what a match that had this chance adds to the log-likelihood ratio over what a difference adds."""
    weight: Floats = np.log1p(COPIED / ((1 - COPIED) * np.maximum(chance, RAREST)))
    return weight


def rarity_p_values(likely: Floats, chosen: Options, pairs: Whole) -> Floats:
    """P(a sum of weights as high or higher | innocence), (pairs,), for ordered pairs."""
    p_values = np.ones(len(pairs))
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        theirs, own = chosen[part[:, 1]], chosen[part[:, 0]]
        chance = likely[part[:, :1], np.arange(chosen.shape[1]), np.maximum(theirs, 0)]
        chance = np.where((theirs != UNANSWERED) & (own != UNANSWERED), chance, 0.0)
        p_values[start : start + _AT_ONCE] = _upper_tail(
            chance, weight_of_match(chance), (own == theirs) & (chance > 0)
        )
    return p_values


def either_way(p_forth: Floats, p_back: Floats) -> Floats:
    """p-value that either copied from the other: twice the smaller (Bonferroni)."""
    p_values: Floats = np.minimum(1.0, 2 * np.minimum(p_forth, p_back))
    return p_values


def log_bayes_factors(calibration: Calibration, chosen: Options, pairs: Whole) -> Floats:
    """log of the Bayes factor of copying against innocence, the copier's ability averaged out under both, (pairs,), for ordered pairs.

    ∫ Π_i ((1 − π) P_θ(u_c) + π·1{u_c = u_s}) dF(θ), averaged over π in SHARES, over ∫ Π_i P_θ(u_c) dF(θ). It asks how able the copier is apart from what
    is copied. For ranking only: its expectation of 1 under innocence rests on the assumed distribution of abilities, and 1 / factor is no p-value
    whose error has been measured for every exam.
    """
    log_likely = calibration.model.log_probabilities()
    weights = calibration.population.log_weights()
    factors = np.empty(len(pairs))
    places = np.arange(chosen.shape[1])
    for start in range(0, len(pairs), _AT_ONCE_BY_ABILITY):
        part = pairs[start : start + _AT_ONCE_BY_ABILITY]
        own, theirs = chosen[part[:, 0]], chosen[part[:, 1]]
        counts = ((own != UNANSWERED) & (theirs != UNANSWERED))[:, :, None]
        logs = np.where(counts, log_likely[places, np.maximum(own, 0)], 0.0)
        same = (own == theirs)[:, :, None] & counts
        innocent = np.logaddexp.reduce(logs.sum(axis=1) + weights, axis=1)
        guilty = []
        for share in SHARES:
            mixed = np.where(
                same, np.log((1 - share) * np.exp(logs) + share), np.where(counts, np.log1p(-share) + logs, 0.0)
            )
            guilty.append(np.logaddexp.reduce(mixed.sum(axis=1) + weights, axis=1))
        factors[start : start + _AT_ONCE_BY_ABILITY] = (
            np.logaddexp.reduce(guilty, axis=0) - np.log(len(SHARES)) - innocent
        )
    return factors


def _upper_tail(chance: Floats, weight: Floats, is_match: Truths) -> Floats:
    """P(Σ w Y ≥ the sum seen), (pairs,), rows of independent Y with these chances."""
    seen = (weight * is_match).sum(axis=1)
    highest = (weight * (chance > 0)).sum(axis=1)
    p_values = np.where(seen <= 0, 1.0, np.where(chance > 0, chance, 1.0).prod(axis=1))
    inside = np.flatnonzero((seen > 0) & (seen < highest - 1e-9))
    p_values[inside] = _saddlepoint_tail(chance[inside], weight[inside], seen[inside])
    return p_values


def _saddlepoint_tail(chance: Floats, weight: Floats, seen: Floats) -> Floats:
    """Of sums between the least and the greatest possible. Each row goes on until it has settled, whatever the others do."""
    tilt = np.zeros(len(seen))
    going = np.arange(len(seen))
    for _ in range(_NEWTON_STEPS):
        if not len(going):
            break
        slope, curve = _slope_and_curve(chance[going], weight[going], tilt[going])
        step = np.clip((seen[going] - slope) / np.maximum(curve, 1e-12), -2.0, 2.0)
        tilt[going] = np.clip(tilt[going] + step, -_STEEPEST, _STEEPEST)
        going = going[np.abs(step) >= 1e-8]
    height = np.log(1 - chance + chance * np.exp(weight * tilt[:, None])).sum(axis=1)
    _, curve = _slope_and_curve(chance, weight, tilt)
    r = np.sign(tilt) * np.sqrt(np.maximum(0.0, 2 * (tilt * seen - height)))
    u = tilt * np.sqrt(curve)
    is_near = (np.abs(r) < 1e-3) | (np.abs(u) < 1e-3)
    safe_r, safe_u = np.where(is_near, 1.0, r), np.where(is_near, 1.0, u)
    tail = ndtr(-safe_r) + np.exp(-0.5 * safe_r**2) / np.sqrt(2 * np.pi) * (1 / safe_u - 1 / safe_r)
    p_values: Floats = np.where(is_near, 0.5, np.clip(tail, 0.0, 1.0))
    return p_values


def _slope_and_curve(chance: Floats, weight: Floats, tilt: Floats) -> tuple[Floats, Floats]:
    """The first two derivatives of the cumulant generating function of Σ w Y at each row's tilt, (pairs,).

    Weights are below 4 and tilts within ±_STEEPEST, so that nothing overflows.
    """
    odds = chance * np.exp(weight * tilt[:, None])
    tilted = odds / (1 - chance + odds)
    pulled = weight * tilted
    return pulled.sum(axis=1), (weight * pulled * (1 - tilted)).sum(axis=1)
