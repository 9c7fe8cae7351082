from collections import Counter
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examhall.demo.exams import EXAMS
from examhall.rehearsal.answering import respond
from examhall.rehearsal.expectation import Rules, expected_points
from examhall.rehearsal.people import (
    Ending,
    FindNetwork,
    Give,
    LoseNetwork,
    Reload,
    SendAgain,
    SendStale,
    Think,
    write_script,
)


def with_ids(number, question):
    options = [option | {"id": f"q{number}-{place}"} for place, option in enumerate(question.get("options", []))]
    return question | {"id": f"q{number}", "options": options}


AUTHORED = [with_ids(number, question) for number, question in enumerate(q for exam in EXAMS for q in exam.questions)]
KEYS = {question["id"]: question for question in AUTHORED}
PAPER = [
    {"id": each["id"], "type": each["type"], "options": [{"id": option["id"]} for option in each["options"]]}
    for each in AUTHORED
]
seeds = st.integers(0, 10**6).map(str)


def script(seed, seconds=60.0, meets_deadline=True, questions=PAPER, keys=KEYS):
    return write_script(seed, questions, keys, seconds, meets_deadline)


@given(seeds)
def test_the_same_seed_writes_the_same_script(seed):
    assert script(seed) == script(seed)


@given(seeds)
def test_a_script_lasts_its_share_of_the_sitting(seed):
    thinking = sum(step.seconds for step in script(seed).steps if isinstance(step, Think))
    assert 30 <= round(thinking, 6) <= 66


@given(seeds)
def test_whoever_loses_the_network_finds_it_again(seed):
    troubles = [type(step) for step in script(seed).steps if isinstance(step, LoseNetwork | FindNetwork)]
    assert troubles in ([], [LoseNetwork, FindNetwork])


@given(seeds)
def test_nothing_is_sent_again_that_was_not_given_before(seed):
    given_so_far = Counter()
    for step in script(seed).steps:
        if isinstance(step, Give):
            given_so_far[step.question_id] += 1
        if isinstance(step, SendAgain):
            assert given_so_far[step.question_id] >= 1
        if isinstance(step, SendStale):
            assert given_so_far[step.question_id] >= 2


@given(seeds)
def test_where_the_deadline_is_far_everybody_submits(seed):
    assert script(seed, meets_deadline=False).ending is Ending.SUBMITS


@given(seeds, st.integers(0, 2))
def test_a_script_can_be_written_for_the_smallest_papers(seed, count):
    assert isinstance(script(seed, questions=PAPER[:count], keys={}).ending, Ending)


def test_a_class_of_200_shows_every_kind_of_behaviour():
    scripts = [script(f"class:{place}") for place in range(200)]
    steps = Counter(type(step) for each in scripts for step in each.steps)
    assert {Ending.SUBMITS, Ending.AT_THE_BELL, Ending.RUNS_OUT} == {each.ending for each in scripts}
    assert all(steps[kind] >= 20 for kind in (Think, Give, SendAgain, SendStale, LoseNetwork, FindNetwork, Reload))
    gives = [step for each in scripts for step in each.steps if isinstance(step, Give)]
    assert any(step.response is None for step in gives)
    assert any(step.is_flagged for step in gives)


@pytest.mark.parametrize("question", [q for q in AUTHORED if q["type"] != "essay"], ids=lambda question: question["id"])
def test_whoever_knows_is_mostly_right_and_whoever_guesses_is_not_always(question):
    rules = Rules(is_partial_credit=False, floor_question_at_zero=True)
    random = Random(7)

    def rate(knows):
        earned = [expected_points(question, respond(random, question, question, knows), rules) for _ in range(100)]
        return sum(each == Decimal(question["points"]) for each in earned)

    assert rate(1.0) >= 55
    assert rate(0.0) <= 75


@given(seeds, st.sampled_from(PAPER), st.booleans())
def test_a_response_has_the_shape_of_its_question(seed, question, is_known):
    response = respond(Random(seed), question, KEYS[question["id"]] if is_known else None, 0.5)
    options = [option["id"] for option in question["options"]]
    match question["type"]:
        case "single_choice":
            assert response["option_id"] in options
        case "multiple_select":
            assert set(response["option_ids"]) <= set(options)
            assert len(set(response["option_ids"])) == len(response["option_ids"]) >= 1
        case "true_false":
            assert isinstance(response["value"], bool)
        case _:
            assert response["text"].strip()
