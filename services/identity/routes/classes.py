"""/api/v1/classes, /centres, /specializations."""

from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Response
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from chassis.audit import record_audit
from chassis.errors import InvalidInput, NotFound
from chassis.http import Caller, IfMatch, Once, Page, PageQuery, Tx, etag, require_match
from services.identity import classes as use_cases
from services.identity.events import centre_changed
from services.identity.routes.people import Search
from services.identity.tables import Centre, ClassTeacher, Person, SchoolClass, Specialization
from services.identity.views import (
    CentreChange,
    CentreOut,
    ClassChange,
    ClassDetail,
    ClassOut,
    Message,
    NewCentre,
    NewClass,
    PersonBrief,
    SpecializationOut,
    StudentIds,
    TeacherIds,
)

classes = APIRouter(prefix="/api/v1/classes", tags=["classes"])
centres = APIRouter(prefix="/api/v1/centres", tags=["centres"])
specializations = APIRouter(prefix="/api/v1/specializations", tags=["specializations"])
_STAFF = ("admin", "centre_admin")


@classes.get("", operation_id="listClasses")
async def list_classes(tx: Tx, caller: Caller, page: PageQuery, search: Search = None) -> Page[ClassOut]:
    """Classes by name."""
    caller.require(*_STAFF, "instructor")
    query = sa.select(SchoolClass).where(use_cases.classes_visible_to(caller))
    if search:
        query = query.where(col(SchoolClass.name).icontains(search, autoescape=True))
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(
        query.order_by(col(SchoolClass.name), col(SchoolClass.id)).offset(page.offset).limit(page.limit)
    )
    return Page.of([ClassOut.model_validate(row) for row in rows.scalars()], total, page)


@classes.post("", status_code=201, operation_id="createClass")
async def create_class(body: NewClass, tx: Tx, caller: Caller, once: Once) -> ClassOut:
    """Makes a class."""
    caller.require(*_STAFF)

    async def create() -> ClassOut:
        return ClassOut.model_validate(await use_cases.create_class(tx, caller, body.model_dump()))

    return await once(ClassOut, create)


@classes.get("/{class_id}", operation_id="readClass")
async def read_class(class_id: UUID, tx: Tx, caller: Caller, response: Response) -> ClassDetail:
    """A class with its teachers and students."""
    caller.require(*_STAFF, "instructor")
    found = await use_cases.read_class(tx, caller, class_id)
    teacher_ids = sa.select(col(ClassTeacher.teacher_id)).where(col(ClassTeacher.class_id) == class_id)
    people = sa.select(Person).where(col(Person.deleted_at).is_(None)).order_by(col(Person.name))
    teachers = (await tx.execute(people.where(col(Person.id).in_(teacher_ids)))).scalars()
    students = (await tx.execute(people.where(col(Person.class_id) == class_id))).scalars().all()
    response.headers["ETag"] = etag(found.version)
    return ClassDetail(
        **ClassOut.model_validate(found).model_dump(),
        teachers=[PersonBrief.model_validate(person) for person in teachers],
        students=[PersonBrief.model_validate(person) for person in students],
        student_count=len(students),
    )


