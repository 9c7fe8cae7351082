"""Evidence from which item a candidate turns to: copying needs the other's answer, and it is freshest just after the other has given it.

Each candidate sees the items in an order of their own. Whatever made an innocent candidate choose the next item, it was not that a certain other had
just answered the same one. So a bet on "the next item that c answers is one that j has answered in the last RECENT_SECONDS" wins with a known
probability q, and (1 − ρ) + ρ·1{it is} / q has expectation 1: an e-process of its own, beside the answers' (see `evidence`).

q comes from the Plackett–Luce model: the next item is i with probability w_i / Σ w over the items not yet answered. With all weights alike that is
exact for candidates who follow their shuffled order; `order_weights` learns from everybody's orders which items are put off
(Hunter 2004, "MM algorithms for generalized Bradley–Terry models", Annals of Statistics 32), so that two who both leave the hard items to the end are
not accused of it. Assumed: orders are shuffled independently per candidate, and an item's being put off is like for all.
In simulation the bound also held where hard items were skipped at first, where sections came one after the other, and where all followed one order
loosely. It does not hold where all follow one order strictly: such exams give no such evidence, and must not be given weights.
"""

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import Floats, Truths

# An answer passed on by sign or message is used within about a minute.
RECENT_SECONDS = 60.0
# So many of a candidate's latest items are remembered for it; who answers more within RECENT_SECONDS is guessing.
RECENT = 4
# The shares of items that a copier may take up just after the source: few, some, most.
PACE_SHARES: Floats = np.array([0.1, 0.3, 0.6])
# No turn is taken to be rarer: bounds what one answer can add.
_RAREST_TURN = 0.02
# Hunter's iteration has settled at exam sizes long before.
_ROUNDS = 30
_PACE_LOST: Floats = np.log1p(-PACE_SHARES)[:, None]


def order_weights(answered_at: Floats) -> Floats:
    """The Plackett–Luce weight of each item, mean 1, from the order in which candidates answered, (items, candidates) of seconds, nan: never.

    Shrunk by one imagined candidate who meets every item first among equals, so that an item nobody has answered keeps a weight.
    """
    items, candidates = answered_at.shape
    weights = np.ones(items)
    if candidates == 0:
        return weights
    order = np.argsort(np.where(np.isnan(answered_at), np.inf, answered_at), axis=0)
    turns = (~np.isnan(answered_at)).sum(axis=0)
    is_turn = np.arange(items)[:, None] < turns
    times_chosen = (~np.isnan(answered_at)).sum(axis=1)
    for _ in range(_ROUNDS):
        left = np.cumsum(weights[order][::-1], axis=0)[::-1]
        exposure = np.cumsum(np.where(is_turn, 1 / left, 0.0), axis=0)
        seen = np.empty_like(exposure)
        np.put_along_axis(seen, order, exposure, axis=0)
        weights = (times_chosen + 1) / (seen.sum(axis=1) + 1)
        weights /= weights.mean()
    return weights


def log_pace_factors(
    open_weights: Floats, recent_items: NDArray[np.int16], is_recent: Truths, turned_to: int
) -> Floats:
    """What one turn multiplies the wealths by, as logarithms, (shares, sources).

    `open_weights` (items,): the weights of the items the candidate has not answered yet, 0 for the others; `recent_items` (RECENT, sources): each
    source's latest items, `is_recent` which of them were answered just before; `turned_to`: the item chosen. Where the outcome is certain, nothing
    is staked.
    """
    chance = np.where(is_recent, open_weights[recent_items], 0.0).sum(axis=0) / open_weights.sum()
    is_hit = (is_recent & (recent_items == turned_to)).any(axis=0)
    is_open = (chance > 0) & (chance < 1 - 1e-9)
    won = np.log1p(PACE_SHARES[:, None] * (1 / np.maximum(chance, _RAREST_TURN) - 1))
    factors: Floats = np.where(is_open, np.where(is_hit, won, _PACE_LOST), 0.0)
    return factors
