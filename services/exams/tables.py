"""The exams service's tables. What must never happen is refused here: a frozen version that changes, a question twice in one exam, two in one place."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import defer
from sqlmodel import Field, col

from chassis.clock import now
from chassis.ids import new_id
from chassis.tables import table_base
from services.exams.audience import Audience
from services.exams.content import Difficulty, ExamSettings, Kind, Question, QuestionType, Window

Table = table_base()

DRAFT, PUBLISHED, ARCHIVED = "draft", "published", "archived"
_KINDS = tuple(str(kind) for kind in Kind)
_TYPES = tuple(str(kind) for kind in QuestionType)
_DIFFICULTIES = tuple(str(difficulty) for difficulty in Difficulty)


class Person(Table, table=True):
    """What this service remembers of a person of identity's. A deleted one keeps the row, so that a late event can't bring them back."""

    __tablename__ = "people"
    __table_args__ = (sa.Index("ix_people_audience_keys", "audience_keys", postgresql_using="gin"),)
    id: UUID = Field(primary_key=True)
    version: int
    role: str
    centre_id: UUID | None = Field(default=None, index=True)
    audience_keys: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    is_deleted: bool = False


class QuestionBank(Table, table=True):
    """A collection of questions that exams take from."""

    __tablename__ = "question_banks"
    __table_args__ = (sa.Index("uq_question_banks_owner_name", "owner_id", sa.text("lower(name)"), unique=True),)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    revision: int = 1
    owner_id: UUID
    name: str
    description: str = ""
    subject: str = ""
    created_at: datetime = Field(default_factory=now)


def _from_content(name: str) -> Any:
    """A column that repeats a field of the content, kept by the database itself, for filters."""
    return Field(
        default=None,
        sa_column=sa.Column(name, sa.Text, sa.Computed(f"content ->> '{name}'", persisted=True), nullable=True),
    )


class StoredQuestion(Table, table=True):
    """A question as its author left it; frozen versions hold copies."""

    __tablename__ = "questions"
    __table_args__ = (
        sa.CheckConstraint(f"type IN {_TYPES}", "type"),
        sa.CheckConstraint(f"difficulty IN {_DIFFICULTIES}", "difficulty"),
        sa.Index("ix_questions_bank_id", "bank_id", "topic", "difficulty"),
        sa.Index("ix_questions_owner_id_id", "owner_id", "id"),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    revision: int = 1
    owner_id: UUID
    bank_id: UUID | None = Field(default=None, foreign_key="question_banks.id")
    content: dict[str, Any] = Field(sa_type=JSONB)
    type: str | None = _from_content("type")
    topic: str | None = _from_content("topic")
    difficulty: str | None = _from_content("difficulty")
    text: str | None = _from_content("text")
    created_at: datetime = Field(default_factory=now)

    @property
    def question(self) -> Question:
        """The question with its key."""
        return msgspec.convert({**self.content, "id": self.id}, Question)

    @staticmethod
    def content_from(question: Question) -> dict[str, Any]:
        """How a question is stored; its id is the row's."""
        content: dict[str, Any] = msgspec.to_builtins(question)
        del content["id"]
        return content


