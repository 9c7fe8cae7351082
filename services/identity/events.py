"""From a row to the event that carries its whole state."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.outbox import record_event, timestamp
from proto.examhall.identity.v1 import people_pb2
from services.identity.tables import Centre, ClassTeacher, Person, SchoolClass

PEOPLE = "identity.people.v1"


def person_state(person: Person) -> people_pb2.PersonState:
    """The whole state of a person, without what only identity may know."""
    return people_pb2.PersonState(
        person_id=str(person.id),
        version=person.version,
        role=person.role,
        name=person.name,
        email=person.email or "",
        registration_number=person.registration_number or "",
        class_id=_text(person.class_id),
        specialization_id=_text(person.specialization_id),
        centre_id=_text(person.centre_id),
        level=person.level,
        extra_time_percent=person.extra_time_percent,
        break_minutes=person.break_minutes,
        is_active=person.is_active,
        is_eligible=person.is_eligible,
        ineligible_reason=person.ineligible_reason,
        created_at=timestamp(person.created_at),
    )


def person_registered(tx: AsyncSession, person: Person) -> None:
    """Records that a person is new."""
    record_event(tx, PEOPLE, person.id, people_pb2.PersonRegistered(person=person_state(person)))


def person_changed(tx: AsyncSession, person: Person) -> None:
    """Counts the version up and records the change; the caller holds the row's lock."""
    person.version += 1
    record_event(tx, PEOPLE, person.id, people_pb2.PersonChanged(person=person_state(person)))


def person_deleted(tx: AsyncSession, person: Person) -> None:
    """Counts the version up and records the deletion."""
    person.version += 1
    record_event(tx, PEOPLE, person.id, people_pb2.PersonDeleted(person_id=str(person.id), version=person.version))


async def class_changed(tx: AsyncSession, school_class: SchoolClass) -> None:
    """Records a class as it is now, with its teachers."""
    await tx.flush()
    teachers = await tx.execute(
        sa.select(col(ClassTeacher.teacher_id))
        .where(col(ClassTeacher.class_id) == school_class.id)
        .order_by(col(ClassTeacher.teacher_id))
    )
    state = people_pb2.ClassState(
        class_id=str(school_class.id),
        version=school_class.version,
        name=school_class.name,
        section=school_class.section,
        academic_year=school_class.academic_year,
        centre_id=_text(school_class.centre_id),
        teacher_ids=[str(teacher) for teacher in teachers.scalars()],
    )
    record_event(tx, PEOPLE, school_class.id, people_pb2.ClassChanged(class_state=state))


def class_deleted(tx: AsyncSession, school_class: SchoolClass) -> None:
    """Records that a class is gone."""
    deleted = people_pb2.ClassDeleted(class_id=str(school_class.id), version=school_class.version + 1)
    record_event(tx, PEOPLE, school_class.id, deleted)


def centre_changed(tx: AsyncSession, centre: Centre) -> None:
    """Records a centre as it is now."""
    state = people_pb2.CentreState(centre_id=str(centre.id), version=centre.version, name=centre.name, code=centre.code)
    record_event(tx, PEOPLE, centre.id, people_pb2.CentreChanged(centre=state))


def _text(identifier: UUID | None) -> str:
    return str(identifier) if identifier else ""
