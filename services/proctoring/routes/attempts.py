"""/api/v1/proctoring/attempts: one attempt unfolded, judged, and spoken to, by staff."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from sqlmodel import col

from chassis.clock import now
from chassis.http import Caller, IfMatch, Once, Page, PageQuery, Tx, etag
from services.proctoring import reviewing
from services.proctoring.attempt_desk import attempt_unfolded
from services.proctoring.messaging import send_message
from services.proctoring.rights import JUDGES, READERS, WATCHERS, find_attempt, readable_attempts
from services.proctoring.signals import SignalKind
from services.proctoring.snapshot import see_one_snapshot
from services.proctoring.tables import ReviewStep
from services.proctoring.unfolding import SignalOut, signals_of
from services.proctoring.views import AttemptOut, Judgement, ReviewOut, ReviewStepOut, Told, WithReason, WithText

router = APIRouter(prefix="/api/v1/proctoring/attempts", tags=["proctoring"])

Reference = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,14}\.[1-9]\d{0,3}$")]
References = Annotated[
    list[Reference] | None,
    Query(max_length=100, description='signals that evidence names, such as "12.3": the third of batch 12'),
]


@router.get("/{attempt_id}", operation_id="readProctoredAttempt")
async def read_attempt(attempt_id: UUID, tx: Tx, caller: Caller, response: Response) -> AttemptOut:
    """Why the attempt is assessed as it is: every score unfolded into reasons and components with their evidence, the second opinion, counts of
    observations, its alerts and its review."""
    caller.require(*READERS)
    await see_one_snapshot(tx)
    shown = await attempt_unfolded(tx, caller, attempt_id, now())
    response.headers["ETag"] = etag(shown.review.version)
    response.headers["Cache-Control"] = "no-store"
    return shown


@router.get("/{attempt_id}/signals", operation_id="listSignals")
async def list_signals(
    attempt_id: UUID,
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    kind: Annotated[SignalKind | None, Query(description="signals of this kind alone")] = None,
    reference: References = None,
) -> Page[SignalOut]:
    """The signals themselves, in the order in which they were taken in; evidence names them by `reference`. Found by the server and not sent:
    kinds without signals, whose evidence is answers, addresses and log-ins."""
    caller.require(*READERS)
    await find_attempt(tx, attempt_id, readable_attempts(caller))
    found = await signals_of(
        tx,
        attempt_id,
        kind=kind.value if kind else None,
        references=frozenset(reference or ()),
        offset=page.offset,
        limit=page.limit,
    )
    return Page.of(found.items, found.total, page)


@router.get("/{attempt_id}/review/steps", operation_id="listReviewSteps")
async def list_review_steps(attempt_id: UUID, tx: Tx, caller: Caller, page: PageQuery) -> Page[ReviewStepOut]:
    """Everything that was ever judged, told and answered of the attempt, oldest first."""
    caller.require(*READERS)
    await find_attempt(tx, attempt_id, readable_attempts(caller))
    query = sa.select(ReviewStep).where(col(ReviewStep.attempt_id) == attempt_id)
    total = await tx.scalar(query.with_only_columns(sa.func.count())) or 0
    steps = await tx.scalars(query.order_by(col(ReviewStep.version)).offset(page.offset).limit(page.limit))
    return Page.of([ReviewStepOut.of(step) for step in steps], total, page)


@router.post("/{attempt_id}/review", operation_id="reviewAttempt")
async def review_attempt(
    attempt_id: UUID, body: Judgement, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> ReviewOut:
    """Marks the attempt reviewed, notes what was done, or flags it for manual review. A proctor may only flag it."""
    caller.require(*WATCHERS)
    return _tagged(await reviewing.review_attempt(tx, caller, attempt_id, body, if_match, now()), response)


@router.post("/{attempt_id}/invalidate", operation_id="invalidateAttempt")
async def invalidate_attempt(
    attempt_id: UUID, body: WithReason, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> ReviewOut:
    """Lets the attempt not count: its result is marked with the reason. It can be reinstated."""
    caller.require(*JUDGES)
    shown = await reviewing.invalidate_attempt(tx, caller, attempt_id, body.reason, if_match, now())
    return _tagged(shown, response)


@router.post("/{attempt_id}/reinstate", operation_id="reinstateAttempt")
async def reinstate_attempt(
    attempt_id: UUID, body: WithReason, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> ReviewOut:
    """Lets an invalidated attempt count again, as if it never had been invalidated."""
    caller.require(*JUDGES)
    shown = await reviewing.reinstate_attempt(tx, caller, attempt_id, body.reason, if_match, now())
    return _tagged(shown, response)


@router.post("/{attempt_id}/tell-student", operation_id="tellStudentOfReview")
async def tell_student(
    attempt_id: UUID, body: WithText, tx: Tx, caller: Caller, once: Once, response: Response
) -> ReviewOut:
    """Lets the student read a text about the attempt, and reply to it."""
    caller.require(*JUDGES)
    shown = await once(ReviewOut, lambda: reviewing.tell_student(tx, caller, attempt_id, body.text, now()))
    return _tagged(shown, response)


@router.post("/{attempt_id}/message", operation_id="sendMessageToStudent", status_code=201)
async def message_student(attempt_id: UUID, body: WithText, tx: Tx, caller: Caller, once: Once) -> Told:
    """Shows a text to the student while the attempt runs."""
    caller.require(*WATCHERS)

    async def send() -> Told:
        return Told(number=await send_message(tx, caller, attempt_id, body.text, now()))

    return await once(Told, send)


def _tagged(review: ReviewOut, response: Response) -> ReviewOut:
    response.headers["ETag"] = etag(review.version)
    return review
