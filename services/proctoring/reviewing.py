"""What people judge of an attempt, and what the student is told and answers. Every step is kept, and every judgement can be undone.

A student who was told may answer. A new answer replaces the last until the attempt is marked reviewed after the telling; being told again opens it anew.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict, Forbidden, NotFound
from chassis.http import require_match
from chassis.outbox import record_event, timestamp
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.alerts_desk import REVIEWS
from services.proctoring.baselines_store import reconsider
from services.proctoring.copies import name_of
from services.proctoring.feeds import attempt_feed, exam_feed, tell
from services.proctoring.rights import JUDGES, find_attempt, own_attempts, readable_attempts
from services.proctoring.tables import Attempt, Review, ReviewStep
from services.proctoring.views import Judgement, OwnReview, ReviewOut

# A conversation goes on elsewhere; a log of it in the review's steps must not grow without end.
REPLIES_AT_MOST = 10
_JUDGED = ("is_reviewed", "action_taken", "needs_manual_review", "is_invalidated", "reason")


async def review_attempt(
    tx: AsyncSession, caller: Actor, attempt_id: UUID, judged: Judgement, if_match: int | None, at: datetime
) -> ReviewOut:
    """Marks an attempt reviewed, notes what was done, flags it for a person to look at. A proctor may flag it, and nothing else."""
    changes = judged.model_dump(exclude_none=True)
    if not caller.is_(*JUDGES) and changes.keys() - {"reason"} != {"needs_manual_review"}:
        raise Forbidden("A proctor may flag an attempt for manual review; its instructor judges it.")
    if not caller.is_(*JUDGES) and not judged.needs_manual_review:
        raise Forbidden("A proctor may flag an attempt for manual review, not take the flag away.")
    review = await _locked(tx, caller, attempt_id, if_match)
    return await _judge(tx, caller, review, _step_of(judged), changes, at)


async def invalidate_attempt(
    tx: AsyncSession, caller: Actor, attempt_id: UUID, reason: str, if_match: int | None, at: datetime
) -> ReviewOut:
    """Lets an attempt not count, until it is reinstated. Grading hears of it by the event."""
    review = await _locked(tx, caller, attempt_id, if_match)
    if review.is_invalidated:
        raise Conflict("The attempt is invalidated already.")
    return await _judge(tx, caller, review, "invalidated", {"is_invalidated": True, "reason": reason}, at)


async def reinstate_attempt(
    tx: AsyncSession, caller: Actor, attempt_id: UUID, reason: str, if_match: int | None, at: datetime
) -> ReviewOut:
    """Lets an invalidated attempt count again."""
    review = await _locked(tx, caller, attempt_id, if_match)
    if not review.is_invalidated:
        raise Conflict("The attempt is not invalidated.")
    return await _judge(tx, caller, review, "reinstated", {"is_invalidated": False, "reason": reason}, at)


async def tell_student(tx: AsyncSession, caller: Actor, attempt_id: UUID, text: str, at: datetime) -> ReviewOut:
    """Tells the student something about the attempt, to which they may reply."""
    review = await _locked(tx, caller, attempt_id, None)
    review.is_student_told = True
    shown = await _step(tx, caller, review, "told", text, at)
    await tell(tx, attempt_feed(attempt_id), "review", at, {"text": text})
    return shown


async def reply(tx: AsyncSession, caller: Actor, attempt_id: UUID, text: str, at: datetime) -> OwnReview:
    """The student's answer. Raises NotFound before anything was told, Conflict when the attempt was reviewed since or after ten answers."""
    await find_attempt(tx, attempt_id, own_attempts(caller))
    review = await tx.scalar(sa.select(Review).where(col(Review.attempt_id) == attempt_id).with_for_update())
    telling = await _telling(tx, attempt_id)
    if review is None or telling is None:
        raise NotFound("You were told nothing about this attempt.")
    if not telling.may_be_answered:
        raise Conflict("The attempt was reviewed since, or you have replied ten times; ask the exam's instructor.")
    review.reply, review.replied_at = text, at
    await _step(tx, caller, review, "replied", text, at)
    return await own_review(tx, caller, attempt_id)


async def own_review(tx: AsyncSession, caller: Actor, attempt_id: UUID) -> OwnReview:
    """What the student was told of the own attempt. Raises NotFound before."""
    await find_attempt(tx, attempt_id, own_attempts(caller))
    review = await tx.get(Review, attempt_id)
    telling = await _telling(tx, attempt_id)
    if review is None or telling is None:
        raise NotFound("You were told nothing about this attempt.")
    return OwnReview(
        attempt_id=attempt_id,
        text=telling.text,
        told_at=telling.at,
        is_invalidated=review.is_invalidated,
        invalidation_reason=await _invalidation_reason(tx, attempt_id) if review.is_invalidated else None,
        reply=review.reply,
        replied_at=review.replied_at,
        may_reply=telling.may_be_answered,
    )


