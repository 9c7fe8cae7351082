"""/api/v1/analytics/exams: an exam's report, and the same as a file."""

import asyncio
import re
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.http import Caller
from chassis.spreadsheets import as_csv, as_xlsx
from services.analytics.exam_reports import report_exam
from services.analytics.exporting import sheets_of
from services.analytics.rights import STAFF, find, readable_exams, scope_of
from services.analytics.snapshot import Snapshot
from services.analytics.tables import Exam
from services.analytics.views import ExamReport

router = APIRouter(prefix="/api/v1/analytics/exams", tags=["analytics"])

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/{exam_id}", operation_id="readExamReport")
async def read_exam_report(exam_id: UUID, tx: Snapshot, caller: Caller) -> ExamReport:
    """Scores, their distribution, reliability, and the statistics of each question; for a centre's administrator of the centre's attempts."""
    caller.require(*STAFF)
    return await report_exam(tx, await find(tx, Exam, exam_id, readable_exams(caller), "exam"), scope_of(caller))


@router.get(
    "/{exam_id}/export",
    operation_id="exportExamReport",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, XLSX: {}}, "description": "The report's tables."}},
)
async def export_exam_report(
    exam_id: UUID, tx: Snapshot, caller: Caller, format: Literal["csv", "xlsx"] = "csv"
) -> Response:
    """The exam's report as CSV or XLSX."""
    caller.require(*STAFF)
    exam = await find(tx, Exam, exam_id, readable_exams(caller), "exam")
    sheets = sheets_of(await report_exam(tx, exam, scope_of(caller)))
    content = await asyncio.to_thread(as_xlsx, sheets) if format == "xlsx" else as_csv(sheets)
    name = re.sub(r"[^A-Za-z0-9]+", "-", exam.title).strip("-")[:60] or "exam"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-analytics.{format}"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=XLSX if format == "xlsx" else CSV, headers=headers)
