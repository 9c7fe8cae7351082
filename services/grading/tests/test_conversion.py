"""From the wire to values, and back to what people read."""

from decimal import Decimal

import pytest

from proto.examhall.attempts.v1.events_pb2 import Choice, Response
from proto.examhall.exams.v1 import keys_pb2, papers_pb2
from services.grading.conversion import ExamKey, response_json, response_value, right_answer_json
from services.grading.marking import NumericKey, OptionKey, QuestionKey, QuestionType, Rules
from services.grading.tests.builders import AnExam

D = Decimal


def a_key(**values: object) -> QuestionKey:
    message = keys_pb2.QuestionKey(question_id="q", points="2.5", **values)  # type: ignore[arg-type]
    return ExamKey(keys_pb2.AnswerKey(questions=[message])).questions["q"]


def test_a_question_key_keeps_every_field_that_marking_reads() -> None:
    options = [keys_pb2.OptionKey(option_id="a", is_correct=True, credit="1.5"), keys_pb2.OptionKey(option_id="b")]
    assert a_key(type=papers_pb2.MULTIPLE_SELECT, penalty="0.25", options=options) == QuestionKey(
        "q", QuestionType.MULTIPLE_SELECT, D("2.5"), D("0.25"), (OptionKey("a", True, D("1.5")), OptionKey("b", False))
    )
    assert a_key(type=papers_pb2.TRUE_FALSE, correct_truth=True) == QuestionKey(
        "q", QuestionType.TRUE_FALSE, D("2.5"), correct_truth=True
    )
    assert a_key(type=papers_pb2.SHORT_ANSWER, accepted_forms=["x", "y"], case_sensitive=True) == QuestionKey(
        "q", QuestionType.SHORT_ANSWER, D("2.5"), accepted_forms=("x", "y"), is_case_sensitive=True
    )
    numeric = keys_pb2.NumericKey(value="9.81", absolute_tolerance="0.1", unit="m", unit_required=True)
    assert a_key(type=papers_pb2.NUMERIC, numeric=numeric) == QuestionKey(
        "q", QuestionType.NUMERIC, D("2.5"), numeric=NumericKey(D("9.81"), D("0.1"), D(0), "m", True)
    )


@pytest.mark.parametrize("multiple_select", [keys_pb2.ALL_OR_NOTHING, keys_pb2.PARTIAL_CREDIT])
@pytest.mark.parametrize("floor", [False, True])
def test_the_rules_are_read_as_they_are_set(multiple_select: int, floor: bool) -> None:
    message = keys_pb2.MarkingRules(
        multiple_select=multiple_select,  # type: ignore[arg-type]
        floor_question_at_zero=floor,
        floor_total_at_zero=not floor,
    )
    is_partial_credit = multiple_select == keys_pb2.PARTIAL_CREDIT
    assert ExamKey(keys_pb2.AnswerKey(rules=message)).rules == Rules(is_partial_credit, floor, not floor)


@pytest.mark.parametrize(
    ("type", "response", "value", "shown"),
    [
        ("single_choice", Response(choice=Choice(option_ids=["b"])), frozenset("b"), {"option_id": "b"}),
        (
            "multiple_select",
            Response(choice=Choice(option_ids=["b", "a"])),
            frozenset("ab"),
            {"option_ids": ["a", "b"]},
        ),
        ("true_false", Response(truth=False), False, {"value": False}),
        ("essay", Response(text="x\x00"), "x\x00", {"text": "x\x00"}),
        ("numeric", Response(), None, None),
    ],
)
def test_a_response_is_marked_and_shown_as_it_was_given(
    type: str, response: Response, value: object, shown: object
) -> None:
    assert response_value(response) == value
    assert response_json(type, response.SerializeToString()) == shown


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (a_key(type=papers_pb2.SINGLE_CHOICE, options=[keys_pb2.OptionKey(option_id="a", is_correct=True)]), {"option_id": "a"}),
        (a_key(type=papers_pb2.MULTIPLE_SELECT, options=[keys_pb2.OptionKey(option_id="a", is_correct=True)]), {"option_ids": ["a"]}),
        (a_key(type=papers_pb2.TRUE_FALSE), {"value": False}),
        (a_key(type=papers_pb2.SHORT_ANSWER, accepted_forms=["x", "y"]), {"text": "x", "accepted_forms": ["x", "y"]}),
        (a_key(type=papers_pb2.NUMERIC, numeric=keys_pb2.NumericKey(value="1E+2", unit="V")), {"text": "100 V"}),
        (a_key(type=papers_pb2.ESSAY), None),
    ],
)  # fmt: skip
def test_the_right_answer_is_shown_in_the_shape_of_a_response(key: QuestionKey, shown: object) -> None:
    assert right_answer_json(key) == shown


def test_a_version_without_a_pass_mark_is_passed_by_all() -> None:
    assert ExamKey(keys_pb2.AnswerKey()).passing_percentage == 0
    assert ExamKey(AnExam().key()).passing_percentage == 50
