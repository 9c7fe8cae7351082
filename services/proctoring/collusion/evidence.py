"""Evidence that one candidate copies from another, gathered answer by answer while the exam runs.

For every ordered pair (copier c, source j) a wealth starts at 1. When c first answers item i with option x, and j had answered it before with u_j,
the wealth is multiplied by (1 − π) + π·1{u_j = x} / p, where p is the probability of x for c predicted from c's earlier answers alone; the
mixture over π in SHARES is the e-value. Under innocence the expected factor is 1 whatever happened before, so the wealth is a non-negative
martingale, and by Ville's inequality P(it ever reaches 1/α) ≤ α: it may be watched all the time. (Shafer 2021, "Testing by betting", JRSS A 184;
Ramdas, Grünwald, Vovk & Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38.)

Assumed: the nominal response model with its estimated parameters, and that innocent candidates answer independently given their abilities. A
common teacher's common misconception breaks that. Beside the answers, `pace` bets on which item c turns to; both live in the same state.

Only the first answer to an item is bet on: a changed answer depends on the one before in ways nobody has calibrated. What j has changed an answer
to counts for those who answer later. So a copier who answers at random first and corrects later is not seen here, but at the close.

The state is plain arrays, changed in place: `arrays()` gives all of them, `row_of` those that one answer can change; a state made from either goes
on with identical numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options
from services.proctoring.collusion.options import Calibration, log_posterior
from services.proctoring.collusion.pace import PACE_SHARES, RECENT, RECENT_SECONDS, log_pace_factors

# The shares of items that a copier may be copying: few, some, most.
SHARES: Floats = np.array([0.2, 0.4, 0.7])
# No option is taken to be rarer, so that no single answer multiplies the evidence by more than 36, however odd it is. Only lowers the evidence.
RAREST = 0.02
# Candidates up to which every ordered pair is followed live (six numbers each: 48 MB). Beyond, the plausible sources are named.
MOST_FOR_ALL_PAIRS = 1000
NOBODY = -1
ALL = slice(None)
_BY_ITEM = ("first", "current", "answered_at", "latest", "latest_at")
_LOST: Floats = np.log1p(-SHARES)[:, None]


@dataclass(frozen=True, slots=True)
class ExamModel:
    """What bets are laid on: a calibration's tables, made once for each estimate of it.

    `likely` (items, options, abilities) and its logarithm; `order_weights` (items,): by which candidates turn to items (`pace.order_weights`), None
    where all see one order, which leaves nothing to bet on.
    """

    calibration: Calibration
    likely: Floats
    log_likely: Floats
    order_weights: Floats | None

    @classmethod
    def of(cls, calibration: Calibration, order_weights: Floats | None = None) -> Self:
        """From an estimate."""
        log_likely = calibration.model.log_probabilities()
        return cls(calibration, np.exp(log_likely), log_likely, order_weights)


@dataclass(slots=True)
class RunningEvidence:
    """All that is known of one running exam. Every candidate has a place, from 0 on.

    `first`, `current` (items, candidates): first and present answers. `answered_at` (items, candidates): second of the first answer, nan before.
    `latest`, `latest_at` (RECENT, candidates): the items first answered last, and when (−inf: none yet).
    `log_belief` (candidates, abilities): what the first answers tell of ability. `sources` (candidates, width): whose answers are compared, NOBODY
    where free; without columns: everybody is, in order. `log_wealth`, `log_pace` (candidates, shares, width): what the bets have won.
    """

    first: Options
    current: Options
    answered_at: Floats
    latest: NDArray[np.int16]
    latest_at: Floats
    log_belief: Floats
    sources: NDArray[np.int32]
    log_wealth: Floats
    log_pace: Floats

    @classmethod
    def begin(cls, candidates: int, items: int, model: ExamModel, width: int = 0) -> Self:
        """Nothing answered yet. `width`: how many named sources a candidate may have (`follow`); 0: everybody is compared with everybody."""
        if width == 0 and candidates > MOST_FOR_ALL_PAIRS:
            raise ValueError(
                f"{candidates} candidates: name plausible sources, all pairs are followed for up to {MOST_FOR_ALL_PAIRS}"
            )
        return cls(
            first=np.full((items, candidates), UNANSWERED, np.int8),
            current=np.full((items, candidates), UNANSWERED, np.int8),
            answered_at=np.full((items, candidates), np.nan),
            latest=np.zeros((RECENT, candidates), np.int16),
            latest_at=np.full((RECENT, candidates), -np.inf),
            log_belief=np.tile(model.calibration.population.log_weights(), (candidates, 1)),
            sources=np.full((candidates, width), NOBODY, np.int32),
            log_wealth=np.zeros((candidates, len(SHARES), width or candidates)),
            log_pace=np.zeros((candidates, len(PACE_SHARES), width or candidates)),
        )

    def grown(self, candidates: int, model: ExamModel) -> "RunningEvidence":
        """The same with places for more candidates, who start late; nobody's evidence changes."""
        items, before = self.first.shape
        larger = RunningEvidence.begin(candidates, items, model, self.sources.shape[1])
        larger.first[:, :before] = self.first
        larger.current[:, :before] = self.current
        larger.answered_at[:, :before] = self.answered_at
        larger.latest[:, :before] = self.latest
        larger.latest_at[:, :before] = self.latest_at
        larger.log_belief[:before] = self.log_belief
        larger.sources[:before] = self.sources
        larger.log_wealth[:before, :, : self.log_wealth.shape[2]] = self.log_wealth
        larger.log_pace[:before, :, : self.log_pace.shape[2]] = self.log_pace
        return larger

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it by name, not copied; `RunningEvidence(**arrays)` goes on from there."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def row_of(self, candidate: int) -> dict[str, NDArray[Any]]:
        """Copies of all that one answer of this candidate can change, by name: what a changelog needs after each."""
        rows = {name: array[candidate] for name, array in self.arrays().items() if name not in _BY_ITEM}
        return {name: row.copy() for name, row in rows.items()} | {
            name: getattr(self, name)[:, candidate].copy() for name in _BY_ITEM
        }

    def put_row(self, candidate: int, row: Mapping[str, NDArray[Any]]) -> None:
        """Puts back what `row_of` gave, possibly when there were fewer candidates."""
        for name, values in row.items():
            place = getattr(self, name)[:, candidate] if name in _BY_ITEM else getattr(self, name)[candidate]
            place[..., : values.shape[-1]] = values


