"""/api/v1/exams/{exam_id}/questions, /draws, /order: what is in an exam."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response

from chassis.clock import now
from chassis.http import Caller, IfMatch, Once, Tx, etag, require_match
from services.exams import placing
from services.exams.drafts import read_places
from services.exams.questions import create_question
from services.exams.rights import AUTHORS, authored_bank, authored_question, exam_to_change, named_bank
from services.exams.tables import Exam, ExamSlot, StoredQuestion
from services.exams.views.exam_bodies import DrawBody, PlacedQuestion, PointsBody
from services.exams.views.exams import SlotOut
from services.exams.views.questions import Deleted

router = APIRouter(prefix="/api/v1/exams/{exam_id}", tags=["exam content"])

SlotIds = Annotated[list[UUID], Body(max_length=2000, description="every place of the exam, in the order wanted")]


async def _slot_out(tx: Tx, exam: Exam, slot: ExamSlot) -> SlotOut:
    places = await read_places(tx, exam.id)
    return next(SlotOut.of(place) for place in places if place.row.id == slot.id)


@router.post("/questions", status_code=201, operation_id="placeQuestion")
async def place_question(
    exam_id: UUID, body: PlacedQuestion, tx: Tx, caller: Caller, once: Once, response: Response
) -> SlotOut:
    """Adds a question at the end of the exam: one that exists, or a new one."""
    caller.require(*AUTHORS)

    async def create() -> SlotOut:
        exam = await exam_to_change(tx, caller, exam_id)
        question = await _question(tx, caller, exam, body)
        slot = await placing.place_question(tx, caller, exam, question, body.points, now())
        response.headers["ETag"] = etag(exam.revision)
        return await _slot_out(tx, exam, slot)

    return await once(SlotOut, create)


async def _question(tx: Tx, caller: Caller, exam: Exam, body: PlacedQuestion) -> StoredQuestion:
    if body.question is None:
        assert body.question_id is not None
        return await authored_question(tx, caller, body.question_id, lock=True)
    bank = await named_bank(tx, caller, body.question.bank_id)
    return await create_question(tx, caller, exam.instructor_id, body.question.question(), bank)


@router.patch("/questions/{question_id}", operation_id="setQuestionPoints")
async def set_points(
    exam_id: UUID,
    question_id: UUID,
    body: PointsBody,
    tx: Tx,
    caller: Caller,
    response: Response,
    if_match: IfMatch,
) -> SlotOut:
    """What a question is worth in this exam; penalty and partial credit keep their proportion."""
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    slot = await placing.set_points(tx, caller, exam, question_id, body.points, now())
    response.headers["ETag"] = etag(exam.revision)
    return await _slot_out(tx, exam, slot)


@router.delete("/questions/{question_id}", operation_id="removeQuestion")
async def remove_question(exam_id: UUID, question_id: UUID, tx: Tx, caller: Caller, response: Response) -> Deleted:
    """Takes a question out of the exam; it stays among the author's questions."""
    exam = await exam_to_change(tx, caller, exam_id)
    await placing.remove_question(tx, caller, exam, question_id, now())
    response.headers["ETag"] = etag(exam.revision)
    return Deleted()


@router.post("/draws", status_code=201, operation_id="placeDraw")
async def place_draw(exam_id: UUID, body: DrawBody, tx: Tx, caller: Caller, once: Once, response: Response) -> SlotOut:
    """Adds a draw at the end of the exam: each attempt gets so many questions of the bank, of one topic or difficulty when given."""
    caller.require(*AUTHORS)

    async def create() -> SlotOut:
        exam = await exam_to_change(tx, caller, exam_id)
        bank = await authored_bank(tx, caller, body.bank_id, lock=True)
        slot = await placing.place_draw(tx, caller, exam, bank, body.draw(), now())
        response.headers["ETag"] = etag(exam.revision)
        return await _slot_out(tx, exam, slot)

    return await once(SlotOut, create)


@router.delete("/draws/{slot_id}", operation_id="removeDraw")
async def remove_draw(exam_id: UUID, slot_id: UUID, tx: Tx, caller: Caller, response: Response) -> Deleted:
    """Takes a draw out of the exam."""
    exam = await exam_to_change(tx, caller, exam_id)
    await placing.remove_draw(tx, caller, exam, slot_id, now())
    response.headers["ETag"] = etag(exam.revision)
    return Deleted()


@router.put("/order", operation_id="orderExam")
async def order_exam(
    exam_id: UUID, slot_ids: SlotIds, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> list[SlotOut]:
    """Puts the places of the exam into this order."""
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    await placing.order_places(tx, caller, exam, slot_ids, now())
    await tx.flush()
    response.headers["ETag"] = etag(exam.revision)
    return [SlotOut.of(place) for place in await read_places(tx, exam.id)]
