"""When students get to know: grades of an exam are made final, released, and hidden again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.outbox import write_events
from proto.examhall.grading.v1.events_pb2 import GradeFinalized, GradeHidden, GradeReleased
from services.grading.access import find_exam, owned_exams
from services.grading.events import ToldMark, grade_changed
from services.grading.grades import told_marks_of
from services.grading.problems import NotAllMarked, NothingFinalized
from services.grading.tables import Attempt, Exam, Grade

_CHUNK = 200  # grades whose marks are in memory at a time
_LISTED = 100  # attempts named in a refusal; the counts are of all


@dataclass(frozen=True)
class Outstanding:
    """The attempts that keep an exam's grades from being final. What waits in an invalidated one does not."""

    open_attempts: list[UUID]
    unmarked_attempts: list[UUID]
    waiting_attempts: list[UUID]

    def __bool__(self) -> bool:
        return bool(self.open_attempts or self.unmarked_attempts or self.waiting_attempts)


async def finalize_grades(tx: AsyncSession, actor: Actor, exam_id: UUID) -> int:
    """Makes the exam's marked grades final; how many. Raises NotAllMarked with the list of what is open, unmarked or waiting."""
    exam = await find_exam(tx, exam_id, owned_exams(actor), lock=True)
    if outstanding := await _outstanding(tx, exam):
        raise _refusal(outstanding)
    grades = await _locked_grades(tx, exam, col(Grade.status) == "marked")
    async for grade, marks in _with_marks(tx, grades):
        grade.status = "finalized"
        grade_changed(tx, GradeFinalized, grade, marks)
    record_audit(tx, actor, "grades_finalized", "exam", exam.id, new={"count": len(grades)})
    return len(grades)


async def release_grades(tx: AsyncSession, actor: Actor, exam_id: UUID, at: datetime) -> int:
    """Lets students see the exam's final grades; how many are new to them. Raises NothingFinalized when there are none.

    An invalidated grade is released with the others, stays hidden all the same, and shows as theirs do when the invalidation is undone.
    """
    exam = await find_exam(tx, exam_id, owned_exams(actor), lock=True)
    final = await _locked_grades(tx, exam, col(Grade.status) == "finalized")
    if not final:
        raise NothingFinalized("No grade of this exam is final; finalize the grades before you release them.")
    hidden = [grade for grade in final if not grade.is_released]
    async for grade, marks in _with_marks(tx, hidden):
        _release(tx, grade, marks, at)
    count = _seen(hidden)
    record_audit(tx, actor, "grades_released", "exam", exam.id, new={"count": count})
    return count


async def hide_grades(tx: AsyncSession, actor: Actor, exam_id: UUID) -> int:
    """Takes the exam's released grades out of students' sight; how many. They stay final."""
    exam = await find_exam(tx, exam_id, owned_exams(actor), lock=True)
    released = await _locked_grades(tx, exam, col(Grade.is_released))
    count = _seen(released)
    async for grade, marks in _with_marks(tx, released):
        grade.is_released, grade.released_at = False, None
        grade_changed(tx, GradeHidden, grade, marks)
    record_audit(tx, actor, "grades_hidden", "exam", exam.id, new={"count": count})
    return count


def release_if_automatic(tx: AsyncSession, exam: Exam, grade: Grade, marks: Sequence[ToldMark], at: datetime) -> None:
    """Finalizes and releases a grade whose last mark has just fallen, when its exam releases automatically."""
    if exam.release_automatically and grade.status == "marked":
        grade.status = "finalized"
        _release(tx, grade, marks, at)


def _release(tx: AsyncSession, grade: Grade, marks: Sequence[ToldMark], at: datetime) -> None:
    grade.is_released, grade.released_at = True, at
    grade_changed(tx, GradeReleased, grade, marks)


def _seen(grades: Sequence[Grade]) -> int:
    """How many of these their students see once they are released."""
    return sum(not grade.is_invalidated for grade in grades)


async def _locked_grades(tx: AsyncSession, exam: Exam, condition: sa.SQLColumnExpression[bool]) -> list[Grade]:
    query = sa.select(Grade).where(col(Grade.exam_id) == exam.id, condition)
    return list((await tx.execute(query.order_by(col(Grade.attempt_id)).with_for_update())).scalars())


async def _with_marks(tx: AsyncSession, grades: Sequence[Grade]) -> AsyncIterator[tuple[Grade, Sequence[ToldMark]]]:
    """Each grade with its marks; a chunk of them, and of the events that tell of them, is in memory at a time."""
    for start in range(0, len(grades), _CHUNK):
        chunk = grades[start : start + _CHUNK]
        marks = await told_marks_of(tx, [grade.attempt_id for grade in chunk])
        for grade in chunk:
            yield grade, marks[grade.attempt_id]
        await write_events(tx)


async def _outstanding(tx: AsyncSession, exam: Exam) -> Outstanding:
    query = (
        sa.select(col(Attempt.id), col(Attempt.status), col(Grade.status), col(Grade.is_invalidated))
        .outerjoin(Grade, col(Grade.attempt_id) == col(Attempt.id))
        .where(col(Attempt.exam_id) == exam.id, sa.func.coalesce(col(Grade.status), "") .not_in(["marked", "finalized"]))
        .order_by(col(Attempt.id))
    )  # fmt: skip
    found = Outstanding([], [], [])
    for attempt_id, attempt_status, grade_status, is_invalidated in await tx.execute(query):
        if is_invalidated:
            continue
        if grade_status is not None:
            found.waiting_attempts.append(attempt_id)
        elif attempt_status == "submitted":
            found.unmarked_attempts.append(attempt_id)
        else:
            found.open_attempts.append(attempt_id)
    return found


def _refusal(outstanding: Outstanding) -> NotAllMarked:
    attempts = {
        "open": outstanding.open_attempts,
        "unmarked": outstanding.unmarked_attempts,
        "waiting": outstanding.waiting_attempts,
    }
    counts = ", ".join(f"{len(ids)} {name}" for name, ids in attempts.items() if ids)
    return NotAllMarked(
        f"Grades can be final when every attempt is submitted and marked; there are still attempts: {counts}.",
        counts={name: len(ids) for name, ids in attempts.items()},
        attempts={name: [str(attempt_id) for attempt_id in ids[:_LISTED]] for name, ids in attempts.items()},
    )
