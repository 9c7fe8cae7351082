"""The delivery form of an exam version, as attempts use it: read once from its message, then immutable."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from proto.examhall.exams.v1 import papers_pb2
from services.attempts.ordering import Slot, option_order, question_order
from services.attempts.responses import Answerable, Kind

_KINDS = {
    papers_pb2.SINGLE_CHOICE: Kind.SINGLE_CHOICE,
    papers_pb2.MULTIPLE_SELECT: Kind.MULTIPLE_SELECT,
    papers_pb2.TRUE_FALSE: Kind.TRUE_FALSE,
    papers_pb2.SHORT_ANSWER: Kind.SHORT_ANSWER,
    papers_pb2.NUMERIC: Kind.NUMERIC,
    papers_pb2.ESSAY: Kind.ESSAY,
}


@dataclass(frozen=True)
class Paper:
    """A frozen exam version without keys."""

    message: papers_pb2.Paper

    @property
    def settings(self) -> papers_pb2.ExamSettings:
        """The exam's settings in this version."""
        return self.message.settings

    @cached_property
    def answerable(self) -> Mapping[str, Answerable]:
        """What may be answered to each question."""
        return {identifier: _answerable(question) for identifier, question in self.questions.items()}

    @cached_property
    def questions(self) -> Mapping[str, papers_pb2.Question]:
        """Questions by id."""
        return {question.question_id: question for slot in self.message.slots for question in slot.questions}

    @cached_property
    def _slots(self) -> list[Slot]:
        return [
            Slot(slot.draw, tuple(question.question_id for question in slot.questions)) for slot in self.message.slots
        ]

    def question_ids(self, seed: bytes) -> list[str]:
        """The questions of an attempt with this seed, in its order."""
        return question_order(seed, self._slots, is_random=self.settings.randomize_questions)

    def options(self, seed: bytes, question_id: str) -> list[papers_pb2.Option]:
        """The options of a question, in the order of an attempt with this seed."""
        options = {option.option_id: option for option in self.questions[question_id].options}
        order = option_order(seed, question_id, list(options), is_random=self.settings.randomize_options)
        return [options[identifier] for identifier in order]


def _answerable(question: papers_pb2.Question) -> Answerable:
    return Answerable(
        _KINDS[question.type], frozenset(option.option_id for option in question.options), question.max_characters
    )


def kind_of(question: papers_pb2.Question) -> Kind:
    """The type of a question."""
    return _KINDS[question.type]
