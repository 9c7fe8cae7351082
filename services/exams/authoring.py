"""An author makes, changes, copies and deletes exams."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict
from chassis.ids import new_id
from services.exams.content import ExamSettings
from services.exams.tables import Exam, ExamSlot


def count_change(exam: Exam, at: datetime) -> None:
    """Counts a change of a locked exam."""
    exam.revision += 1
    exam.updated_at = at


async def create_exam(tx: AsyncSession, actor: Actor, values: Mapping[str, Any], settings: Mapping[str, Any]) -> Exam:
    """A new draft of the actor's, with default settings where none are given."""
    exam = new_exam(actor.person_id, values, settings, new_id())
    tx.add(exam)
    await tx.flush()
    record_audit(tx, actor, "exam_created", "exam", exam.id, new={"title": exam.title, "kind": exam.kind})
    return exam


def new_exam(instructor_id: UUID, values: Mapping[str, Any], settings: Mapping[str, Any], exam_id: UUID) -> Exam:
    """The row of a new draft."""
    chosen = _stored(msgspec.convert(settings, ExamSettings))
    return Exam(**values, id=exam_id, instructor_id=instructor_id, settings=chosen)


def change_exam(
    tx: AsyncSession, actor: Actor, exam: Exam, values: Mapping[str, Any], settings: Mapping[str, Any], at: datetime
) -> None:
    """Changes the draft of a locked exam; what is published stays as it is until the next publication."""
    new = dict(values)
    if settings:
        new["settings"] = _stored(msgspec.structs.replace(exam.settings_value, **settings))
    old = {name: getattr(exam, name) for name, value in new.items() if getattr(exam, name) != value}
    if not old:
        return
    for name in old:
        setattr(exam, name, new[name])
    count_change(exam, at)
    record_audit(tx, actor, "exam_changed", "exam", exam.id, old=old, new={name: new[name] for name in old})


async def delete_exam(tx: AsyncSession, actor: Actor, exam: Exam) -> None:
    """Deletes a locked exam that was never published. Raises Conflict for any other."""
    if exam.version > 0:
        raise Conflict("An exam that was published is kept for what was sat; archive it instead.")
    record_audit(tx, actor, "exam_deleted", "exam", exam.id, old={"title": exam.title, "kind": exam.kind})
    await tx.delete(exam)


async def duplicate_exam(tx: AsyncSession, actor: Actor, original: Exam) -> Exam:
    """A draft of the actor's with the same content and settings; without schedule, audience, staff and access code, which belong to an occasion."""
    copy = Exam(
        instructor_id=actor.person_id,
        title=original.title,
        subject=original.subject,
        kind=original.kind,
        instructions=original.instructions,
        settings=original.settings,
        max_attempts=original.max_attempts,
    )
    tx.add(copy)
    await tx.flush()
    await _copy_places(tx, original.id, copy.id)
    record_audit(tx, actor, "exam_duplicated", "exam", copy.id, new={"title": copy.title, "from": str(original.id)})
    return copy


async def _copy_places(tx: AsyncSession, original_id: UUID, copy_id: UUID) -> None:
    rows = await tx.execute(sa.select(ExamSlot).where(col(ExamSlot.exam_id) == original_id))
    for row in rows.scalars():
        tx.add(ExamSlot(**row.model_dump(exclude={"id", "exam_id"}), exam_id=copy_id))
    await tx.flush()


def _stored(settings: ExamSettings) -> dict[str, Any]:
    stored: dict[str, Any] = msgspec.to_builtins(settings)
    return stored
