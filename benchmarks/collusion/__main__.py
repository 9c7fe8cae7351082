"""`python -m benchmarks.collusion`: a few exams of each kind, some minutes. `--full`: many, and writes results.md beside this file.

`--trials N`, `--seed S`; names of scenarios as arguments run only those.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.collusion import generator, live, power, speed
from benchmarks.collusion.generator import Plan
from benchmarks.collusion.trial import Trial, run
from benchmarks.results import table

SCENARIOS = {
    "nobody copies": Plan(pairs=0, rings=0, far=0),
    "20 %": Plan(share=0.2),
    "40 %": Plan(share=0.4),
    "60 %": Plan(share=0.6),
    "90 %": Plan(share=0.9),
    "40 %, 60 items": Plan(share=0.4, items=60),
    "40 %, 5 options": Plan(share=0.4, options=5),
    "40 %, hasty": Plan(share=0.4, hasty=True),
    "40 %, shared beliefs": Plan(share=0.4, beliefs=0.4),
    "nobody copies, strongly shared beliefs": Plan(pairs=0, rings=0, far=0, beliefs=0.8),
}
FEW, MANY = 2, 8
SEED = 20_240_501
FILE = Path(__file__).with_name("results.md")


def main() -> None:
    """Runs scenarios one after the other, each from its own seed, so that one alone gives the numbers it gives among all."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []])
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument("--trials", type=int)
    arguments.add_argument("--seed", type=int, default=SEED)
    chosen = arguments.parse_args()
    trials = chosen.trials or (MANY if chosen.full else FEW)
    lines = [*_introduction(trials, chosen.seed)]
    _show(lines)
    for name in chosen.scenarios or SCENARIOS:
        seeds = np.random.SeedSequence([chosen.seed, list(SCENARIOS).index(name)]).spawn(trials)
        results = [run(SCENARIOS[name], np.random.default_rng(seed)) for seed in seeds]
        section = [*_section(name, SCENARIOS[name], results)]
        _show(section)
        lines += section
    if not chosen.scenarios:
        figures = [
            *speed.measure(chosen.seed, 10_000 if chosen.full else 4000),
            *live.measure(chosen.seed, 30 if chosen.full else 5, 10_000 if chosen.full else 2000),
        ]
        cost = ["## Cost", "", table(figures)]
        _show(cost)
        lines += cost
    if chosen.full and not chosen.scenarios:
        FILE.write_text("\n".join(lines))


def _show(lines: Sequence[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _introduction(trials: int, seed: int) -> Iterator[str]:
    yield "# Collusion: what is found, and who is accused"
    yield ""
    yield f"`python -m benchmarks.collusion --full`; {trials} exams of each kind, seed {seed}, {os.cpu_count()} cores, Python {platform.python_version()}."
    yield ""
    yield "Power is the share of copying pairs found; items, abilities and orders are estimated from the contaminated exam itself, without a bank and without"
    yield "the answer key, as the service does. Where an index needs a key (K2, Harpp–Hogan), it is the option with the steepest estimated slope."
    yield "Where two copied from one third, that pair counts as neither guilty nor innocent."
    yield ""
    yield (generator.__doc__ or "").strip()
    yield ""


def _section(name: str, plan: Plan, trials: Sequence[Trial]) -> Iterator[str]:
    pairs = sum(int(trial.plausible.guilty.sum()) for trial in trials)
    yield f"## {name}"
    yield ""
    yield f"{plan.candidates:,} candidates, {plan.items} items, {plan.options} options; {pairs} copying pairs in rooms, {plan.far * len(trials)} far apart."
    yield ""
    yield "| statistic, plausible pairs | power at observed FPR .01 | at .001 | observed FPR at nominal .01 | at .001 |"
    yield "|---|---|---|---|---|"
    fields = {
        "ω (Wollack)": "omega",
        "generalized binomial": "generalized_binomial",
        "K2": "k2",
        "rarity (house)": "rarity",
    }
    for label, statistic in power.RANKED.items():
        rates = [power.power_at(trials, statistic, rate) for rate in (0.01, 0.001)]
        observed = ["", ""]
        if label in fields:
            observed = [f"{power.observed_false_positives(trials, fields[label], rate):.4f}" for rate in (0.01, 0.001)]
        yield f"| {label} | {_share(rates[0])} | {_share(rates[1])} | {observed[0]} | {observed[1]} |"
    yield ""
    yield "| decided at 5 % | plausible: found | false | all others: found | false |"
    yield "|---|---|---|---|---|"
    near = power.found_by([trial.plausible for trial in trials], plan.candidates)
    far = power.found_by([trial.far for trial in trials], plan.candidates)
    for label, found in near.items():
        other = far[label]
        yield f"| {label} | {_share(found.share)} | {found.false:.3f} | {_share(other.share)} | {other.false:.3f} |"
    yield ""
    crossing = ", ".join(f"{power.ever_crossing(trials, bound):.5f} for {bound}" for bound in (0.05, 0.01, 0.001))
    share, after = power.decided_after(trials)
    yield f"Innocent ordered pairs whose evidence from answers ever reached 1/α: {crossing}."
    yield f"Copying pairs past their family's bar while the exam ran: {_share(share)}, the median one after {_share(after)} of the copier's items."
    yield ""


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


if __name__ == "__main__":
    main()
