"""Which of many pairs may be shown as suspicious, so that of those shown at most a given share is innocent in expectation.

`by_e_values` is e-BH (Wang & Ramdas 2022, "False discovery rate control with e-values", JRSS B 84): of m e-values, those of at least m / (k·level) are
discoveries for the largest k with so many. It holds however the e-values depend on each other, and pairs that share a candidate depend.
`by_p_values` is Benjamini & Hochberg (1995, JRSS B 57), which is proven for independence or positive dependence only.

Two families are tested apart, each at its level: the plausible pairs (`families`), and all the others. Few plausible pairs need less evidence each.

e-values may be lowered before the decision by any rule, and stay valid: `mutual_best` does that to pairs that are not each other's best match.
A set taken at one moment, also one chosen by looking, has the bound; the union of all sets ever shown during an exam has not: the one at the close
counts.
"""

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import Floats, Truths, Whole

# The share of innocent pairs among those shown: document and screen name it beside every flag.
LEVEL = 0.05
# Among so many of its best partners a candidate must find the other, and be found: one hall's ring seldom has more, and a weak candidate's
# likeness to forty able ones comes down to the few that it resembles most.
DEPTH = 3


def by_e_values(log_e_values: Floats, family_size: int, level: float = LEVEL) -> Truths:
    """e-BH. `log_e_values` (pairs,) of those of the family with any evidence; those left out count as having none."""
    order = np.argsort(-log_e_values, kind="stable")
    rank = np.arange(1, len(order) + 1)
    enough = np.flatnonzero(log_e_values[order] >= np.log(family_size) - np.log(rank * level))
    found: Truths = np.zeros(len(order), dtype=np.bool_)
    if len(enough):
        found[order[: enough[-1] + 1]] = True
    return found


def by_p_values(p_values: Floats, family_size: int, level: float = LEVEL) -> Truths:
    """Benjamini–Hochberg. `p_values` (pairs,); those of the family that are left out count as 1."""
    order = np.argsort(p_values, kind="stable")
    rank = np.arange(1, len(order) + 1)
    enough = np.flatnonzero(p_values[order] <= level * rank / family_size)
    found: Truths = np.zeros(len(order), dtype=np.bool_)
    if len(enough):
        found[order[: enough[-1] + 1]] = True
    return found


def expected_false(log_e_values: Floats, family_size: int) -> Floats:
    """How many innocent pairs of the family would show at least this evidence, at most (Markov: m / e), (pairs,)."""
    bound: Floats = np.exp(np.minimum(0.0, -log_e_values)) * family_size
    return bound


def mutual_best(pairs: Whole, strength: Floats, candidates: int, depth: int = DEPTH) -> Truths:
    """Whether each of a pair is among the other's `depth` best partners by strength. `pairs` (pairs, 2), unordered, each once."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    pair = np.tile(np.arange(len(pairs)), 2)
    order = np.lexsort((-strength[pair], both[:, 0]))
    owner = both[order, 0]
    first = np.searchsorted(owner, np.arange(candidates))
    is_best = np.arange(len(order)) - first[owner] < depth
    times: NDArray[np.int64] = np.bincount(pair[order][is_best], minlength=len(pairs))
    is_mutual: Truths = times == 2
    return is_mutual


def both_directions(log_forth: Floats, log_back: Floats) -> Floats:
    """log e-value that either copies from the other: the mean of two e-values is one."""
    either: Floats = np.logaddexp(log_forth, log_back) - np.log(2)
    return either
