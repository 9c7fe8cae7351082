"""Puts many people in at once, for the demo: as an import would, events included."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.identity.events import centre_changed, class_changed, person_registered
from services.identity.passwords import hash_password
from services.identity.tables import Centre, ClassTeacher, Person, SchoolClass


async def seed_people(
    tx: AsyncSession,
    centres: Iterable[Mapping[str, Any]],
    classes: Iterable[Mapping[str, Any]],
    people: Iterable[Mapping[str, Any]],
    teachers: Sequence[tuple[Any, Any]],
    password: str,
) -> None:
    """Stores rows as given (ids and all), everybody with the same password, hashed once. `teachers` are (class id, person id)."""
    password_hash = await hash_password(password)
    made_centres = [Centre(**values) for values in centres]
    made_classes = [SchoolClass(**values) for values in classes]
    made_people = [Person(**values, password_hash=password_hash) for values in people]
    for rows in (made_centres, made_classes, made_people):
        tx.add_all(rows)
        await tx.flush()
    tx.add_all([ClassTeacher(class_id=class_id, teacher_id=teacher_id) for class_id, teacher_id in teachers])
    for centre in made_centres:
        centre_changed(tx, centre)
    for school_class in made_classes:
        await class_changed(tx, school_class)
    for person in made_people:
        person_registered(tx, person)
