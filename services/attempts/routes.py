"""/api/v1/attempts, but for the lean routes of hot.py."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.http import Caller, Page, PageQuery, RuntimeOf, Tx
from services.attempts import listing, pausing
from services.attempts.app_state import parts_of
from services.attempts.endings import ending_text
from services.attempts.problems import AttemptPaused, ReviewNotAllowed
from services.attempts.rights import attempt_within_reach
from services.attempts.starting import start_attempt
from services.attempts.submitting import clock, submit_attempt
from services.attempts.tables import Answer, Attempt
from services.attempts.views import (
    AnswerOut,
    AnswersOut,
    AttemptOut,
    Extension,
    Moved,
    NewAttempt,
    PaperOut,
    Pause,
    Status,
    paper_out,
)

router = APIRouter(prefix="/api/v1/attempts", tags=["attempts"])


@router.post("", status_code=201, operation_id="startAttempt", responses={200: {"model": AttemptOut}})
async def start(body: NewAttempt, caller: Caller, runtime: RuntimeOf, response: Response) -> AttemptOut:
    """Starts an exam (201), or gives the attempt that is open already (200)."""
    started = await start_attempt(runtime, caller, body.exam_id, body.access_code)
    response.status_code = 201 if started.is_new else 200
    return AttemptOut.of(started.attempt, started.moment)


@router.get("", operation_id="listAttempts")
async def list_attempts(
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    exam_id: Annotated[UUID | None, Query()] = None,
    student_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
) -> Page[AttemptOut]:
    """Own attempts; for staff those within their rights. Newest first."""
    rows, total = await listing.list_attempts(tx, caller, listing.Wanted(exam_id, student_id, status), page)
    moment = await clock(tx)
    return Page.of([AttemptOut.of(row, moment) for row in rows], total, page)


@router.get("/{attempt_id}", operation_id="readAttempt")
async def read(attempt_id: UUID, tx: Tx, caller: Caller) -> AttemptOut:
    """One attempt, with the time left."""
    attempt = await attempt_within_reach(tx, caller, attempt_id)
    return AttemptOut.of(attempt, await clock(tx))


@router.get("/{attempt_id}/paper", operation_id="readPaper")
async def read_paper(attempt_id: UUID, tx: Tx, caller: Caller, runtime: RuntimeOf) -> PaperOut:
    """The questions in this attempt's order, saved answers beside them.

    A student does not see it while the attempt is paused, and after submission only where the exam allows a review.
    """
    attempt = await attempt_within_reach(tx, caller, attempt_id)
    paper = await parts_of(runtime).copies.paper(attempt.exam_id, attempt.exam_version)
    if caller.role == "student" and attempt.status == "paused":
        raise AttemptPaused("The attempt is paused; the paper is shown again when it goes on.")
    if caller.role == "student" and attempt.status == "submitted" and not paper.settings.allow_review_after_submit:
        raise ReviewNotAllowed(
            f"{ending_text(attempt.submit_reason)} This exam does not allow a look back at the paper.",
            submit_reason=attempt.submit_reason,
        )
    view = AttemptOut.of(attempt, await clock(tx))
    return paper_out(
        view, attempt.seed, paper, {str(answer.question_id): answer for answer in await _answers(tx, attempt)}
    )


@router.get("/{attempt_id}/answers", operation_id="readAnswers")
async def read_answers(attempt_id: UUID, tx: Tx, caller: Caller, runtime: RuntimeOf) -> AnswersOut:
    """The stored answers, for staff: what an audit compares with what was acknowledged."""
    attempt = await attempt_within_reach(tx, caller, attempt_id, staff_only=True)
    paper = await parts_of(runtime).copies.paper(attempt.exam_id, attempt.exam_version)
    places = {question: place for place, question in enumerate(paper.question_ids(attempt.seed))}
    answers = await _answers(tx, attempt)
    return AnswersOut(answers=sorted(answers, key=lambda answer: places[str(answer.question_id)]))


@router.post("/{attempt_id}/submit", operation_id="submitAttempt")
async def submit(attempt_id: UUID, tx: Tx, caller: Caller) -> AttemptOut:
    """Submits with what is saved. Submitted already: the one true result, whoever was first."""
    attempt = await submit_attempt(tx, caller, attempt_id)
    return AttemptOut.of(attempt, await clock(tx))


@router.post("/{attempt_id}/break", operation_id="takeBreak")
async def take_break(attempt_id: UUID, tx: Tx, caller: Caller) -> AttemptOut:
    """The student's own break, as far as an accommodation grants one; the clock stands still."""
    return AttemptOut.of(await pausing.take_break(tx, caller, attempt_id), await clock(tx))


@router.delete("/{attempt_id}/break", operation_id="endBreak")
async def end_break(attempt_id: UUID, tx: Tx, caller: Caller) -> AttemptOut:
    """The student goes on."""
    return AttemptOut.of(await pausing.end_break(tx, caller, attempt_id), await clock(tx))


@router.post("/{attempt_id}/extend", operation_id="extendAttempt")
async def extend(attempt_id: UUID, body: Extension, tx: Tx, caller: Caller) -> AttemptOut:
    """More time for one attempt."""
    attempt = await pausing.extend_attempt(tx, caller, attempt_id, body.seconds, body.reason)
    return AttemptOut.of(attempt, await clock(tx))


@router.post("/{attempt_id}/pause", operation_id="pauseAttempt")
async def pause(attempt_id: UUID, body: Pause, tx: Tx, caller: Caller) -> AttemptOut:
    """Stops the clock of one attempt; nothing can be saved until it goes on."""
    attempt = await pausing.pause_attempt(tx, caller, attempt_id, body.reason)
    return AttemptOut.of(attempt, await clock(tx))


@router.post("/{attempt_id}/resume", operation_id="resumeAttempt")
async def resume(attempt_id: UUID, tx: Tx, caller: Caller) -> AttemptOut:
    """Lets one attempt go on with the time it had."""
    attempt = await pausing.resume_attempt(tx, caller, attempt_id)
    return AttemptOut.of(attempt, await clock(tx))


@router.post("/of-exam/{exam_id}/extend", operation_id="extendAttemptsOfExam")
async def extend_all(exam_id: UUID, body: Extension, tx: Tx, caller: Caller) -> Moved:
    """More time for every open attempt of an exam."""
    return Moved(attempts=await pausing.extend_all(tx, caller, exam_id, body.seconds, body.reason))


@router.post("/of-exam/{exam_id}/pause", operation_id="pauseAttemptsOfExam")
async def pause_all(exam_id: UUID, body: Pause, tx: Tx, caller: Caller) -> Moved:
    """Stops the clocks of all running attempts of an exam: a fire alarm, a power cut."""
    return Moved(attempts=await pausing.pause_all(tx, caller, exam_id, body.reason))


@router.post("/of-exam/{exam_id}/resume", operation_id="resumeAttemptsOfExam")
async def resume_all(exam_id: UUID, tx: Tx, caller: Caller) -> Moved:
    """Lets all paused attempts of an exam go on."""
    return Moved(attempts=await pausing.resume_all(tx, caller, exam_id))


async def _answers(tx: AsyncSession, attempt: Attempt) -> list[AnswerOut]:
    rows = await tx.scalars(sa.select(Answer).where(col(Answer.attempt_id) == attempt.id))
    return [AnswerOut.of(row) for row in rows]
