"""One simulated exam seen by every statistic: while it runs, and at its close."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.collusion.generator import ROOM, Plan, SimulatedExam, simulate
from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Truths, Whole
from services.proctoring.collusion.closing import PairStatistics, likeliest_pairs, statistics_of
from services.proctoring.collusion.discoveries import LEVEL, both_directions
from services.proctoring.collusion.evidence import (
    ExamModel,
    RunningEvidence,
    log_answer_evidence,
    log_evidence,
    relearn,
    take_answer,
)
from services.proctoring.collusion.families import pair_codes
from services.proctoring.collusion.indices import at_ability
from services.proctoring.collusion.options import Prior, calibrate, steepest_options
from services.proctoring.collusion.pace import order_weights
from services.proctoring.collusion.response_times import inflation, residuals, time_evidence, with_times

# The items are estimated anew after so many answers, as a running service would.
_ANSWERS_PER_ESTIMATE = 2500


@dataclass(frozen=True, slots=True)
class Watched:
    """What the running evidence had found, (candidates, candidates) of log e-values by copier and source.

    `answers`, `all_evidence`: at the close, from answers alone, and with the turns. Of those in one room also `highest`, the most that answers alone
    ever showed, and `decided_after`: the share of the copier's items answered when `all_evidence` first reached the bar, nan: never.
    """

    answers: Floats
    all_evidence: Floats
    highest: Floats
    decided_after: Floats


@dataclass(frozen=True, slots=True)
class Family:
    """One family of a trial: its size, which of its listed pairs are guilty and which innocent, and their statistics.

    Pairs of two who copied from one third are neither. Of the far family only the screened pairs are listed, guilty ones that the screen lost
    counting as not found (`lost`).
    """

    size: int
    guilty: Truths
    innocent: Truths
    lost: int
    closing: PairStatistics
    log_answers: Floats
    log_all: Floats
    log_with_times: Floats
    decided_after: Floats


@dataclass(frozen=True, slots=True)
class Trial:
    """Both families of one exam, and the highest log e-value each innocent ordered pair of the plausible family ever showed."""

    plausible: Family
    far: Family
    highest_innocent: Floats
    final_innocent: Floats


def run(plan: Plan, random: Generator) -> Trial:
    """Simulates and examines one exam; every model is estimated from the contaminated exam itself, without a bank and without the answer key."""
    exam = simulate(plan, random)
    prior = Prior.of_unknown(exam.truth.offered)
    calibration = calibrate(exam.chosen, prior)
    key = steepest_options(calibration.model)
    likely = at_ability(calibration, exam.chosen)
    count = plan.candidates
    plausible_codes = pair_codes(exam.neighbours, count)
    others = likeliest_pairs(likely, exam.chosen)
    others = others[~np.isin(pair_codes(others, count), plausible_codes)]
    size = count * (count - 1) // 2 - len(exam.neighbours)
    standardised = residuals(exam.seconds)
    strangers = random.integers(0, count, (20_000, 2))
    kappa = inflation(standardised, strangers[exam.rooms[strangers[:, 0]] != exam.rooms[strangers[:, 1]]])
    watched = watch(exam, prior, np.log(2 * len(exam.neighbours) / LEVEL))

    def family(pairs: Whole, of: int) -> Family:
        codes = pair_codes(pairs, count)
        guilty = np.isin(codes, pair_codes(exam.copied, count))
        here = np.isin(pair_codes(exam.copied, count), plausible_codes) == (pairs is exam.neighbours)
        log_answers, log_all = _pairwise(watched.answers, pairs), _pairwise(watched.all_evidence, pairs)
        return Family(
            of,
            guilty,
            exam.is_innocent(pairs),
            int(here.sum() - guilty.sum()),
            statistics_of(calibration, likely, exam.chosen, key, pairs),
            log_answers,
            log_all,
            with_times(log_all, log_answers, time_evidence(standardised, pairs, kappa)),
            np.fmin(watched.decided_after[pairs[:, 0], pairs[:, 1]], watched.decided_after[pairs[:, 1], pairs[:, 0]]),
        )

    honest = exam.neighbours[exam.is_innocent(exam.neighbours)]
    highest = np.concatenate([watched.highest[honest[:, 0], honest[:, 1]], watched.highest[honest[:, 1], honest[:, 0]]])
    final = np.concatenate([watched.answers[honest[:, 0], honest[:, 1]], watched.answers[honest[:, 1], honest[:, 0]]])
    return Trial(family(exam.neighbours, len(exam.neighbours)), family(others, size), highest, final)


def watch(exam: SimulatedExam, prior: Prior, bar: float) -> Watched:
    """Plays the exam's answers in their order to the running evidence of all pairs."""
    count, items = exam.chosen.shape
    model = ExamModel.of(calibrate(np.full((count, items), UNANSWERED, np.int8), prior), np.ones(items))
    state = RunningEvidence.begin(count, items, model)
    highest, decided = np.zeros((count, count)), np.full((count, count), np.nan)
    answered = np.zeros(count)
    for number, place in enumerate(np.argsort(exam.answered_at, axis=None)):
        if number % _ANSWERS_PER_ESTIMATE == 0 and number:
            model = ExamModel.of(calibrate(_copy(state.current.T), prior), order_weights(state.answered_at))
            relearn(state, model)
        candidate, item = divmod(int(place), items)
        answered[candidate] += 1
        at = float(exam.answered_at[candidate, item])
        if take_answer(state, model, candidate, item, int(exam.chosen[candidate, item]), at):
            first = exam.rooms[candidate] * ROOM
            room = slice(first, first + ROOM)
            np.maximum(
                highest[candidate, room], log_answer_evidence(state, candidate, room), out=highest[candidate, room]
            )
            is_new = np.isnan(decided[candidate, room]) & (log_evidence(state, candidate, room) >= bar)
            decided[candidate, room][is_new] = answered[candidate] / items
    return Watched(
        np.array([log_answer_evidence(state, each) for each in range(count)]),
        np.array([log_evidence(state, each) for each in range(count)]),
        highest,
        decided,
    )


def _pairwise(logs: Floats, pairs: Whole) -> Floats:
    return both_directions(logs[pairs[:, 0], pairs[:, 1]], logs[pairs[:, 1], pairs[:, 0]])


def _copy(chosen: Options) -> Options:
    return np.ascontiguousarray(chosen)
