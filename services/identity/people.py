"""People as staff keeps them: who may see and change whom, and what a change entails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Forbidden, InvalidInput, NotFound
from chassis.paging import PageRequest
from services.identity.accounts import add_person, check_references, flush_person, set_claim_code
from services.identity.events import person_changed, person_deleted
from services.identity.passwords import check_new_password, hash_password
from services.identity.sessions import end_sessions
from services.identity.tables import ClassTeacher, Person

_CENTRE_ADMIN_MAKES = {"student", "instructor", "proctor", "evaluator"}
_ENDS_SESSIONS = {"role", "centre_id", "is_active"}  # what tokens say, or whether there may be any


@dataclass(frozen=True)
class PeopleFilter:
    """Which people a list holds; None: any."""

    role: str | None = None
    is_active: bool | None = None
    class_id: UUID | None = None
    search: str | None = None


def visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """The people whom staff may see: an administrator all, a centre's administrator those of the centre, an instructor the students of classes they teach."""
    if actor.is_("admin"):
        return sa.true()
    if actor.is_("centre_admin"):
        return col(Person.centre_id) == actor.centre_id
    if actor.is_("instructor"):
        taught = sa.select(col(ClassTeacher.class_id)).where(col(ClassTeacher.teacher_id) == actor.person_id)
        return (col(Person.role) == "student") & col(Person.class_id).in_(taught) | (col(Person.id) == actor.person_id)
    return col(Person.id) == actor.person_id


async def find_people(
    tx: AsyncSession, actor: Actor, wanted: PeopleFilter, page: PageRequest
) -> tuple[list[Person], int]:
    """One page of the visible people, by name, and how many there are."""
    query = sa.select(Person).where(visible_to(actor), col(Person.deleted_at).is_(None))
    for column, value in (
        (col(Person.role), wanted.role),
        (col(Person.is_active), wanted.is_active),
        (col(Person.class_id), wanted.class_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.search:
        pattern = "%" + wanted.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(
            col(Person.name).ilike(pattern)
            | col(Person.email).ilike(pattern)
            | col(Person.registration_number).ilike(pattern)
        )
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(col(Person.name), col(Person.id)).offset(page.offset).limit(page.limit))
    return list(rows.scalars()), total


async def read_person(tx: AsyncSession, actor: Actor, person_id: UUID, *roles: str, lock: bool = False) -> Person:
    """A person the actor may see, of one of `roles` when given. Raises NotFound: that somebody exists elsewhere is not the caller's business."""
    query = sa.select(Person).where(col(Person.id) == person_id, visible_to(actor), col(Person.deleted_at).is_(None))
    person: Person | None = await tx.scalar(query.with_for_update() if lock else query)
    if person is None or (roles and person.role not in roles):
        raise NotFound("There is no such person.")
    return person


async def create_person(
    tx: AsyncSession, actor: Actor, values: Mapping[str, Any], password: str | None
) -> tuple[Person, str | None]:
    """Makes an account; without a password it waits to be claimed with the code that is given back, shown this once."""
    person = Person(**values)
    if not actor.is_("admin"):
        if person.role not in _CENTRE_ADMIN_MAKES:
            raise Forbidden(f"A centre's administrator can't make a person of the role {person.role}.")
        if person.centre_id not in (None, actor.centre_id):
            raise InvalidInput("centre_id", "own_centre", "You can make people of your own centre only.")
        person.centre_id = actor.centre_id
    if person.role == "centre_admin" and person.centre_id is None:
        raise InvalidInput("centre_id", "required", "A centre's administrator needs a centre.")
    if person.role == "student" and not (person.class_id or person.specialization_id):
        raise InvalidInput("specialization_id", "required", "A student needs a specialization or a class.")
    if password is not None:
        check_new_password(password, person.email, person.name, person.registration_number)
        person.password_hash = await hash_password(password)
    await add_person(tx, person)
    code = None if password is not None else await set_claim_code(tx, actor, person)
    record_audit(tx, actor, "person_created", "person", person.id, new={"role": person.role, "name": person.name})
    return person, code


async def change_person(
    tx: AsyncSession, actor: Actor, person: Person, values: Mapping[str, Any], at: datetime
) -> list[UUID]:
    """Changes a locked person; the sessions that ended because a token would now say the wrong thing."""
    old = {name: getattr(person, name) for name, value in values.items() if getattr(person, name) != value}
    if not old:
        return []
    if not actor.is_("admin") and ("role" in old or "centre_id" in old):
        raise Forbidden("Only an administrator changes roles and centres.")
    if person.id == actor.person_id and old.keys() & {"role", "is_active"}:
        raise Forbidden("You can't change your own role or deactivate yourself; ask another administrator.")
    if not actor.is_("admin") and person.role in ("admin", "centre_admin") and person.id != actor.person_id:
        raise Forbidden("Only an administrator changes administrators.")
    for name in old:
        setattr(person, name, values[name])
    if person.role == "centre_admin" and person.centre_id is None:
        raise InvalidInput("centre_id", "required", "A centre's administrator needs a centre.")
    await check_references(tx, person)
    await flush_person(tx)
    person_changed(tx, person)
    record_audit(tx, actor, "person_changed", "person", person.id, old=old, new={name: values[name] for name in old})
    if not old.keys() & _ENDS_SESSIONS:
        return []
    return await end_sessions(tx, actor, person.id, "account_changed", at)


async def delete_person(tx: AsyncSession, actor: Actor, person: Person, at: datetime) -> list[UUID]:
    """Takes away the log-in and frees e-mail and number; what was sat stays countable. The sessions that ended."""
    if person.id == actor.person_id:
        raise Forbidden("You can't delete yourself.")
    if not actor.is_("admin") and person.role != "student":
        raise Forbidden("Only an administrator deletes staff.")
    record_audit(tx, actor, "person_deleted", "person", person.id, old={"role": person.role, "name": person.name})
    person.deleted_at, person.is_active, person.password_hash, person.claim_code_hash = at, False, None, None
    person_deleted(tx, person)
    await tx.execute(sa.delete(ClassTeacher).where(col(ClassTeacher.teacher_id) == person.id))
    return await end_sessions(tx, actor, person.id, "account_deleted", at)
