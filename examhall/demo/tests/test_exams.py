import json
from decimal import Decimal

import pytest

from examhall.demo.content import CLASSES, STAFF
from examhall.demo.exams import EXAMS
from examhall.demo.foundations import FOUNDATIONS
from examhall.demo.society import SOCIETY
from examhall.demo.warm_up import WARM_UP

OBJECTIVE = {"single_choice", "multiple_select", "true_false", "short_answer", "numeric"}
QUESTIONS = [
    pytest.param(question, id=f"{exam.key}: {question['text'][:40]}")
    for exam in EXAMS
    for question in (*exam.questions, *(question for bank in exam.banks for question in bank.questions))
]


def test_foundations_is_objective_with_every_type_negative_credit_and_a_draw():
    assert len(FOUNDATIONS.questions) + sum(draw.count for draw in FOUNDATIONS.draws) >= 32
    assert {question["type"] for question in FOUNDATIONS.questions} == OBJECTIVE
    assert any(Decimal(question["penalty"]) > 0 for question in FOUNDATIONS.questions)
    assert any("credit" in option for question in FOUNDATIONS.questions for option in question.get("options", []))
    assert FOUNDATIONS.body["settings"]["multiple_select"] == "partial_credit"


def test_a_draw_takes_fewer_than_the_bank_holds_and_all_of_a_bank_are_worth_the_same():
    bank_of = {bank.name: bank for exam in EXAMS for bank in exam.banks}
    for draw in FOUNDATIONS.draws:
        assert draw.count < len(bank_of[draw.bank].questions)
    for bank in bank_of.values():
        assert len({(question["points"], question["penalty"]) for question in bank.questions}) == 1


def test_structures_and_society_has_two_essays_with_rubric_and_sample_answer():
    essays = [question for question in SOCIETY.questions if question["type"] == "essay"]
    assert len(essays) == 2
    assert all(essay["rubric"] and essay["sample_answer"] for essay in essays)
    assert all(len(essay["sample_answer"]) <= essay["max_characters"] for essay in essays)


def test_the_warm_up_is_practice_without_limit_and_released_by_itself():
    assert WARM_UP.body["kind"] == "practice"
    assert WARM_UP.max_attempts == 0
    assert WARM_UP.body["settings"]["release_automatically"] is True


def test_exams_are_json_and_name_people_and_classes_that_exist():
    people = {person.email: person.role for person in STAFF}
    for exam in EXAMS:
        json.dumps([exam.body, exam.questions])
        assert people[exam.instructor] == "instructor"
        assert all(people[email] == "proctor" for email in exam.proctors)
        assert all(people[email] == "evaluator" for email in exam.evaluators)
        assert set(exam.classes) <= {each.key for each in CLASSES}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_key_is_complete(question):
    points, penalty = Decimal(question["points"]), Decimal(question["penalty"])
    assert points > 0
    assert 0 <= penalty <= points
    options = question.get("options", [])
    right = [option for option in options if option["is_correct"]]
    assert len({option["text"] for option in options}) == len(options)
    match question["type"]:
        case "single_choice":
            assert len(right) == 1
            assert len(options) >= 3
        case "multiple_select":
            assert 1 <= len(right) < len(options)
            credits = [Decimal(option["credit"]) for option in right if "credit" in option]
            assert not credits or (len(credits) == len(right) and sum(credits) == points)
        case "true_false":
            assert isinstance(question["correct_truth"], bool)
        case "short_answer":
            assert all(question["accepted_forms"])
        case "numeric":
            key = question["numeric"]
            assert Decimal(key["value"]).is_finite()
            assert "absolute_tolerance" in key or "relative_tolerance" in key
            assert not key["unit_required"] or key["unit"]
        case "essay":
            assert question["max_characters"] >= 1000
        case other:
            pytest.fail(f"unknown type {other}")
