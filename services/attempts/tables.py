"""Tables of attempts. What must never happen is refused here: two open attempts of a student at an exam, two attempts with one number."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from chassis.clock import now
from chassis.ids import new_id
from chassis.tables import table_base

Table = table_base()

OPEN = ("in_progress", "paused")
STATUSES = (*OPEN, "submitted")
SUBMIT_REASONS = ("student", "deadline", "violation_limit", "proctor")


class Attempt(Table, table=True):
    """One student's sitting of one exam version.

    `deadline_at` is the truth about the end; while paused it is moved on resuming. `version` grows with every change of the lifecycle.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        sa.CheckConstraint(f"status IN {STATUSES}", "status"),
        sa.CheckConstraint(f"submit_reason = '' OR submit_reason IN {SUBMIT_REASONS}", "submit_reason"),
        sa.CheckConstraint("(status = 'paused') = (paused_at IS NOT NULL)", "paused_at"),
        sa.CheckConstraint("(status = 'submitted') = (submitted_at IS NOT NULL)", "submitted_at"),
        sa.CheckConstraint("number >= 1", "number"),
        sa.UniqueConstraint("exam_id", "student_id", "number"),
        sa.Index(
            "uq_attempts_open",
            "exam_id",
            "student_id",
            unique=True,
            postgresql_where=sa.text("status IN ('in_progress', 'paused')"),
        ),
        sa.Index("ix_attempts_due", "deadline_at", postgresql_where=sa.text("status = 'in_progress'")),
        sa.Index("ix_attempts_breaks", "break_ends_at", postgresql_where=sa.text("break_ends_at IS NOT NULL")),
        sa.Index("ix_attempts_student", "student_id", "id"),
        sa.Index("ix_attempts_centre", "centre_id", "id"),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    version: int = 1
    exam_id: UUID
    exam_version: int
    student_id: UUID
    number: int
    status: str = "in_progress"
    seed: bytes = Field(sa_type=BYTEA)
    question_count: int
    answered_count: int = 0
    started_at: datetime
    deadline_at: datetime
    paused_at: datetime | None = None
    pause_reason: str = ""
    break_ends_at: datetime | None = None
    break_allowed_seconds: int = 0
    break_used_seconds: int = 0
    submitted_at: datetime | None = None
    submit_reason: str = ""
    class_id: UUID | None = None
    centre_id: UUID | None = None
    client_address: str = ""


class Answer(Table, table=True):
    """The latest revision of one answer. Written by one statement only, in autosave.py. `response` NULL: cleared."""

    __tablename__ = "answers"
    attempt_id: UUID = Field(primary_key=True)
    question_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    response: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    is_flagged: bool = False
    saved_at: datetime


class ExamCopy(Table, table=True):
    """What is known of an exam, as its service last said: the columns that are searched, and the whole state as a message."""

    __tablename__ = "exams"
    id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    instructor_id: UUID | None = Field(default=None, index=True)
    proctor_ids: list[UUID] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(PG_UUID(as_uuid=True)), nullable=False)
    )
    state: bytes = Field(sa_type=BYTEA)


class PaperCopy(Table, table=True):
    """The delivery form of a frozen exam version."""

    __tablename__ = "papers"
    exam_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    content: bytes = Field(sa_type=BYTEA)


class PersonCopy(Table, table=True):
    """What is known of a person, as identity last said. `state` NULL: deleted."""

    __tablename__ = "people"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    state: bytes | None = Field(default=None, sa_type=BYTEA)


class CodeFailure(Table, table=True):
    """A wrong access code."""

    __tablename__ = "code_failures"
    __table_args__ = (sa.Index("ix_code_failures_exam", "exam_id", "failed_at"),)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    exam_id: UUID
    student_id: UUID
    failed_at: datetime = Field(default_factory=now)
