"""Proctoring's tables. What the stream tells is kept as it was told, with the columns that lists need beside it.

There are no foreign keys between copies of others' data and our own: events of different topics come in any order.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlmodel import Field

from chassis.clock import now
from chassis.ids import new_id
from chassis.tables import table_base

Table = table_base()

SCORE = sa.Numeric(7, 4)
# Events fill the columns that they know of; the others begin with these.
ZERO, FALSE, EMPTY = {"server_default": sa.text("0")}, {"server_default": sa.false()}, {"server_default": ""}
LEVELS = ("low", "medium", "high", "critical")
ALERT_STATUSES = ("open", "acknowledged", "resolved", "dismissed")


class Person(Table, table=True):
    """A copy of what boards and reports say of a person; a deleted one keeps id and version alone."""

    __tablename__ = "people"
    id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    is_deleted: bool = False
    role: str = ""
    name: str = ""
    registration_number: str = ""
    centre_id: UUID | None = None


class Exam(Table, table=True):
    """A published exam: whose it is and who watches it. Its rules are those of its newest version that is known here."""

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
    published_at: datetime | None
    rules: dict[str, Any] | None = Field(default=None, sa_type=JSONB)  # None until a paper was fetched
    rules_version: int = Field(default=0, sa_column_kwargs=ZERO)  # the exam version that the rules stand for
    watch_revision: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs=ZERO)  # of `watched`
    watched: bytes | None = Field(default=None, sa_type=BYTEA)  # the last ExamWatched, serialised; None: not proctored
    is_collusion_final: bool = Field(default=False, sa_column_kwargs=FALSE)  # the analysis at the close was asked for


class ExamVersion(Table, table=True):
    """What proctoring needs of a frozen version's paper; it never changes, so it is fetched once.

    `items`: the questions answered by choosing one option, each with question_id, option_ids in the author's order, and its position from 1.
    """

    __tablename__ = "exam_versions"
    exam_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    rules: dict[str, Any] = Field(sa_type=JSONB)
    is_order_shuffled: bool
    items: list[dict[str, Any]] = Field(sa_type=JSONB)


class SeatingPlan(Table, table=True):
    """Which seating plan of an exam is kept; its seats may be none."""

    __tablename__ = "seating_plans"
    exam_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)


class Seat(Table, table=True):
    """In which room a student sits an exam, by its plan."""

    __tablename__ = "seats"
    exam_id: UUID = Field(primary_key=True)
    student_id: UUID = Field(primary_key=True)
    room: str


class Attempt(Table, table=True):
    """Where an attempt stands, how far its signals are taken in, and how the stream assesses it. One row an attempt, locked by whoever changes it."""

    __tablename__ = "attempts"
    id: UUID = Field(primary_key=True)
    version: int = Field(default=0, sa_type=sa.BigInteger)
    exam_id: UUID = Field(index=True)
    exam_version: int
    student_id: UUID = Field(index=True)
    number: int
    status: str
    started_at: datetime
    deadline_at: datetime
    paused_at: datetime | None = None
    last_pause_began_at: datetime | None = None  # of the pause that is over
    last_pause_ended_at: datetime | None = None
    submitted_at: datetime | None = None
    submit_reason: str = ""
    centre_id: UUID | None = None
    class_id: UUID | None = None
    question_count: int = 0

    is_proctored: bool = Field(default=False, sa_column_kwargs=FALSE)
    watch_revision: int = Field(default=0, sa_column_kwargs=ZERO)
    last_batch: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs=ZERO)
    allowance_left: float | None = None  # of the rate of batches, as of allowance_at
    allowance_at: datetime | None = None
    last_signal_at: datetime | None = None

    # Of the last RiskAssessed.
    risk_revision: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs=ZERO)
    level: str = Field(default="low", sa_column_kwargs={"server_default": "low"})
    behaviour_score: int = Field(default=0, sa_column_kwargs=ZERO)
    risk_score: Decimal = Field(default=Decimal(0), sa_type=SCORE, sa_column_kwargs=ZERO)
    integrity_score: Decimal | None = Field(default=None, sa_type=SCORE)
    violations: int = Field(default=0, sa_column_kwargs=ZERO)
    answered_count: int = Field(default=0, sa_column_kwargs=ZERO)
    position: int = Field(default=0, sa_column_kwargs=ZERO)
    assessed_at: datetime | None = None
    assessment: bytes | None = Field(default=None, sa_type=BYTEA)  # the RiskAssessed itself, serialised

    __table_args__ = (sa.Index("ix_attempts_under_way", "exam_id", postgresql_where=sa.text("status <> 'submitted'")),)


class SignalBatch(Table, table=True):
    """A batch as it was taken in: `signals` is the SignalsReceived event, serialised. Number n of an attempt exists once."""

    __tablename__ = "signal_batches"
    attempt_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    batch_id: UUID
    exam_id: UUID = Field(index=True)
    received_at: datetime = Field(index=True)
    signals: bytes = Field(sa_type=BYTEA)
    has_camera: bool = False  # signals of kinds that are kept shorter: taken out when their time is over
    has_movement: bool = False  # keystrokes and mouse

    __table_args__ = (
        sa.UniqueConstraint("attempt_id", "batch_id"),
        sa.Index("ix_signal_batches_camera", "received_at", postgresql_where=sa.text("has_camera")),
        sa.Index("ix_signal_batches_movement", "received_at", postgresql_where=sa.text("has_movement")),
    )


class Alert(Table, table=True):
    """An alert as last told, and what people did with it. `told` is the Alert message, serialised."""

    __tablename__ = "alerts"
    id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    attempt_id: UUID = Field(index=True)
    exam_id: UUID = Field(index=True)
    student_id: UUID
    kind: str
    severity: str
    at: datetime
    text: str
    count: int
    told: bytes = Field(sa_type=BYTEA)
    status: str = Field(default="open", sa_column_kwargs={"server_default": "open"})
    version: int = Field(default=1, sa_column_kwargs={"server_default": sa.text("1")})  # of what people did with it
    settled_revision: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs=ZERO
    )  # that it had then; 0: nobody has
    settled_by: UUID | None = None
    settled_at: datetime | None = None
    reason: str = Field(default="", sa_column_kwargs=EMPTY)

    __table_args__ = (sa.CheckConstraint(sa.column("status").in_(ALERT_STATUSES), name="status"),)


class Review(Table, table=True):
    """What a person judged of an attempt, as it stands now; its history is in the audit log and in review_steps."""

    __tablename__ = "reviews"
    attempt_id: UUID = Field(primary_key=True)
    exam_id: UUID = Field(index=True)
    student_id: UUID
    version: int = Field(default=0, sa_type=sa.BigInteger)
    is_reviewed: bool = False
    action_taken: str = ""
    needs_manual_review: bool = False
    is_invalidated: bool = False
    reason: str = ""
    is_student_told: bool = False
    reply: str = ""
    replied_at: datetime | None = None
    by_person_id: UUID | None = None
    changed_at: datetime = Field(default_factory=now)


class ReviewStep(Table, table=True):
    """One step of a review: reviewed, flagged, invalidated, undone, told, replied. Never changed."""

    __tablename__ = "review_steps"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    attempt_id: UUID = Field(index=True)
    version: int = Field(sa_type=sa.BigInteger)
    step: str
    reason: str = ""
    by_person_id: UUID
    at: datetime = Field(default_factory=now)

    __table_args__ = (sa.UniqueConstraint("attempt_id", "version"),)


class Baseline(Table, table=True):
    """A student's samples: the encoded services.proctoring.baselines.Baseline."""

    __tablename__ = "baselines"
    student_id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    samples: bytes = Field(sa_type=BYTEA)
    typical: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)  # the student as one point of the population
    changed_at: datetime = Field(default_factory=now, index=True)


