"""/api/v1/results: for those who sat the exam."""

from uuid import UUID

from fastapi import APIRouter, Response

from chassis.http import Caller, Page, PageQuery, Tx
from services.grading import results as use_cases
from services.grading.answer_keys import stored_key
from services.grading.grades import marks_of
from services.grading.views import ResultDetail, ResultOut

router = APIRouter(prefix="/api/v1/results", tags=["results"])


@router.get("", operation_id="listOwnResults")
async def list_own_results(tx: Tx, caller: Caller, page: PageQuery, response: Response) -> Page[ResultOut]:
    """Own submitted attempts, newest first; with scores once they are released."""
    caller.require("student")
    results, total = await use_cases.own_results(tx, caller, page)
    response.headers["Cache-Control"] = "no-store"
    return Page.of([ResultOut.of(result) for result in results], total, page)


@router.get("/{attempt_id}", operation_id="readOwnResult")
async def read_own_result(attempt_id: UUID, tx: Tx, caller: Caller, response: Response) -> ResultDetail:
    """One own result: before release only that it was received, afterwards what the exam lets students review."""
    caller.require("student")
    result = await use_cases.own_result(tx, caller, attempt_id)
    response.headers["Cache-Control"] = "no-store"
    if result.grade is None or not result.sight.questions:
        return ResultDetail.with_questions(result, [], None)
    key = await stored_key(tx, result.grade.exam_id, result.grade.exam_version)
    return ResultDetail.with_questions(result, await marks_of(tx, attempt_id), key)
