"""The numbers of one running exam, computed from its answers in their order.

A candidate's place in the arrays is the order of first answers, and estimates of the items come into force at counts fixed by `schedule`, so the numbers
are a function of the answers alone. Up to MOST_FOR_ALL_PAIRS candidates every pair is followed; beyond, the plausible sources of each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options
from services.proctoring.collusion.evidence import (
    MOST_FOR_ALL_PAIRS,
    NOBODY,
    ExamModel,
    RunningEvidence,
    follow,
    log_evidence,
    relearn,
    take_answer,
)
from services.proctoring.collusion.families import MOST_NEIGHBOURS
from services.proctoring.collusion.options import calibrate
from services.proctoring.collusion.pace import order_weights
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.schedule import in_force, next_estimate

_FIRST_PLACES = 64
# Places are added by a quarter, so that few stay empty.
_GROWTH = 1.25


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the items are estimated from: present answers (candidates, items), and when first ones were given (items, candidates)."""

    chosen: Options
    answered_at: Floats


def estimated(plan: Plan, snapshot: Snapshot) -> ExamModel:
    """The items anew. Takes a while in a large exam; touches nothing that others use."""
    weights = order_weights(snapshot.answered_at) if plan.exam.is_order_shuffled else None
    return ExamModel.of(calibrate(snapshot.chosen, plan.prior), weights)


