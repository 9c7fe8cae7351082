"""Classes, who teaches them and who is in them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict, InvalidInput, NotFound
from services.identity.events import class_changed, class_deleted, person_changed
from services.identity.tables import Centre, ClassTeacher, Person, SchoolClass


def classes_visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """An administrator sees all classes, a centre's administrator the centre's, an instructor those they teach."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("centre_admin"):
        return col(SchoolClass.centre_id) == actor.centre_id
    taught = sa.select(col(ClassTeacher.class_id)).where(col(ClassTeacher.teacher_id) == actor.person_id)
    return col(SchoolClass.id).in_(taught)


async def read_class(tx: AsyncSession, actor: Actor, class_id: UUID, *, lock: bool = False) -> SchoolClass:
    """A class the actor may see. Raises NotFound."""
    query = sa.select(SchoolClass).where(col(SchoolClass.id) == class_id, classes_visible_to(actor))
    found: SchoolClass | None = await tx.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("There is no such class.")
    return found


async def create_class(tx: AsyncSession, actor: Actor, values: Mapping[str, Any]) -> SchoolClass:
    """Makes a class; a centre's administrator makes it for the own centre."""
    school_class = SchoolClass(**values)
    if actor.is_("centre_admin"):
        if school_class.centre_id not in (None, actor.centre_id):
            raise InvalidInput("centre_id", "own_centre", "You can make classes of your own centre only.")
        school_class.centre_id = actor.centre_id
    if school_class.centre_id and await tx.get(Centre, school_class.centre_id) is None:
        raise InvalidInput("centre_id", "unknown", "There is no such centre.")
    tx.add(school_class)
    await _flush(tx)
    await class_changed(tx, school_class)
    record_audit(tx, actor, "class_created", "class", school_class.id, new=values)
    return school_class


async def change_class(tx: AsyncSession, actor: Actor, school_class: SchoolClass, values: Mapping[str, Any]) -> None:
    """Renames a locked class."""
    old = {name: getattr(school_class, name) for name in values}
    for name, value in values.items():
        setattr(school_class, name, value)
    school_class.version += 1
    await _flush(tx)
    await class_changed(tx, school_class)
    record_audit(tx, actor, "class_changed", "class", school_class.id, old=old, new=values)


async def delete_class(tx: AsyncSession, actor: Actor, school_class: SchoolClass) -> None:
    """Removes an empty class. Raises Conflict while students are in it."""
    members = sa.select(sa.func.count()).where(
        col(Person.class_id) == school_class.id, col(Person.deleted_at).is_(None)
    )
    if count := await tx.scalar(members):
        raise Conflict(f"The class has {count} student{'s' if count > 1 else ''}; move them first.")
    await tx.execute(sa.update(Person).where(col(Person.class_id) == school_class.id).values(class_id=None))
    class_deleted(tx, school_class)
    record_audit(tx, actor, "class_deleted", "class", school_class.id, old={"name": school_class.name})
    await tx.delete(school_class)


async def assign_teachers(
    tx: AsyncSession, actor: Actor, school_class: SchoolClass, teacher_ids: Sequence[UUID]
) -> None:
    """Lets instructors teach a locked class; those who do already stay."""
    await _people(tx, school_class, teacher_ids, "instructor", "teacher_ids")
    rows = [{"class_id": school_class.id, "teacher_id": teacher_id} for teacher_id in set(teacher_ids)]
    await tx.execute(insert(ClassTeacher).values(rows).on_conflict_do_nothing())
    await _teachers_changed(tx, actor, school_class, "teachers_assigned", teacher_ids)


async def remove_teacher(tx: AsyncSession, actor: Actor, school_class: SchoolClass, teacher_id: UUID) -> None:
    """Raises NotFound when the instructor does not teach the class."""
    link = await tx.get(ClassTeacher, (school_class.id, teacher_id))
    if link is None:
        raise NotFound("This instructor does not teach the class.")
    await tx.delete(link)
    await _teachers_changed(tx, actor, school_class, "teacher_removed", [teacher_id])


async def _teachers_changed(
    tx: AsyncSession, actor: Actor, school_class: SchoolClass, action: str, teacher_ids: Sequence[UUID]
) -> None:
    school_class.version += 1
    await class_changed(tx, school_class)
    record_audit(tx, actor, action, "class", school_class.id, new={"teacher_ids": [str(one) for one in teacher_ids]})


async def assign_students(
    tx: AsyncSession, actor: Actor, school_class: SchoolClass, student_ids: Sequence[UUID]
) -> None:
    """Moves students into a class."""
    for student in await _people(tx, school_class, student_ids, "student", "student_ids"):
        student.class_id = school_class.id
        student.centre_id = student.centre_id or school_class.centre_id
        person_changed(tx, student)
    record_audit(
        tx, actor, "students_assigned", "class", school_class.id, new={"student_ids": [str(one) for one in student_ids]}
    )


async def remove_student(tx: AsyncSession, actor: Actor, school_class: SchoolClass, student_id: UUID) -> None:
    """Raises NotFound when the student is not in the class."""
    student = await tx.get(Person, student_id, with_for_update=True)
    if student is None or student.class_id != school_class.id:
        raise NotFound("This student is not in the class.")
    student.class_id = None
    person_changed(tx, student)
    record_audit(tx, actor, "student_removed", "class", school_class.id, new={"student_id": str(student_id)})


async def _people(
    tx: AsyncSession, school_class: SchoolClass, ids: Sequence[UUID], role: str, field: str
) -> list[Person]:
    query = sa.select(Person).where(col(Person.id).in_(ids), col(Person.role) == role, col(Person.deleted_at).is_(None))
    if school_class.centre_id:
        query = query.where(col(Person.centre_id).is_(None) | (col(Person.centre_id) == school_class.centre_id))
    people = list((await tx.execute(query.order_by(col(Person.id)).with_for_update())).scalars())
    if missing := set(ids) - {person.id for person in people}:
        raise InvalidInput(field, "unknown", f"No such {role} here: {', '.join(sorted(map(str, missing)))}.")
    return people


async def _flush(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if "uq_classes_name_section_year" not in str(error.orig):
            raise
        raise InvalidInput(
            "name", "taken", "There is a class of this name and section in that year already."
        ) from error
