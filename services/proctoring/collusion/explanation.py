"""Why a pair is shown: how strong the evidence is, how many innocent pairs would look so, and which answers speak for it and against it."""

from dataclasses import dataclass

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats
from services.proctoring.collusion.discoveries import expected_false
from services.proctoring.collusion.evidence import RAREST, SHARES, ExamModel, RunningEvidence

METHOD = "e-process of answers in their order, nominal response model; valid at any moment"


@dataclass(frozen=True, slots=True)
class ItemEvidence:
    """One item both answered, the source first: the option the copier chose, how likely that was for the copier (0–1), how many seconds after the source,
    and what it adds to the log evidence (negative where the answers differ)."""

    item: int
    option: int
    is_same: bool
    chance: float
    seconds_after: float
    log_factor: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`log_e_value` as published; `expected_false`: at most so many innocent pairs of the family would show as much; items strongest first."""

    copier: int
    source: int
    log_e_value: float
    expected_false: float
    family_size: int
    items: tuple[ItemEvidence, ...]
    method: str = METHOD


def explain(
    state: RunningEvidence, model: ExamModel, copier: int, source: int, log_e_value: float, family_size: int
) -> Explanation:
    """Lays the bets on a pair's answers once more, under the present model and the share that explains them best.

    The published e-value was gathered under the models of its time, so the items' factors need not multiply to it exactly; they say which items matter.
    """
    bound = float(expected_false(np.array([log_e_value]), family_size)[0])
    return Explanation(copier, source, log_e_value, bound, family_size, tuple(_items(state, model, copier, source)))


def _items(state: RunningEvidence, model: ExamModel, copier: int, source: int) -> list[ItemEvidence]:
    at = state.answered_at[:, copier]
    answered = np.flatnonzero((state.first[:, copier] != UNANSWERED) & model.calibration.believed)
    belief = model.calibration.population.log_weights()
    seen: list[tuple[int, int, bool, float, float]] = []
    for item in answered[np.argsort(at[answered], kind="stable")]:
        option = int(state.first[item, copier])
        chance = _predicted(belief, model.likely[item, option])
        belief = belief + model.log_likely[item, option]
        theirs = state.current[item, source]
        if theirs != UNANSWERED and state.answered_at[item, source] < at[item]:
            later = float(at[item] - state.answered_at[item, source])
            seen.append((int(item), option, bool(theirs == option), max(RAREST, chance), later))
    by_share = [[_log_factor(share, same, chance) for _, _, same, chance, _ in seen] for share in SHARES]
    best = max(by_share, key=sum, default=[])
    items = [ItemEvidence(*each, factor) for each, factor in zip(seen, best, strict=True)]
    return sorted(items, key=lambda each: (-each.log_factor, each.item))


def _predicted(log_belief: Floats, likely: Floats) -> float:
    belief = np.exp(log_belief - log_belief.max())
    return float(belief @ likely / belief.sum())


def _log_factor(share: float, is_same: bool, chance: float) -> float:
    return float(np.log1p(share * (1 / chance - 1)) if is_same else np.log1p(-share))
