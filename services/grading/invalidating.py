"""Attempts that a person declared invalid: their grades stay, count nowhere, and are hidden from their students until that is undone."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from proto.examhall.grading.v1.events_pb2 import GradeInvalidated, GradeReinstated
from proto.examhall.proctoring.v1.events_pb2 import AttemptReviewed
from services.grading.events import grade_changed
from services.grading.grades import marks_of
from services.grading.tables import Exam, Grade, Review

# Conflicts with every change of the table and not with itself: marking goes on in parallel, and a review is either seen here or finds the grade.
_NO_REVIEW_MEANWHILE = sa.text("LOCK TABLE reviews IN SHARE MODE")


async def take_in_review(tx: AsyncSession, reviewed: AttemptReviewed) -> None:
    """Keeps what was decided and brings the attempt's grade, if it has one, in line with it. An older decision changes nothing."""
    review = await _keep(tx, reviewed)
    if review is None:
        return
    # Whoever finalizes or releases locks the exam and then its grades; in the same order nobody waits in a circle.
    await tx.execute(sa.select(col(Exam.id)).where(col(Exam.id) == UUID(reviewed.exam_id)).with_for_update())
    grade = await tx.get(Grade, review.attempt_id, with_for_update=True)
    if grade is None or grade.is_invalidated == review.is_invalidated:
        return
    apply_review(grade, review)
    event = GradeInvalidated if review.is_invalidated else GradeReinstated
    grade_changed(tx, event, grade, await marks_of(tx, grade.attempt_id))


async def reviews_before_grades(tx: AsyncSession, attempt_ids: Sequence[UUID]) -> dict[UUID, Review]:
    """The reviews of attempts whose grades are about to be written; until the end of the transaction none is taken in."""
    await tx.execute(_NO_REVIEW_MEANWHILE)
    found = await tx.scalars(sa.select(Review).where(col(Review.attempt_id).in_(attempt_ids)))
    return {review.attempt_id: review for review in found}


def apply_review(grade: Grade, review: Review) -> None:
    """Marks a grade as invalidated with the reason, or as one that counts."""
    grade.is_invalidated = review.is_invalidated
    grade.invalidation_reason = review.reason if review.is_invalidated else ""


async def _keep(tx: AsyncSession, reviewed: AttemptReviewed) -> Review | None:
    """The review as it stands now; None when the stored one is as new. What is said after the invalidation does not replace its reason."""
    review = await tx.get(Review, UUID(reviewed.attempt_id), with_for_update=True)
    if review is None:
        review = Review(attempt_id=UUID(reviewed.attempt_id), revision=0, is_invalidated=False, reason="")
        tx.add(review)
    if reviewed.revision <= review.revision:
        return None
    if reviewed.is_invalidated != review.is_invalidated:
        review.reason = reviewed.reason
    review.revision, review.is_invalidated = reviewed.revision, reviewed.is_invalidated
    await tx.flush()
    return review
