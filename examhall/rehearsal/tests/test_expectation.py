from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.expectation import Rules, expected_points, expected_score, folded, number_and_unit

STRICT = Rules(is_partial_credit=False, floor_question_at_zero=True, floor_total_at_zero=True)
NEGATIVE = Rules(is_partial_credit=True, floor_question_at_zero=False, floor_total_at_zero=False)


def a_choice(right=1, wrong=3, points="2", penalty="0.5", kind="multiple_select", credits=()):
    credit_of = dict(enumerate(credits))
    options = [{"id": f"r{n}", "is_correct": True, "credit": credit_of.get(n)} for n in range(right)]
    options += [{"id": f"w{n}", "is_correct": False} for n in range(wrong)]
    return {"id": "q", "type": kind, "points": points, "penalty": penalty, "options": options}


def a_numeric(value="18", **key):
    return {"id": "q", "type": "numeric", "points": "3", "penalty": "1", "numeric": {"value": value, **key}}


def a_word(*forms, **key):
    return {"id": "q", "type": "short_answer", "points": "1", "penalty": "0", "accepted_forms": list(forms), **key}


def points(question, response, rules=NEGATIVE):
    return str(expected_points(question, response, rules))


def test_a_right_choice_earns_its_points_a_wrong_one_costs_the_penalty_and_a_blank_nothing():
    question = a_choice(kind="single_choice")
    assert points(question, {"option_id": "r0"}) == "2.00"
    assert points(question, {"option_id": "w1"}) == "-0.50"
    assert points(question, {"option_id": "w1"}, STRICT) == "0.00"
    assert points(question, None) == "0.00"


def test_a_statement_judged_wrongly_costs_the_penalty():
    question = {"id": "q", "type": "true_false", "points": "1", "penalty": "0.5", "correct_truth": False}
    assert points(question, {"value": False}) == "1.00"
    assert points(question, {"value": True}) == "-0.50"


def test_all_or_nothing_wants_exactly_the_right_options():
    question, rules = a_choice(right=2), Rules(is_partial_credit=False, floor_question_at_zero=False)
    assert points(question, {"option_ids": ["r1", "r0"]}, rules) == "2.00"
    assert points(question, {"option_ids": ["r1"]}, rules) == "-0.50"
    assert points(question, {"option_ids": ["r1", "r0", "w0"]}, rules) == "-0.50"
    assert points(question, {"option_ids": []}, rules) == "0.00"


def test_partial_credit_counts_right_options_and_takes_an_equal_share_for_wrong_ones():
    question = a_choice(right=3, points="3", penalty="1", credits=("2", "0.5", "0.5"))
    assert points(question, {"option_ids": ["r0"]}) == "2.00"
    assert points(question, {"option_ids": ["r0", "w0"]}) == "1.00"
    assert points(question, {"option_ids": ["w0", "w1", "w2"]}) == "-1.00"
    assert points(question, {"option_ids": ["r1", "w0"]}, Rules(is_partial_credit=True)) == "0.00"


def test_thirds_are_rounded_half_even_and_all_thirds_are_the_whole():
    question = a_choice(right=3, points="1")
    assert points(question, {"option_ids": ["r0"]}) == "0.33"
    assert points(question, {"option_ids": ["r0", "r1"]}) == "0.67"
    assert points(question, {"option_ids": ["r0", "r1", "r2"]}) == "1.00"
    assert points(a_choice(right=8, points="1"), {"option_ids": ["r0"]}) == "0.12"


@pytest.mark.parametrize("text", ["creep", " CREEP ", "\uff23reep", "Creep\u00a0"])
def test_short_answers_are_folded(text):
    assert points(a_word("creep"), {"text": text}) == "1.00"


def test_a_case_sensitive_answer_keeps_its_case_and_inner_space_is_one():
    assert points(a_word("FF", case_sensitive=True), {"text": "ff"}) == "0.00"
    assert points(a_word("FF", case_sensitive=True), {"text": " FF"}) == "1.00"
    assert points(a_word("load path"), {"text": "load \n path"}) == "1.00"
    assert points(a_word("load path"), {"text": "loadpath"}) == "0.00"


@pytest.mark.parametrize("text", ["18", "18,0", "1.8e1", "1,8E+1", " 18 kN·m ", "18kN·m", "+18", "18.", "180E-1"])
def test_numbers_are_read_as_people_type_them(text):
    assert points(a_numeric(), {"text": text}) == "3.00"


