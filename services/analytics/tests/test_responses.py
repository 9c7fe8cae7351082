"""Answers as JSON: as they were given, and in one form for all who gave the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.examhall.attempts.v1.events_pb2 import Response
from services.analytics.responses import LONGEST_TEXT, as_given, for_counting
from services.analytics.tests.builders import chose, typed


@pytest.mark.parametrize(
    ("response", "given_json"),
    [
        (chose("b", "a"), {"option_ids": ["b", "a"]}),
        (Response(truth=False), {"value": False}),
        (typed("4 Ohm"), {"text": "4 Ohm"}),
        (typed(""), {"text": ""}),
        (Response(), None),
    ],
)
def test_an_answer_is_told_as_it_was_given(response: Response, given_json: object) -> None:
    assert as_given(response) == given_json


@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_options_makes_no_other_answer(options: list[str]) -> None:
    assert for_counting(chose(*options)) == {"option_ids": ["a", "b", "c"]}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=LONGEST_TEXT))
def test_case_and_white_space_make_no_other_answer(text: str) -> None:
    plain = for_counting(typed(text))
    assert for_counting(typed(f"  {text}\n")) == plain or len(text) > LONGEST_TEXT - 3
    assert plain is not None
    assert plain["text"] == " ".join(plain["text"].split())


def test_a_text_at_the_limit_is_whole_and_a_longer_one_says_how_long_it_was() -> None:
    assert as_given(typed("x" * LONGEST_TEXT)) == {"text": "x" * LONGEST_TEXT}
    assert as_given(typed("x" * (LONGEST_TEXT + 1))) == {"text": "x" * LONGEST_TEXT, "characters": LONGEST_TEXT + 1}


def test_answers_that_differ_are_counted_apart() -> None:
    forms = [
        for_counting(one) for one in (chose("a"), chose("b"), typed("a"), Response(truth=True), Response(truth=False))
    ]
    assert len({repr(form) for form in forms}) == len(forms)
