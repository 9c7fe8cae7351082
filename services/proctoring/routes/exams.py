"""/api/v1/proctoring/exams: an exam as a whole, for those who watch it."""

import asyncio
import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis.clock import now
from chassis.http import Caller, Once, Tx
from chassis.spreadsheets import as_csv
from services.proctoring.board import board_of
from services.proctoring.board_reply import board_reply
from services.proctoring.collusion_desk import collusion_of, collusion_reply, pair_of, request_analysis
from services.proctoring.collusion_views import CollusionAsked, CollusionOut, PairOut
from services.proctoring.feeds import exam_feed
from services.proctoring.following import entries_after
from services.proctoring.long_lists import with_rows
from services.proctoring.report_views import Format, ReportOut, sheets_of
from services.proctoring.reporting import security_report
from services.proctoring.rights import READERS, WATCHERS, find_exam, readable_attempts, readable_exams, watched_exams
from services.proctoring.snapshot import see_one_snapshot
from services.proctoring.views import BoardOut, FeedPage

router = APIRouter(prefix="/api/v1/proctoring/exams", tags=["proctoring"])

CSV = "text/csv; charset=utf-8"
After = Annotated[int, Query(ge=0, le=2**62, description="number of the last event that is known; 0: none")]
BoardLimit = Annotated[int | None, Query(ge=1, le=1000, description="attempts a page; without it all of them")]
AfterAttempt = Annotated[
    UUID | None, Query(description="attempt that the page comes after, as `next_after` of the page before named it")
]
FeedLimit = Annotated[int, Query(ge=1, le=500, description="events a page")]


@router.get("/{exam_id}/board", operation_id="readBoard", response_model=BoardOut)
async def read_board(
    exam_id: UUID, tx: Tx, caller: Caller, limit: BoardLimit = None, after: AfterAttempt = None
) -> Response:
    """Every attempt as it stands by the server's clock, with the feed's cursor at the same instant; a centre's administrator sees the centre's.
    With a limit a page of them, of one instant each."""
    caller.require(*READERS)
    await see_one_snapshot(tx)
    exam = await find_exam(tx, exam_id, readable_exams(caller))
    reading = await board_of(tx, exam_id, readable_attempts(caller), limit, after)
    return fresh_json(await board_reply(exam_id, exam.title, reading, now()))


@router.get("/{exam_id}/feed", operation_id="readExamFeed", response_model=FeedPage)
async def read_exam_feed(exam_id: UUID, tx: Tx, caller: Caller, after: After = 0, limit: FeedLimit = 200) -> Response:
    """What happened at the exam after a cursor, oldest first. It names students of all centres, so it is for those who watch the whole exam."""
    caller.require(*WATCHERS)
    await find_exam(tx, exam_id, watched_exams(caller))
    return fresh_json((await entries_after(tx, exam_feed(exam_id), after, limit)).as_json())


@router.get("/{exam_id}/collusion", operation_id="readCollusion", response_model=CollusionOut)
async def read_collusion(exam_id: UUID, tx: Tx, caller: Caller) -> Response:
    """How far the search for answers in common is, and what it flags: reasons to look, each with its method, assumptions and error bound."""
    caller.require(*READERS)
    await find_exam(tx, exam_id, readable_exams(caller))
    return fresh_json(await collusion_reply(await collusion_of(tx, caller, exam_id)))


@router.post("/{exam_id}/collusion", operation_id="requestCollusionAnalysis", status_code=202)
async def request_collusion_analysis(exam_id: UUID, tx: Tx, caller: Caller, once: Once) -> CollusionAsked:
    """Has the whole analysis made now instead of at the close. The result comes by the feed and GET."""
    caller.require(*WATCHERS)

    async def ask() -> CollusionAsked:
        return CollusionAsked(request_id=await request_analysis(tx, caller, exam_id, now()))

    return await once(CollusionAsked, ask)


@router.get("/{exam_id}/collusion/pairs/{attempt_id}/{other_attempt_id}", operation_id="readPair")
async def read_pair(exam_id: UUID, attempt_id: UUID, other_attempt_id: UUID, tx: Tx, caller: Caller) -> PairOut:
    """Two attempts, named in either order: every statistic with its method, and the questions that speak."""
    caller.require(*READERS)
    await find_exam(tx, exam_id, readable_exams(caller))
    return await pair_of(tx, caller, exam_id, attempt_id, other_attempt_id)


@router.get(
    "/{exam_id}/report",
    operation_id="readSecurityReport",
    response_model=ReportOut,
    responses={200: {"content": {"text/csv": {}}, "description": "The report, as JSON or as tables."}},
)
async def read_security_report(exam_id: UUID, tx: Tx, caller: Caller, format: Format = "json") -> Response:
    """The security report: observations, violations, alerts, answers in common and reviews, over all attempts that you may see."""
    caller.require(*READERS)
    await see_one_snapshot(tx)
    report = await security_report(tx, caller, exam_id, now())
    if format == "json":
        head = report.figures.model_dump_json().encode()
        return fresh_json(await with_rows(head, "rows", report.rows, lambda row: row))
    name = re.sub(r"[^A-Za-z0-9]+", "-", report.figures.title).strip("-")[:60] or "exam"
    headers = {"Content-Disposition": f'attachment; filename="{name}-security.csv"', "Cache-Control": "no-store"}
    tables = await asyncio.to_thread(lambda: as_csv(sheets_of(report)))
    return Response(tables, media_type=CSV, headers=headers)


def fresh_json(content: str | bytes) -> Response:
    """A reply that is JSON already, and never comes from a cache."""
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})
