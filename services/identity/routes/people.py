"""/api/v1/users, /students, /teachers: people as staff keeps them."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from sqlmodel import col

from chassis.audit import record_audit
from chassis.clock import now
from chassis.errors import Forbidden
from chassis.http import Caller, IfMatch, Once, Page, PageQuery, RuntimeOf, Text, Tx, etag, require_match
from services.identity.accounts import set_claim_code
from services.identity.app_state import parts_of
from services.identity.events import person_changed
from services.identity.logging_in import forgive_failures
from services.identity.people import PeopleFilter, change_person, create_person, delete_person, find_people, read_person
from services.identity.sessions import end_sessions
from services.identity.tables import ClassTeacher, Person, SchoolClass
from services.identity.views import (
    Accommodation,
    ClaimCodeOut,
    ClassOut,
    Eligibility,
    Message,
    NewPersonOut,
    NewStudent,
    NewStudentOut,
    NewUser,
    PersonOut,
    Role,
    StudentChange,
    UserChange,
)

users = APIRouter(prefix="/api/v1/users", tags=["users"])
students = APIRouter(prefix="/api/v1/students", tags=["students"])
teachers = APIRouter(prefix="/api/v1/teachers", tags=["teachers"])

Search = Annotated[
    Text | None, Query(max_length=100, description="part of name, e-mail address or registration number")
]
_STAFF = ("admin", "centre_admin")
_NULLABLE = {"class_id", "specialization_id", "date_of_birth", "centre_id", "email"}


def _changes(body: Any) -> dict[str, Any]:
    """The fields that were sent; null only where null means something."""
    sent = body.model_dump(exclude_unset=True)
    return {name: value for name, value in sent.items() if value is not None or name in _NULLABLE}


async def _page(tx: Tx, caller: Caller, wanted: PeopleFilter, page: PageQuery) -> Page[PersonOut]:
    people, total = await find_people(tx, caller, wanted, page)
    return Page.of([PersonOut.of(person) for person in people], total, page)


@users.get("", operation_id="listUsers")
async def list_users(
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    role: Role | None = None,
    is_active: bool | None = None,
    search: Search = None,
) -> Page[PersonOut]:
    """People by role, state and name."""
    caller.require(*_STAFF)
    return await _page(tx, caller, PeopleFilter(role=role, is_active=is_active, search=search), page)


@users.post("", status_code=201, operation_id="createUser")
async def create_user(body: NewUser, tx: Tx, caller: Caller, once: Once) -> NewPersonOut:
    """Makes an account of any role that the caller may give."""
    caller.require(*_STAFF)

    async def create() -> NewPersonOut:
        person, code = await create_person(tx, caller, body.model_dump(exclude={"password"}), body.password)
        return NewPersonOut(user=PersonOut.of(person), claim_code=code)

    return await once(NewPersonOut, create)


@users.get("/{user_id}", operation_id="readUser")
async def read_user(user_id: UUID, tx: Tx, caller: Caller, response: Response) -> PersonOut:
    """One person."""
    caller.require(*_STAFF)
    person = await read_person(tx, caller, user_id)
    response.headers["ETag"] = etag(person.version)
    return PersonOut.of(person)


@users.patch("/{user_id}", operation_id="changeUser")
async def change_user(
    user_id: UUID, body: UserChange, caller: Caller, runtime: RuntimeOf, response: Response, if_match: IfMatch
) -> PersonOut:
    """Changes or deactivates an account; a change of role, centre or state ends its sessions."""
    caller.require(*_STAFF)
    return await _change(runtime, caller, user_id, body, response, if_match)


async def _change(
    runtime: Any, caller: Any, person_id: UUID, body: Any, response: Response, if_match: int | None, *roles: str
) -> PersonOut:
    async with runtime.database.session() as tx:
        person = await read_person(tx, caller, person_id, *roles, lock=True)
        require_match(if_match, person.version)
        ended = await change_person(tx, caller, person, _changes(body), now())
    await parts_of(runtime).ended_sessions.announce(ended)
    response.headers["ETag"] = etag(person.version)
    return PersonOut.of(person)


@users.delete("/{user_id}", operation_id="deleteUser")
async def delete_user(user_id: UUID, caller: Caller, runtime: RuntimeOf) -> Message:
    """Takes the account away; what was sat stays."""
    caller.require("admin")
    return await _delete(runtime, caller, user_id)


async def _delete(runtime: Any, caller: Any, person_id: UUID, *roles: str) -> Message:
    async with runtime.database.session() as tx:
        person = await read_person(tx, caller, person_id, *roles, lock=True)
        ended = await delete_person(tx, caller, person, now())
    await parts_of(runtime).ended_sessions.announce(ended)
    return Message(message="The account is deleted.")


@users.post("/{user_id}/force-logout", operation_id="forceLogout")
async def force_logout(user_id: UUID, caller: Caller, runtime: RuntimeOf) -> Message:
    """Ends all sessions of a person at once."""
    caller.require(*_STAFF)
    async with runtime.database.session() as tx:
        person = await read_person(tx, caller, user_id)
        if person.role in ("admin", "centre_admin") and not caller.is_("admin"):
            raise Forbidden("Only an administrator signs out administrators.")
        ended = await end_sessions(tx, caller, person.id, "forced", now())
    await parts_of(runtime).ended_sessions.announce(ended)
    return Message(message=f"{len(ended)} session{'s' if len(ended) != 1 else ''} ended.")


@users.post("/{user_id}/unlock", operation_id="unlockUser")
async def unlock_user(user_id: UUID, tx: Tx, caller: Caller) -> Message:
    """Lifts the lock that failed log-ins put on an account."""
    caller.require(*_STAFF)
    person = await read_person(tx, caller, user_id)
    await forgive_failures(tx, person.id)
    record_audit(tx, caller, "account_unlocked", "person", person.id)
    return Message(message="The account can sign in again.")


@students.get("", operation_id="listStudents")
async def list_students(
    tx: Tx,
    caller: Caller,
    page: PageQuery,
    class_id: UUID | None = None,
    is_active: bool | None = None,
    search: Search = None,
) -> Page[PersonOut]:
    """Students by class and name."""
    caller.require(*_STAFF, "instructor")
    return await _page(tx, caller, PeopleFilter("student", is_active, class_id, search), page)


@students.post("", status_code=201, operation_id="createStudent")
async def create_student(body: NewStudent, tx: Tx, caller: Caller, once: Once) -> NewStudentOut:
    """Makes a student's account; without a password it waits to be claimed with the code in the reply."""
    caller.require(*_STAFF)

    async def create() -> NewStudentOut:
        values = {**body.model_dump(exclude={"password"}), "role": "student"}
        person, code = await create_person(tx, caller, values, body.password)
        return NewStudentOut(student=PersonOut.of(person), claim_code=code)

    return await once(NewStudentOut, create)


