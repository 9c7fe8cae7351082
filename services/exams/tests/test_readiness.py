"""Each rule of publishing, broken alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from chassis.ids import new_id
from chassis.rpc import MAX_MESSAGE_BYTES
from proto.examhall.attempts.v1.attempts_pb2 import Submission
from proto.examhall.attempts.v1.events_pb2 import Choice, Response, SavedAnswer
from services.exams.audience import Audience
from services.exams.content import (
    ExamContent,
    ExamSettings,
    Kind,
    MultipleSelectRule,
    NumericKey,
    Option,
    Question,
    QuestionType,
    Slot,
    Window,
)
from services.exams.papers import answer_key_of, paper_of
from services.exams.readiness import (
    MAX_ANSWER_BYTES,
    MAX_PAPER_BYTES,
    MAX_QUESTIONS,
    exam_faults,
    question_faults,
    schedule_faults,
)
from services.exams.tests.strategies import points, questions

ALL_OR_NOTHING, PARTIAL = MultipleSelectRule.ALL_OR_NOTHING, MultipleSelectRule.PARTIAL_CREDIT
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def option(text: str, is_correct: bool = False, credit: str | None = None) -> Option:
    return Option(id=new_id(), text=text, is_correct=is_correct, credit=None if credit is None else Decimal(credit))


RIGHT, WRONG = option("right", True), option("wrong")
COMPLETE: dict[QuestionType, dict[str, Any]] = {
    QuestionType.SINGLE_CHOICE: {"options": (RIGHT, WRONG)},
    QuestionType.MULTIPLE_SELECT: {"options": (RIGHT, option("too", True), WRONG)},
    QuestionType.TRUE_FALSE: {"correct_truth": False},
    QuestionType.SHORT_ANSWER: {"accepted_forms": ("creep",)},
    QuestionType.NUMERIC: {"numeric": NumericKey(value=Decimal("9.81"))},
    QuestionType.ESSAY: {},
}


def a_question(kind: str = "single_choice", **values: Any) -> Question:
    """A complete question of two points."""
    given = {"id": new_id(), "text": "?", "points": Decimal(2), **COMPLETE[QuestionType(kind)], **values}
    return Question(type=QuestionType(kind), **given)


def an_exam(*slots: Slot, **settings: Any) -> ExamContent:
    return ExamContent(
        exam_id=new_id(),
        title="T",
        subject="S",
        kind=Kind.EXAM,
        instructions="",
        settings=ExamSettings(**settings),
        slots=slots,
    )


def fixed(question: Question) -> Slot:
    return Slot(draw=1, questions=(question,))


def broken(question: Question, rule: MultipleSelectRule = ALL_OR_NOTHING) -> list[tuple[str, str]]:
    return [(fault.field, fault.rule) for fault in question_faults(question, rule)]


@pytest.mark.parametrize("kind", QuestionType)
def test_a_complete_question_has_no_fault(kind: QuestionType) -> None:
    for rule in MultipleSelectRule:
        assert broken(a_question(kind), rule) == []


@pytest.mark.parametrize(
    ("kind", "values", "fault"),
    [
        ("essay", {"text": "  "}, ("text", "required")),
        ("essay", {"points": Decimal(0)}, ("points", "positive")),
        ("essay", {"penalty": Decimal(1)}, ("penalty", "no_wrong_answer")),
        ("true_false", {"penalty": Decimal("2.01")}, ("penalty", "range")),
        ("true_false", {"penalty": Decimal("-0.01")}, ("penalty", "range")),
        ("single_choice", {"options": (RIGHT,)}, ("options", "at_least_two")),
        ("single_choice", {"options": (WRONG, option("b"))}, ("options", "exactly_one_correct")),
        ("single_choice", {"options": (RIGHT, option("b", True))}, ("options", "exactly_one_correct")),
        ("single_choice", {"options": (RIGHT, WRONG, option(" "))}, ("options.2.text", "required")),
        ("single_choice", {"options": (RIGHT, WRONG, option("wrong "))}, ("options.2.text", "repeated")),
        ("single_choice", {"options": (option("a", True, "1"), WRONG)}, ("options.0.credit", "multiple_select_only")),
        ("multiple_select", {"options": (WRONG, option("b"))}, ("options", "at_least_one_correct")),
        ("multiple_select", {"options": (RIGHT, option("b", False, "1"))}, ("options.1.credit", "correct_only")),
        ("true_false", {"correct_truth": None}, ("correct_truth", "required")),
        ("short_answer", {"accepted_forms": (" ",)}, ("accepted_forms", "at_least_one")),
        ("numeric", {"numeric": None}, ("numeric", "required")),
        (
            "numeric",
            {"numeric": NumericKey(value=Decimal(1), absolute_tolerance=Decimal(-1))},
            ("numeric.absolute_tolerance", "not_negative"),
        ),
        (
            "numeric",
            {"numeric": NumericKey(value=Decimal(1), relative_tolerance=Decimal(-1))},
            ("numeric.relative_tolerance", "not_negative"),
        ),
        ("numeric", {"numeric": NumericKey(value=Decimal(1), unit_required=True)}, ("numeric.unit", "required")),
    ],
)
def test_each_rule_of_a_question_names_its_field(kind: str, values: dict[str, Any], fault: tuple[str, str]) -> None:
    assert broken(a_question(kind, **values)) == [fault]


@pytest.mark.parametrize(
    ("credits", "fault"),
    [(("1", None), "credit_for_all"), (("1", "0.5"), "credit_sum"), (("2", "0.01"), "credit_sum")],
)
def test_credits_are_for_all_correct_options_and_add_up_to_the_points(
    credits: tuple[str | None, ...], fault: str
) -> None:
    options = tuple(option(str(place), True, credit) for place, credit in enumerate(credits))
    question = a_question("multiple_select", options=(*options, WRONG))
    assert broken(question, PARTIAL) == [("options", fault)]
    assert broken(question, ALL_OR_NOTHING) == []


@given(points)
def test_other_points_for_a_question_never_break_a_rule_of_its_credits(other: Decimal) -> None:
    thirds = tuple(option(str(n), True, credit) for n, credit in enumerate(("0.01", "0.02", "2.97")))
    several = a_question("multiple_select", points=Decimal(3), options=thirds)
    assert broken(several.worth(other), PARTIAL) == []


def test_an_image_is_enough_for_a_question_and_an_option() -> None:
    pictures = tuple(Option(id=new_id(), image_url=f"/media/{name}.png", is_correct=name == "a") for name in ("a", "b"))
    assert broken(a_question(text="", image_url="/media/q.png", options=pictures)) == []


def test_an_exam_without_questions_is_not_ready() -> None:
    assert [fault[:2] for fault in exam_faults(an_exam())] == [("slots", "at_least_one")]


def test_settings_out_of_range_are_named() -> None:
    exam = an_exam(fixed(a_question()), duration_seconds=0, passing_percentage=Decimal(101))
    assert [fault[:2] for fault in exam_faults(exam)] == [
        ("settings.duration_seconds", "positive"), ("settings.passing_percentage", "range"),
    ]  # fmt: skip


def test_faults_of_questions_name_the_place_and_the_question() -> None:
    wrong = a_question("numeric", numeric=None)
    [fault] = exam_faults(an_exam(fixed(a_question()), fixed(wrong)))
    assert (fault.field, fault.rule, fault.question_id) == ("slots.1.question.numeric", "required", wrong.id)


def test_a_draw_needs_enough_questions_worth_the_same() -> None:
    pool = Slot(draw=3, questions=(a_question(), a_question(points=Decimal(1))))
    assert [fault[:2] for fault in exam_faults(an_exam(pool))] == [
        ("slots.0.draw", "pool_too_small"), ("slots.0.draw", "equal_points"),
    ]  # fmt: skip


def test_a_question_that_may_come_twice_is_named_where_it_comes_again() -> None:
    shared = a_question()
    exam = an_exam(Slot(draw=1, questions=(shared, a_question())), Slot(draw=1, questions=(a_question(), shared)))
    assert [(fault.field, fault.rule, fault.question_id) for fault in exam_faults(exam)] == [
        ("slots.1", "repeated", shared.id)
    ]


def test_a_paper_too_large_to_deliver_is_refused() -> None:
    many = an_exam(*(fixed(a_question()) for _ in range(MAX_QUESTIONS + 1)))
    assert [fault.rule for fault in exam_faults(many)] == ["too_many"]
    for long in (
        a_question(text="x" * (MAX_PAPER_BYTES + 1)),
        a_question(text="\N{GRINNING FACE}" * (MAX_PAPER_BYTES // 4)),
        a_question(options=(RIGHT, option("x" * MAX_PAPER_BYTES))),
        a_question("short_answer", accepted_forms=("x" * MAX_PAPER_BYTES,)),
    ):
        assert [fault.rule for fault in exam_faults(an_exam(fixed(long)))] == ["too_large"]


def test_an_exam_whose_answers_do_not_fit_together_is_refused_and_says_what_to_do() -> None:
    essays = [fixed(a_question("essay", max_characters=100_000)) for _ in range(25)]
    assert exam_faults(an_exam(*essays)) == []
    [fault] = exam_faults(an_exam(*essays, fixed(a_question("numeric"))))
    assert (fault.field, fault.rule) == ("slots", "answers_too_large")
    assert "2,500,100 characters" in fault.message
    assert "2,500,000 is the limit" in fault.message


def test_a_text_without_a_limit_counts_with_that_of_its_type_and_a_draw_with_its_longest() -> None:
    fifty = [fixed(a_question("essay")) for _ in range(50)]
    assert exam_faults(an_exam(*fifty)) == []
    pool = Slot(draw=1, questions=tuple(a_question("essay", max_characters=one) for one in (100_000, 50_000, 1)))
    assert exam_faults(an_exam(pool, *fifty[:48], fixed(a_question()))) == []
    assert [fault.rule for fault in exam_faults(an_exam(pool, *fifty[:49]))] == ["answers_too_large"]


def test_the_largest_paper_and_the_largest_submission_fit_a_message() -> None:
    texts = [f"{number:02}".ljust(190, "x") for number in range(50)]
    questions = tuple(
        a_question("multiple_select", text="?" * 400, options=tuple(option(text, True) for text in texts))
        for _ in range(MAX_QUESTIONS)
    )
    content = an_exam(Slot(draw=MAX_QUESTIONS, questions=questions))
    assert exam_faults(content) == []
    key = answer_key_of(content, 1)
    key.paper.CopyFrom(paper_of(content, 1))
    assert key.ByteSize() < MAX_MESSAGE_BYTES
    chosen = [Response(choice=Choice(option_ids=[str(each.id) for each in one.options])) for one in questions]
    typed = [Response(text="x" * (MAX_ANSWER_BYTES // MAX_QUESTIONS))] * MAX_QUESTIONS
    answers = [SavedAnswer(question_id=str(new_id()), revision=2**53, response=each) for each in (*chosen, *typed)]
    submission = Submission(question_ids=[answer.question_id for answer in answers], answers=answers)
    assert submission.ByteSize() < MAX_MESSAGE_BYTES


def schedule(**values: Any) -> list[tuple[str, str]]:
    given = {
        "kind": Kind.EXAM, "window": Window(), "max_attempts": 1, "audience": Audience(is_everyone=True), "at": AT, **values
    }  # fmt: skip
    return [(fault.field.removeprefix("schedule."), fault.rule) for fault in schedule_faults(**given)]


def test_a_schedule_is_in_order_not_past_for_somebody_and_limited_but_for_practice() -> None:
    assert schedule() == []
    assert schedule(window=Window(AT + HOUR, AT + 2 * HOUR)) == []
    assert schedule(window=Window(AT + HOUR, AT + HOUR)) == [("closes_at", "order")]
    assert schedule(window=Window(None, AT)) == [("closes_at", "past")]
    assert schedule(window=Window(None, AT), at=None) == []
    assert schedule(audience=Audience()) == [("audience", "empty")]
    assert schedule(max_attempts=0) == [("max_attempts", "practice_only")]
    assert schedule(max_attempts=0, kind=Kind.PRACTICE) == []


@given(questions())
def test_a_question_without_points_text_or_key_never_passes(question: Question) -> None:
    assert question_faults(structs.replace(question, points=Decimal(0)), ALL_OR_NOTHING)
    assert question_faults(structs.replace(question, text="", image_url=""), ALL_OR_NOTHING)
    keyless = structs.replace(question, options=(), correct_truth=None, accepted_forms=(), numeric=None)
    assert question_faults(keyless, PARTIAL) or question.type is QuestionType.ESSAY