def follow(state: RunningEvidence, copier: int, source: int) -> bool:
    """Compares the copier's answers with the source's from now on, where sources are named. False: the copier has no place left for another."""
    row = state.sources[copier]
    if source in row:
        return True
    free = np.flatnonzero(row == NOBODY)
    if not len(free):
        return False
    row[free[0]] = source
    return True


def take_answer(state: RunningEvidence, model: ExamModel, candidate: int, item: int, option: int, at: float) -> bool:
    """Takes an answer in: lays the bets that it decides, then learns from it. `at`: seconds since the exam opened.

    True when evidence may have changed: it was a first answer to an item that is believed. An option of UNANSWERED clears the answer.
    """
    is_first = state.first[item, candidate] == UNANSWERED
    is_bet = bool(is_first and option != UNANSWERED and model.calibration.believed[item])
    if is_bet:
        sources = state.sources[candidate]
        if model.order_weights is not None:
            _bet_on_the_turn(state, model.order_weights, candidate, item, at, sources)
        _bet_on_the_option(state, model, candidate, item, option, at, sources)
        state.log_belief[candidate] += model.log_likely[item, option]
    if is_first and option != UNANSWERED:
        state.first[item, candidate] = option
        state.answered_at[item, candidate] = at
        oldest = int(state.latest_at[:, candidate].argmin())
        if at >= state.latest_at[oldest, candidate]:
            state.latest[oldest, candidate], state.latest_at[oldest, candidate] = item, at
    state.current[item, candidate] = option
    return is_bet


def relearn(state: RunningEvidence, model: ExamModel) -> None:
    """Believes of abilities what a new estimate of the items makes of the same first answers. What bets have won stays won."""
    calibration = model.calibration
    told = np.where(calibration.believed[:, None], state.first, UNANSWERED).T
    state.log_belief[:] = log_posterior(calibration.model, calibration.population, np.ascontiguousarray(told))


def log_evidence(state: RunningEvidence, copier: int, columns: slice = ALL) -> Floats:
    """log e-value that the copier copies from each source, (width,) or the columns wanted of it: the answers' times (1 + pace's) / 2.

    Half of pace's e-value is kept out of play, since many copy without haste; the product of the two is an e-value because each bet is fair given
    all that went before, whichever kind it is.
    """
    answers = _log_mean_exp(state.log_wealth[copier, :, columns])
    pace = _log_mean_exp(state.log_pace[copier, :, columns])
    combined: Floats = answers + np.logaddexp(0.0, pace) - np.log(2)
    return combined


def log_answer_evidence(state: RunningEvidence, copier: int, columns: slice = ALL) -> Floats:
    """log e-value from the answers alone, (width,)."""
    return _log_mean_exp(state.log_wealth[copier, :, columns])


def log_pace_evidence(state: RunningEvidence, copier: int, columns: slice = ALL) -> Floats:
    """log e-value from the turns alone, (width,)."""
    return _log_mean_exp(state.log_pace[copier, :, columns])


def sources_of(state: RunningEvidence, copier: int) -> NDArray[np.int32]:
    """Whose column is which in the copier's evidence, (width,); NOBODY where free."""
    named = state.sources[copier]
    return named if len(named) else np.arange(state.first.shape[1], dtype=np.int32)


def _bet_on_the_option(
    state: RunningEvidence,
    model: ExamModel,
    candidate: int,
    item: int,
    option: int,
    at: float,
    sources: NDArray[np.int32],
) -> None:
    belief = np.exp(state.log_belief[candidate] - state.log_belief[candidate].max())
    chance = max(RAREST, float(belief @ model.likely[item, option] / belief.sum()))
    theirs, when = state.current[item], state.answered_at[item]
    if len(sources):
        theirs, when = np.where(sources == NOBODY, UNANSWERED, theirs[sources]), when[sources]
    was_before = (theirs != UNANSWERED) & (when < at)
    is_same = was_before & (theirs == option)
    won = np.log1p(SHARES * (1 / chance - 1))[:, None]
    state.log_wealth[candidate] += _LOST * was_before + (won - _LOST) * is_same


def _bet_on_the_turn(
    state: RunningEvidence, weights: Floats, candidate: int, item: int, at: float, sources: NDArray[np.int32]
) -> None:
    items, when = state.latest, state.latest_at
    if len(sources):
        items, when = items[:, sources], np.where(sources == NOBODY, -np.inf, when[:, sources])
    is_recent = (when < at) & (when >= at - RECENT_SECONDS)
    open_weights = np.where(state.first[:, candidate] == UNANSWERED, weights, 0.0)
    state.log_pace[candidate] += log_pace_factors(open_weights, items, is_recent, item)


def _log_mean_exp(logs: Floats) -> Floats:
    highest = logs.max(axis=0)
    mean: Floats = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return mean
