"""What it costs: an answer while the exam runs, and all pairs at its close over the bare matrix product of the same size."""

import resource
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.collusion.generator import Plan, simulate
from benchmarks.results import Figure
from services.proctoring.collusion.arrays import one_hot
from services.proctoring.collusion.closing import likeliest_pairs, omega_blocks, statistics_of
from services.proctoring.collusion.evidence import ExamModel, RunningEvidence, follow, log_evidence, take_answer
from services.proctoring.collusion.families import MOST_NEIGHBOURS
from services.proctoring.collusion.indices import at_ability
from services.proctoring.collusion.options import Prior, calibrate, steepest_options


def measure(seed: int, large: int) -> Iterator[Figure]:
    """`large`: the candidates of the large exam, of 60 items."""
    yield from _answers(seed)
    yield from _all_pairs(seed, 1000, 40)
    yield from _all_pairs(seed, large, 60)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("most memory of this process", f"{peak:.0f} MB", "bounded", f"{large:,} candidates × 60 items")


def _answers(seed: int) -> Iterator[Figure]:
    exam = simulate(Plan(), np.random.default_rng(seed))
    count, items = exam.chosen.shape
    calibration = calibrate(exam.chosen, Prior.of_unknown(exam.truth.offered))
    model = ExamModel.of(calibration, np.ones(items))
    for name, width in (("all pairs", 0), (f"{MOST_NEIGHBOURS} named sources each", MOST_NEIGHBOURS)):
        state = RunningEvidence.begin(count, items, model, width)
        for candidate in range(count if width else 0):
            for step in range(1, width + 1):
                follow(state, candidate, (candidate + step) % count)
        taken = []
        for place in np.argsort(exam.answered_at, axis=None)[:20_000]:
            candidate, item = divmod(int(place), items)
            begun = time.perf_counter()
            take_answer(
                state,
                model,
                candidate,
                item,
                int(exam.chosen[candidate, item]),
                float(exam.answered_at[candidate, item]),
            )
            log_evidence(state, candidate)
            taken.append(time.perf_counter() - begun)
        middle, late = np.quantile(taken, [0.5, 0.99]) * 1e6
        behind = f"p99 {late:.0f} µs; with the e-values read; {count:,} candidates"
        yield Figure(f"an answer taken in, {name}", f"{middle:.0f} µs", "deciding answer published within 1 s", behind)
    seconds = _seconds(lambda: calibrate(exam.chosen, Prior.of_unknown(exam.truth.offered)))
    yield Figure(
        "items estimated anew",
        f"{seconds * 1e3:.0f} ms",
        "now and then",
        f"{count:,} candidates × {items} items × 4 options",
    )


def _all_pairs(seed: int, candidates: int, items: int) -> Iterator[Figure]:
    exam = simulate(Plan(candidates=candidates, items=items), np.random.default_rng(seed))
    calibration = calibrate(exam.chosen, Prior.of_unknown(exam.truth.offered))
    key = steepest_options(calibration.model)
    likely = at_ability(calibration, exam.chosen)
    held = one_hot(exam.chosen, exam.truth.offered.shape[1]).astype(np.float32)
    rows = max(1, 20_000_000 // candidates)

    def bare() -> None:
        for start in range(0, candidates, rows):
            for _ in range(3):
                held[start : start + rows] @ held.T

    product = _seconds(bare)
    omega = _seconds(lambda: [None for _ in omega_blocks(likely, exam.chosen)])
    pairs = likeliest_pairs(likely, exam.chosen)
    screened = _seconds(lambda: likeliest_pairs(likely, exam.chosen))
    behind = f"{omega:.2f} s over {product:.2f} s for three bare products; {candidates:,} candidates × {items} items"
    yield Figure("ω of all ordered pairs / bare matrix products", f"{omega / product:.1f}", "a small factor", behind)
    closed = _seconds(lambda: statistics_of(calibration, likely, exam.chosen, key, pairs))
    behind = f"screen {screened:.2f} s, then every statistic of {len(pairs):,} pairs {closed:.2f} s; {candidates:,} candidates × {items} items"
    yield Figure("all pairs at the close", f"{screened + closed:.1f} s", "bounded", behind)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