class Running:
    """`width` 0: all pairs; else so many named sources a candidate, at most. `neighbours`: whom a candidate is compared with where sources are named.

    `models`: the estimates that have come into force, one after the other.
    """

    def __init__(
        self,
        plan: Plan,
        neighbours: Mapping[str, Collection[str]],
        width: int = 0,
    ) -> None:
        self.plan = plan
        self.width = width
        self.neighbours = neighbours
        nothing = Snapshot(np.full((1, len(plan.items)), UNANSWERED, np.int8), np.empty((len(plan.items), 0)))
        self.model = estimated(plan, nothing)
        self.models: list[ExamModel] = []
        self.state = RunningEvidence.begin(_FIRST_PLACES, len(plan.items), self.model, width)
        self.table = _empty_table(self.state)
        self.attempts: list[str] = []
        self.places: dict[str, int] = {}
        self.count = 0
        self.as_of_ms = 0
        self.to_estimate: Snapshot | None = None
        self._expected: ExamModel | None = None
        self._in_force_at: int | None = None
        self._estimate_at = next_estimate(0)
        self._revisions = np.full((_FIRST_PLACES, len(plan.items)), -1, np.int64)
        self._changed: set[int] = set()

    def copied(self) -> "Running":
        """One that goes on by itself from here."""
        other = copy(self)
        other.state = RunningEvidence(**{name: array.copy() for name, array in self.state.arrays().items()})
        other.table, other._revisions = self.table.copy(), self._revisions.copy()
        other.attempts, other.places, other.models = list(self.attempts), dict(self.places), list(self.models)
        other._changed = set(self._changed)
        return other

    @property
    def is_full(self) -> bool:
        """All pairs are followed, and there is no place for another candidate."""
        return self.width == 0 and len(self.attempts) == MOST_FOR_ALL_PAIRS

    @property
    def is_waiting(self) -> bool:
        """No further answer can be taken before the estimate under way is handed in (`expect`)."""
        return self.count == self._in_force_at and self._expected is None

    def take(self, answers: Sequence[Answer], start: int = 0) -> int:
        """Takes answers in, in order, from the `start`th on; gives how far it came.

        Stops where an estimate is to be made (`to_estimate`), where one is waited for (`is_waiting`), and where there is no place for a candidate.
        """
        for number in range(start, len(answers)):
            if self.count == self._in_force_at:
                if self._expected is None:
                    return number
                self._put_in_force(self._expected)
            answer = answers[number]
            if answer.attempt_id not in self.places:
                if self.is_full:
                    return number
                self._give_place(answer.attempt_id)
            self._take(answer)
            if self.count == self._estimate_at:
                self.to_estimate = self._snapshot()
                self._in_force_at, self._estimate_at = in_force(self.count), next_estimate(self.count)
                return number + 1
        return len(answers)

    def expect(self, model: ExamModel) -> None:
        """Hands in the estimate made from `to_estimate`."""
        self._expected = model

    def compare_with(self, neighbours: Mapping[str, Collection[str]]) -> bool:
        """Names other sources. False: some of them have answered before, and the numbers must be computed anew to know what that would have meant."""
        self.neighbours = neighbours
        if not self.width:
            return True
        were_known = [self._rename(attempt_id, place) for attempt_id, place in self.places.items()]
        return all(were_known)

    def follows(self, one: str, other: str) -> bool:
        """Whether there is evidence on a pair, either way."""
        places = [self.places.get(each) for each in (one, other)]
        if self.width == 0 or None in places:
            return self.width == 0
        (first, second) = places
        return bool((self.state.sources[first] == second).any() or (self.state.sources[second] == first).any())

    def refresh(self) -> Floats:
        """The log e-values of all candidates with a place, (candidates, width), after computing the rows that have changed."""
        for place in self._changed:
            self.table[place] = log_evidence(self.state, place)
        self._changed.clear()
        return self.table[: len(self.attempts)]

    def chosen(self) -> Options:
        """Present answers, (candidates, items)."""
        return np.ascontiguousarray(self.state.current[:, : len(self.attempts)].T)

    def _take(self, answer: Answer) -> None:
        self.count += 1
        self.as_of_ms = answer.at_ms
        place = self.places[answer.attempt_id]
        if self._revisions[place, answer.item] >= answer.revision:
            return
        self._revisions[place, answer.item] = answer.revision
        at = self.plan.seconds(answer.at_ms)
        if take_answer(self.state, self.model, place, answer.item, answer.option, at):
            self._changed.add(place)

    def _give_place(self, attempt_id: str) -> None:
        place = len(self.attempts)
        if place == len(self.table):
            self._grow()
        self.attempts.append(attempt_id)
        self.places[attempt_id] = place
        if self.width:
            for other in self._places_of(self.neighbours.get(attempt_id, ())):
                follow(self.state, place, other)
                follow(self.state, other, place)

    def _grow(self) -> None:
        size = int(_GROWTH * len(self.table))
        self.state = self.state.grown(size if self.width else min(size, MOST_FOR_ALL_PAIRS), self.model)
        larger = _empty_table(self.state)
        larger[: len(self.table), : self.table.shape[1]] = self.table
        revisions = np.full((len(larger), len(self.plan.items)), -1, np.int64)
        revisions[: len(self.table)] = self._revisions
        self.table, self._revisions = larger, revisions

    def _rename(self, attempt_id: str, place: int) -> bool:
        row = self.state.sources[place]
        wanted = set(self._places_of(self.neighbours.get(attempt_id, ())))
        known = set(row.tolist()) - {NOBODY}
        for lost in known - wanted:
            column = int(np.flatnonzero(row == lost)[0])
            row[column] = NOBODY
            self.state.log_wealth[place, :, column] = self.state.log_pace[place, :, column] = 0.0
            self._changed.add(place)
        return wanted <= known

    def _places_of(self, attempts: Iterable[str]) -> list[int]:
        return sorted(self.places[each] for each in attempts if each in self.places)

    def _snapshot(self) -> Snapshot:
        return Snapshot(self.chosen(), self.state.answered_at[:, : len(self.attempts)].copy())

    def _put_in_force(self, model: ExamModel) -> None:
        self.model, self._expected, self._in_force_at = model, None, None
        self.models.append(model)
        relearn(self.state, model)


def width_for(candidates: int) -> int:
    """Every pair is followed as long as that is affordable; beyond, as many sources as plausible ones are named."""
    return 0 if candidates <= MOST_FOR_ALL_PAIRS else MOST_NEIGHBOURS


def _empty_table(state: RunningEvidence) -> Floats:
    candidates, _, width = state.log_wealth.shape
    return np.zeros((candidates, width))
