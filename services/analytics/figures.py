"""Figures of any set of attempts, as a whole or by what they have in common; two aggregates, whatever the grouping."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.analytics.distributions import rounded, share
from services.analytics.rights import Scope
from services.analytics.tables import Attempt, Exam, Grade
from services.analytics.views import Figures

Grouping = Callable[[type[Attempt | Grade]], sa.SQLColumnExpression[Any]]

NO_FIGURES = Figures()


async def figures_of(tx: AsyncSession, scope: Scope) -> Figures:
    """The figures of all attempts in the scope."""
    return (await figures_by(tx, scope, lambda _: sa.literal(True))).get(True, NO_FIGURES)


async def figures_by(tx: AsyncSession, scope: Scope, group: Grouping) -> dict[Any, Figures]:
    """The figures of the scope's attempts by a column of their own, or of their exam."""
    attempts = await tx.execute(
        sa.select(
            group(Attempt),
            sa.func.count(),
            sa.func.count().filter(col(Attempt.status) == "submitted"),
            sa.func.count().filter(col(Grade.is_invalidated)),
        )
        .select_from(Attempt)
        .outerjoin(Grade, col(Grade.attempt_id) == col(Attempt.id))
        .outerjoin(Exam, col(Exam.id) == col(Attempt.exam_id))
        .where(scope.attempts)
        .group_by(group(Attempt))
    )
    is_marked = col(Grade.percentage).is_not(None)
    grades = await tx.execute(
        sa.select(
            group(Grade),
            sa.func.count().filter(col(Grade.status) == "waiting"),
            sa.func.count().filter(is_marked),
            sa.func.count().filter(is_marked & col(Grade.has_passed)),
            sa.func.avg(col(Grade.percentage)),
        )
        .select_from(Grade)
        .outerjoin(Exam, col(Exam.id) == col(Grade.exam_id))
        .where(scope.grades)
        .group_by(group(Grade))
    )
    sat = {key: tuple(counts) for key, *counts in attempts}
    marked = {key: tuple(counts) for key, *counts in grades}
    return {key: _figures(*sat.get(key, (0, 0, 0)), *marked.get(key, (0, 0, 0, None))) for key in sat.keys() | marked}


def _figures(
    started: int, submitted: int, invalidated: int, waiting: int, marked: int, passed: int, average: Decimal | None
) -> Figures:
    return Figures(
        started=started,
        in_progress=started - submitted,
        submitted=submitted,
        completion_rate=share(submitted, started),
        invalidated=invalidated,
        waiting=waiting,
        marked=marked,
        passed=passed,
        failed=marked - passed,
        pass_rate=share(passed, marked),
        average_percentage=None if average is None else rounded(average),
    )
