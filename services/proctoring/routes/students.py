"""What a student reads and answers: the notice before the start, the own attempt's feed, the own review, the own baseline."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from chassis.clock import now
from chassis.errors import DependencyUnavailable, NotFound
from chassis.http import Body, Caller, RuntimeOf, Tx
from services.proctoring import reviewing
from services.proctoring.baseline_views import BaselineOut
from services.proctoring.baselines_store import stored
from services.proctoring.exam_rules import current_rules
from services.proctoring.feeds import attempt_feed
from services.proctoring.following import entries_after
from services.proctoring.intake import is_young
from services.proctoring.notice import NoticeOut, notice_of
from services.proctoring.rights import find_attempt, own_attempts
from services.proctoring.routes.exams import After, FeedLimit, fresh_json
from services.proctoring.tables import Attempt, Baseline, Exam
from services.proctoring.views import NO_NUL, FeedPage, OwnReview

router = APIRouter(prefix="/api/v1/proctoring", tags=["proctoring"])


class Reply(Body):
    """What the student answers."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=NO_NUL)]


@router.get("/notice/{exam_id}", operation_id="readProctoringNotice")
async def read_notice(exam_id: UUID, tx: Tx, caller: Caller, runtime: RuntimeOf) -> NoticeOut:
    """What this exam collects, kind by kind, why and for how long, who sees it, and what is never collected. For everybody who is signed in."""
    exam = await tx.get(Exam, exam_id)
    if exam is None:
        raise NotFound("There is no such exam.")
    rules = current_rules(exam)
    if rules is None:
        raise DependencyUnavailable("The exam's rules are not here yet; try again in a moment.")
    return notice_of(exam_id, rules, runtime.settings)


@router.get("/attempts/{attempt_id}/feed", operation_id="readAttemptFeed", response_model=FeedPage)
async def read_attempt_feed(
    attempt_id: UUID, tx: Tx, caller: Caller, after: After = 0, limit: FeedLimit = 200
) -> Response:
    """What the student of the attempt is told while it runs, after a cursor, oldest first."""
    caller.require("student")
    try:
        await find_attempt(tx, attempt_id, own_attempts(caller))
    except NotFound:
        if is_young(attempt_id) and await tx.get(Attempt, attempt_id) is None:
            raise DependencyUnavailable("The attempt is not known here yet; try again in a moment.") from None
        raise
    return fresh_json((await entries_after(tx, attempt_feed(attempt_id), after, limit)).as_json())


@router.get("/attempts/{attempt_id}/review", operation_id="readOwnReview")
async def read_own_review(attempt_id: UUID, tx: Tx, caller: Caller, response: Response) -> OwnReview:
    """What you were told about your attempt; not found before you were told anything."""
    caller.require("student")
    response.headers["Cache-Control"] = "no-store"
    return await reviewing.own_review(tx, caller, attempt_id)


@router.post("/attempts/{attempt_id}/review/reply", operation_id="replyToReview")
async def reply_to_review(attempt_id: UUID, body: Reply, tx: Tx, caller: Caller) -> OwnReview:
    """Answers what you were told. A new reply replaces the last, until the attempt is reviewed; all of them are kept in the review's steps."""
    caller.require("student")
    return await reviewing.reply(tx, caller, attempt_id, body.text, now())


@router.get("/students/{student_id}/baseline", operation_id="readBaseline")
async def read_baseline(student_id: UUID, tx: Tx, caller: Caller, response: Response) -> BaselineOut:
    """What is usual for a student, and how it was measured: the student's own, or any for an administrator."""
    caller.require("student", "admin")
    if caller.is_("student") and caller.person_id != student_id:
        raise NotFound("There is no such student.")
    response.headers["Cache-Control"] = "no-store"
    return BaselineOut.of(student_id, stored(await tx.get(Baseline, student_id)))
