"""Analytics' read models. Every row is made from events alone and carries the version of the newest that made it.

There are no foreign keys: events of different topics come in any order, so a row may name what is not known yet, or not any more.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from chassis.tables import table_base

Table = table_base()

POINTS = sa.Numeric(12, 2)


class Person(Table, table=True):
    """A person; a deleted one keeps id and version alone, so that an older event can't bring the name back."""

    __tablename__ = "people"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    is_deleted: bool = False
    role: str = ""
    name: str = ""
    registration_number: str = ""
    class_id: UUID | None = Field(default=None, index=True)
    centre_id: UUID | None = Field(default=None, index=True)


class SchoolClass(Table, table=True):
    """A class and who teaches it; a deleted one keeps id and version alone."""

    __tablename__ = "classes"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    is_deleted: bool = False
    name: str = ""
    section: str = ""
    academic_year: str = ""
    centre_id: UUID | None = Field(default=None, index=True)
    teacher_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid))


class Centre(Table, table=True):
    """A centre's name."""

    __tablename__ = "centres"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    name: str
    code: str


class Exam(Table, table=True):
    """A published exam: what it is about, whose it is, who watches it, when it is open."""

    __tablename__ = "exams"
    id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    version: int
    status: str
    title: str
    subject: str
    kind: str
    instructor_id: UUID = Field(index=True)
    proctor_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
    opens_at: datetime | None
    closes_at: datetime | None
    passing_percentage: Decimal | None = Field(sa_type=POINTS)
    published_at: datetime | None


class Attempt(Table, table=True):
    """Where an attempt stands. Class and centre are the student's at the start."""

    __tablename__ = "attempts"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    exam_id: UUID = Field(index=True)
    student_id: UUID = Field(index=True)
    number: int
    status: str
    class_id: UUID | None = Field(index=True)
    centre_id: UUID | None = Field(index=True)
    started_at: datetime | None
    submitted_at: datetime | None
    question_count: int
    answered_count: int


class Grade(Table, table=True):
    """The grade of an attempt. `marked_points` is the plain sum of its marks, which no floor has touched: what item analysis compares with.

    An invalidated one counts in no figure and is shown to no student.
    """

    __tablename__ = "grades"
    attempt_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    exam_id: UUID = Field(index=True)
    student_id: UUID = Field(index=True)
    class_id: UUID | None = Field(index=True)
    centre_id: UUID | None = Field(index=True)
    status: str
    is_released: bool
    has_passed: bool
    score: Decimal = Field(sa_type=POINTS)
    max_score: Decimal = Field(sa_type=POINTS)
    percentage: Decimal | None = Field(sa_type=POINTS)
    marked_points: Decimal = Field(sa_type=POINTS)
    submitted_at: datetime | None
    is_invalidated: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Mark(Table, table=True):
    """What one answer earned, and the answer in one form for all who gave the same (responses.py)."""

    __tablename__ = "marks"
    attempt_id: UUID = Field(primary_key=True)
    question_id: str = Field(primary_key=True)
    points: Decimal | None = Field(sa_type=POINTS)
    max_points: Decimal = Field(sa_type=POINTS)
    outcome: str
    is_human: bool
    topic: str
    response: dict[str, Any] | None = Field(sa_type=JSONB(none_as_null=True))


class Moment(Table, table=True):
    """Something that happened in an attempt. `number` is the version, revision or grade's revision that came of it, so no moment is there twice."""

    __tablename__ = "moments"
    attempt_id: UUID = Field(primary_key=True)
    source: str = Field(primary_key=True, description="attempt, answer or grade")
    question_id: str = Field(primary_key=True, description="of answers; empty otherwise")
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    occurred_at: datetime
    kind: str
    is_flagged: bool | None
    details: dict[str, Any] = Field(sa_type=JSONB)


class Activity(Table, table=True):
    """Something worth a line in the list of recent activity, by the event that told of it."""

    __tablename__ = "activities"
    __table_args__ = (
        sa.Index("ix_activities_occurred_at_event_id", "occurred_at", "event_id"),
        sa.Index("ix_activities_exam_id_occurred_at_event_id", "exam_id", "occurred_at", "event_id"),
        sa.Index("ix_activities_centre_id_occurred_at_event_id", "centre_id", "occurred_at", "event_id"),
    )
    event_id: UUID = Field(primary_key=True)
    occurred_at: datetime
    kind: str
    person_id: UUID | None
    exam_id: UUID | None
    attempt_id: UUID | None = Field(index=True)
    centre_id: UUID | None = Field(description="of the attempt, or of who was registered, as the event has it")


READ_MODELS: tuple[type[SQLModel], ...] = (Person, SchoolClass, Centre, Exam, Attempt, Grade, Mark, Moment, Activity)
