"""Tables as CSV and XLSX. Text that a spreadsheet would take for a formula is neutralised; numbers stay numbers.

For services that install openpyxl; nothing else of the chassis imports this.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

Cell = str | int | float | Decimal | datetime | None

# What makes Excel, LibreOffice or Sheets read a cell as a formula, or hides one behind white space (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Sheet:
    """A table with a name of at most 31 characters, which is what a workbook allows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def as_csv(sheets: Sequence[Sheet]) -> bytes:
    """UTF-8, CRLF as RFC 4180 has it; one table after the other, an empty line between."""
    text = io.StringIO()
    writer = csv.writer(text)
    for number, sheet in enumerate(sheets):
        if number:
            writer.writerow([])
        writer.writerow(sheet.header)
        writer.writerows([_csv_cell(cell) for cell in row] for row in sheet.rows)
    return text.getvalue().encode()


def as_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with a sheet for each table."""
    workbook = Workbook(write_only=True)
    for sheet in sheets:
        page = workbook.create_sheet(sheet.name)
        page.freeze_panes = "A2"
        page.append(list(sheet.header))
        for row in sheet.rows:
            page.append([_xlsx_cell(cell) for cell in row])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def neutral(text: str) -> str:
    """The text, after an apostrophe when a spreadsheet would otherwise calculate it; control characters go."""
    clean: str = ILLEGAL_CHARACTERS_RE.sub("", text)
    return "'" + clean if clean.lstrip(" \u00a0").startswith(_FORMULA_STARTS) else clean


def _csv_cell(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    return neutral(cell) if isinstance(cell, str) else cell


def _xlsx_cell(cell: Cell) -> Cell:
    # Excel knows no time zones: UTC, as everywhere.
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None, microsecond=0)
    return neutral(cell) if isinstance(cell, str) else cell
