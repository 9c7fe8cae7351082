"""From the running evidence to the pairs that a proctor may be shown: two families, each by e-BH at its level, mutually best partners only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import Floats, Truths, Whole
from services.proctoring.collusion.discoveries import (
    DEPTH,
    LEVEL,
    both_directions,
    by_e_values,
    expected_false,
    mutual_best,
)
from services.proctoring.collusion.evidence import NOBODY, RunningEvidence, log_evidence
from services.proctoring.collusion.families import distinct_pairs, pair_codes


@dataclass(frozen=True, slots=True)
class StrongPairs:
    """Unordered pairs (pairs, 2) with any evidence to speak of. `log_forth`: that the first copies from the second; `log_back`: the other way."""

    pairs: Whole
    log_forth: Floats
    log_back: Floats

    @property
    def log_either(self) -> Floats:
        """log e-value that either copies from the other."""
        return both_directions(self.log_forth, self.log_back)


@dataclass(frozen=True, slots=True)
class Flag:
    """A pair that is shown. `copier` and `source` by the stronger direction; `expected_false`: how many innocent pairs of the family show as much at most."""

    copier: int
    source: int
    is_plausible: bool
    log_e_value: float
    log_copies: float
    log_is_copied: float
    expected_false: float
    family_size: int


def evidence_table(state: RunningEvidence, copiers: Sequence[int] | None = None) -> Floats:
    """The log e-values of these copiers, or of all, (copiers, width). After an answer only its candidate's row has changed."""
    chosen = range(len(state.log_belief)) if copiers is None else copiers
    rows = [log_evidence(state, copier) for copier in chosen]
    return np.array(rows).reshape(len(rows), state.log_wealth.shape[2])


def least_evidence(table: Floats, smallest_family: int, level: float = LEVEL) -> float:
    """A bound below which no pair of a table is a discovery, whatever its family: log e-value of one direction, inf where there can be none.

    e-BH asks for m / (k·level) of the k-th of a family of m, and k is at most the number of directions with as much. Raised from 1 / level until it
    stays, it never passes what the discoveries meet. It spares sorting thousands of middling pairs after every answer.
    """
    bound = float(-np.log(level))
    logs = table[table >= bound]
    while True:
        logs = logs[logs >= bound]
        count = len(logs)
        if not count:
            return float("inf")
        needed = float(np.log(smallest_family) - np.log(count * level))
        if needed <= bound:
            return bound
        bound = needed


def strong_pairs(table: Floats, sources: NDArray[np.int32], least: float = -np.log(LEVEL)) -> StrongPairs:
    """The pairs with at least this log evidence in one direction, by default 1 / LEVEL: fewer never is a discovery.

    `table` of all candidates; `sources` as in the state. Which of the discoveries are mutually best does not depend on pairs weaker than them.
    """
    copier, column = np.nonzero(table >= least)
    source = sources[copier, column].astype(np.int64) if sources.shape[1] else column
    pairs = distinct_pairs(np.column_stack([copier, source])[source != NOBODY], len(table))
    return StrongPairs(pairs, _looked_up(table, sources, pairs), _looked_up(table, sources, pairs[:, ::-1]))


def flags(found: StrongPairs, plausible: Whole, candidates: int, level: float = LEVEL) -> list[Flag]:
    """The discoveries of both families, most evidence first. `plausible` (pairs, 2): the tested family, all of it; all other pairs are the second."""
    is_plausible = np.isin(pair_codes(found.pairs, candidates), pair_codes(plausible, candidates))
    others = candidates * (candidates - 1) // 2 - len(plausible)
    return flags_of_families(found, is_plausible, (len(plausible), others), candidates, level)


def flags_of_families(
    found: StrongPairs, is_plausible: Truths, sizes: tuple[int, int], candidates: int, level: float = LEVEL
) -> list[Flag]:
    """As `flags`, with the sizes of the plausible family and of the other given: those who have not answered yet belong to them, too.

    Mutual best partners are sought among the strong pairs of both families together, which only ever takes evidence away.
    """
    logs = found.log_either
    is_mutual = mutual_best(found.pairs, logs, candidates, DEPTH)
    shown = [
        _flag(found, place, family, size)
        for family, size in zip((True, False), sizes, strict=True)
        for place in _discovered(logs, is_mutual & (is_plausible == family), size, level)
    ]
    return sorted(shown, key=lambda flag: (-flag.log_e_value, flag.copier, flag.source))


def _discovered(logs: Floats, counts: Truths, size: int, level: float) -> list[int]:
    members = np.flatnonzero(counts)
    places: list[int] = members[by_e_values(logs[members], size, level)].tolist() if len(members) else []
    return places


def _flag(found: StrongPairs, place: int, is_plausible: bool, size: int) -> Flag:
    first, second = (int(each) for each in found.pairs[place])
    forth, back = float(found.log_forth[place]), float(found.log_back[place])
    log_e_value = float(found.log_either[place])
    copier, source = (first, second) if forth >= back else (second, first)
    false = float(expected_false(np.array([log_e_value]), size)[0])
    return Flag(copier, source, is_plausible, log_e_value, max(forth, back), min(forth, back), false, size)


def _looked_up(table: Floats, sources: NDArray[np.int32], pairs: Whole) -> Floats:
    """The table's value for each (copier, source); 0, no evidence, where that source is not followed."""
    if not sources.shape[1]:
        direct: Floats = table[pairs[:, 0], pairs[:, 1]]
        return direct
    match = sources[pairs[:, 0]] == pairs[:, 1:2]
    found: Floats = np.where(match.any(axis=1), table[pairs[:, 0], match.argmax(axis=1)], 0.0)
    return found
