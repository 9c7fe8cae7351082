"""Lists of attempts, newest first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.paging import PageRequest
from services.attempts.rights import within_reach
from services.attempts.tables import Attempt


@dataclass(frozen=True)
class Wanted:
    """Which attempts a list holds; None: any."""

    exam_id: UUID | None = None
    student_id: UUID | None = None
    status: str | None = None


async def list_attempts(
    tx: AsyncSession, actor: Actor, wanted: Wanted, page: PageRequest
) -> tuple[Sequence[Attempt], int]:
    """One page of the attempts that the actor may see, and how many there are. Raises Forbidden."""
    query = listed(actor, wanted)
    total = await tx.scalar(query.order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0
    return (await tx.scalars(query.offset(page.offset).limit(page.limit))).all(), total


def listed(actor: Actor, wanted: Wanted) -> sa.Select[Any]:
    """Newest first: by the id, which grows with time, as the indexes by student and centre have it.

    Those of certain exams are few among all and found by exam. They are sorted by what no index has, or PostgreSQL would look for the newest
    among the attempts of everybody, through all of them when there are not enough for a page.
    """
    query = sa.select(Attempt).where(within_reach(actor))
    for column, value in (
        (col(Attempt.exam_id), wanted.exam_id),
        (col(Attempt.student_id), wanted.student_id),
        (col(Attempt.status), wanted.status),
    ):
        if value is not None:
            query = query.where(column == value)
    if actor.is_("instructor", "proctor") or wanted.exam_id is not None:
        query = query.order_by(col(Attempt.started_at).desc())
    return query.order_by(col(Attempt.id).desc())
