"""/api/v1/exams/{exam_id}/seating: who sits in which room."""

from uuid import UUID

from fastapi import APIRouter, Response

from chassis.clock import now
from chassis.http import Caller, IfMatch, RuntimeOf, Tx, etag, require_match
from services.exams import seating
from services.exams.rights import AUTHORS, authored_exam, exam_to_change, shown_exam
from services.exams.tables import Exam
from services.exams.views.seating import SeatingBody, SeatingOut

router = APIRouter(prefix="/api/v1/exams/{exam_id}/seating", tags=["exams"])


async def _seating_out(tx: Tx, exam: Exam, response: Response) -> SeatingOut:
    response.headers["ETag"] = etag(exam.revision)
    return SeatingOut.of(exam.id, await seating.read_plan(tx, exam.id))


@router.get("", operation_id="readSeating")
async def read_seating(exam_id: UUID, tx: Tx, caller: Caller, response: Response) -> SeatingOut:
    """The seating plan, for authors and for the proctors that the exam names."""
    caller.require(*AUTHORS, "proctor")
    if caller.is_("proctor"):
        exam, _ = await shown_exam(tx, caller, exam_id)
    else:
        exam = await authored_exam(tx, caller, exam_id)
    return await _seating_out(tx, exam, response)


@router.put("", operation_id="setSeating")
async def set_seating(
    exam_id: UUID,
    body: SeatingBody,
    tx: Tx,
    caller: Caller,
    runtime: RuntimeOf,
    response: Response,
    if_match: IfMatch,
) -> SeatingOut:
    """Replaces the whole plan, before publication or after it; of a published exam, in force at once. 422 names students the exam is not for."""
    await authored_exam(tx, caller, exam_id)
    rooms = body.plan()
    await seating.check_plan(tx, runtime.channel("identity"), rooms)
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    await seating.set_plan(tx, caller, exam, rooms, now())
    return await _seating_out(tx, exam, response)
