"""/api/v1/grading/queue and /api/v1/grading/attempts: for those who mark."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from sqlmodel import col

from chassis.clock import now
from chassis.http import Caller, IfMatch, Once, Page, PageQuery, Tx, etag
from services.grading.access import MARKERS, OWNERS, READERS, find_grade, marked_exams, readable_grades
from services.grading.answer_keys import stored_key
from services.grading.checking import check_marks
from services.grading.grades import marks_of
from services.grading.human_marking import give_marks
from services.grading.queue import QueueFilter, waiting_answers
from services.grading.tables import Grade, GradeChange, Integrity, Person, QuestionMark
from services.grading.views import Check, DifferenceOut, GivenMarks, GradeChangeOut, GradeOut, QueueItem

router = APIRouter(prefix="/api/v1/grading", tags=["marking"])


@router.get("/queue", operation_id="listWaitingAnswers")
async def list_waiting_answers(
    tx: Tx, caller: Caller, page: PageQuery, wanted: Annotated[QueueFilter, Depends()]
) -> Page[QueueItem]:
    """Answers that wait for a human, oldest submission first, with rubric and sample answer."""
    caller.require(*MARKERS)
    answers, total = await waiting_answers(tx, caller, wanted, page)
    return Page.of([QueueItem.of(answer) for answer in answers], total, page)


@router.get("/attempts/{attempt_id}", operation_id="readGrade")
async def read_attempts_grade(attempt_id: UUID, tx: Tx, caller: Caller, response: Response) -> GradeOut:
    """The grade of an attempt, with every answer and its mark."""
    caller.require(*READERS)
    grade = await find_grade(tx, attempt_id, readable_grades(caller))
    response.headers["ETag"] = etag(grade.revision)
    return await _shown(tx, grade, await marks_of(tx, attempt_id))


@router.post("/attempts/{attempt_id}/marks", operation_id="giveMarks")
async def give_attempts_marks(
    attempt_id: UUID, body: GivenMarks, tx: Tx, caller: Caller, once: Once, response: Response, if_match: IfMatch
) -> GradeOut:
    """Marks answers of an attempt, all or none. To replace a mark, send If-Match with the ETag of the grade you read."""
    caller.require(*MARKERS)
    given = [mark.as_human_mark() for mark in body.marks]

    async def give() -> GradeOut:
        return await _shown(tx, *await give_marks(tx, caller, attempt_id, given, if_match, now()))

    shown = await once(GradeOut, give)
    response.headers["ETag"] = etag(shown.revision)
    return shown


@router.get("/attempts/{attempt_id}/changes", operation_id="listGradeChanges")
async def list_grade_changes(attempt_id: UUID, tx: Tx, caller: Caller, page: PageQuery) -> Page[GradeChangeOut]:
    """Every human mark the attempt ever got, oldest first."""
    caller.require(*MARKERS)
    await find_grade(tx, attempt_id, marked_exams(caller))
    query = sa.select(GradeChange).where(col(GradeChange.attempt_id) == attempt_id)
    total = await tx.scalar(query.with_only_columns(sa.func.count())) or 0
    rows = await tx.execute(query.order_by(col(GradeChange.id)).offset(page.offset).limit(page.limit))
    return Page.of([GradeChangeOut.model_validate(change) for change in rows.scalars()], total, page)


@router.get("/attempts/{attempt_id}/check", operation_id="checkGrade")
async def check_grade(attempt_id: UUID, tx: Tx, caller: Caller) -> Check:
    """Marks the attempt again by the rules and says what would differ; changes nothing."""
    caller.require(*OWNERS)
    differences = await check_marks(tx, caller, attempt_id)
    found = [DifferenceOut.model_validate(difference) for difference in differences]
    return Check(is_same=not found, differences=found)


async def _shown(tx: Tx, grade: Grade, marks: list[QuestionMark]) -> GradeOut:
    student_name = await tx.scalar(sa.select(col(Person.name)).where(col(Person.id) == grade.student_id))
    integrity = await tx.get(Integrity, grade.attempt_id)
    key = await stored_key(tx, grade.exam_id, grade.exam_version)
    return GradeOut.with_marks(grade, student_name, integrity, marks, key)
