"""All pairs of a finished exam, in bounded memory: matrix products over blocks of copiers, of which each candidate's likeliest partners are kept.

Whether c's matches with s are more, or rarer, than chance needs, for every ordered pair, three sums over items: the weights of the matches seen, their
mean and their variance under innocence. With the source's answers as rows of 0 and 1 each sum is a product of (candidates × items·options) matrices:
three products for both directions. Only the best `depth` partners by either direction are kept, which is all that the search for mutual best
partners needs; what is left out counts as no evidence (`discoveries`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Whole, one_hot
from services.proctoring.collusion.discoveries import both_directions, mutual_best
from services.proctoring.collusion.families import distinct_pairs
from services.proctoring.collusion.indices import generalized_binomial, harpp_hogan, k2, matches, omega, upper_tail
from services.proctoring.collusion.options import Calibration
from services.proctoring.collusion.rarity import either_way, log_bayes_factors, rarity_p_values, weight_of_match

# Partners kept of every candidate: more than any depth of mutual best asks for.
KEPT = 8
# What one block's matrices may hold, in bytes.
BLOCK_BYTES = 16 * 2**20
_MATRICES = 5


@dataclass(frozen=True, slots=True)
class PairStatistics:
    """What the finished answers say of unordered pairs, (pairs,) each, `pairs` (pairs, 2). p-values are of the pair: twice the smaller direction's.

    `rarity` is the one that decides. `log_bayes_factor` is for ranking. `harpp_hogan` with `errors_in_common` has no probability.
    `log_bayes_forth`: that the first copies from the second; `log_bayes_back`: the other way.
    """

    pairs: Whole
    matches: Whole
    rarity: Floats
    omega: Floats
    generalized_binomial: Floats
    k2: Floats
    harpp_hogan: Floats
    errors_in_common: Whole
    log_bayes_forth: Floats
    log_bayes_back: Floats

    @property
    def log_bayes_factor(self) -> Floats:
        """That either copied from the other."""
        return both_directions(self.log_bayes_forth, self.log_bayes_back)


def statistics_of(
    calibration: Calibration, likely: Floats, chosen: Options, key: Options, pairs: Whole
) -> PairStatistics:
    """All statistics of these unordered pairs. `likely` from `indices.at_ability`."""
    back = pairs[:, ::-1]
    ratio, errors = harpp_hogan(chosen, key, pairs)
    return PairStatistics(
        pairs,
        matches(chosen, pairs),
        either_way(rarity_p_values(likely, chosen, pairs), rarity_p_values(likely, chosen, back)),
        either_way(upper_tail(omega(likely, chosen, pairs)), upper_tail(omega(likely, chosen, back))),
        generalized_binomial(likely, chosen, pairs),
        either_way(k2(chosen, key, pairs), k2(chosen, key, back)),
        ratio,
        errors,
        log_bayes_factors(calibration, chosen, pairs),
        log_bayes_factors(calibration, chosen, back),
    )


def likeliest_pairs(likely: Floats, chosen: Options, kept: int = KEPT) -> Whole:
    """The unordered pairs (pairs, 2) in which one is among the other's `kept` likeliest sources by the rarity of their matches."""
    candidates = len(chosen)
    kept = min(kept, candidates - 1)
    if kept < 1:
        return np.empty((0, 2), np.int64)
    found = []
    for rows, z in rarity_blocks(likely, chosen):
        best = np.argpartition(-z, kept - 1, axis=1)[:, :kept]
        found.append(np.column_stack([np.repeat(np.arange(candidates)[rows], kept), best.ravel()]))
    return distinct_pairs(np.concatenate(found), candidates)


def rarity_blocks(likely: Floats, chosen: Options) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Standardised rarity-weighted matches of all ordered pairs, in blocks of copiers: the rows, and (rows, candidates). Oneself is −inf."""
    yield from _blocks(likely, chosen, weight_of_match(likely))


def omega_blocks(likely: Floats, chosen: Options) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """ω of all ordered pairs, as `rarity_blocks`; exactly the numbers of `indices.omega`."""
    yield from _blocks(likely, chosen, np.ones_like(likely))


def decided_pairs(statistics: PairStatistics, candidates: int) -> PairStatistics:
    """Only those pairs that are mutually best by their p-values; the family they come from stays as large as it was."""
    return _only(statistics, mutual_best(statistics.pairs, -statistics.rarity, candidates))


def _only(statistics: PairStatistics, kept: NDArray[np.bool_]) -> PairStatistics:
    return PairStatistics(*(getattr(statistics, name)[kept] for name in PairStatistics.__dataclass_fields__))


def _blocks(likely: Floats, chosen: Options, weight: Floats) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    candidates, _, options = likely.shape
    theirs = one_hot(chosen, options).astype(np.float32).T
    answered = np.repeat(chosen != UNANSWERED, options, axis=1)
    chance, weight = likely.reshape(candidates, -1), weight.reshape(candidates, -1)
    rows_at_once = max(1, BLOCK_BYTES // (4 * _MATRICES * candidates))
    for start in range(0, candidates, rows_at_once):
        rows = slice(start, min(candidates, start + rows_at_once))
        p, w = chance[rows] * answered[rows], weight[rows]
        z = (w * theirs[:, rows].T).astype(np.float32) @ theirs
        z -= (w * p).astype(np.float32) @ theirs
        spread = (w**2 * p * (1 - p)).astype(np.float32) @ theirs
        np.sqrt(np.maximum(spread, 1e-9, out=spread), out=spread)
        z /= spread
        z[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)] = -np.inf
        yield rows, z
