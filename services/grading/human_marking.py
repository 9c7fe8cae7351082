"""A human's marks: checked, counted, and kept with their history; none overwrites another unseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import InvalidInput
from chassis.http import require_match
from proto.examhall.grading.v1.events_pb2 import AttemptMarked
from services.grading.access import find_grade, marked_exams
from services.grading.answer_keys import stored_key
from services.grading.events import grade_changed
from services.grading.grades import count_again, marks_of
from services.grading.marking import Outcome, outcome_of_points, rounded
from services.grading.problems import GradeIsReleased
from services.grading.releasing import release_if_automatic
from services.grading.tables import Exam, Grade, GradeChange, QuestionMark


@dataclass(frozen=True)
class HumanMark:
    """What a marker gives for one answer; the feedback is for the student."""

    question_id: str
    points: Decimal
    feedback: str = ""


async def give_marks(
    tx: AsyncSession,
    actor: Actor,
    attempt_id: UUID,
    given: Sequence[HumanMark],
    read_revision: int | None,
    at: datetime,
) -> tuple[Grade, list[QuestionMark]]:
    """Marks answers of one attempt, all or none.

    An answer that waits may be marked without further ado; to replace a mark, the caller names the revision that was read. Raises
    PreconditionFailed when it is not the stored one any more, PreconditionRequired when it is missing, GradeIsReleased, and InvalidInput for a
    question that the attempt doesn't have or points outside 0 to its maximum.
    """
    grade = await find_grade(tx, attempt_id, marked_exams(actor), lock=True)
    if grade.is_released:
        raise GradeIsReleased("The student can see this grade already; hide the exam's grades before you change it.")
    marks = await marks_of(tx, attempt_id)
    chosen = _chosen(marks, given)
    replaces = any(mark.outcome != Outcome.WAITING for mark in chosen)
    require_match(read_revision, grade.revision, required=replaces)
    was_waiting = grade.waiting_count > 0
    for mark, new in zip(chosen, given, strict=True):
        _give(tx, actor, mark, new, at)
    count_again(grade, marks, await stored_key(tx, grade.exam_id, grade.exam_version), at)
    grade_changed(tx, AttemptMarked, grade, marks)
    if was_waiting:
        release_if_automatic(tx, await tx.get_one(Exam, grade.exam_id), grade, marks, at)
    record_audit(
        tx, actor, "marks_given", "attempt", attempt_id, new={mark.question_id: mark.points_awarded for mark in chosen}
    )
    return grade, marks


def _chosen(marks: Sequence[QuestionMark], given: Sequence[HumanMark]) -> list[QuestionMark]:
    """The marks that are to change, in the order given."""
    by_question = {mark.question_id: mark for mark in marks}
    for place, new in enumerate(given):
        mark = by_question.get(new.question_id)
        if mark is None:
            raise InvalidInput(f"marks.{place}.question_id", "unknown", "This attempt has no such question.")
        if not 0 <= new.points <= mark.max_points:
            raise InvalidInput(
                f"marks.{place}.points", "range", f"The points for this answer are between 0 and {mark.max_points}."
            )
    if len({new.question_id for new in given}) < len(given):
        raise InvalidInput("marks", "unique", "Give one mark for each question.")
    return [by_question[new.question_id] for new in given]


def _give(tx: AsyncSession, actor: Actor, mark: QuestionMark, new: HumanMark, at: datetime) -> None:
    points = rounded(new.points)
    change = GradeChange(
        attempt_id=mark.attempt_id,
        question_id=mark.question_id,
        changed_by=actor.person_id,
        changed_at=at,
        old_points=mark.points_awarded,
        new_points=points,
        old_feedback=mark.feedback,
        new_feedback=new.feedback,
    )
    tx.add(change)
    mark.points_awarded, mark.feedback = points, new.feedback
    mark.outcome = outcome_of_points(points, mark.max_points).value
    mark.is_human, mark.marked_by, mark.marked_at = True, actor.person_id, at
