"""What proctoring needs of a paper: the rules it goes by, and the questions that collusion is looked for in. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from proto.examhall.exams.v1 import papers_pb2
from proto.examhall.proctoring.v1 import exams_pb2, signals_pb2
from services.proctoring.signals import ExamRules

# An event must fit a Kafka message; an exam that draws from a bank of thousands is searched in the questions that come first.
MAX_WATCHED_BYTES = 800_000
_TRUTHS = ("true", "false")


class Item(msgspec.Struct, frozen=True):
    """A question that is answered by choosing one option; `position` is its place among all the exam's questions, from 1."""

    question_id: str
    option_ids: tuple[str, ...]
    position: int


class Paper(msgspec.Struct, frozen=True):
    """What never changes about a frozen exam version, as proctoring sees it."""

    rules: ExamRules
    is_order_shuffled: bool
    items: tuple[Item, ...]


class Calibration(NamedTuple):
    """How a question's options were chosen in an earlier exam: for each option slope and intercept, and over how many answers."""

    options: Mapping[str, tuple[Decimal, Decimal]]
    answers: int


def read_paper(message: papers_pb2.Paper) -> Paper:
    """The paper of an exam version. Questions that are not answered by choosing one option take no part in the search for collusion."""
    settings = message.settings
    questions = [question for slot in message.slots for question in slot.questions]
    return Paper(
        ExamRules(
            proctoring=settings.proctoring,
            camera=settings.camera,
            browser_lockdown=settings.browser_lockdown,
            tab_switch_allowed=settings.tab_switch_allowed,
            copy_paste_allowed=settings.copy_paste_allowed,
            sensitivity=settings.monitoring_sensitivity or "medium",
            violation_limit=settings.violation_limit,
        ),
        settings.randomize_questions,
        tuple(
            Item(question.question_id, options, position)
            for position, question in enumerate(questions, start=1)
            if (options := _options_of(question))
        ),
    )


def rules_message(rules: ExamRules) -> signals_pb2.ExamRules:
    """The rules as events carry them."""
    return signals_pb2.ExamRules(**msgspec.structs.asdict(rules))


def merged_items(
    told: Iterable[exams_pb2.WatchedItem], items: Iterable[Item], calibrations: Mapping[str, Calibration]
) -> list[exams_pb2.WatchedItem]:
    """The watched items with those of another version added. None is taken away, no option changes its place, and priors stay as they were
    told: what was computed from them stands.
    """
    merged = {item.question_id: item for item in told}
    size = sum(item.ByteSize() for item in merged.values())
    for item in items:
        known = merged.get(item.question_id)
        options = tuple(known.option_ids) if known else ()
        added = [option for option in item.option_ids if option not in options]
        if known and not added:
            continue
        grown = _watched(item.question_id, (*options, *added), calibrations)
        size += grown.ByteSize() - (known.ByteSize() if known else 0)
        if size > MAX_WATCHED_BYTES:
            break
        merged[item.question_id] = grown
    return list(merged.values())


def _watched(
    question_id: str, options: tuple[str, ...], calibrations: Mapping[str, Calibration]
) -> exams_pb2.WatchedItem:
    item = exams_pb2.WatchedItem(question_id=question_id, option_ids=options)
    known = calibrations.get(question_id)
    if known is None or any(option not in known.options for option in options):
        return item
    item.prior_answers = known.answers
    for option in options:
        slope, intercept = known.options[option]
        item.priors.add(slope=f"{slope:f}", intercept=f"{intercept:f}")
    return item


def _options_of(question: papers_pb2.Question) -> tuple[str, ...]:
    if question.type == papers_pb2.TRUE_FALSE:
        return _TRUTHS
    return tuple(option.option_id for option in question.options) if question.type == papers_pb2.SINGLE_CHOICE else ()
