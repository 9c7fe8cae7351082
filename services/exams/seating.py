"""Who sits in which room: a plan that is set as a whole, before publication or after it. Others are told of a published exam's alone."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import grpc
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from services.exams.authoring import count_change
from services.exams.events import exam_seating_changed
from services.exams.people import ensure_known
from services.exams.problems import RulesBroken
from services.exams.readiness import Fault
from services.exams.rooms import Room, named_faults, places_of, plan_faults, rooms_of, seats_of
from services.exams.tables import PUBLISHED, Exam, ExamSeat

# Of those who sit elsewhere after a change the audit log names so many, and counts all.
_AUDITED = 100

_SEAT = sa.text(
    "INSERT INTO exam_seats (exam_id, student_id, room)"
    " SELECT :exam_id, * FROM unnest(CAST(:student_ids AS uuid[]), CAST(:rooms AS text[]))"
)
_SEATS = sa.text("SELECT student_id, room FROM exam_seats WHERE exam_id = :exam_id")
# Of thousands named, usually nobody: `ensure_known` would bind each of them as a parameter. Index: the primary key.
_UNKNOWN = sa.text(
    "SELECT named FROM unnest(CAST(:student_ids AS uuid[])) AS named WHERE NOT EXISTS (SELECT FROM people WHERE id = named)"
)
# Of those named, the students there are, and whether the exam is for them. Indexes: the primary keys.
_STUDENTS = sa.text("""
SELECT people.id, people.audience_keys && exams.audience_keys FROM people, exams
WHERE exams.id = :exam_id AND people.id = ANY (:student_ids) AND people.role = 'student' AND NOT people.is_deleted
""")


async def read_plan(tx: AsyncSession, exam_id: UUID) -> list[Room]:
    """The plan in force; no rooms where there is none."""
    return rooms_of(await _seats(tx, exam_id))


async def own_rooms(tx: AsyncSession, student_id: UUID, exam_ids: Collection[UUID]) -> dict[UUID, str]:
    """In which room one student sits each of these exams, where that is planned."""
    query = sa.select(col(ExamSeat.exam_id), col(ExamSeat.room))
    own = query.where(col(ExamSeat.exam_id).in_(exam_ids), col(ExamSeat.student_id) == student_id)
    return dict(map(tuple, await tx.execute(own)))


async def check_plan(tx: AsyncSession, identity: grpc.aio.Channel, rooms: Sequence[Room]) -> None:
    """Raises RulesBroken for a plan that is wrong whoever is in it; asks identity for students who are not known here."""
    if faults := plan_faults(rooms):
        raise RulesBroken(named_faults(faults))
    unknown = await tx.scalars(_UNKNOWN, {"student_ids": list(seats_of(rooms))})
    await ensure_known(tx, identity, unknown.all())


async def set_plan(tx: AsyncSession, actor: Actor, exam: Exam, rooms: Sequence[Room], at: datetime) -> None:
    """Puts a checked plan of a locked exam in force; the same plan again changes nothing. Raises RulesBroken with every student who can't be seated."""
    if faults := await _strangers(tx, exam.id, rooms):
        raise RulesBroken(named_faults(faults))
    old, new = await _seats(tx, exam.id), seats_of(rooms)
    if new == old:
        return
    await tx.execute(sa.delete(ExamSeat).where(col(ExamSeat.exam_id) == exam.id))
    await tx.execute(_SEAT, {"exam_id": exam.id, "student_ids": list(new), "rooms": list(new.values())})
    count_change(exam, at)
    if exam.status == PUBLISHED:
        exam_seating_changed(tx, exam, rooms_of(new))
    moved = sorted(student_id for student_id in old.keys() | new.keys() if old.get(student_id) != new.get(student_id))
    record_audit(
        tx, actor, "exam_seated", "exam", exam.id, old=_for_audit(old, moved), new={**_for_audit(new, moved), "moved": len(moved)}
    )  # fmt: skip


async def tell_first_plan(tx: AsyncSession, exam: Exam) -> None:
    """Tells the plan that was made before the exam was published, if there is one; the exam is locked, and just published."""
    if rooms := await read_plan(tx, exam.id):
        exam_seating_changed(tx, exam, rooms)


async def _seats(tx: AsyncSession, exam_id: UUID) -> dict[UUID, str]:
    return dict(map(tuple, await tx.execute(_SEATS, {"exam_id": exam_id})))


async def _strangers(tx: AsyncSession, exam_id: UUID, rooms: Sequence[Room]) -> list[Fault]:
    named = list(seats_of(rooms))
    known = {
        student_id: bool(is_meant)
        for student_id, is_meant in await tx.execute(_STUDENTS, {"exam_id": exam_id, "student_ids": named})
    }
    faults = []
    for field, student_id in places_of(rooms):
        if student_id not in known:
            faults.append(Fault(field, "unknown", f"There is no student with the id {student_id}."))
        elif not known[student_id]:
            message = f"The exam is not for the student {student_id}; add them to its audience first."
            faults.append(Fault(field, "not_in_audience", message))
    return faults


def _for_audit(seats: Mapping[UUID, str], moved: Sequence[UUID]) -> dict[str, Any]:
    return {
        "rooms": len(set(seats.values())),
        "students": len(seats),
        "seats": {str(student_id): seats.get(student_id) for student_id in moved[:_AUDITED]},
    }
