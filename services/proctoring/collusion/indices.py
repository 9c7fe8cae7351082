"""The copying indices of the literature, for pairs of finished attempts. Each names what it assumes; none of them says who copied from whom.

`pairs` (pairs, 2) are ordered: copier, source. `likely` (candidates, items, options) are the options' probabilities at each candidate's estimated
ability (`at_ability`). Only items that both answered count. Like all published versions they take the estimated abilities and options for the true
ones; a copier's ability is estimated with the copied answers, which costs power and harms nobody.
"""

import numpy as np
from scipy.special import bdtrc, ndtr

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Whole
from services.proctoring.collusion.options import GRID, Calibration, log_posterior

# Pairs worked on at once: bounds memory to some 50 MB at 60 items and 5 options.
_AT_ONCE = 4096


def at_ability(calibration: Calibration, chosen: Options) -> Floats:
    """P(option | the candidate's estimated ability), (candidates, items, options). Estimated as the posterior's mean, which is finite for all."""
    posterior = np.exp(log_posterior(calibration.model, calibration.population, chosen))
    likely: Floats = np.exp(calibration.model.log_probabilities(posterior @ GRID)).transpose(2, 0, 1)
    return np.ascontiguousarray(likely)


def matches(chosen: Options, pairs: Whole) -> Whole:
    """On how many items both chose the same option, (pairs,)."""
    one, other = chosen[pairs[:, 0]], chosen[pairs[:, 1]]
    same: Whole = ((one == other) & (one != UNANSWERED)).sum(axis=1)
    return same


def omega(likely: Floats, chosen: Options, pairs: Whole) -> Floats:
    """ω of Wollack (1997), "A nominal response model approach for detecting answer copying", APM 21, (pairs,).

    (h − Σ P_c(u_s)) / √Σ P_c(u_s)(1 − P_c(u_s)), h the matches; the source's answers u_s are taken as given. Standard normal under innocence, for many
    items; p = P(Z ≥ ω) (`upper_tail`).
    """
    expected, variance = np.empty(len(pairs)), np.empty(len(pairs))
    for part in _parts(len(pairs)):
        chance = _chance_of_matching_given_source(likely, chosen, pairs[part])
        expected[part] = chance.sum(axis=1)
        variance[part] = (chance * (1 - chance)).sum(axis=1)
    return _standardised(matches(chosen, pairs) - expected, variance)


def generalized_binomial(likely: Floats, chosen: Options, pairs: Whole) -> Floats:
    """p-values of the generalized binomial test of van der Linden & Sotaridona (2006), "Detecting answer copying when the regular response process
    follows a known response model", JEBS 31, (pairs,).

    Both answer freely: they match on an item with probability Σ_k P_c(k) P_s(k). P(as many matches or more) is exact, by the recursion of Lord &
    Wingersky (1984), APM 8. Symmetric in the pair.
    """
    p_values = np.empty(len(pairs))
    seen = matches(chosen, pairs)
    for part in _parts(len(pairs)):
        one, other = pairs[part, 0], pairs[part, 1]
        both = (chosen[one] != UNANSWERED) & (chosen[other] != UNANSWERED)
        chance = np.where(both, np.einsum("pik,pik->pi", likely[one], likely[other]), 0.0)
        p_values[part] = _at_least(chance, seen[part])
    return p_values


def k2(chosen: Options, key: Options, pairs: Whole) -> Floats:
    """p-values of K2, Sotaridona & Meijer (2002), "Statistical properties of the K-index for detecting answer copying", J. Educ. Measurement 39, (pairs,).

    The source's w wrong answers: each is shared by an innocent candidate with probability β0 + β1 Q + β2 Q², Q the share of items that candidate has
    wrong, fitted for each source over all candidates; then binomial. Needs no response model, only that candidates with as many wrong answers
    share them alike. Fitted over candidates rather than over the means of those with equally many wrong answers, which weighs each mean by
    its size: the paper's unweighted fit is swayed by groups of one. The fitted probability is not let fall below half the mean: at the ends the
    parabola does, and then accuses (in simulation five times too often at 1 in 10,000).
    """
    wrong = (chosen != key) & (chosen != UNANSWERED)
    share = wrong.mean(axis=1)
    design = np.column_stack([np.ones(len(chosen)), share, share**2])
    solve = np.linalg.pinv(design)
    p_values = np.ones(len(pairs))
    if not len(pairs):
        return p_values
    sources, of_source = np.unique(pairs[:, 1], return_inverse=True)
    order = np.argsort(of_source, kind="stable")
    for source, members in zip(sources, np.split(order, np.cumsum(np.bincount(of_source))[:-1]), strict=True):
        items = np.flatnonzero(wrong[source])
        if not len(items):
            continue
        shared = (chosen[:, items] == chosen[source, items]).sum(axis=1)
        rates = shared / len(items)
        rates[source] = np.median(rates)
        copiers = pairs[members, 0]
        chance = np.clip(design[copiers] @ (solve @ rates), rates.mean() / 2, 0.99)
        p_values[members] = np.where(
            shared[copiers] > 0, bdtrc(np.maximum(0, shared[copiers] - 1), len(items), chance), 1.0
        )
    return p_values


def harpp_hogan(chosen: Options, key: Options, pairs: Whole) -> tuple[Floats, Whole]:
    """The ratio of exact errors in common to answers that differ, and those errors in common, both (pairs,).

    Harpp & Hogan (1993), J. Chem. Education 70, and Harpp, Hogan & Jennings (1996), J. Chem. Education 73: pairs above 1 with at least 6 exact errors
    in common deserve a look. A ratio without a probability: it knows neither how popular a mistake is nor how able the two are.
    """
    one, other = chosen[pairs[:, 0]], chosen[pairs[:, 1]]
    answered = (one != UNANSWERED) & (other != UNANSWERED)
    errors: Whole = (answered & (one == other) & (one != key)).sum(axis=1)
    differ = (answered & (one != other)).sum(axis=1)
    return errors / np.maximum(1, differ), errors


def upper_tail(z: Floats) -> Floats:
    """P(Z ≥ z) of a standard normal Z."""
    tail: Floats = ndtr(-z)
    return tail


def _chance_of_matching_given_source(likely: Floats, chosen: Options, pairs: Whole) -> Floats:
    copier, theirs = pairs[:, 0], chosen[pairs[:, 1]]
    chance = likely[copier[:, None], np.arange(chosen.shape[1]), np.maximum(theirs, 0)]
    both: Floats = np.where((theirs != UNANSWERED) & (chosen[copier] != UNANSWERED), chance, 0.0)
    return both


def _at_least(chance: Floats, seen: Whole) -> Floats:
    pairs, items = chance.shape
    count = np.zeros((pairs, items + 1))
    count[:, 0] = 1.0
    for item in range(items):
        hit = chance[:, item : item + 1]
        count[:, 1 : item + 2] = count[:, 1 : item + 2] * (1 - hit) + count[:, : item + 1] * hit
        count[:, :1] *= 1 - hit
    from_above = np.cumsum(count[:, ::-1], axis=1)[:, ::-1]
    tail: Floats = np.minimum(1.0, from_above[np.arange(pairs), seen])
    return tail


def _standardised(deviation: Floats, variance: Floats) -> Floats:
    z: Floats = np.divide(deviation, np.sqrt(variance), out=np.zeros_like(deviation), where=variance > 0)
    return z


def _parts(pairs: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, pairs, _AT_ONCE)]
