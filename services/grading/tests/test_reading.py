"""How typed text is read."""

import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.reading import Quantity, fold_text, fold_unit, read_quantity

WORDS = st.text(st.characters(exclude_categories=("Cs", "Mn", "Cn")), max_size=30)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("a\u00a0 b\n", "A b"),
        ("e\u0301", "\u00e9"),
        ("ﾊﾛｰ", "ハロー"),
        ("x²", "x2"),
    ],
)
def test_forms_that_people_take_for_the_same_are_folded_together(one: str, other: str) -> None:
    assert fold_text(one, is_case_sensitive=False) == fold_text(other, is_case_sensitive=False)


def test_punctuation_and_wanted_case_are_kept() -> None:
    assert fold_text("(Yes.)", is_case_sensitive=True) == "(Yes.)"
    assert fold_text("a b", is_case_sensitive=False) != fold_text("ab", is_case_sensitive=False)


@given(WORDS, st.booleans())
def test_folding_twice_is_folding_once(text: str, is_case_sensitive: bool) -> None:
    once = fold_text(text, is_case_sensitive=is_case_sensitive)
    assert fold_text(once, is_case_sensitive=is_case_sensitive) == once


def test_folding_any_single_character_twice_is_folding_it_once() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) not in ("Cs", "Cn"):
            once = fold_text(chr(code), is_case_sensitive=False)
            assert fold_text(once, is_case_sensitive=False) == once, hex(code)


def test_units_are_compared_without_white_space() -> None:
    assert fold_unit(" kW h ") == fold_unit("KWh")


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        (" 3 ", "3", ""), (".5", "0.5", ""), (",5 V", "0.5", "V"), ("5.", "5", ""), ("- 4", "-4", ""), ("\u22124,25e+2kg", "-425", "kg"),
        ("2 e3", "2", "e3"), ("7 %", "7", "%"),
    ],
)  # fmt: skip
def test_a_quantity_is_a_number_and_what_stands_behind_it(text: str, number: str, unit: str) -> None:
    assert read_quantity(text) == Quantity(Decimal(number), unit)


@pytest.mark.parametrize("text", ["", "x", "--1", "NaN", "Infinity", "e5", "٣", ".", "1e" + "9" * 30])
def test_what_begins_with_no_finite_number_is_none(text: str) -> None:
    assert read_quantity(text) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_every_number_is_read_as_it_is_written(number: Decimal) -> None:
    read = read_quantity(str(number))
    assert read is not None
    assert read.number == number


@given(st.text(max_size=60))
def test_no_text_makes_reading_fail(text: str) -> None:
    read_quantity(text)
    fold_text(text, is_case_sensitive=False)