@students.get("/{student_id}", operation_id="readStudent")
async def read_student(student_id: UUID, tx: Tx, caller: Caller, response: Response) -> PersonOut:
    """One student; students see themselves."""
    caller.require(*_STAFF, "instructor", "student")
    person = await read_person(tx, caller, student_id, "student")
    response.headers["ETag"] = etag(person.version)
    return PersonOut.of(person)


@students.patch("/{student_id}", operation_id="changeStudent")
async def change_student(
    student_id: UUID, body: StudentChange, caller: Caller, runtime: RuntimeOf, response: Response, if_match: IfMatch
) -> PersonOut:
    """Changes a student's record."""
    caller.require(*_STAFF)
    return await _change(runtime, caller, student_id, body, response, if_match, "student")


@students.delete("/{student_id}", operation_id="deleteStudent")
async def delete_student(student_id: UUID, caller: Caller, runtime: RuntimeOf) -> Message:
    """Takes a student's account away; what was sat stays."""
    caller.require(*_STAFF)
    return await _delete(runtime, caller, student_id, "student")


@students.put("/{student_id}/accommodation", operation_id="setAccommodation")
async def set_accommodation(student_id: UUID, body: Accommodation, tx: Tx, caller: Caller) -> PersonOut:
    """Extra time and breaks; attempts that start from now on honour them."""
    caller.require(*_STAFF)
    person = await read_person(tx, caller, student_id, "student", lock=True)
    old = {"extra_time_percent": person.extra_time_percent, "break_minutes": person.break_minutes}
    person.extra_time_percent, person.break_minutes = body.extra_time_percent, body.break_minutes
    person.accommodation_note = body.note
    person_changed(tx, person)
    new = body.model_dump(exclude={"note"})
    record_audit(tx, caller, "accommodation_set", "person", person.id, old=old, new=new)
    return PersonOut.of(person)


