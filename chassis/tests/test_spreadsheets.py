"""No cell of an export is a formula, whatever people called their exams or answered."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from chassis.spreadsheets import Sheet, as_csv, as_xlsx, neutral

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\u00a0=1", "\uff1d1", "\x01=1"])
def test_what_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert neutral(text).startswith("'")


@given(texts)
def test_no_text_of_a_csv_begins_like_a_formula(text: str) -> None:
    content = as_csv([Sheet("Figures", ("figure",), [(text, "end")])]).decode()
    [_, [cell, _]] = csv.reader(io.StringIO(content, newline=""))
    assert not cell.lstrip(" \u00a0").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_tables_of_a_csv_are_parted_by_an_empty_line() -> None:
    sheets = [Sheet("One", ("a", "b"), [(1, Decimal("2.50"))]), Sheet("Two", ("c",), [(None,), ("x",)])]
    assert as_csv(sheets) == b'a,b\r\n1,2.50\r\n\r\nc\r\n""\r\nx\r\n'


def test_a_workbook_keeps_numbers_and_names_its_sheets() -> None:
    content = as_xlsx([Sheet("One", ("a",), [(Decimal("2.5"),), ("=1",)]), Sheet("Two", ("b",), [])])
    workbook = load_workbook(io.BytesIO(content))
    assert workbook.sheetnames == ["One", "Two"]
    assert [cell.value for [cell] in workbook["One"].iter_rows()] == ["a", 2.5, "'=1"]


def test_times_are_utc_in_both_and_numbers_below_zero_stay_numbers() -> None:
    sheets = [Sheet("One", ("at", "n"), [(datetime(2026, 3, 2, 10, 30, tzinfo=UTC), Decimal("-1.50"))])]
    assert as_csv(sheets).decode().splitlines()[1] == "2026-03-02T10:30:00+00:00,-1.50"
    [row] = load_workbook(io.BytesIO(as_xlsx(sheets))).active.iter_rows(min_row=2, values_only=True)
    assert row == (datetime(2026, 3, 2, 10, 30), -1.5)
