"""An exam that was analysed for good and is open again: the stream is told, so that it looks on, and the end is analysed anew when it comes."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import record_event
from proto.examhall.proctoring.v1.exams_pb2 import ExamWatched

EXAMS = "proctoring.exams.v1"

_OPEN_AGAIN = sa.text("""
UPDATE exams SET is_collusion_final = false, watch_revision = watch_revision + 1 WHERE id = :exam_id AND is_collusion_final
RETURNING watch_revision, watched
""")
# What was told at its close holds no more: who loses the state before the next close needs the exam's events again.
_NOT_TOLD_FOR_GOOD = sa.text("UPDATE collusion_states SET is_final = false WHERE exam_id = :exam_id")
_TOLD = sa.text("UPDATE exams SET watched = :watched WHERE id = :exam_id")


async def open_again(tx: AsyncSession, exam_id: UUID) -> None:
    """Takes back that the exam has closed, if that was said of it: a higher revision of it is told, which its last analysis does not cover."""
    await tx.flush()  # a new version may have been taken into the row just now, which opened it, too
    row = (await tx.execute(_OPEN_AGAIN, {"exam_id": exam_id})).one_or_none()
    if row is None:
        return
    await take_back_the_end(tx, exam_id)
    event = ExamWatched.FromString(row.watched)
    event.revision = row.watch_revision
    await tx.execute(_TOLD, {"exam_id": exam_id, "watched": event.SerializeToString()})
    record_event(tx, EXAMS, exam_id, event)


async def take_back_the_end(tx: AsyncSession, exam_id: UUID) -> None:
    """What was told of the exam at its close is not the last word any more."""
    await tx.execute(_NOT_TOLD_FOR_GOOD, {"exam_id": exam_id})
