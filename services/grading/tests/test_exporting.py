"""Results as CSV and XLSX."""

import csv
import io

from openpyxl import load_workbook

from chassis.ids import new_id
from chassis.testing import eventually
from services.grading.exporting import HEADER
from services.grading.routes.exams import XLSX
from services.grading.tables import Person
from services.grading.tests.builders import AnExam, Office, chose


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
