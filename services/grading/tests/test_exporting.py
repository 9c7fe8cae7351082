"""Results as CSV and XLSX."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from chassis.ids import new_id
from chassis.testing import eventually
from services.grading.exporting import HEADER, as_csv, as_xlsx, neutral
from services.grading.routes.exams import XLSX
from services.grading.tables import Person
from services.grading.tests.builders import AnExam, Office, chose

ROW = (
    "=1+1",
    "R-1",
    None,
    None,
    None,
    None,
    1,
    datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
    "marked",
    "no",
    Decimal("-1.50"),
)
ATTACKS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\x0b=1"]


async def test_an_exams_results_come_as_csv_and_as_xlsx(office: Office) -> None:
    exam = await office.knows(AnExam(title='=HYPERLINK("x") [1]: a/b'))
    centre_id = new_id()
    first = await office.marked(exam, answers={"choice": chose("a")}, centre_id=centre_id)
    second = await office.marked(exam)
    await office.knows_person(first.student_id, "=cmd|' /C calc'!A0", "R-1")
    await office.knows_person(second.student_id, "Ada Okafor", "R-2")
    await eventually(lambda: office.row(Person, first.student_id))
    await eventually(lambda: office.row(Person, second.student_id))
    client, path = office.instructor(exam), f"/api/v1/grading/exams/{exam.exam_id}/results"
    plain, chosen = await client.get(path), await client.get(path, params={"format": "xlsx"})
    accepted = await client.get(path, headers={"Accept": XLSX})
    assert [reply.headers["Content-Type"] for reply in (plain, chosen, accepted)] == [
        "text/csv; charset=utf-8",
        XLSX,
        XLSX,
    ]
    assert plain.headers["Content-Disposition"] == 'attachment; filename="HYPERLINK-x-1-a-b-results.csv"'
    rows = list(csv.DictReader(io.StringIO(plain.text)))
    assert {row["student"]: (row["score"], row["percentage"], row["status"], row["has_passed"]) for row in rows} == {
        "'=cmd|' /C calc'!A0": ("2.00", "20.00", "marked", "no"),
        "Ada Okafor": ("4.00", "", "waiting", ""),
    }
    sheet = load_workbook(io.BytesIO(chosen.content)).active
    assert [cell.value for cell in sheet[1]] == list(HEADER)
    values = {row[0].value: row for row in sheet.iter_rows(min_row=2)}
    attacked = values["'=cmd|' /C calc'!A0"]
    assert attacked[0].data_type == "s"
    assert (attacked[10].value, attacked[10].data_type) == (2, "n")
    own_centre = await office.service.as_("centre_admin", centre_id=centre_id).get(path)
    assert [row["registration_number"] for row in csv.DictReader(io.StringIO(own_centre.text))] == ["R-1"]
    assert (await client.get(path, params={"format": "pdf"})).status_code == 422


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_that_would_be_a_formula_is_neutralised(attack: str) -> None:
    assert neutral(attack).startswith("'")


@pytest.mark.parametrize("harmless", ["Ada", "", "O'Neil", "a=b", "1-2", "Zoë"])
def test_other_text_stays_as_it_is(harmless: str) -> None:
    assert neutral(harmless) == harmless


@given(st.text(max_size=40))
def test_no_name_makes_a_cell_that_calculates_or_an_export_that_fails(name: str) -> None:
    row = (name.encode("utf-8", "ignore").decode(), *ROW[1:])
    [_, read] = list(csv.reader(io.StringIO(as_csv([row]).decode(), newline="")))
    assert not read[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    sheet = load_workbook(io.BytesIO(as_xlsx([row]))).active
    assert sheet.cell(2, 1).data_type in ("s", "n", "inlineStr")


def test_numbers_stay_numbers_even_below_zero() -> None:
    assert as_csv([ROW]).decode().splitlines()[1].endswith(",2026-03-02T10:30:00+00:00,marked,no,-1.50")
    sheet = load_workbook(io.BytesIO(as_xlsx([ROW]))).active
    assert (sheet.title, sheet["K2"].value, sheet["A2"].value) == ("Results", -1.5, "'=1+1")
    assert sheet["H2"].value == datetime(2026, 3, 2, 10, 30)
