"""When and for whom an exam is, and who watches and marks it: changeable after publication, in force at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import grpc
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.audit import record_audit
from services.exams.access_codes import digest, new_salt
from services.exams.audience import Audience
from services.exams.authoring import count_change
from services.exams.content import Kind, Window
from services.exams.events import exam_schedule_changed
from services.exams.people import check_role, ensure_known
from services.exams.problems import RulesBroken
from services.exams.publishing import version_in_force
from services.exams.readiness import schedule_faults
from services.exams.tables import PUBLISHED, Exam


@dataclass(frozen=True)
class Schedule:
    """One occasion of an exam. `max_attempts` 0: without limit, practice only. `access_code` None: none is needed."""

    window: Window
    max_attempts: int
    audience: Audience
    access_code: str | None = None
    proctor_ids: tuple[UUID, ...] = ()
    evaluator_ids: tuple[UUID, ...] = ()


async def check_people(tx: AsyncSession, identity: grpc.aio.Channel, schedule: Schedule) -> None:
    """Raises RulesBroken when somebody named does not exist or has another role; asks identity for those not known here."""
    named = {
        "proctor_ids": ("proctor", schedule.proctor_ids),
        "evaluator_ids": ("evaluator", schedule.evaluator_ids),
        "audience.student_ids": ("student", schedule.audience.student_ids),
    }
    for field, (role, person_ids) in named.items():
        await ensure_known(tx, identity, person_ids)
        await check_role(tx, field, role, person_ids)


async def set_schedule(tx: AsyncSession, actor: Actor, exam: Exam, schedule: Schedule, at: datetime) -> None:
    """Puts the schedule of a locked exam in force. Raises RulesBroken when a published exam would be left with a broken one."""
    old, is_new_code = _for_audit(exam), schedule.access_code != exam.access_code
    apply_schedule(exam, schedule)
    count_change(exam, at)
    if exam.status == PUBLISHED:
        version = await version_in_force(tx, exam)
        kind = Kind(version.kind)
        if faults := schedule_faults(kind, schedule.window, schedule.max_attempts, schedule.audience, at=None):
            raise RulesBroken(faults)
        exam_schedule_changed(tx, exam, version)
    new = {**_for_audit(exam), "is_new_access_code": is_new_code}
    record_audit(tx, actor, "exam_scheduled", "exam", exam.id, old=old, new=new)


def apply_schedule(exam: Exam, schedule: Schedule) -> None:
    """Writes the schedule into the row; an access code that stays keeps its salt."""
    exam.opens_at, exam.closes_at = schedule.window.opens_at, schedule.window.closes_at
    exam.max_attempts = schedule.max_attempts
    exam.audience = msgspec.to_builtins(schedule.audience)
    exam.audience_keys = sorted(schedule.audience.keys)
    exam.proctor_ids = list(schedule.proctor_ids)
    exam.evaluator_ids = list(schedule.evaluator_ids)
    if schedule.access_code != exam.access_code:
        exam.access_code = code = schedule.access_code
        exam.access_code_salt = new_salt() if code else ""
        exam.access_code_sha256 = digest(exam.access_code_salt, code) if code else ""


def _for_audit(exam: Exam) -> dict[str, Any]:
    """The schedule without the code."""
    return {
        "opens_at": exam.opens_at and exam.opens_at.isoformat(),
        "closes_at": exam.closes_at and exam.closes_at.isoformat(),
        "max_attempts": exam.max_attempts,
        "needs_access_code": exam.access_code is not None,
        "audience": exam.audience,
        "proctor_ids": exam.proctor_ids,
        "evaluator_ids": exam.evaluator_ids,
    }
