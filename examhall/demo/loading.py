"""Puts the demonstration into the services' databases, once: people into identity, exams into the catalogue."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Database
from chassis.ids import new_id
from examhall.demo.content import ADMIN, CENTRES, CLASSES, DEMO_PASSWORD, STAFF, STUDENTS
from services.identity.seeding import seed_people


async def load(database_urls: Mapping[str, str]) -> None:
    """Loads what is not there yet; `database_urls` are by service. Each service's part goes in whole or not at all."""
    identity = Database(database_urls["identity"], pool_size=1, name="identity")
    try:
        async with identity.session() as tx:
            if not await _is_known(tx, ADMIN.email):
                await _load_people(tx)
    finally:
        await identity.close()


async def _is_known(tx: AsyncSession, email: str) -> bool:
    known = await tx.scalar(sa.text("SELECT EXISTS (SELECT FROM people WHERE lower(email) = :email)"), {"email": email})
    return bool(known)


async def _load_people(tx: AsyncSession) -> None:
    specializations = {row.name: row.id for row in await tx.execute(sa.text("SELECT id, name FROM specializations"))}
    centre_ids = {centre.code: new_id() for centre in CENTRES}
    class_ids = {each.key: new_id() for each in CLASSES}
    staff_ids = {person.email: new_id() for person in STAFF}
    centres = [{"id": centre_ids[centre.code], "code": centre.code, "name": centre.name} for centre in CENTRES]
    classes = [
        {
            "id": class_ids[each.key],
            "name": each.name,
            "section": each.section,
            "academic_year": each.academic_year,
            "centre_id": centre_ids[each.centre],
        }
        for each in CLASSES
    ]
    staff = [
        {
            "id": staff_ids[person.email],
            "role": person.role,
            "name": person.name,
            "email": person.email,
            "centre_id": centre_ids[person.centre] if person.centre else None,
        }
        for person in STAFF
    ]
    teachers = [(class_ids[each.key], staff_ids[email]) for each in CLASSES for email in each.teachers]
    people = [*staff, *_student_rows(specializations, centre_ids, class_ids)]
    await seed_people(tx, centres, classes, people, teachers, DEMO_PASSWORD)


def _student_rows(
    specializations: Mapping[str, UUID], centres: Mapping[str, UUID], classes: Mapping[str, UUID]
) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "role": "student",
            "name": student.name,
            "email": student.email,
            "registration_number": student.registration_number,
            "class_id": classes[student.school_class],
            "specialization_id": specializations[student.specialization],
            "centre_id": centres[student.centre],
            "level": student.level,
            "extra_time_percent": student.extra_time_percent,
            "break_minutes": student.break_minutes,
        }
        for student in STUDENTS
    ]
