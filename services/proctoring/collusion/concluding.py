"""What the finished answers say: the indices of the literature beside the e-process, for the pairs worth telling of, and the items for the next exam.

Flags stay e-BH's over the e-process. Everything else stands beside them, by name, with what it assumes: the weighted agreement's discoveries by BH did
not hold their rate where classes share beliefs (benchmarks/collusion/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Truths, Whole
from services.proctoring.collusion.closing import PairStatistics, likeliest_pairs, statistics_of
from services.proctoring.collusion.discoveries import LEVEL, by_p_values, mutual_best
from services.proctoring.collusion.evidence import ExamModel
from services.proctoring.collusion.facts import Candidate, Item
from services.proctoring.collusion.families import distinct_pairs, pair_codes
from services.proctoring.collusion.indices import at_ability
from services.proctoring.collusion.options import Calibration, calibrate, steepest_options
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.rarity import either_way, rarity_p_values
from services.proctoring.collusion.response_times import TimeEvidence, inflation, residuals, time_evidence, with_times
from services.proctoring.collusion.running import Running, estimated
from services.proctoring.collusion.seating import Seating
from services.proctoring.collusion.standing import (
    Flagged,
    PairStanding,
    Statistic,
    Verdict,
    e_value,
    flagged,
    later_and_earlier,
    standing,
)

# The items are estimated, pairs screened, those worth telling of chosen, compared, and described.
STEPS = 5
# Of pairs that are not flagged those mutually best ones are told of that agree more than one in a thousand would, the strongest first.
TELLING_P_VALUE = 0.001
MOST_UNFLAGGED = 200
# Sources added to the plausible ones where not all pairs are followed.
_ADDED_SOURCES = 16
_STRANGERS = 20_000
_NORMAL = "assumes the nominal response model with its estimates taken for true, and answers independent given ability"
_KEY = "no answer key is known: the option with the steepest estimated slope is taken for the right one"
ASSUMPTIONS = {
    "omega": f"ω, Wollack (1997), twice the smaller direction; {_NORMAL}; normal approximation",
    "gbt": f"generalized binomial test, van der Linden & Sotaridona (2006); {_NORMAL}",
    "k2": f"K2, Sotaridona & Meijer (2002), twice the smaller direction; assumes that who has as many errors shares them alike; {_KEY}",
    "harpp_hogan": f"Harpp & Hogan (1993): exact errors in common over differences; a ratio without probability; {_KEY}",
    "bayes_factor": f"Bayes factor of copying either way, ability averaged out; for ranking only; {_NORMAL}",
    "timing": "response-time residuals, after van der Linden (2009): fast and slow at the same items; assumes lognormal times independent between"
    " candidates, calibrated on pairs that sat apart",
    "e_process_times": "answers with turns, and answers with response times, averaged; assumes what both assume. Known at the close only.",
}


@dataclass(frozen=True, slots=True)
class ItemEstimate:
    """An item as the exam and its prior tell it: for the next exam's prior. `answers`: that it rests on, the bank's included."""

    item: Item
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    answers: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The flags at the close, every pair told of, and the items."""

    flagged: Flagged
    pairs: tuple[PairStanding, ...]
    items: tuple[ItemEstimate, ...]


def conclude(
    running: Running,
    seating: Seating,
    candidates: Mapping[str, Candidate],
    done: Callable[[int], None] = lambda _: None,
) -> Conclusion:
    """The whole analysis of the answers as they are. All pairs are looked at, in bounded memory; takes seconds to minutes.

    `done` is called with the number of each of its STEPS, from 1 on, but for the last one, which it ends with.
    """
    plan, chosen = running.plan, running.chosen()
    if not chosen.size:
        return Conclusion(Flagged({}, ()), (), ())
    calibration = calibrate(chosen, plan.prior)
    shown = flagged(running, seating)
    likely = at_ability(calibration, chosen)
    done(1)
    screened = _screened(running, seating, likely, chosen)
    done(2)
    told, is_discovery = _worth_telling(running, seating, shown, likely, chosen, screened)
    done(3)
    statistics = statistics_of(calibration, likely, chosen, steepest_options(calibration.model), told)
    standardised = residuals(_seconds(running, candidates))
    times = time_evidence(standardised, told, inflation(standardised, _strangers(running, seating)))
    done(4)
    pairs = tuple(
        _standing(running, seating, candidates, shown, statistics, times, number, bool(is_discovery[number]))
        for number in range(len(told))
    )
    return Conclusion(shown, pairs, _items(plan, calibration, chosen))