@classes.patch("/{class_id}", operation_id="changeClass")
async def change_class(
    class_id: UUID, body: ClassChange, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> ClassOut:
    """Renames a class."""
    caller.require(*_STAFF)
    found = await use_cases.read_class(tx, caller, class_id, lock=True)
    require_match(if_match, found.version)
    await use_cases.change_class(tx, caller, found, body.model_dump(exclude_unset=True, exclude_none=True))
    response.headers["ETag"] = etag(found.version)
    return ClassOut.model_validate(found)


@classes.delete("/{class_id}", operation_id="deleteClass")
async def delete_class(class_id: UUID, tx: Tx, caller: Caller) -> Message:
    """Removes an empty class."""
    caller.require(*_STAFF)
    await use_cases.delete_class(tx, caller, await use_cases.read_class(tx, caller, class_id, lock=True))
    return Message(message="The class is deleted.")


@classes.post("/{class_id}/teachers", operation_id="assignTeachers")
async def assign_teachers(class_id: UUID, body: TeacherIds, tx: Tx, caller: Caller) -> Message:
    """Lets instructors teach a class."""
    caller.require(*_STAFF)
    found = await use_cases.read_class(tx, caller, class_id, lock=True)
    await use_cases.assign_teachers(tx, caller, found, body.teacher_ids)
    return Message(message="They teach the class now.")


@classes.delete("/{class_id}/teachers/{teacher_id}", operation_id="removeTeacher")
async def remove_teacher(class_id: UUID, teacher_id: UUID, tx: Tx, caller: Caller) -> Message:
    """Takes an instructor off a class."""
    caller.require(*_STAFF)
    found = await use_cases.read_class(tx, caller, class_id, lock=True)
    await use_cases.remove_teacher(tx, caller, found, teacher_id)
    return Message(message="The instructor does not teach the class any more.")


@classes.post("/{class_id}/students", operation_id="assignStudents")
async def assign_students(class_id: UUID, body: StudentIds, tx: Tx, caller: Caller) -> Message:
    """Moves students into a class."""
    caller.require(*_STAFF)
    found = await use_cases.read_class(tx, caller, class_id, lock=True)
    await use_cases.assign_students(tx, caller, found, body.student_ids)
    return Message(message="They are in the class now.")


@classes.delete("/{class_id}/students/{student_id}", operation_id="removeStudent")
async def remove_student(class_id: UUID, student_id: UUID, tx: Tx, caller: Caller) -> Message:
    """Takes a student out of a class."""
    caller.require(*_STAFF)
    found = await use_cases.read_class(tx, caller, class_id, lock=True)
    await use_cases.remove_student(tx, caller, found, student_id)
    return Message(message="The student is not in the class any more.")


@centres.get("", operation_id="listCentres")
async def list_centres(tx: Tx, caller: Caller, page: PageQuery) -> Page[CentreOut]:
    """Centres; a centre's administrator sees their own alone."""
    caller.require(*_STAFF)
    query = sa.select(Centre)
    if not caller.is_("admin"):
        query = query.where(col(Centre.id) == caller.centre_id)
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(col(Centre.name), col(Centre.id)).offset(page.offset).limit(page.limit))
    return Page.of([CentreOut.model_validate(row) for row in rows.scalars()], total, page)


@centres.post("", status_code=201, operation_id="createCentre")
async def create_centre(body: NewCentre, tx: Tx, caller: Caller, once: Once) -> CentreOut:
    """Makes a centre."""
    caller.require("admin")

    async def create() -> CentreOut:
        centre = Centre(**body.model_dump())
        tx.add(centre)
        try:
            await tx.flush()
        except IntegrityError as error:
            raise InvalidInput("code", "taken", "There is a centre with this code already.") from error
        centre_changed(tx, centre)
        record_audit(tx, caller, "centre_created", "centre", centre.id, new=body.model_dump())
        return CentreOut.model_validate(centre)

    return await once(CentreOut, create)


async def _centre(tx: Tx, caller: Caller, centre_id: UUID, *, lock: bool = False) -> Centre:
    caller.require(*_STAFF)
    centre = await tx.get(Centre, centre_id, with_for_update=lock or None)
    if centre is None or (not caller.is_("admin") and centre.id != caller.centre_id):
        raise NotFound("There is no such centre.")
    return centre


@centres.get("/{centre_id}", operation_id="readCentre")
async def read_centre(centre_id: UUID, tx: Tx, caller: Caller, response: Response) -> CentreOut:
    """One centre."""
    centre = await _centre(tx, caller, centre_id)
    response.headers["ETag"] = etag(centre.version)
    return CentreOut.model_validate(centre)


@centres.patch("/{centre_id}", operation_id="changeCentre")
async def change_centre(
    centre_id: UUID, body: CentreChange, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> CentreOut:
    """Changes a centre's name, address or contact."""
    centre = await _centre(tx, caller, centre_id, lock=True)
    require_match(if_match, centre.version)
    values = body.model_dump(exclude_unset=True, exclude_none=True)
    old = {name: getattr(centre, name) for name in values}
    for name, value in values.items():
        setattr(centre, name, value)
    centre.version += 1
    centre_changed(tx, centre)
    record_audit(tx, caller, "centre_changed", "centre", centre.id, old=old, new=values)
    response.headers["ETag"] = etag(centre.version)
    return CentreOut.model_validate(centre)


@specializations.get("", operation_id="listSpecializations")
async def list_specializations(tx: Tx) -> list[SpecializationOut]:
    """The engineering specializations, by name; needs no log-in, since registering asks for one."""
    rows = await tx.execute(sa.select(Specialization).order_by(col(Specialization.name)))
    return [SpecializationOut.model_validate(row) for row in rows.scalars()]