@students.put("/{student_id}/eligibility", operation_id="setEligibility")
async def set_eligibility(student_id: UUID, body: Eligibility, tx: Tx, caller: Caller) -> PersonOut:
    """Whether a student may sit exams, and why not."""
    caller.require(*_STAFF)
    person = await read_person(tx, caller, student_id, "student", lock=True)
    old = {"is_eligible": person.is_eligible, "reason": person.ineligible_reason}
    person.is_eligible, person.ineligible_reason = body.is_eligible, "" if body.is_eligible else body.reason
    person_changed(tx, person)
    record_audit(tx, caller, "eligibility_set", "person", person.id, old=old, new=body.model_dump())
    return PersonOut.of(person)


@students.post("/{student_id}/claim-code", operation_id="issueClaimCode")
async def issue_claim_code(student_id: UUID, tx: Tx, caller: Caller) -> ClaimCodeOut:
    """A new claim code for an account that nobody has claimed; the old one stops working."""
    caller.require(*_STAFF)
    person = await read_person(tx, caller, student_id, "student", lock=True)
    return ClaimCodeOut(claim_code=await set_claim_code(tx, caller, person))


async def _teacher(tx: Tx, caller: Caller, teacher_id: UUID) -> Person:
    caller.require(*_STAFF, "instructor")
    return await read_person(tx, caller, teacher_id, "instructor")


@teachers.get("", operation_id="listTeachers")
async def list_teachers(tx: Tx, caller: Caller, page: PageQuery, search: Search = None) -> Page[PersonOut]:
    """Instructors by name."""
    caller.require(*_STAFF)
    return await _page(tx, caller, PeopleFilter("instructor", search=search), page)


@teachers.get("/{teacher_id}", operation_id="readTeacher")
async def read_teacher(teacher_id: UUID, tx: Tx, caller: Caller) -> PersonOut:
    """One instructor; instructors see themselves."""
    return PersonOut.of(await _teacher(tx, caller, teacher_id))


@teachers.get("/{teacher_id}/classes", operation_id="listTeacherClasses")
async def list_teacher_classes(teacher_id: UUID, tx: Tx, caller: Caller) -> list[ClassOut]:
    """The classes an instructor teaches."""
    await _teacher(tx, caller, teacher_id)
    taught = sa.select(SchoolClass).join(ClassTeacher, col(ClassTeacher.class_id) == col(SchoolClass.id))
    rows = await tx.execute(taught.where(col(ClassTeacher.teacher_id) == teacher_id).order_by(col(SchoolClass.name)))
    return [ClassOut.model_validate(row) for row in rows.scalars()]


@teachers.get("/{teacher_id}/students", operation_id="listTeacherStudents")
async def list_teacher_students(teacher_id: UUID, tx: Tx, caller: Caller, page: PageQuery) -> Page[PersonOut]:
    """The students of the classes an instructor teaches."""
    await _teacher(tx, caller, teacher_id)
    taught = sa.select(col(ClassTeacher.class_id)).where(col(ClassTeacher.teacher_id) == teacher_id)
    query = sa.select(Person).where(
        col(Person.role) == "student", col(Person.class_id).in_(taught), col(Person.deleted_at).is_(None)
    )
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(col(Person.name), col(Person.id)).offset(page.offset).limit(page.limit))
    return Page.of([PersonOut.of(person) for person in rows.scalars()], total, page)
