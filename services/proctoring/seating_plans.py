"""Who sits an exam in which room, as exams tells it: kept for boards, and told to the stream of an exam that is watched."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.consuming import Delivery
from chassis.copies import keep_newer
from chassis.outbox import record_event
from proto.examhall.exams.v1.events_pb2 import ExamSeatingChanged
from proto.examhall.proctoring.v1.exams_pb2 import SeatsPlanned
from services.proctoring.copies import locked_exam
from services.proctoring.feeds import exam_feed, tell
from services.proctoring.reopening import EXAMS
from services.proctoring.tables import Seat, SeatingPlan

_SEAT = sa.text(
    "INSERT INTO seats (exam_id, student_id, room)"
    " SELECT :exam_id, * FROM unnest(CAST(:student_ids AS uuid[]), CAST(:rooms AS text[]))"
)
_ROOMS = sa.text(
    "SELECT room, array_agg(student_id ORDER BY student_id) FROM seats WHERE exam_id = :exam_id GROUP BY room ORDER BY room"
)


async def take_in_plan(tx: AsyncSession, event: ExamSeatingChanged, delivery: Delivery) -> None:
    """Keeps the plan unless one as new is known, and tells the stream of it when the exam is watched. A plan comes as a whole and replaces the last."""
    exam = await locked_exam(tx, delivery.runtime, UUID(event.exam_id))
    if not await keep_newer(tx, SeatingPlan, {"exam_id": exam.id, "revision": event.revision}, "revision"):
        return
    seats = {UUID(student_id): room.name for room in event.rooms for student_id in room.student_ids}
    await tx.execute(sa.delete(Seat).where(col(Seat.exam_id) == exam.id))
    await tx.execute(_SEAT, {"exam_id": exam.id, "student_ids": list(seats), "rooms": list(seats.values())})
    if exam.watched is not None:
        await tell_plan(tx, exam.id)
    body = {"exam_id": exam.id, "rooms": len(event.rooms), "students": len(seats)}
    await tell(tx, exam_feed(exam.id), "seating_changed", delivery.occurred_at, body)


async def tell_plan(tx: AsyncSession, exam_id: UUID) -> None:
    """Tells the stream of the plan of a watched exam, if one was ever made; the exam's row is locked."""
    plan = await tx.get(SeatingPlan, exam_id, populate_existing=True)
    if plan is None:
        return
    event = SeatsPlanned(exam_id=str(exam_id), revision=plan.revision)
    for room, student_ids in await tx.execute(_ROOMS, {"exam_id": exam_id}):
        event.rooms.add(name=room, student_ids=map(str, student_ids))
    record_event(tx, EXAMS, exam_id, event)