class _Telling(NamedTuple):
    text: str
    at: datetime
    may_be_answered: bool


async def _telling(tx: AsyncSession, attempt_id: UUID) -> _Telling | None:
    """What the student was told last, and whether the steps since leave room for an answer."""
    steps = (await tx.scalars(_steps(attempt_id))).all()
    last = next((place for place, step in enumerate(steps) if step.step == "told"), None)
    if last is None:
        return None
    since = [step.step for step in steps[:last]]
    may_be_answered = "reviewed" not in since and since.count("replied") < REPLIES_AT_MOST
    return _Telling(steps[last].reason, steps[last].at, may_be_answered)


async def _invalidation_reason(tx: AsyncSession, attempt_id: UUID) -> str | None:
    query = _steps(attempt_id).where(col(ReviewStep.step) == "invalidated").limit(1)
    step = await tx.scalar(query)
    return step.reason if step else None


def _steps(attempt_id: UUID) -> sa.Select[tuple[ReviewStep]]:
    """Newest first."""
    return (
        sa.select(ReviewStep).where(col(ReviewStep.attempt_id) == attempt_id).order_by(col(ReviewStep.version).desc())
    )


async def _locked(tx: AsyncSession, caller: Actor, attempt_id: UUID, if_match: int | None) -> Review:
    """The review's row, held until the end of the transaction; made when there is none yet."""
    attempt: Attempt = await find_attempt(tx, attempt_id, readable_attempts(caller))
    blank = Review(attempt_id=attempt_id, exam_id=attempt.exam_id, student_id=attempt.student_id)
    await tx.execute(insert(Review).values(blank.model_dump()).on_conflict_do_nothing())
    query = sa.select(Review).where(col(Review.attempt_id) == attempt_id)
    review = (await tx.scalars(query.with_for_update())).one()
    require_match(if_match, review.version)
    return review


async def _judge(
    tx: AsyncSession, caller: Actor, review: Review, step: str, changes: dict[str, object], at: datetime
) -> ReviewOut:
    old = {name: getattr(review, name) for name in _JUDGED}
    for name, value in changes.items():
        setattr(review, name, value)
    review.by_person_id = caller.person_id
    shown = await _step(tx, caller, review, step, review.reason, at, old)
    record_event(tx, REVIEWS, review.attempt_id, _reviewed(review, at))
    if review.is_invalidated != old["is_invalidated"]:
        await reconsider(tx, review.attempt_id)
    return shown


async def _step(
    tx: AsyncSession,
    caller: Actor,
    review: Review,
    step: str,
    reason: str,
    at: datetime,
    old: dict[str, object] | None = None,
) -> ReviewOut:
    """Keeps a step under the review's next version, audits it, and tells those who watch the exam."""
    review.version += 1
    review.changed_at = at
    tx.add(review)
    tx.add(
        ReviewStep(
            attempt_id=review.attempt_id,
            version=review.version,
            step=step,
            reason=reason,
            by_person_id=caller.person_id,
            at=at,
        )
    )
    new = {name: getattr(review, name) for name in _JUDGED} if old is not None else {"text": reason}
    record_audit(tx, caller, f"attempt_{step}", "attempt", review.attempt_id, old, new)
    shown = ReviewOut.model_validate(review)
    body = {"step": step, "student_name": await name_of(tx, review.student_id), "review": shown.model_dump(mode="json")}
    await tell(tx, exam_feed(review.exam_id), "reviewed", at, {"attempt_id": str(review.attempt_id), **body})
    return shown


def _step_of(judged: Judgement) -> str:
    """What a step is called: by the weightiest of what was said."""
    if judged.is_reviewed is not None:
        return "reviewed" if judged.is_reviewed else "reopened"
    if judged.needs_manual_review is not None:
        return "flagged" if judged.needs_manual_review else "unflagged"
    return "noted"


def _reviewed(review: Review, at: datetime) -> told.AttemptReviewed:
    return told.AttemptReviewed(
        attempt_id=str(review.attempt_id),
        exam_id=str(review.exam_id),
        student_id=str(review.student_id),
        revision=review.version,
        is_reviewed=review.is_reviewed,
        action_taken=review.action_taken,
        needs_manual_review=review.needs_manual_review,
        is_invalidated=review.is_invalidated,
        reason=review.reason,
        by_person_id=str(review.by_person_id),
        at=timestamp(at),
    )
