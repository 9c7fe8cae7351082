"""From the wire to the values that marking works on, and from a stored response to the JSON that people read."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from proto.examhall.attempts.v1.events_pb2 import Response as ResponseMessage
from proto.examhall.exams.v1 import keys_pb2, papers_pb2
from services.grading.marking import NumericKey, OptionKey, QuestionKey, QuestionType, Response, Rules


@dataclass(frozen=True)
class ExamKey:
    """The answer key of one exam version, with the paper it belongs to."""

    message: keys_pb2.AnswerKey

    @cached_property
    def rules(self) -> Rules:
        """The version's marking rules."""
        rules = self.message.rules
        return Rules(
            is_partial_credit=rules.multiple_select == keys_pb2.PARTIAL_CREDIT,
            floor_question_at_zero=rules.floor_question_at_zero,
            floor_total_at_zero=rules.floor_total_at_zero,
        )

    @cached_property
    def questions(self) -> Mapping[str, QuestionKey]:
        """The key of each question that an attempt may have been given."""
        return {key.question_id: _question_key(key) for key in self.message.questions}

    @cached_property
    def notes(self) -> Mapping[str, keys_pb2.QuestionKey]:
        """Explanation, rubric and sample answer of each question, in the key's own message."""
        return {key.question_id: key for key in self.message.questions}

    @cached_property
    def paper(self) -> Mapping[str, papers_pb2.Question]:
        """Each question as students saw it."""
        return {question.question_id: question for slot in self.message.paper.slots for question in slot.questions}

    @property
    def passing_percentage(self) -> Decimal:
        """What an attempt needs to pass; nothing when the version says nothing."""
        return _decimal(self.message.paper.settings.passing_percentage)


def response_value(message: ResponseMessage) -> Response:
    """The response as marking takes it; None for one that was cleared."""
    match message.WhichOneof("kind"):
        case "choice":
            return frozenset(message.choice.option_ids)
        case "truth":
            return bool(message.truth)
        case "text":
            return str(message.text)
        case _:
            return None


def response_json(question_type: str, content: bytes) -> dict[str, Any] | None:
    """A stored response in the shape in which students send it."""
    response = response_value(ResponseMessage.FromString(content))
    match response:
        case None:
            return None
        case bool():
            return {"value": response}
        case str():
            return {"text": response}
        case _ if question_type == QuestionType.SINGLE_CHOICE:
            return {"option_id": next(iter(response), None)}
        case _:
            return {"option_ids": sorted(response)}


def right_answer_json(key: QuestionKey) -> dict[str, Any] | None:
    """The right answer in the shape of a response, with what else is accepted; None for an essay, which has none."""
    right = [option.option_id for option in key.options if option.is_correct]
    match key.type:
        case QuestionType.SINGLE_CHOICE:
            return {"option_id": right[0] if right else None}
        case QuestionType.MULTIPLE_SELECT:
            return {"option_ids": right}
        case QuestionType.TRUE_FALSE:
            return {"value": key.correct_truth}
        case QuestionType.SHORT_ANSWER:
            return {"text": next(iter(key.accepted_forms), ""), "accepted_forms": list(key.accepted_forms)}
        case QuestionType.NUMERIC if key.numeric is not None:
            return {"text": f"{key.numeric.value:f} {key.numeric.unit}".strip()}
        case _:
            return None


def _question_key(key: keys_pb2.QuestionKey) -> QuestionKey:
    return QuestionKey(
        question_id=key.question_id,
        type=QuestionType(papers_pb2.QuestionType.Name(key.type).lower()),
        points=_decimal(key.points),
        penalty=_decimal(key.penalty),
        options=tuple(
            OptionKey(option.option_id, option.is_correct, Decimal(option.credit) if option.credit else None)
            for option in key.options
        ),
        correct_truth=key.correct_truth,
        accepted_forms=tuple(key.accepted_forms),
        is_case_sensitive=key.case_sensitive,
        numeric=_numeric_key(key.numeric) if key.HasField("numeric") else None,
    )


def _numeric_key(key: keys_pb2.NumericKey) -> NumericKey:
    return NumericKey(
        value=_decimal(key.value),
        absolute_tolerance=_decimal(key.absolute_tolerance),
        relative_tolerance=_decimal(key.relative_tolerance),
        unit=key.unit,
        is_unit_required=key.unit_required,
    )


def _decimal(text: str) -> Decimal:
    return Decimal(text or 0)
