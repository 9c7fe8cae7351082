"""By which rules an attempt is proctored: those of the version of the exam that it sits."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.proctoring.signals import ExamRules
from services.proctoring.tables import Exam, ExamVersion


async def rules_by_version(tx: AsyncSession, exam_id: UUID) -> dict[int, ExamRules]:
    """The rules of each version of an exam that is known here."""
    query = sa.select(col(ExamVersion.version), col(ExamVersion.rules)).where(col(ExamVersion.exam_id) == exam_id)
    return {version: msgspec.convert(rules, ExamRules) for version, rules in await tx.execute(query)}


def current_rules(exam: Exam) -> ExamRules | None:
    """The rules of the exam's newest known version; None until one is known."""
    return None if exam.rules is None else msgspec.convert(exam.rules, ExamRules)


def violation_limit(rules: Mapping[int, ExamRules], version: int) -> int:
    """The number of violations at which an attempt at this version is submitted; 0: none."""
    known = rules.get(version)
    return known.violation_limit if known is not None and known.proctoring else 0