class Further:
    """An exam played once more where not all pairs were followed: with the likeliest sources of each candidate beside the plausible ones.

    Their e-values are as valid: which ones are looked at only takes evidence away from the rest of their family, which keeps its size.
    The estimates are those that came into force the first time, at the same counts.
    """

    def __init__(self, running: Running, models: Sequence[ExamModel]) -> None:
        self.running = running
        self._models = iter(models)

    @classmethod
    def after(cls, running: Running, seating: Seating) -> Self:
        """From its beginning, with the sources that its answers speak for."""
        plan, chosen = running.plan, running.chosen()
        likely = at_ability(calibrate(chosen, plan.prior), chosen)
        added: dict[str, set[str]] = {attempt: set() for attempt in running.attempts}
        for one, other in likeliest_pairs(likely, chosen).tolist():
            names = running.attempts[one], running.attempts[other]
            if max(len(added[name]) for name in names) < _ADDED_SOURCES:
                added[names[0]].add(names[1])
                added[names[1]].add(names[0])
        neighbours = {attempt: more | seating.neighbours.get(attempt, frozenset()) for attempt, more in added.items()}
        return cls(Running(plan, neighbours, running.width + _ADDED_SOURCES), running.models)

    def take(self, answers: Sequence[Answer]) -> None:
        """Goes on until these are taken in, the exam's answers from the first on."""
        further = self.running
        while further.count < len(answers):
            further.take(answers, further.count)
            if (snapshot := further.to_estimate) is not None:
                further.expect(next(self._models, None) or estimated(further.plan, snapshot))
                further.to_estimate = None


def _screened(running: Running, seating: Seating, likely: Floats, chosen: Options) -> Whole:
    """The plausible pairs, and the likeliest of all others."""
    places = running.places
    plausible = (
        places[name]
        for one in running.attempts
        for other in seating.neighbours.get(one, ())
        if one < other and other in places
        for name in (one, other)
    )
    near = np.fromiter(plausible, np.int64).reshape(
        -1, 2
    )  # not from a list, which numpy copies without letting others run
    pairs = distinct_pairs(np.concatenate([near, likeliest_pairs(likely, chosen)]), len(chosen))
    return pairs[_are_pairs(running, seating, pairs)]


def _worth_telling(
    running: Running, seating: Seating, shown: Flagged, likely: Floats, chosen: Options, screened: Whole
) -> tuple[Whole, Truths]:
    """The pairs to tell of, and which of them BH finds by their weighted agreement within their family."""
    p_values = either_way(rarity_p_values(likely, chosen, screened), rarity_p_values(likely, chosen, screened[:, ::-1]))
    is_mutual = mutual_best(screened, -p_values, len(chosen))
    is_plausible = np.array(
        [seating.is_plausible(running.attempts[one], running.attempts[other]) for one, other in screened.tolist()],
        np.bool_,
    )
    is_discovery = np.zeros(len(screened), np.bool_)
    for family, size in zip((True, False), seating.sizes, strict=True):
        members = np.flatnonzero(is_mutual & (is_plausible == family))
        if len(members):
            is_discovery[members] = by_p_values(p_values[members], size, LEVEL)
    ranked = np.argsort(p_values, kind="stable")
    strong = ranked[is_mutual[ranked] & ((p_values[ranked] <= TELLING_P_VALUE) | is_discovery[ranked])][:MOST_UNFLAGGED]
    flags = np.array([(flag.copier, flag.source) for flag in shown.flags.values()], np.int64).reshape(-1, 2)
    told = distinct_pairs(np.concatenate([flags, screened[strong]]), len(chosen))
    discovered = pair_codes(screened[is_discovery], len(chosen))
    return told, np.isin(pair_codes(told, len(chosen)), discovered)


def _standing(
    running: Running,
    seating: Seating,
    candidates: Mapping[str, Candidate],
    shown: Flagged,
    statistics: PairStatistics,
    times: TimeEvidence,
    number: int,
    is_discovery: bool,
) -> PairStanding:
    places = later_and_earlier(running, *(int(place) for place in statistics.pairs[number]))
    told = standing(running, seating, candidates, *places, Verdict.NOTHING)
    if told.pair in shown.flags:
        told = replace(told, verdict=Verdict.FLAGGED)
    return replace(
        told, statistics=told.statistics + _closing_statistics(told, statistics, times, number, is_discovery)
    )


