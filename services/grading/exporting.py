"""An exam's results as CSV and XLSX. Text that a spreadsheet would take for a formula is neutralised; numbers stay numbers."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from services.grading.access import readable_grades
from services.grading.tables import Centre, Exam, Grade, Person, SchoolClass

Cell = str | int | Decimal | datetime | None

HEADER = (
    "student", "registration_number", "class", "section", "academic_year", "centre", "attempt", "submitted_at", "status", "is_released",
    "score", "max_score", "percentage", "has_passed", "attempt_id", "student_id",
)  # fmt: skip
# What makes Excel, LibreOffice or Sheets read a cell as a formula, or hides one behind white space (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def result_rows(tx: AsyncSession, actor: Actor, exam_id: UUID) -> list[tuple[Cell, ...]]:
    """A row for each grade of the exam that the actor may read, by student."""
    query = (
        sa.select(Grade, Person, SchoolClass, Centre)
        .join(Exam, col(Exam.id) == col(Grade.exam_id))
        .outerjoin(Person, col(Person.id) == col(Grade.student_id))
        .outerjoin(SchoolClass, col(SchoolClass.id) == col(Grade.class_id))
        .outerjoin(Centre, col(Centre.id) == col(Grade.centre_id))
        .where(col(Grade.exam_id) == exam_id, readable_grades(actor))
        .order_by(col(Person.name), col(Grade.student_id), col(Grade.attempt_number))
    )
    return [_row(*row) for row in await tx.execute(query)]


def as_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8, CRLF as RFC 4180 has it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def as_xlsx(rows: Iterable[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet, written row by row."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Results")
    sheet.freeze_panes = "A2"
    sheet.append(HEADER)
    for row in rows:
        sheet.append([_xlsx_cell(cell) for cell in row])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def neutral(text: str) -> str:
    """The text, after an apostrophe when a spreadsheet would otherwise calculate it; control characters go."""
    clean = ILLEGAL_CHARACTERS_RE.sub("", text)
    return "'" + clean if clean.lstrip(" \u00a0").startswith(_FORMULA_STARTS) else clean


def _row(
    grade: Grade, person: Person | None, school_class: SchoolClass | None, centre: Centre | None
) -> tuple[Cell, ...]:
    return (
        person.name if person else None,
        person.registration_number if person else None,
        school_class.name if school_class else None,
        school_class.section if school_class else None,
        school_class.academic_year if school_class else None,
        centre.name if centre else None,
        grade.attempt_number,
        grade.submitted_at,
        grade.status,
        "yes" if grade.is_released else "no",
        grade.score,
        grade.max_score,
        grade.percentage,
        None if grade.percentage is None else "yes" if grade.has_passed else "no",
        str(grade.attempt_id),
        str(grade.student_id),
    )


def _csv_cell(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    return neutral(cell) if isinstance(cell, str) else cell


def _xlsx_cell(cell: Cell) -> Cell:
    # Excel knows no time zones: UTC, as everywhere.
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None, microsecond=0)
    return neutral(cell) if isinstance(cell, str) else cell
