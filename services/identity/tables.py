"""Identity's tables. What must never happen is refused here: two accounts with one address, a refresh token used twice, an account in two states."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.clock import now
from chassis.ids import new_id
from chassis.tables import table_base

Table = table_base()

ROLES = ("student", "instructor", "proctor", "evaluator", "centre_admin", "admin")


class Centre(Table, table=True):
    """A place where exams are sat; its people and classes are invisible to other centres."""

    __tablename__ = "centres"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    version: int = 1
    name: str
    code: str = Field(unique=True)
    address: str = ""
    contact_email: str = ""
    created_at: datetime = Field(default_factory=now)


class Specialization(Table, table=True):
    """One of the 17 engineering specializations."""

    __tablename__ = "specializations"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    code: str = Field(unique=True)
    description: str


class SchoolClass(Table, table=True):
    """A class: a group of students in one academic year."""

    __tablename__ = "classes"
    __table_args__ = (
        sa.Index(
            "uq_classes_name_section_year",
            "name",
            "section",
            "academic_year",
            "centre_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    version: int = 1
    name: str
    section: str = ""
    academic_year: str
    centre_id: UUID | None = Field(default=None, foreign_key="centres.id", index=True)
    created_at: datetime = Field(default_factory=now)


class Person(Table, table=True):
    """An account. `password_hash` is NULL until a pre-made account is claimed; a deleted person keeps the row, not the log-in."""

    __tablename__ = "people"
    __table_args__ = (
        sa.CheckConstraint(f"role IN {ROLES}", "role"),
        sa.CheckConstraint(
            "email IS NOT NULL OR registration_number IS NOT NULL OR deleted_at IS NOT NULL", "has_login"
        ),
        sa.CheckConstraint("extra_time_percent BETWEEN 0 AND 300", "extra_time"),
        sa.CheckConstraint("break_minutes BETWEEN 0 AND 600", "break_minutes"),
        sa.Index(
            "uq_people_email", sa.text("lower(email)"), unique=True, postgresql_where=sa.text("deleted_at IS NULL")
        ),
        sa.Index(
            "uq_people_registration_number",
            sa.text("lower(registration_number)"),
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    version: int = 1
    role: str
    name: str
    email: str | None = None
    registration_number: str | None = None
    password_hash: str | None = None
    claim_code_hash: str | None = None
    class_id: UUID | None = Field(default=None, foreign_key="classes.id", index=True)
    specialization_id: UUID | None = Field(default=None, foreign_key="specializations.id")
    centre_id: UUID | None = Field(default=None, foreign_key="centres.id", index=True)
    level: str = ""
    subject: str = ""
    date_of_birth: date | None = None
    guardian_email: str = ""
    guardian_phone: str = ""
    extra_time_percent: int = 0
    break_minutes: int = 0
    accommodation_note: str = ""
    is_active: bool = True
    is_eligible: bool = True
    ineligible_reason: str = ""
    created_at: datetime = Field(default_factory=now)
    deleted_at: datetime | None = None


class ClassTeacher(Table, table=True):
    """An instructor teaches a class."""

    __tablename__ = "class_teachers"
    class_id: UUID = Field(foreign_key="classes.id", primary_key=True, ondelete="CASCADE")
    teacher_id: UUID = Field(foreign_key="people.id", primary_key=True, index=True)


class Session(Table, table=True):
    """One sign-in on one device: a family of refresh tokens."""

    __tablename__ = "sessions"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    person_id: UUID = Field(foreign_key="people.id", index=True)
    address: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    ended_at: datetime | None = Field(default=None, index=True)
    end_reason: str = ""


class RefreshToken(Table, table=True):
    """A refresh token by its SHA-256; used once."""

    __tablename__ = "refresh_tokens"
    token_hash: bytes = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="sessions.id", index=True, ondelete="CASCADE")
    issued_at: datetime
    used_at: datetime | None = None


class SigningKey(Table, table=True):
    """A key that signs access tokens; its private half is sealed with the installation's secret."""

    __tablename__ = "signing_keys"
    kid: str = Field(primary_key=True)
    public_jwk: dict[str, str] = Field(sa_type=JSONB)
    sealed_private_jwk: bytes
    signs_from: datetime
    created_at: datetime = Field(default_factory=now)


class LoginAttempt(Table, table=True):
    """A try to sign in. It is written as failed before the password is checked, so that parallel guesses can't outrun the limit; deleted when it is
    too old to say that an address is known.
    """

    __tablename__ = "login_attempts"
    __table_args__ = (
        sa.Index("ix_login_attempts_account", "account", "at"),
        sa.Index("ix_login_attempts_address", "address", "at"),
        sa.Index("ix_login_attempts_centre", "centre_id", "at"),
        sa.Index("ix_login_attempts_person", "person_id", "at"),
    )
    id: UUID = Field(default_factory=new_id, primary_key=True)
    account: str
    person_id: UUID | None = None
    centre_id: UUID | None = None
    login: str
    address: str
    user_agent: str
    kind: str = "login"
    outcome: str
    reason: str
    at: datetime = Field(index=True)


class ResetCode(Table, table=True):
    """A code by mail that lets someone set a new password; asking again replaces it, verifying turns it into a token."""

    __tablename__ = "reset_codes"
    person_id: UUID = Field(foreign_key="people.id", primary_key=True)
    code_hash: bytes | None
    token_hash: bytes | None = Field(default=None, unique=True)
    tries: int = 0
    expires_at: datetime


class Mail(Table, table=True):
    """A mail to be sent; the row goes when the server has taken it."""

    __tablename__ = "mails"
    id: UUID = Field(default_factory=new_id, primary_key=True)
    recipient: str
    subject: str
    body: str
    tries: int = 0
    due_at: datetime = Field(default_factory=now, index=True)


class AuditEntry(Table, table=True):
    """One line of the audit log of all services."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        sa.Index("ix_audit_entries_entity", "entity_type", "entity_id", "recorded_at"),
        sa.Index("ix_audit_entries_actor", "actor_id", "recorded_at"),
    )
    id: UUID = Field(primary_key=True)
    recorded_at: datetime = Field(index=True)
    service: str
    actor_id: UUID | None
    actor_role: str
    action: str
    entity_type: str
    entity_id: str
    old_values: dict[str, object] | None = Field(default=None, sa_type=JSONB)
    new_values: dict[str, object] | None = Field(default=None, sa_type=JSONB)
    address: str
    user_agent: str
