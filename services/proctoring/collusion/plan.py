"""A watched exam as the statistics number it: items, options and priors by place, and its answers in the one order in which they count."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.facts import Candidate, Item, Save, Seated, WatchedExam, mark
from services.proctoring.collusion.options import OptionModel, Prior

# An item with more options than any choice has is left out: it would widen the tables of all others.
MOST_OPTIONS = 40


class Answer(msgspec.Struct, frozen=True, order=True, gc=False):
    """One save of a watched item. Sorted as the fields are: by time, then attempt, item and revision, so everybody sorts them alike."""

    at_ms: int
    attempt_id: str
    question: bytes
    revision: int
    item: int
    option: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Items in the exam's order. `places`: of each item's mark; `options`: of each option's mark, item by item."""

    exam: WatchedExam
    items: tuple[Item, ...]
    places: Mapping[bytes, int]
    options: tuple[Mapping[bytes, int], ...]
    prior: Prior

    @classmethod
    def of(cls, exam: WatchedExam) -> Self:
        """Items with a single option, or far too many, take no part."""
        items = tuple(item for item in exam.items if 2 <= len(item.option_ids) <= MOST_OPTIONS)
        return cls(
            exam,
            items,
            {mark(item.question_id): place for place, item in enumerate(items)},
            tuple({mark(option): place for place, option in enumerate(item.option_ids)} for item in items),
            _prior_of(items),
        )

    def takes_part(self, seat: Seated | None) -> bool:
        """Whether an attempt is compared with others. Who sits a version that is not proctored was promised not to be; a seat not heard of yet says nothing."""
        versions = self.exam.versions
        return not versions or seat is None or not seat.exam_version or seat.exam_version in versions

    def taking_part(self, candidates: Mapping[str, Candidate]) -> Mapping[str, Candidate]:
        """Those who are compared with others."""
        return {attempt: candidate for attempt, candidate in candidates.items() if self.takes_part(candidate.seat)}

    def seconds(self, at_ms: int) -> float:
        """Since the exam opened."""
        return (at_ms - self.exam.opened_at_ms) / 1000

    def answer(self, attempt_id: str, question: bytes, save: Save) -> Answer | None:
        """The save as an answer; None where its item or option takes no part."""
        item = self.places.get(question)
        if item is None:
            return None
        option = self.options[item].get(save.option) if save.option else UNANSWERED
        return None if option is None else Answer(save.at_ms, attempt_id, question, save.revision, item, option)

    def answers(self, candidates: Mapping[str, Candidate]) -> list[Answer]:
        """All answers of these candidates, in their order. Sorted minute by minute: one long sort would stop all other threads meanwhile."""
        by_minute: defaultdict[int, list[Answer]] = defaultdict(list)
        for answer in self._answers(candidates):
            by_minute[answer.at_ms // 60_000].append(answer)
        return [answer for minute in sorted(by_minute) for answer in sorted(by_minute[minute])]

    def _answers(self, candidates: Mapping[str, Candidate]) -> Iterable[Answer]:
        for attempt_id, candidate in candidates.items():
            for question, saves in candidate.saves.items():
                for save in saves:
                    answer = self.answer(attempt_id, question, save)
                    if answer is not None:
                        yield answer


def _prior_of(items: tuple[Item, ...]) -> Prior:
    """The bank's where it knows an item, else nothing."""
    width = max((len(item.option_ids) for item in items), default=2)
    offered = np.zeros((len(items), width), np.bool_)
    slopes, intercepts = np.zeros((len(items), width)), np.zeros((len(items), width))
    answers = np.zeros(len(items), np.int64)
    for place, item in enumerate(items):
        count = len(item.option_ids)
        offered[place, :count] = True
        if len(item.slopes) == count == len(item.intercepts):
            slopes[place, :count], intercepts[place, :count] = item.slopes, item.intercepts
            answers[place] = item.prior_answers
    unknown = Prior.of_unknown(offered)
    bank = Prior.from_bank(OptionModel(slopes, intercepts, offered), answers)
    return Prior(
        bank.model,
        np.where(answers > 0, bank.slope_precision, unknown.slope_precision),
        np.where(answers > 0, bank.intercept_precision, unknown.intercept_precision),
        answers,
    )
