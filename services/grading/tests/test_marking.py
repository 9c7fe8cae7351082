"""The marking rules, case by case and as properties."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.marking import (
    NumericKey,
    OptionKey,
    Outcome,
    QuestionKey,
    QuestionType,
    Response,
    Rules,
    mark,
    mark_attempt,
    outcome_of_points,
    total_of,
)

D = Decimal
NO_FLOOR = Rules(floor_question_at_zero=False, floor_total_at_zero=False)
PARTIAL = Rules(is_partial_credit=True)
PARTIAL_NO_FLOOR = replace(NO_FLOOR, is_partial_credit=True)


def chose(*options: str) -> frozenset[str]:
    return frozenset(options)


def a_choice(
    right: str, wrong: str, *, type: QuestionType = QuestionType.MULTIPLE_SELECT, **values: object
) -> QuestionKey:
    """Options are single letters: `a_choice("ab", "cd")` has a and b right."""
    options = tuple(OptionKey(letter, letter in right) for letter in right + wrong)
    return QuestionKey("q", type, **{"points": D(4), "penalty": D(1), "options": options, **values})  # type: ignore[arg-type]


SINGLE = a_choice("a", "bc", type=QuestionType.SINGLE_CHOICE)
MULTIPLE = a_choice("abc", "de", points=D(3))
TRUTH = QuestionKey("q", QuestionType.TRUE_FALSE, D(2), D("0.5"), correct_truth=False)
SHORT = QuestionKey("q", QuestionType.SHORT_ANSWER, D(2), D(1), accepted_forms=("Ohm's law", "ohms law"))
NUMBER = QuestionKey("q", QuestionType.NUMERIC, D(2), D(1), numeric=NumericKey(D("9.81"), D("0.01"), unit="m/s²"))
ESSAY = QuestionKey("q", QuestionType.ESSAY, D(10), D(5))


def points(key: QuestionKey, response: Response, rules: Rules = NO_FLOOR) -> Decimal | None:
    return mark(key, response, rules).points_awarded


@pytest.mark.parametrize(
    ("key", "right", "wrong", "full", "penalty"),
    [
        (SINGLE, chose("a"), chose("b"), D(4), D(-1)),
        (SINGLE, chose("a"), chose("a", "b"), D(4), D(-1)),
        (MULTIPLE, chose("a", "b", "c"), chose("a", "b"), D(3), D(-1)),
        (MULTIPLE, chose("c", "b", "a"), chose("a", "b", "c", "d"), D(3), D(-1)),
        (TRUTH, False, True, D(2), D("-0.5")),
        (SHORT, "  OHM'S   Law ", "Ohm", D(2), D(-1)),
        (NUMBER, "9.82 m/s²", "9.83", D(2), D(-1)),
    ],
)
def test_right_earns_the_points_wrong_costs_the_penalty_and_blank_neither(
    key: QuestionKey, right: Response, wrong: Response, full: Decimal, penalty: Decimal
) -> None:
    marks = [mark(key, response, NO_FLOOR) for response in (right, wrong, None)]
    assert [(each.points_awarded, each.outcome) for each in marks] == [
        (full, Outcome.CORRECT),
        (penalty, Outcome.WRONG),
        (D(0), Outcome.UNANSWERED),
    ]
    assert points(key, wrong, Rules()) == 0


@pytest.mark.parametrize("blank", [None, frozenset(), "", " \t\n\u00a0"])
def test_a_response_that_says_nothing_is_unanswered_and_an_essay_too(blank: Response) -> None:
    assert mark(ESSAY, blank, NO_FLOOR).points_awarded == 0
    assert mark(SINGLE, blank, NO_FLOOR).outcome is Outcome.UNANSWERED


def test_false_is_an_answer() -> None:
    assert mark(replace(TRUTH, correct_truth=True), False, NO_FLOOR).outcome is Outcome.WRONG


def test_an_essay_that_says_something_waits_for_a_human() -> None:
    waiting = mark(ESSAY, "Because.", NO_FLOOR)
    assert (waiting.points_awarded, waiting.outcome, waiting.max_points) == (None, Outcome.WAITING, D(10))


@pytest.mark.parametrize(
    ("chosen", "floored", "unfloored", "outcome"),
    [
        ("abc", D(3), D(3), Outcome.CORRECT),
        ("ab", D(2), D(2), Outcome.PARTIAL),
        ("abd", D(1), D(1), Outcome.PARTIAL),
        ("ad", D(0), D(0), Outcome.WRONG),
        ("de", D(0), D(-1), Outcome.WRONG),  # two shares would be -2: at least minus the penalty
        ("abcde", D(1), D(1), Outcome.PARTIAL),
        ("ax", D(0), D(0), Outcome.WRONG),  # an option that is not there is a wrong one
    ],
)
def test_partial_credit_gives_a_share_for_each_right_option_and_takes_one_for_each_wrong_one(
    chosen: str, floored: Decimal, unfloored: Decimal, outcome: Outcome
) -> None:
    assert points(MULTIPLE, chose(*chosen), PARTIAL) == floored
    assert points(MULTIPLE, chose(*chosen), PARTIAL_NO_FLOOR) == unfloored
    assert mark(MULTIPLE, chose(*chosen), PARTIAL).outcome is outcome


def test_an_options_own_credit_replaces_its_share_and_the_sum_stops_at_the_points() -> None:
    options = (OptionKey("a", True, D(3)), OptionKey("b", True, D("0.5")), OptionKey("c", False))
    key = QuestionKey("q", QuestionType.MULTIPLE_SELECT, D(3), options=options)
    assert [points(key, chose(*letters), PARTIAL) for letters in ("a", "b", "ab", "ac")] == [
        D(3),
        D("0.5"),
        D(3),
        D("1.5"),
    ]


def test_shares_are_rounded_half_even_to_two_places_for_each_question() -> None:
    thirds = replace(MULTIPLE, points=D(1))
    assert points(thirds, chose("a", "b"), PARTIAL) == D("0.67")
    eighths = a_choice("abcdefgh", "", points=D("0.2"))
    assert [points(eighths, chose(*"abcdefgh"[:count]), PARTIAL) for count in (1, 3)] == [D("0.02"), D("0.08")]


def test_partial_credit_does_not_touch_other_types() -> None:
    assert points(SINGLE, chose("a"), PARTIAL_NO_FLOOR) == 4
    assert points(SINGLE, chose("b"), PARTIAL_NO_FLOOR) == -1


@pytest.mark.parametrize("foreign", [True, "a", frozenset({"a"})])
def test_a_response_of_another_kind_is_wrong(foreign: Response) -> None:
    keys = {bool: SINGLE, str: SINGLE, frozenset: NUMBER}
    assert mark(keys[type(foreign)], foreign, NO_FLOOR).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    ("typed", "is_right"),
    [
        ("9.81", True), ("9,81", True), ("+9.80", True), ("981e-2", True), ("98.1E\u22121 m/s²", True), ("9.81m/s2", True),
        ("\u22129.81", False), ("9.79", False), ("ten", False), ("", False), ("m/s² 9.81", False), ("1e999999999999", False),
        ("9.81e" + "9" * 40, False), ("9.81 furlongs", True),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_type_them(typed: str, is_right: bool) -> None:
    assert (mark(NUMBER, typed, NO_FLOOR).outcome is Outcome.CORRECT) == is_right


def test_a_required_unit_is_compared_without_case_and_white_space() -> None:
    assert NUMBER.numeric is not None
    key = replace(NUMBER, numeric=replace(NUMBER.numeric, is_unit_required=True))
    verdicts = {
        text: mark(key, text, NO_FLOOR).outcome is Outcome.CORRECT for text in ("9.81 M / S²", "9.81", "9.81 m")
    }
    assert verdicts == {"9.81 M / S²": True, "9.81": False, "9.81 m": False}


def test_either_tolerance_suffices() -> None:
    key = replace(NUMBER, numeric=NumericKey(D(-200), D("0.5"), D("0.01")))
    verdicts = [mark(key, text, NO_FLOOR).outcome is Outcome.CORRECT for text in ("-202", "-198", "-202.01", "-200.4")]
    assert verdicts == [True, True, False, True]


def test_case_matters_when_the_author_says_so() -> None:
    key = replace(SHORT, accepted_forms=("NaCl",), is_case_sensitive=True)
    assert [points(key, text) for text in ("NaCl", " NaCl ", "nacl")] == [D(2), D(2), D(-1)]


def test_the_total_is_floored_only_by_rule_and_has_a_percentage_once_nothing_waits() -> None:
    pairs = [(D("-3.00"), D("2.00")), (D("1.00"), D("4.00"))]
    assert total_of(pairs, NO_FLOOR).score == D("-2.00")
    floored = total_of(pairs, Rules())
    assert (floored.score, floored.max_score, floored.percentage) == (D("0.00"), D("6.00"), D("0.00"))
    waiting = total_of([*pairs, (None, D("10.00"))], Rules())
    assert (waiting.percentage, waiting.waiting_count, waiting.has_passed(D(0))) == (None, 1, False)


def test_the_percentage_as_shown_decides_about_passing() -> None:
    total = total_of([(D("2.00"), D("3.00"))], Rules())
    assert total.percentage == D("66.67")
    assert total.has_passed(D("66.67"))
    assert not total.has_passed(D("66.68"))
    assert total_of([], Rules()).percentage == 0


def test_a_humans_points_tell_the_outcome() -> None:
    assert [outcome_of_points(D(given), D(4)) for given in (4, 3, 0)] == [
        Outcome.CORRECT,
        Outcome.PARTIAL,
        Outcome.WRONG,
    ]


CENTS = st.integers(0, 2000).map(lambda cents: D(cents) / 100)
RULES = st.builds(Rules, st.booleans(), st.booleans(), st.booleans())
RESPONSES: st.SearchStrategy[Response] = st.one_of(
    st.none(), st.booleans(), st.text(max_size=20), st.frozensets(st.sampled_from("abcdex")), st.decimals().map(str)
)
OPTIONS = st.lists(st.booleans(), min_size=1, max_size=5).flatmap(
    lambda correct: st.tuples(
        *(st.builds(OptionKey, st.just(letter), st.just(is_correct), st.none() | CENTS) for letter, is_correct in zip("abcde", correct, strict=False))
    )
)  # fmt: skip
NUMBERS = st.decimals(-1000, 1000, places=3)
KEYS = st.builds(
    QuestionKey,
    question_id=st.just("q"), type=st.sampled_from(QuestionType), points=CENTS, penalty=CENTS, options=OPTIONS, correct_truth=st.booleans(),
    accepted_forms=st.lists(st.text(max_size=20), max_size=3).map(tuple), is_case_sensitive=st.booleans(),
    numeric=st.builds(NumericKey, NUMBERS, CENTS, CENTS, st.sampled_from(["", "m", "kg"]), st.booleans()),
)  # fmt: skip


@given(KEYS, RESPONSES, RULES)
def test_a_mark_is_never_more_than_the_points_nor_less_than_the_rules_allow(
    key: QuestionKey, response: Response, rules: Rules
) -> None:
    marked = mark(key, response, rules)
    assert marked.max_points == key.points
    if marked.points_awarded is None:
        assert (key.type, marked.outcome) == (QuestionType.ESSAY, Outcome.WAITING)
        return
    assert (D(0) if rules.floor_question_at_zero else -key.penalty) <= marked.points_awarded <= key.points
    assert marked.points_awarded == marked.points_awarded.quantize(D("0.01"))
    assert (marked.outcome is Outcome.PARTIAL) <= (marked.points_awarded > 0)
    assert (marked.outcome is Outcome.UNANSWERED) <= (marked.points_awarded == 0)


@given(st.lists(st.tuples(KEYS, RESPONSES), max_size=8), RULES, st.randoms())
def test_the_order_of_questions_and_answers_changes_no_mark_and_no_total(
    answered: list[tuple[QuestionKey, Response]], rules: Rules, random: object
) -> None:
    keys = {str(place): replace(key, question_id=str(place)) for place, (key, _) in enumerate(answered)}
    answers = {str(place): response for place, (_, response) in enumerate(answered)}
    shuffled = sorted(keys, key=lambda _: random.random())  # type: ignore[attr-defined]
    once = mark_attempt(keys, list(keys), answers, rules)
    again = mark_attempt(keys, shuffled, {place: answers[place] for place in shuffled}, rules)
    assert {each.question_id: each for each in once} == {each.question_id: each for each in again}
    totals = [total_of([(each.points_awarded, each.max_points) for each in marks], rules) for marks in (once, again)]
    assert totals[0] == totals[1]


@given(OPTIONS, CENTS, st.frozensets(st.sampled_from("abcde")))
def test_with_equal_shares_choosing_one_more_right_option_never_costs(
    options: tuple[OptionKey, ...], worth: Decimal, chosen: frozenset[str]
) -> None:
    key = QuestionKey("q", QuestionType.MULTIPLE_SELECT, worth, worth, options)
    before = points(key, chosen or None, PARTIAL_NO_FLOOR)
    assert before is not None
    for option in options:
        after = points(key, chosen | {option.option_id}, PARTIAL_NO_FLOOR)
        assert after is not None
        assert not option.is_correct or not chosen or after >= before
