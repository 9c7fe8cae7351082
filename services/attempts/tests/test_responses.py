from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.attempts.responses import Answerable, BadResponse, Kind, message_of, read_response

OPTIONS = frozenset({"a", "b", "c"})
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["option_id", "option_ids", "value", "text", "x"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (Kind.SINGLE_CHOICE, {"option_id": "a"}, {"option_id": "a"}),
        (Kind.MULTIPLE_SELECT, {"option_ids": ["c", "a"]}, {"option_ids": ["a", "c"]}),
        (Kind.MULTIPLE_SELECT, {"option_ids": []}, None),
        (Kind.TRUE_FALSE, {"value": False}, {"value": False}),
        (Kind.SHORT_ANSWER, {"text": " Lagrange "}, {"text": " Lagrange "}),
        (Kind.NUMERIC, {"text": "9,81 m/s²"}, {"text": "9,81 m/s²"}),
        (Kind.ESSAY, {"text": "…"}, {"text": "…"}),
        (Kind.ESSAY, {"text": " \n"}, None),
        (Kind.ESSAY, None, None),
    ],
)
def test_a_good_response_is_kept(kind: Kind, given: Any, kept: Any) -> None:
    assert read_response(Answerable(kind, OPTIONS), given) == kept


@pytest.mark.parametrize(
    ("kind", "given", "field", "rule"),
    [
        (Kind.SINGLE_CHOICE, {"option_id": "z"}, "option_id", "known-option"),
        (Kind.SINGLE_CHOICE, {"option_ids": ["a"]}, "", "shape"),
        (Kind.SINGLE_CHOICE, {"option_id": "a", "is_correct": True}, "", "shape"),
        (Kind.SINGLE_CHOICE, "a", "", "shape"),
        (Kind.MULTIPLE_SELECT, {"option_ids": ["a", "a"]}, "option_ids", "unique"),
        (Kind.MULTIPLE_SELECT, {"option_ids": ["a", "z"]}, "option_ids", "known-option"),
        (Kind.MULTIPLE_SELECT, {"option_ids": "abc"}, "option_ids", "list"),
        (Kind.TRUE_FALSE, {"value": 1}, "value", "boolean"),
        (Kind.TRUE_FALSE, {"value": "true"}, "value", "boolean"),
        (Kind.SHORT_ANSWER, {"text": 5}, "text", "text"),
        (Kind.SHORT_ANSWER, {"text": "a\0b"}, "text", "characters"),
        (Kind.SHORT_ANSWER, {"text": "x" * 1001}, "text", "max-characters"),
        (Kind.ESSAY, {"text": "x" * 50_001}, "text", "max-characters"),
    ],
)
def test_a_bad_response_is_refused_by_field_and_rule(kind: Kind, given: Any, field: str, rule: str) -> None:
    with pytest.raises(BadResponse) as refused:
        read_response(Answerable(kind, OPTIONS), given)
    assert (refused.value.field, refused.value.rule) == (field, rule)


def test_the_author_sets_the_length_of_a_text() -> None:
    assert read_response(Answerable(Kind.ESSAY, max_characters=3), {"text": "abc"}) == {"text": "abc"}
    with pytest.raises(BadResponse, match="at most 3"):
        read_response(Answerable(Kind.ESSAY, max_characters=3), {"text": "abcd"})


@given(st.sampled_from(Kind), anything)
def test_whatever_comes_is_kept_whole_or_refused(kind: Kind, given: Any) -> None:
    answerable = Answerable(kind, OPTIONS)
    try:
        kept = read_response(answerable, given)
    except BadResponse:
        return
    assert read_response(answerable, kept) == kept
    message = message_of(kept)
    assert (message is None) == (kept is None)
    assert (
        message is None
        or message.WhichOneof("kind")
        == ({"option_id": "choice", "option_ids": "choice", "value": "truth", "text": "text"}[next(iter(kept or {}))])
    )
