"""Grading's tables. What must never happen is refused here: two grades of one attempt, two marks of one answer, a changed history."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from chassis.clock import now
from chassis.ids import new_id
from chassis.tables import table_base
from services.grading.marking import Outcome

Table = table_base()

STATUSES = ("waiting", "marked", "finalized")
OUTCOMES = tuple(outcome.value for outcome in Outcome)
POINTS = sa.Numeric(12, 2)


class Exam(Table, table=True):
    """A copy of what exams tells of a published exam: whose it is, who marks, what students may see."""

    __tablename__ = "exams"
    id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    title: str
    subject: str
    instructor_id: UUID = Field(index=True)
    evaluator_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
    allow_review_after_submit: bool
    show_answers_after_submit: bool
    release_automatically: bool
    closes_at: datetime | None = None


class Person(Table, table=True):
    """A copy of what lists and exports say of a person; it outlives the account, as the grades do."""

    __tablename__ = "people"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    name: str
    registration_number: str


class SchoolClass(Table, table=True):
    """A copy of a class's name."""

    __tablename__ = "classes"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    name: str
    section: str
    academic_year: str


class Centre(Table, table=True):
    """A copy of a centre's name."""

    __tablename__ = "centres"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    name: str


class Attempt(Table, table=True):
    """A copy of an attempt's state, and when its marking is due: set by its submission, cleared by its grade."""

    __tablename__ = "attempts"
    __table_args__ = (
        sa.Index("ix_attempts_marking_due", "marking_due_at", postgresql_where=sa.text("marking_due_at IS NOT NULL")),
        sa.Index("ix_attempts_open", "exam_id", postgresql_where=sa.text("status <> 'submitted'")),
    )
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    exam_id: UUID = Field(index=True)
    student_id: UUID = Field(index=True)
    number: int
    status: str
    centre_id: UUID | None
    submitted_at: datetime | None
    marking_due_at: datetime | None = None
    marking_tries: int = 0
    marking_error: str = ""


class Review(Table, table=True):
    """A copy of what people decided about an attempt in proctoring; it may come before the grade, and waits here for it."""

    __tablename__ = "reviews"
    attempt_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    is_invalidated: bool
    reason: str = Field(description="of the step that invalidated it")


class Integrity(Table, table=True):
    """A copy of an attempt's integrity score; it summarises what proctoring saw and decides nothing."""

    __tablename__ = "integrity_scores"
    attempt_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    score: Decimal = Field(sa_type=sa.Numeric(5, 2), description="0 to 100")
    level: str = Field(description="of risk: low, medium, high, critical")


class StoredKey(Table, table=True):
    """The answer key of a frozen exam version, as exams gave it: it never changes, so marking needs exams once."""

    __tablename__ = "answer_keys"
    exam_id: UUID = Field(primary_key=True)
    exam_version: int = Field(primary_key=True)
    content: bytes = Field(description="a serialized examhall.exams.v1.AnswerKey")


class Grade(Table, table=True):
    """The grade of an attempt. Its key is the attempt's: there can't be two.

    What an invalidated one says stays as it was, its release too, so that an undo brings everything back; it counts nowhere and no student sees it.
    """

    __tablename__ = "grades"
    __table_args__ = (
        sa.CheckConstraint(f"status IN {STATUSES}", "status"),
        sa.CheckConstraint("(status = 'waiting') = (waiting_count > 0)", "waiting"),
        sa.CheckConstraint("NOT is_released OR status = 'finalized'", "released_is_final"),
        sa.Index("ix_grades_exam", "exam_id", "submitted_at", "attempt_id"),
        # Not in the order of the queue: PostgreSQL would look for the oldest of an instructor's among those of all.
        sa.Index(
            "ix_grades_waiting", "exam_id", "submitted_at", "attempt_id", postgresql_where=sa.text("status = 'waiting'")
        ),
    )
    attempt_id: UUID = Field(primary_key=True)
    revision: int = 0
    exam_id: UUID
    exam_version: int
    student_id: UUID = Field(index=True)
    attempt_number: int
    status: str
    is_released: bool = False
    score: Decimal = Field(sa_type=POINTS)
    max_score: Decimal = Field(sa_type=POINTS)
    percentage: Decimal | None = Field(sa_type=POINTS)
    has_passed: bool
    waiting_count: int
    class_id: UUID | None
    centre_id: UUID | None = Field(index=True)
    submitted_at: datetime
    marked_at: datetime
    released_at: datetime | None = None
    is_invalidated: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    invalidation_reason: str = Field(default="", sa_column_kwargs={"server_default": ""})


class QuestionMark(Table, table=True):
    """What one answer of an attempt earned, beside the answer as it was submitted."""

    __tablename__ = "question_marks"
    __table_args__ = (
        sa.CheckConstraint(f"outcome IN {OUTCOMES}", "outcome"),
        sa.CheckConstraint("(outcome = 'waiting') = (points_awarded IS NULL)", "waiting_has_no_points"),
        sa.CheckConstraint("points_awarded <= max_points", "at_most_the_points"),
        sa.CheckConstraint("NOT is_human OR points_awarded >= 0", "a_human_takes_nothing_away"),
        sa.Index("ix_question_marks_waiting", "attempt_id", postgresql_where=sa.text("outcome = 'waiting'")),
    )
    attempt_id: UUID = Field(foreign_key="grades.attempt_id", primary_key=True)
    question_id: str = Field(primary_key=True)
    position: int = Field(description="the question's place in the attempt, from 0")
    type: str
    topic: str
    response: bytes = Field(description="a serialized examhall.attempts.v1.Response; empty: none")
    points_awarded: Decimal | None = Field(sa_type=POINTS)
    max_points: Decimal = Field(sa_type=POINTS)
    outcome: str
    is_human: bool = False
    feedback: str = ""
    marked_by: UUID | None = None
    marked_at: datetime


class GradeChange(Table, table=True):
    """One human mark: who gave it, when, and what it was before. The table only grows; a trigger refuses anything else."""

    __tablename__ = "grade_changes"
    __table_args__ = (sa.Index("ix_grade_changes_attempt", "attempt_id", "id"),)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    attempt_id: UUID
    question_id: str
    changed_by: UUID
    changed_at: datetime = Field(default_factory=now)
    old_points: Decimal | None = Field(sa_type=POINTS)
    new_points: Decimal = Field(sa_type=POINTS)
    old_feedback: str
    new_feedback: str