@pytest.mark.parametrize(
    "text", ["eighteen", "1,818", "-18", "1.8.0", "--18", "1e99999999999999999999999", "9e999999999"]
)
def test_what_is_not_the_number_is_wrong(text):
    assert points(a_numeric(), {"text": text}) == "-1.00"


def test_the_minus_of_typesetters_is_a_minus():
    assert points(a_numeric("-2.5"), {"text": "\u22122,5"}) == "3.00"
    assert number_and_unit("2e\u22123 m") == (Decimal("0.002"), "m")


def test_either_tolerance_suffices_and_its_edge_is_within():
    question = a_numeric("100", absolute_tolerance="0.5", relative_tolerance="0.02")
    assert points(question, {"text": "102"}) == "3.00"
    assert points(question, {"text": "102.01"}) == "-1.00"
    assert points(a_numeric("0.1", absolute_tolerance="0.05", relative_tolerance="0.01"), {"text": "0.15"}) == "3.00"


def test_a_required_unit_must_be_there_in_any_spelling_and_another_one_is_wrong():
    question = a_numeric("5", unit="m/s²", unit_required=True)
    assert points(question, {"text": "5 m / s²"}) == "3.00"
    assert points(question, {"text": "5"}) == "-1.00"
    assert points(question, {"text": "5 km"}) == "-1.00"
    assert points(a_numeric("5", unit="m/s²", unit_required=False), {"text": "5"}) == "3.00"


def test_a_blank_essay_is_nothing_at_once():
    essay = {"id": "e", "type": "essay", "points": "10"}
    assert [expected_points(essay, blank, STRICT) for blank in (None, {"text": "  "})] == [0, 0]
    assert expected_score([a_choice(), essay], {"q": {"option_ids": ["r0"]}}, STRICT) is not None


def test_an_essay_waits_for_a_person_and_so_does_the_total():
    essay = {"id": "e", "type": "essay", "points": "10"}
    assert expected_points(essay, {"text": "Well."}, STRICT) is None
    assert expected_score([a_choice(), essay], {"q": {"option_ids": ["r0"]}, "e": {"text": "Well."}}, STRICT) is None


def test_the_total_is_floored_only_by_its_own_rule():
    questions, responses = [a_choice()], {"q": {"option_ids": ["w0"]}}
    assert expected_score(questions, responses, NEGATIVE) == Decimal("-0.50")
    assert expected_score(questions, responses, Rules(True, False, True)) == Decimal("0.00")


two_places = st.decimals(min_value=0, max_value=100, places=2)


@st.composite
def multiple_selects(draw):
    right, wrong = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    points, penalty = draw(two_places), draw(two_places)
    credits = draw(st.one_of(st.just(()), st.lists(two_places, min_size=right, max_size=right)))
    return a_choice(right, wrong, str(points), str(penalty), credits=[str(credit) for credit in credits])


@given(multiple_selects(), st.data(), st.booleans(), st.booleans())
def test_a_question_never_earns_more_than_its_points_nor_costs_more_than_its_penalty(question, data, is_partial, floor):
    chosen = data.draw(st.lists(st.sampled_from([option["id"] for option in question["options"]]), unique=True))
    earned = expected_points(question, {"option_ids": chosen}, Rules(is_partial, floor, floor))
    assert earned <= Decimal(question["points"])
    assert earned >= (0 if floor else -Decimal(question["penalty"]))
    assert earned == expected_points(question, {"option_ids": chosen[::-1]}, Rules(is_partial, floor, floor))


@given(multiple_selects(), st.booleans())
def test_the_exact_set_earns_all_points_when_no_credits_are_given(question, is_partial):
    plain = question | {"options": [option | {"credit": None} for option in question["options"]]}
    right = [option["id"] for option in plain["options"] if option["is_correct"]]
    assert expected_points(plain, {"option_ids": right}, Rules(is_partial)) == Decimal(question["points"])


@given(st.text(), st.booleans())
def test_folding_twice_is_folding_once(text, is_case_sensitive):
    once = folded(text, is_case_sensitive)
    assert folded(once, is_case_sensitive) == once


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6), st.booleans()
)
def test_a_number_typed_in_any_form_is_that_number(number, with_comma):
    for typed in (f"{number:f}", f"{number:E}", f"{number:f}".replace("-", "\u2212")):
        text = typed.replace(".", ",") if with_comma else typed
        assert number_and_unit(f" {text} kg ") == (number, "kg")


@given(st.text())
def test_no_text_breaks_the_marking_of_a_number(text):
    assert points(a_numeric(), {"text": text}) in ("3.00", "0.00", "-1.00")
