"""Lists of exams: authors find what they work on, everybody else what is published to them."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.paging import PageRequest
from services.exams.rights import in_force, shown_to, written_by
from services.exams.tables import WITHOUT_PAPER, Exam, ExamVersion


@dataclass(frozen=True)
class ExamFilter:
    """Which exams a list holds; None: any. `search` is a part of the title."""

    status: str | None = None
    kind: str | None = None
    subject: str | None = None
    search: str | None = None


async def find_authored(
    tx: AsyncSession, actor: Actor, wanted: ExamFilter, page: PageRequest
) -> tuple[list[Exam], int]:
    """One page of the exams an author works on, newest first, as the drafts are now; and how many there are."""
    query = sa.select(Exam).where(written_by(actor, col(Exam.instructor_id)), *_conditions(wanted, Exam))
    rows, total = await _page(tx, query, page)
    return [exam for (exam,) in rows], total


async def find_shown(
    tx: AsyncSession, actor: Actor, wanted: ExamFilter, page: PageRequest
) -> tuple[list[tuple[Exam, ExamVersion]], int]:
    """One page of the exams published to somebody who does not write them, newest first, as they are published; and how many there are."""
    query = sa.select(Exam, ExamVersion).join(ExamVersion, in_force()).options(*WITHOUT_PAPER)
    rows, total = await _page(tx, query.where(shown_to(actor), *_conditions(wanted, ExamVersion)), page)
    return [(exam, version) for exam, version in rows], total


async def find_versions(tx: AsyncSession, exam: Exam, page: PageRequest) -> tuple[list[ExamVersion], int]:
    """One page of an exam's frozen versions, newest first, and how many there are."""
    query = sa.select(ExamVersion).where(col(ExamVersion.exam_id) == exam.id)
    newest = query.order_by(col(ExamVersion.version).desc()).offset(page.offset).limit(page.limit)
    return list((await tx.execute(newest.options(*WITHOUT_PAPER))).scalars()), exam.version


def _conditions(wanted: ExamFilter, described_by: type[Exam] | type[ExamVersion]) -> list[sa.ColumnElement[bool]]:
    conditions = []
    if wanted.status is not None:
        conditions.append(col(Exam.status) == wanted.status)
    if wanted.kind is not None:
        conditions.append(col(described_by.kind) == wanted.kind)
    if wanted.subject is not None:
        conditions.append(sa.func.lower(col(described_by.subject)) == wanted.subject.lower())
    if wanted.search:
        conditions.append(col(described_by.title).icontains(wanted.search, autoescape=True))
    return conditions


async def _page(tx: AsyncSession, query: sa.Select[Any], page: PageRequest) -> tuple[list[Any], int]:
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(col(Exam.id).desc()).offset(page.offset).limit(page.limit))
    return list(rows), total