class Pair(Table, table=True):
    """A pair as the stream last told of it: `told` is the PairAssessed, serialised. Ordered by direction: copier and source."""

    __tablename__ = "pairs"
    exam_id: UUID = Field(primary_key=True)
    first_attempt_id: UUID = Field(primary_key=True)  # the smaller id: a pair stands here once, whichever way it points
    second_attempt_id: UUID = Field(primary_key=True)
    copier_attempt_id: UUID = Field(index=True)
    source_attempt_id: UUID = Field(index=True)
    revision: int = Field(sa_type=sa.BigInteger)
    verdict: str
    family: str
    log10_e_value: Decimal = Field(sa_type=sa.Numeric(12, 4))
    shown_log10_e_value: Decimal = Field(sa_type=sa.Numeric(12, 4))  # when it was last pushed to proctors
    told: bytes = Field(sa_type=BYTEA)
    told_at: datetime


class CollusionGroup(Table, table=True):
    """Flagged pairs that hang together, as last told; one that is no more has no members."""

    __tablename__ = "collusion_groups"
    exam_id: UUID = Field(primary_key=True)
    group_id: str = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    attempt_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
    likely_source_attempt_id: UUID | None = None
    told_at: datetime


class CollusionState(Table, table=True):
    """How far an exam's analysis is: the last CollusionProgress, serialised."""

    __tablename__ = "collusion_states"
    exam_id: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=sa.BigInteger)
    is_final: bool = False
    told: bytes = Field(sa_type=BYTEA)


class ItemCalibration(Table, table=True):
    """How a question's options were chosen in the last closed exam that had it: priors for the next one."""

    __tablename__ = "item_calibrations"
    question_id: UUID = Field(primary_key=True)
    exam_id: UUID
    answers: int = Field(sa_type=sa.BigInteger)
    option_ids: list[str] = Field(sa_type=ARRAY(sa.Text))
    slopes: list[Decimal] = Field(sa_type=ARRAY(sa.Numeric(10, 4)))
    intercepts: list[Decimal] = Field(sa_type=ARRAY(sa.Numeric(10, 4)))
    changed_at: datetime = Field(default_factory=now)


class Feed(Table, table=True):
    """The last number given in a feed: `exam:<id>` for proctors, `attempt:<id>` for the student. Locked while an entry is added."""

    __tablename__ = "feeds"
    feed: str = Field(primary_key=True)
    last: int = Field(sa_type=sa.BigInteger)


class FeedEntry(Table, table=True):
    """One live event, kept so that who was away can fetch it by cursor."""

    __tablename__ = "feed_entries"
    feed: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)
    type: str
    at: datetime = Field(index=True)
    body: str


class ReplayWish(Table, table=True):
    """A worker of the stream asked for the events of running exams. Kept until they were published once more."""

    __tablename__ = "replay_wishes"
    worker: str = Field(primary_key=True)
    asked_at: datetime