def _closing_statistics(
    told: PairStanding, statistics: PairStatistics, times: TimeEvidence, number: int, is_discovery: bool
) -> tuple[Statistic, ...]:
    logs = {each.method: each.log10 * np.log(10) for each in told.statistics if each.kind == "e_value"}
    log_times = times.log_e_values[number : number + 1]
    together = with_times(
        np.array([logs["e_process"]]),
        np.array([logs["e_process_answers"]]),
        TimeEvidence(log_times, times.z, times.inflation),
    )
    family = "plausible" if told.is_plausible else "other"
    found = "a discovery" if is_discovery else "no discovery"
    weighted = (
        f"rarity-weighted matches, saddlepoint tail (Lugannani & Rice 1980), twice the smaller direction; {_NORMAL}; by Benjamini–Hochberg at 5 % of the"
        f" {family} family: {found}, shown for comparison"
    )
    return (
        _p_value("omega", statistics.omega[number], ASSUMPTIONS["omega"]),
        _p_value("gbt", statistics.generalized_binomial[number], ASSUMPTIONS["gbt"]),
        _p_value("k2", statistics.k2[number], ASSUMPTIONS["k2"]),
        Statistic(
            "harpp_hogan",
            "similarity",
            float(statistics.harpp_hogan[number]),
            float("nan"),
            f"{ASSUMPTIONS['harpp_hogan']}; errors in common here: {int(statistics.errors_in_common[number])}",
        ),
        _p_value("weighted_agreement", statistics.rarity[number], weighted),
        Statistic(
            "bayes_factor",
            "bayes_factor",
            float("nan"),
            float(statistics.log_bayes_factor[number] / np.log(10)),
            ASSUMPTIONS["bayes_factor"],
        ),
        e_value("timing", float(log_times[0]), ASSUMPTIONS["timing"]),
        e_value("e_process_times", float(together[0]), ASSUMPTIONS["e_process_times"]),
    )


def _p_value(method: str, value: float, assumptions: str) -> Statistic:
    return Statistic(method, "p_value", float(value), float("nan"), assumptions)


def _seconds(running: Running, candidates: Mapping[str, Candidate]) -> Floats:
    """Seconds on each item before its first answer, (candidates, items); nan where several were saved at one moment, or the start is not known."""
    at = running.state.answered_at[:, : len(running.attempts)].T
    starts = np.array([[_start(running, candidates.get(attempt))] for attempt in running.attempts])
    order = np.argsort(at, axis=1)
    sorted_at = np.take_along_axis(at, order, axis=1)
    spent = np.diff(sorted_at, axis=1, prepend=starts)
    seconds = np.empty_like(at)
    np.put_along_axis(seconds, order, np.where(spent > 0, spent, np.nan), axis=1)
    return seconds


def _start(running: Running, candidate: Candidate | None) -> float:
    seat = candidate.seat if candidate is not None else None
    return float("nan") if seat is None else running.plan.seconds(seat.started_at_ms)


def _strangers(running: Running, seating: Seating) -> Whole:
    """Pairs that cannot have worked together, as far as seats tell; the same whenever the exam is analysed."""
    pairs = np.random.default_rng(len(running.attempts)).integers(0, len(running.attempts), (_STRANGERS, 2))
    names = ((running.attempts[one], running.attempts[other]) for one, other in pairs.tolist())
    apart = np.array([seating.is_pair(*each) and not seating.is_plausible(*each) for each in names], np.bool_)
    return pairs[apart]


def _are_pairs(running: Running, seating: Seating, pairs: Whole) -> Truths:
    names = ((running.attempts[one], running.attempts[other]) for one, other in pairs.tolist())
    return np.array([seating.is_pair(*each) for each in names], np.bool_)


def _items(plan: Plan, calibration: Calibration, chosen: Options) -> tuple[ItemEstimate, ...]:
    answers = (chosen != UNANSWERED).sum(axis=0) + plan.prior.answers
    return tuple(
        ItemEstimate(
            item,
            tuple(calibration.model.slopes[place, : len(item.option_ids)].tolist()),
            tuple(calibration.model.intercepts[place, : len(item.option_ids)].tolist()),
            int(answers[place]),
        )
        for place, item in enumerate(plan.items)
        if answers[place]
    )
