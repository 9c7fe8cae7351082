"""What the statistics find and whom they accuse, over many trials."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.collusion.trial import Family, Trial
from services.proctoring.collusion.arrays import Floats, Truths
from services.proctoring.collusion.discoveries import by_e_values, by_p_values, mutual_best

Statistic = Callable[[Family], Floats]


def _from_p(name: str) -> Statistic:
    return lambda family: -np.log(np.maximum(getattr(family.closing, name), 1e-300))


# Higher: more suspicious.
RANKED: dict[str, Statistic] = {
    "ω (Wollack)": _from_p("omega"),
    "generalized binomial": _from_p("generalized_binomial"),
    "K2": _from_p("k2"),
    "Harpp–Hogan": lambda family: family.closing.harpp_hogan,
    "rarity (house)": _from_p("rarity"),
    "Bayes factor": lambda family: family.closing.log_bayes_factor,
    "e-process, answers": lambda family: family.log_answers,
    "e-process, answers and turns": lambda family: family.log_all,
    "e-process, answers, turns and times": lambda family: family.log_with_times,
}


@dataclass(frozen=True, slots=True)
class Found:
    """`share` of the guilty pairs found by a decision rule, and `false`: the mean share of innocent pairs among those it shows."""

    share: float
    false: float


def power_at(trials: Sequence[Trial], statistic: Statistic, false_positives: float) -> float:
    """The share of guilty plausible pairs above the innocent plausible pairs' (1 − false_positives) quantile, all trials together."""
    values = np.concatenate([statistic(trial.plausible) for trial in trials])
    guilty = np.concatenate([trial.plausible.guilty for trial in trials])
    if not guilty.any():
        return float("nan")
    innocent = np.concatenate([trial.plausible.innocent for trial in trials])
    return float(np.mean(values[guilty] > np.quantile(values[innocent], 1 - false_positives)))


def observed_false_positives(trials: Sequence[Trial], name: str, nominal: float) -> float:
    """How often an innocent plausible pair has a p-value of at most `nominal`."""
    values = np.concatenate([getattr(trial.plausible.closing, name)[trial.plausible.innocent] for trial in trials])
    return float(np.mean(values <= nominal))


def decisions(family: Family, candidates: int) -> dict[str, Truths]:
    """The sets that each rule shows at 5 %."""
    rarity, answers, both = family.closing.rarity, family.log_answers, family.log_all
    pairs = family.closing.pairs

    def mutual(strength: Floats, logs: Floats) -> Floats:
        return np.where(mutual_best(pairs, strength, candidates), logs, -np.inf)

    return {
        "BH, rarity": by_p_values(rarity, family.size),
        "BH, rarity, mutual best": by_p_values(
            np.where(mutual_best(pairs, -rarity, candidates), rarity, 1.0), family.size
        ),
        "BH, 1 / Bayes factor": by_p_values(np.exp(-np.maximum(0.0, family.closing.log_bayes_factor)), family.size),
        "e-BH, answers": by_e_values(answers, family.size),
        "e-BH, answers and turns": by_e_values(both, family.size),
        "e-BH, answers, turns and times": by_e_values(family.log_with_times, family.size),
        "e-BH, answers and turns, mutual best": by_e_values(mutual(both, both), family.size),
    }


def found_by(families: Sequence[Family], candidates: int) -> dict[str, Found]:
    """Each rule's share of guilty pairs found, and its false discoveries; both who copied from one third count as neither."""
    tallies: dict[str, list[tuple[float, float]]] = {}
    for family in families:
        for name, shown in decisions(family, candidates).items():
            right, wrong = (shown & family.guilty).sum(), (shown & family.innocent).sum()
            there = family.guilty.sum() + family.lost
            tallies.setdefault(name, []).append(
                (right / there if there else float("nan"), wrong / max(1, right + wrong))
            )
    return {name: Found(*np.mean(tally, axis=0)) for name, tally in tallies.items()}


def ever_crossing(trials: Sequence[Trial], bound: float) -> float:
    """How often the evidence against an innocent ordered plausible pair ever reached 1/bound."""
    return float(np.mean(np.concatenate([trial.highest_innocent for trial in trials]) >= -np.log(bound)))


def decided_after(trials: Sequence[Trial]) -> tuple[float, float]:
    """The share of guilty plausible pairs that alone passed the family's bar while the exam ran, and the median share of items the copier had answered."""
    after = np.concatenate([trial.plausible.decided_after[trial.plausible.guilty] for trial in trials])
    if not len(after):
        return float("nan"), float("nan")
    decided = after[~np.isnan(after)]
    return len(decided) / len(after), float(np.median(decided)) if len(decided) else float("nan")
