"""Whether two candidates were fast and slow at the same items, beyond what the items and their own speeds explain.

van der Linden (2006), "A lognormal model for response times on test items", JEBS 31: log t = β_i − τ_c + σ_i ε; and van der Linden (2009), "A bivariate
lognormal response-time model for the detection of collusion between test takers", JEBS 34: two who work together have correlated residuals ε.

Given j's residuals z_j, an innocent c's Σ z_c z_j is normal with variance Σ z_j². For each λ of STRENGTHS exp(λ Σ z_c z_j − λ² κ Σ z_j² / 2) has
expectation 1 then, and so has their mean: an e-value. κ ≥ 1 is the variance observed over pairs that cannot have worked together, for residuals that
are not quite independent or normal: the calibration. Known at the close only.
"""

from dataclasses import dataclass

import numpy as np

from services.proctoring.collusion.arrays import Floats, Whole

# Correlations of residuals to look for.
STRENGTHS: Floats = np.array([0.3, 0.6])
# Residuals beyond three deviations are interruptions, not thinking.
_WIDEST = 3.0
# Items that two must have timed in common before anything is said.
ENOUGH_TIMES = 10
_ROUNDS = 8
_SHORTEST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """log e-values and the z of Σ z_c z_j, (pairs,), with the calibration κ used."""

    log_e_values: Floats
    z: Floats
    inflation: float


def residuals(seconds: Floats) -> Floats:
    """Standardised residuals of log times, (candidates, items), 0 where unknown. `seconds` on an item before its first answer, nan where unknown.

    Who is more erratic than others is measured by their own spread, or every one of their pairs would look far out by turns.
    """
    logs = np.log(np.maximum(seconds, _SHORTEST_SECONDS))
    known = ~np.isnan(logs)
    left = np.where(known, logs, 0.0)
    per_item, per_candidate = np.maximum(1, known.sum(axis=0)), np.maximum(1, known.sum(axis=1))
    for _ in range(_ROUNDS):
        left -= np.where(known, left.sum(axis=0) / per_item, 0.0)
        left -= np.where(known, (left.sum(axis=1) / per_candidate)[:, None], 0.0)
    deviation = np.sqrt((left**2).sum(axis=0) / np.maximum(1, per_item - 1))
    divided = np.divide(left, deviation, out=np.zeros_like(left), where=deviation > 0)
    clipped = np.clip(divided, -_WIDEST, _WIDEST)
    own = np.sqrt((clipped**2).sum(axis=1) / per_candidate)
    standardised: Floats = clipped / np.maximum(1.0, own)[:, None]
    return standardised


def inflation(standardised: Floats, pairs: Whole) -> float:
    """κ: the variance of Σ z_c z_j over its model's, among pairs that cannot have worked together, (pairs, 2); never below 1.

    Robust (by quartiles), so that a few who did work together do not hide the others.
    """
    z = _z(standardised, pairs)
    if len(z) < 100:
        return 1.0
    low, high = np.quantile(z, [0.25, 0.75])
    return float(max(1.0, ((high - low) / 1.349) ** 2))


def time_evidence(standardised: Floats, pairs: Whole, kappa: float) -> TimeEvidence:
    """The evidence in the times of pairs, (pairs, 2): the mean of both ways round."""
    one, other = standardised[pairs[:, 0]], standardised[pairs[:, 1]]
    product = (one * other).sum(axis=1)
    shared = (one != 0) & (other != 0)
    ways = []
    for given in (one, other):
        variance = kappa * np.where(shared, given**2, 0.0).sum(axis=1)
        logs = STRENGTHS * product[:, None] - 0.5 * STRENGTHS**2 * variance[:, None]
        ways.append(np.logaddexp.reduce(logs, axis=1) - np.log(len(STRENGTHS)))
    either = np.logaddexp(ways[0], ways[1]) - np.log(2)
    log_e_values = np.where(shared.sum(axis=1) >= ENOUGH_TIMES, either, 0.0)
    return TimeEvidence(log_e_values, _z(standardised, pairs), kappa)


def with_times(log_evidence: Floats, log_answer_evidence: Floats, times: TimeEvidence) -> Floats:
    """log e-value of answers, turns and times together, (pairs,): the mean of (answers and turns) and (answers × times).

    A mean, since both turns and times look at the clock: their product would count the same coincidence twice. Answers multiply with times where these
    are independent given ability and speed (van der Linden 2007, "A hierarchical framework for modeling speed and accuracy on test items",
    Psychometrika 72).
    """
    either: Floats = np.logaddexp(log_evidence, log_answer_evidence + times.log_e_values) - np.log(2)
    return either


def _z(standardised: Floats, pairs: Whole) -> Floats:
    one, other = standardised[pairs[:, 0]], standardised[pairs[:, 1]]
    product = (one * other).sum(axis=1)
    shared = (one != 0) & (other != 0)
    squares = (one**2 * shared).sum(axis=1) * (other**2 * shared).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(1, shared.sum(axis=1)))
    z: Floats = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
    return z
