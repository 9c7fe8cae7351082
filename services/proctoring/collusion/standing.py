"""How pairs stand while the exam runs: which are shown, in what groups they hang together, and everything that is told of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.discoveries import expected_false
from services.proctoring.collusion.evidence import (
    log_answer_evidence,
    log_evidence,
    log_pace_evidence,
    sources_of,
)
from services.proctoring.collusion.explanation import METHOD, explain
from services.proctoring.collusion.facts import Candidate
from services.proctoring.collusion.flagging import (
    Flag,
    StrongPairs,
    flags_of_families,
    least_evidence,
    strong_pairs,
)
from services.proctoring.collusion.groups import groups_of
from services.proctoring.collusion.rule_of_thumb import FINISHED_WITHIN_SECONDS, LABEL, SIMILAR
from services.proctoring.collusion.running import Running
from services.proctoring.collusion.seating import Pair, Seating, ordered, plausible_by

_PER_FACTOR_OF_TEN = float(np.log(10))
_BOUND = "P(ever reaching 1/α) ≤ α under innocence, at any moment of the exam; assumes the nominal response model and answers independent given ability"
ASSUMPTIONS = {
    "e_process": f"{METHOD}; answers and turns, either direction (mean of both). {_BOUND}. Decides, by e-BH within its family.",
    "e_process_forward": f"as e_process, for this direction alone: that the later one took answers over. {_BOUND}.",
    "e_process_backward": f"as e_process, for the other direction alone. {_BOUND}.",
    "e_process_answers": f"{METHOD}; answers alone, either direction. {_BOUND}.",
    "e_process_turns": "e-process of which item is turned to just after the other answered it, either direction; assumes orders shuffled independently"
    " per candidate, and items put off alike by all.",
    "rule_of_thumb": LABEL,
}


class Verdict(StrEnum):
    """What may be said of a pair."""

    NOT_ENOUGH_YET = "not_enough_yet"
    NOTHING = "nothing"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class Statistic:
    """`kind`: e_value, p_value, bayes_factor or similarity. `log10` of the first and third, `value` of the others; nan where there is none."""

    method: str
    kind: str
    value: float
    log10: float
    assumptions: str


@dataclass(frozen=True, slots=True)
class SpokenItem:
    """A question both answered, by id; times in ms since 1970."""

    question_id: str
    log10_evidence: float
    source_at_ms: int
    copier_at_ms: int


@dataclass(frozen=True, slots=True)
class PairStanding:
    """A pair of attempts as it is told. `log10_e_value` is the one that decides."""

    copier: str
    source: str
    verdict: Verdict
    is_plausible: bool
    plausible_by: tuple[str, ...]
    log10_e_value: float
    expected_false: float
    statistics: tuple[Statistic, ...]
    items: tuple[SpokenItem, ...]
    items_compared: int

    @property
    def pair(self) -> Pair:
        """Its name, whichever way it points."""
        return ordered(self.copier, self.source)


@dataclass(frozen=True, slots=True)
class GroupStanding:
    """Attempts that flagged pairs tie together, in the order of their ids; `likely_source` is empty where none stands out."""

    members: tuple[str, ...]
    likely_source: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """The flags of one moment, most evidence first, by pair; and their groups."""

    flags: Mapping[Pair, Flag]
    groups: tuple[GroupStanding, ...]


def flagged(running: Running, seating: Seating) -> Flagged:
    """Whom e-BH finds now, in both families."""
    table, sources = running.refresh(), running.state.sources
    sizes = [size for size in seating.sizes if size > 0]
    if not sizes or not len(table):
        return Flagged({}, ())
    least = least_evidence(table, min(sizes))
    if least == float("inf"):
        return Flagged({}, ())
    found = _real_pairs(strong_pairs(table, sources[: len(table)], least), running, seating)
    names = [(running.attempts[one], running.attempts[other]) for one, other in found.pairs.tolist()]
    is_plausible = np.array([seating.is_plausible(*each) for each in names], np.bool_)
    shown = flags_of_families(found, is_plausible, seating.sizes, len(table))
    by_pair = {ordered(running.attempts[flag.copier], running.attempts[flag.source]): flag for flag in shown}
    return Flagged(by_pair, _groups(running, shown))


def standing(
    running: Running, seating: Seating, candidates: Mapping[str, Candidate], copier: int, source: int, verdict: Verdict
) -> PairStanding:
    """All that the running evidence says of one pair of places, the likelier direction being copier ← source."""
    forth, back = _read(running, copier, source), _read(running, source, copier)
    either, answers, turns = (
        float(np.logaddexp(one, other) - np.log(2)) for one, other in zip(forth, back, strict=True)
    )
    names = running.attempts[copier], running.attempts[source]
    is_plausible = seating.is_plausible(*names)
    size = seating.sizes[0 if is_plausible else 1]
    explanation = explain(running.state, running.model, copier, source, either, size)
    return PairStanding(
        *names,
        verdict if explanation.items else Verdict.NOT_ENOUGH_YET,
        is_plausible,
        _plausible_by(seating, candidates, *names) if is_plausible else (),
        either / _PER_FACTOR_OF_TEN,
        float(expected_false(np.array([either]), size)[0]),
        (
            e_value("e_process", either),
            e_value("e_process_forward", forth[0]),
            e_value("e_process_backward", back[0]),
            e_value("e_process_answers", answers),
            *([e_value("e_process_turns", turns)] if running.model.order_weights is not None else []),
            _rule_of_thumb(running, candidates, copier, source),
        ),
        tuple(
            SpokenItem(
                running.plan.items[each.item].question_id,
                each.log_factor / _PER_FACTOR_OF_TEN,
                _at_ms(running, each.item, source),
                _at_ms(running, each.item, copier),
            )
            for each in explanation.items
        ),
        len(explanation.items),
    )


def no_standing(pair: Pair) -> PairStanding:
    """A pair that is compared no more, since one of them turned out to take no part: nothing is said of it."""
    return PairStanding(*pair, Verdict.NOTHING, False, (), 0.0, float("nan"), (), (), 0)


def e_value(method: str, log: float, assumptions: str = "") -> Statistic:
    """An e-value as a statistic; `log` is natural."""
    log10 = log / _PER_FACTOR_OF_TEN
    return Statistic(method, "e_value", float("nan"), log10, assumptions or ASSUMPTIONS[method])


def later_and_earlier(running: Running, one: int, other: int) -> tuple[int, int]:
    """Two places as copier and source: the likelier direction."""
    is_forth = _read(running, one, other)[0] >= _read(running, other, one)[0]
    return (one, other) if is_forth else (other, one)


def _read(running: Running, copier: int, source: int) -> tuple[float, float, float]:
    """log e-values of answers and turns together, of answers, and of turns; nought where that source is not followed."""
    column = np.flatnonzero(sources_of(running.state, copier) == source)
    if not len(column):
        return 0.0, 0.0, 0.0
    place = slice(int(column[0]), int(column[0]) + 1)
    read = (log_evidence, log_answer_evidence, log_pace_evidence)
    together, answers, turns = (float(each(running.state, copier, place)[0]) for each in read)
    return together, answers, turns


def _real_pairs(found: StrongPairs, running: Running, seating: Seating) -> StrongPairs:
    real = np.array(
        [seating.is_pair(running.attempts[one], running.attempts[other]) for one, other in found.pairs.tolist()],
        np.bool_,
    )
    return StrongPairs(found.pairs[real], found.log_forth[real], found.log_back[real])


def _groups(running: Running, shown: Sequence[Flag]) -> tuple[GroupStanding, ...]:
    pairs = np.array([(flag.copier, flag.source) for flag in shown], np.int64).reshape(-1, 2)
    forth = np.array([flag.log_copies for flag in shown])
    back = np.array([flag.log_is_copied for flag in shown])
    return tuple(
        GroupStanding(
            tuple(sorted(running.attempts[member] for member in group.members)),
            "" if group.source is None else running.attempts[group.source],
        )
        for group in groups_of(pairs, forth, back, len(running.attempts))
    )


def _plausible_by(seating: Seating, candidates: Mapping[str, Candidate], one: str, other: str) -> tuple[str, ...]:
    seats = [candidates[each].seat if each in candidates else None for each in (one, other)]
    return plausible_by(seats[0], seats[1], (seating.rooms.get(one, ""), seating.rooms.get(other, "")))


def _rule_of_thumb(running: Running, candidates: Mapping[str, Candidate], copier: int, source: int) -> Statistic:
    own, theirs = running.state.current[:, copier], running.state.current[:, source]
    both = (own != UNANSWERED) & (theirs != UNANSWERED)
    share = float((own[both] == theirs[both]).mean()) if both.any() else 0.0
    ends = [_submitted_at_ms(candidates.get(running.attempts[place])) for place in (copier, source)]
    if ends[0] is None or ends[1] is None:
        said = "not both have submitted"
    else:
        is_met = share > SIMILAR and abs(ends[0] - ends[1]) < FINISHED_WITHIN_SECONDS * 1000
        said = "met" if is_met else "not met"
    return Statistic("rule_of_thumb", "similarity", share, float("nan"), f"{LABEL}; here: {said}")


def _submitted_at_ms(candidate: Candidate | None) -> int | None:
    return candidate.seat.submitted_at_ms if candidate is not None and candidate.seat is not None else None


def _at_ms(running: Running, item: int, place: int) -> int:
    return round(float(running.state.answered_at[item, place]) * 1000) + running.plan.exam.opened_at_ms
