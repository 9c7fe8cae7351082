"""One's own profile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.actors import Actor
from chassis.database import Database
from chassis.errors import InvalidInput
from services.identity.accounts import confirm_password
from services.identity.lockout import LockRule
from services.identity.people import change_person
from services.identity.tables import Person


async def change_profile(
    database: Database,
    actor: Actor,
    values: Mapping[str, Any],
    current_password: str | None,
    at: datetime,
    rule: LockRule,
) -> Person:
    """Changes the actor's own name, address or specialization.

    Another address needs the current password, since codes to set a new password go there: a stolen token must not become an account.
    Raises InvalidInput when that is missing or wrong, TooManyRequests when too many were.
    """
    async with database.session() as tx:
        person = await tx.get_one(Person, actor.person_id)
    if "email" in values and values["email"] != person.email:
        if current_password is None:
            raise InvalidInput("current_password", "required", "Send your current password to change the address.")
        await confirm_password(database, actor, current_password, at, rule)
    async with database.session() as tx:
        person = await tx.get_one(Person, actor.person_id, with_for_update=True)
        await change_person(tx, actor, person, values, at)
    return person
