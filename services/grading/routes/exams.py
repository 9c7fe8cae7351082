"""/api/v1/grading/exams: an exam's grades, for those who lead it."""

import asyncio
import re
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Header, Response
from sqlmodel import col

from chassis.clock import now
from chassis.http import Caller, Page, PageQuery, Tx
from chassis.spreadsheets import as_csv, as_xlsx
from services.grading import releasing
from services.grading.access import OWNERS, READERS, find_exam, readable_exams, readable_grades
from services.grading.exporting import result_sheet
from services.grading.tables import Exam, Grade, Integrity, Person
from services.grading.views import Count, GradeBrief, Status

router = APIRouter(prefix="/api/v1/grading/exams", tags=["grades"])

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/{exam_id}/grades", operation_id="listGrades")
async def list_grades(
    exam_id: UUID,
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    status: Status | None = None,
    class_id: UUID | None = None,
) -> Page[GradeBrief]:
    """The exam's grades in the order of submission; a centre's administrator sees the centre's."""
    caller.require(*READERS)
    await find_exam(tx, exam_id, readable_exams(caller))
    query = (
        sa.select(Grade, col(Person.name), Integrity)
        .join(Exam, col(Exam.id) == col(Grade.exam_id))
        .outerjoin(Person, col(Person.id) == col(Grade.student_id))
        .outerjoin(Integrity, col(Integrity.attempt_id) == col(Grade.attempt_id))
        .where(col(Grade.exam_id) == exam_id, readable_grades(caller))
    )
    if status is not None:
        query = query.where(col(Grade.status) == status)
    if class_id is not None:
        query = query.where(col(Grade.class_id) == class_id)
    total = await tx.scalar(query.with_only_columns(sa.func.count())) or 0
    order = (col(Grade.submitted_at), col(Grade.attempt_id))
    rows = await tx.execute(query.order_by(*order).offset(page.offset).limit(page.limit))
    return Page.of([GradeBrief.of(*row) for row in rows], total, page)


@router.post("/{exam_id}/finalize", operation_id="finalizeGrades")
async def finalize_grades(exam_id: UUID, tx: Tx, caller: Caller) -> Count:
    """Makes the exam's grades final; refused with the list of what is open, unmarked or waiting."""
    caller.require(*OWNERS)
    return Count(count=await releasing.finalize_grades(tx, caller, exam_id))


@router.post("/{exam_id}/release", operation_id="releaseGrades")
async def release_grades(exam_id: UUID, tx: Tx, caller: Caller) -> Count:
    """Lets students see the exam's final grades."""
    caller.require(*OWNERS)
    return Count(count=await releasing.release_grades(tx, caller, exam_id, now()))


@router.post("/{exam_id}/hide", operation_id="hideGrades")
async def hide_grades(exam_id: UUID, tx: Tx, caller: Caller) -> Count:
    """Takes the exam's grades out of students' sight again."""
    caller.require(*OWNERS)
    return Count(count=await releasing.hide_grades(tx, caller, exam_id))


@router.get(
    "/{exam_id}/results",
    operation_id="exportResults",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, XLSX: {}}, "description": "A row for each grade."}},
)
async def export_results(
    exam_id: UUID,
    tx: Tx,
    caller: Caller,
    format: Literal["csv", "xlsx"] | None = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """The exam's results as CSV or XLSX: as `format` says, else as Accept does, else CSV."""
    caller.require(*OWNERS, "centre_admin")
    exam = await find_exam(tx, exam_id, readable_exams(caller))
    sheet = await result_sheet(tx, caller, exam_id)
    chosen = format or ("xlsx" if XLSX in accept else "csv")
    content = await asyncio.to_thread(as_xlsx if chosen == "xlsx" else as_csv, [sheet])
    name = re.sub(r"[^A-Za-z0-9]+", "-", exam.title).strip("-")[:60] or "exam"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-results.{chosen}"',
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return Response(content, media_type=XLSX if chosen == "xlsx" else CSV, headers=headers)