class Exam(Table, table=True):
    """An exam: the draft its author works on, the schedule in force, and which frozen version new attempts get (0: none yet).

    `revision` counts every change; it is the ETag and orders the events.
    """

    __tablename__ = "exams"
    __table_args__ = (
        sa.CheckConstraint(f"status IN {(DRAFT, PUBLISHED, ARCHIVED)}", "status"),
        sa.CheckConstraint(f"kind IN {_KINDS}", "kind"),
        sa.CheckConstraint("(version = 0) = (status = 'draft')", "draft_has_no_version"),
        sa.CheckConstraint("(version = 0) = (published_at IS NULL)", "published_at"),
        sa.CheckConstraint("closes_at > opens_at", "window"),
        sa.CheckConstraint("max_attempts >= 0", "max_attempts"),
        sa.CheckConstraint(
            "(access_code IS NULL) = (access_code_salt = '') AND (access_code IS NULL) = (access_code_sha256 = '')",
            "access_code",
        ),
        sa.Index("ix_exams_audience_keys", "audience_keys", postgresql_using="gin"),
        sa.Index("ix_exams_proctor_ids", "proctor_ids", postgresql_using="gin"),
        sa.Index("ix_exams_evaluator_ids", "evaluator_ids", postgresql_using="gin"),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    revision: int = 1
    instructor_id: UUID = Field(index=True)
    status: str = DRAFT
    version: int = 0
    title: str
    subject: str
    kind: str
    instructions: str = ""
    settings: dict[str, Any] = Field(sa_type=JSONB)
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    max_attempts: int = 1
    access_code: str | None = None
    access_code_salt: str = ""
    access_code_sha256: str = ""
    audience: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    audience_keys: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    proctor_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid))
    evaluator_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid))
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    published_at: datetime | None = None

    @property
    def window(self) -> Window:
        """When the exam may be started."""
        return Window(self.opens_at, self.closes_at)

    @property
    def audience_value(self) -> Audience:
        """Whom the exam is for."""
        return msgspec.convert(self.audience, Audience)

    @property
    def settings_value(self) -> ExamSettings:
        """The draft's settings."""
        return msgspec.convert(self.settings, ExamSettings)


class ExamSlot(Table, table=True):
    """A place in the draft: either one question, perhaps at points of its own, or `draw` questions from a bank."""

    __tablename__ = "exam_slots"
    __table_args__ = (
        sa.UniqueConstraint("exam_id", "position", deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("exam_id", "question_id"),
        sa.CheckConstraint("(question_id IS NULL) <> (bank_id IS NULL)", "question_or_draw"),
        sa.CheckConstraint("draw >= 1 AND (question_id IS NULL OR draw = 1)", "draw"),
        sa.CheckConstraint("points > 0", "points"),
        sa.CheckConstraint("points IS NULL OR bank_id IS NULL", "draws_have_no_points"),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    exam_id: UUID = Field(foreign_key="exams.id", ondelete="CASCADE")
    position: int
    question_id: UUID | None = Field(default=None, foreign_key="questions.id", index=True)
    points: Decimal | None = Field(default=None, sa_type=sa.Numeric(5, 2))
    bank_id: UUID | None = Field(default=None, foreign_key="question_banks.id", index=True)
    draw: int = 1
    topic: str | None = None
    difficulty: str | None = None


class ExamSeat(Table, table=True):
    """In which room a student sits an exam: one."""

    __tablename__ = "exam_seats"
    exam_id: UUID = Field(foreign_key="exams.id", ondelete="CASCADE", primary_key=True)
    student_id: UUID = Field(primary_key=True)
    room: str


class ExamVersion(Table, table=True):
    """What was published: never changed, never deleted (a trigger refuses both). Paper and key are Protobuf, as they are served.

    The columns beside them repeat what lists show, so that no list has to read papers.
    """

    __tablename__ = "exam_versions"
    exam_id: UUID = Field(foreign_key="exams.id", primary_key=True)
    version: int = Field(primary_key=True)
    title: str
    subject: str
    kind: str
    instructions: str
    settings: dict[str, Any] = Field(sa_type=JSONB)
    question_count: int
    total_points: Decimal = Field(sa_type=sa.Numeric(9, 2))
    paper: bytes
    answer_key: bytes
    published_at: datetime
    published_by: UUID | None

    @property
    def settings_value(self) -> ExamSettings:
        """The settings this version is sat with."""
        return msgspec.convert(self.settings, ExamSettings)


# Options of a query for versions that leaves papers and keys, which may be megabytes, where they are.
WITHOUT_PAPER = (defer(col(ExamVersion.paper)), defer(col(ExamVersion.answer_key)))
