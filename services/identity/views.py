"""What identity's REST routes take and give."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from chassis.http import Body
from services.identity.tables import Person

Role = Literal["student", "instructor", "proctor", "evaluator", "centre_admin", "admin"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f<>]+$")]
Short = Annotated[str, StringConstraints(max_length=60, pattern=r"^[^\x00-\x1f<>]*$")]
Number = Annotated[str, StringConstraints(min_length=3, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]*$")]
Email = Annotated[EmailStr, StringConstraints(max_length=254), AfterValidator(str.lower)]
Password = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"format": "password"})]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PersonOut(_Out):
    """A person as staff and the person see them."""

    id: UUID
    version: int
    role: Role
    name: str
    email: str | None
    registration_number: str | None
    class_id: UUID | None
    specialization_id: UUID | None
    centre_id: UUID | None
    level: str
    subject: str
    date_of_birth: date | None
    guardian_email: str
    guardian_phone: str
    extra_time_percent: int
    break_minutes: int
    is_active: bool
    is_eligible: bool
    ineligible_reason: str
    is_claimed: bool
    created_at: datetime

    @classmethod
    def of(cls, person: Person) -> "PersonOut":
        """The view of a row."""
        return cls.model_validate({**person.model_dump(), "is_claimed": person.password_hash is not None})


class Registration(Body):
    name: Name
    email: Email
    password: Password
    role: Literal["student"] = "student"
    registration_number: Number | None = None
    class_id: UUID | None = None
    specialization_id: UUID | None = None


class Login(Body):
    login: Annotated[str, Field(min_length=1, max_length=320, description="e-mail address or registration number")]
    password: Password


class RefreshRequest(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class Tokens(BaseModel):
    """Signed in: a short-lived access token, and a refresh token that works once."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="seconds the access token is valid")
    user: PersonOut


class Message(BaseModel):
    message: str


class ProfileChange(Body):
    name: Name | None = None
    email: Email | None = Field(None, description="another one needs `current_password`")
    current_password: Password | None = None
    specialization_id: UUID | None = None


class PasswordChange(Body):
    current_password: Password
    new_password: Password


class Claim(Body):
    registration_number: Number
    claim_code: Annotated[str, Field(min_length=1, max_length=40)]
    password: Password
    email: Email | None = None


class Forgot(Body):
    email: Email


class CodeCheck(Body):
    email: Email
    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]


class ResetToken(BaseModel):
    reset_token: str
    expires_in: int


class PasswordReset(Body):
    reset_token: Annotated[str, Field(min_length=1, max_length=200)]
    new_password: Password


class SessionOut(_Out):
    id: UUID
    address: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    is_current: bool = False


class NewUser(Body):
    role: Role
    name: Name
    email: Email
    password: Password | None = None
    centre_id: UUID | None = None
    registration_number: Number | None = None
    class_id: UUID | None = None
    specialization_id: UUID | None = None
    subject: Short = ""


class UserChange(Body):
    role: Role | None = None
    name: Name | None = None
    email: Email | None = None
    centre_id: UUID | None = None
    subject: Short | None = None
    is_active: bool | None = None


class NewStudent(Body):
    name: Name
    registration_number: Number
    email: Email | None = None
    password: Password | None = Field(None, description="without one the account waits to be claimed")
    class_id: UUID | None = None
    specialization_id: UUID | None = None
    centre_id: UUID | None = None
    level: Short = ""
    date_of_birth: date | None = None
    guardian_email: Email | Literal[""] = ""
    guardian_phone: Short = ""


class StudentChange(Body):
    name: Name | None = None
    email: Email | None = None
    registration_number: Number | None = None
    class_id: UUID | None = None
    specialization_id: UUID | None = None
    level: Short | None = None
    date_of_birth: date | None = None
    guardian_email: Email | Literal[""] | None = None
    guardian_phone: Short | None = None
    is_active: bool | None = None


class NewPersonOut(BaseModel):
    """A new account, and the code its owner claims it with; the code is shown this once."""

    user: PersonOut
    claim_code: str | None


class NewStudentOut(BaseModel):
    student: PersonOut
    claim_code: str | None = Field(description="to be handed to the student; shown this once")


class ClaimCodeOut(BaseModel):
    claim_code: str


class Accommodation(Body):
    """Extra time in percent of the exam's duration, and breaks that stop the clock, in minutes in all."""

    extra_time_percent: int = Field(0, ge=0, le=300)
    break_minutes: int = Field(0, ge=0, le=600)
    note: Annotated[str, StringConstraints(max_length=500)] = ""


class Eligibility(Body):
    is_eligible: bool
    reason: Annotated[str, StringConstraints(max_length=300)] = ""


class NewClass(Body):
    name: Name
    section: Short = ""
    academic_year: Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{4})?$")]
    centre_id: UUID | None = None


class ClassChange(Body):
    name: Name | None = None
    section: Short | None = None
    academic_year: Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{4})?$")] | None = None


class ClassOut(_Out):
    id: UUID
    version: int
    name: str
    section: str
    academic_year: str
    centre_id: UUID | None
    created_at: datetime


class PersonBrief(_Out):
    id: UUID
    name: str
    email: str | None
    registration_number: str | None


class ClassDetail(ClassOut):
    teachers: list[PersonBrief]
    students: list[PersonBrief]
    student_count: int


class TeacherIds(Body):
    teacher_ids: list[UUID] = Field(min_length=1, max_length=100)


class StudentIds(Body):
    student_ids: list[UUID] = Field(min_length=1, max_length=1000)


class NewCentre(Body):
    name: Name
    code: Annotated[str, StringConstraints(min_length=2, max_length=20, pattern=r"^[A-Z0-9-]+$")]
    address: Annotated[str, StringConstraints(max_length=300)] = ""
    contact_email: Email | Literal[""] = ""


class CentreChange(Body):
    name: Name | None = None
    address: Annotated[str, StringConstraints(max_length=300)] | None = None
    contact_email: Email | Literal[""] | None = None


class CentreOut(_Out):
    id: UUID
    version: int
    name: str
    code: str
    address: str
    contact_email: str
    created_at: datetime


class SpecializationOut(_Out):
    id: UUID
    name: str
    code: str
    description: str


class LoginAttemptOut(_Out):
    id: UUID
    person_id: UUID | None
    login: str
    address: str
    user_agent: str
    kind: str
    outcome: str
    reason: str
    at: datetime


class AuditEntryOut(_Out):
    id: UUID
    recorded_at: datetime
    service: str
    actor_id: UUID | None
    actor_role: str
    action: str
    entity_type: str
    entity_id: str
    old_values: dict[str, object] | None
    new_values: dict[str, object] | None
    address: str
    user_agent: str
