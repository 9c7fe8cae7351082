"""One's own account: registering, claiming a pre-made one, changing the password and the profile."""

import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.database import Database
from chassis.errors import Conflict, InvalidInput, TooManyRequests
from services.identity.events import person_changed, person_registered
from services.identity.lockout import LockRule
from services.identity.logging_in import forgive_failures, person_of_login, reserve_attempt
from services.identity.passwords import check_new_password, hash_password, is_password
from services.identity.problems import WrongCredentials
from services.identity.sessions import end_sessions
from services.identity.tables import LoginAttempt, Person, SchoolClass, Specialization

_CLAIM_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0/O, 1/I
_CLAIM_CHARACTERS = 10
_FIRST_ADMIN_LOCK = 0x61646D696E
_BROKEN_RULES = {
    "uq_people_email": ("email", "taken", "This e-mail address has an account already."),
    "uq_people_registration_number": (
        "registration_number",
        "taken",
        "This registration number has an account already.",
    ),
    "ck_people_has_login": (
        "email",
        "required",
        "Who has no registration number signs in by e-mail address; give one of them.",
    ),
    "fk_people_centre_id": ("centre_id", "unknown", "There is no such centre."),
    "fk_people_class_id": ("class_id", "unknown", "There is no such class here."),
}


def new_claim_code() -> str:
    """A code of 50 random bits that staff hands to the owner of a pre-made account."""
    return "".join(secrets.choice(_CLAIM_ALPHABET) for _ in range(_CLAIM_CHARACTERS))


def claim_code_hash(code: str) -> str:
    """How a claim code is stored; with the limit on tries, 50 bits need no slow hash."""
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


async def add_person(tx: AsyncSession, person: Person) -> None:
    """Stores a new person and records the event. Raises InvalidInput when e-mail, number, class or specialization do not fit."""
    await check_references(tx, person)
    tx.add(person)
    await flush_person(tx)
    person_registered(tx, person)


async def check_references(tx: AsyncSession, person: Person) -> None:
    """Raises InvalidInput when a person's class or specialization does not exist or is of another centre; a class gives its centre."""
    with tx.no_autoflush:  # a look-up would write what is to be checked first
        specialization = await tx.get(Specialization, person.specialization_id) if person.specialization_id else None
        school_class = await tx.get(SchoolClass, person.class_id) if person.class_id else None
    if person.specialization_id and specialization is None:
        raise InvalidInput(
            "specialization_id", "unknown", "There is no such specialization; GET /api/v1/specializations lists them."
        )
    if person.class_id is None:
        return
    if school_class is None or (person.centre_id and school_class.centre_id not in (None, person.centre_id)):
        raise InvalidInput("class_id", "unknown", "There is no such class here.")
    person.centre_id = person.centre_id or school_class.centre_id


async def flush_person(tx: AsyncSession) -> None:
    """Flushes; what the database refuses (an address or number that is taken, a centre that is not there) becomes InvalidInput."""
    try:
        await tx.flush()
    except IntegrityError as error:
        for constraint, refusal in _BROKEN_RULES.items():
            if constraint in str(error.orig):
                raise InvalidInput(*refusal) from error
        raise


async def register(
    tx: AsyncSession,
    name: str,
    email: str,
    password: str,
    registration_number: str | None,
    class_id: UUID | None,
    specialization_id: UUID | None,
) -> Person:
    """A student makes an own account; needs a specialization or a class."""
    if class_id is None and specialization_id is None:
        raise InvalidInput("specialization_id", "required", "A student needs a specialization or a class.")
    check_new_password(password, email, name, registration_number)
    person = Person(
        role="student",
        name=name,
        email=email,
        registration_number=registration_number,
        class_id=class_id,
        specialization_id=specialization_id,
        password_hash=await hash_password(password),
    )
    await add_person(tx, person)
    record_audit(tx, None, "person_registered", "person", person.id, new={"role": person.role, "name": name})
    return person


async def claim_account(
    database: Database,
    registration_number: str,
    code: str,
    password: str,
    email: str | None,
    address: str,
    user_agent: str,
    at: datetime,
    rule: LockRule,
) -> Person:
    """The owner of a pre-made account sets its first password. Raises WrongCredentials without saying whether the number or the code is wrong.

    A password that is refused is no wrong code. Only who has the code learns that it must not be the account's name.
    """
    check_new_password(password, registration_number, email)
    async with database.session() as tx:
        person = await person_of_login(tx, registration_number)
        attempt_id = await reserve_attempt(tx, "claim", registration_number, person, address, user_agent, at, rule)
        fits = _may_claim(person, code)
        if attempt_id is not None:
            attempt = await tx.get_one(LoginAttempt, attempt_id)
            attempt.outcome, attempt.reason = ("succeeded", "") if fits else ("failed", "claim refused")
    if attempt_id is None:
        raise TooManyRequests(
            "Too many wrong claim codes; wait, or ask your school for a new code.", int(rule.window.total_seconds())
        )
    if person is None or not fits:
        raise _claim_refused()
    check_new_password(password, person.name)
    password_hash = await hash_password(password)
    async with database.session() as tx:
        person = await tx.get_one(Person, person.id, with_for_update=True)
        if not _may_claim(person, code):
            raise _claim_refused()
        person.password_hash, person.claim_code_hash = password_hash, None
        person.email = email or person.email
        await flush_person(tx)
        person_changed(tx, person)
        record_audit(tx, None, "account_claimed", "person", person.id)
    return person


def _may_claim(person: Person | None, code: str) -> bool:
    """Whether the code claims the account; who asks can't tell from the time how near a wrong one is."""
    expected = (person.claim_code_hash if person else None) or ""
    fits = hmac.compare_digest(expected.encode(), claim_code_hash(code).encode())
    return fits and person is not None and person.password_hash is None and person.is_active


def _claim_refused() -> WrongCredentials:
    return WrongCredentials("The registration number or the claim code is wrong, or the account is claimed already.")


async def set_claim_code(tx: AsyncSession, actor: Actor, person: Person) -> str:
    """A new claim code for an unclaimed account, shown this once. Raises Conflict for a claimed one."""
    if person.password_hash is not None:
        raise Conflict("This account is claimed already; its owner can reset the password.")
    code = new_claim_code()
    person.claim_code_hash = claim_code_hash(code)
    record_audit(tx, actor, "claim_code_issued", "person", person.id)
    return code


async def change_password(
    database: Database, actor: Actor, current: str, new: str, at: datetime, rule: LockRule
) -> list[UUID]:
    """Gives the actor a new password and ends the other sessions; which they were.

    Raises InvalidInput when the current password is wrong or the new one is refused, and TooManyRequests as `confirm_password`.
    """
    async with database.session() as tx:
        _check_own_password(await tx.get_one(Person, actor.person_id), new, "new_password")
    confirmed = await confirm_password(database, actor, current, at, rule)
    new_hash = await hash_password(new)
    async with database.session() as tx:
        person = await tx.get_one(Person, actor.person_id, with_for_update=True)
        if person.password_hash != confirmed:
            raise _wrong_current_password()
        await _replace_password(tx, actor, person, new_hash)
        return await end_sessions(tx, actor, person.id, "password_changed", at, but=actor.session_id)


async def confirm_password(database: Database, actor: Actor, current: str, at: datetime, rule: LockRule) -> str:
    """Has the actor show who they are before something by which the account could be taken over; the hash that the password fits.

    Raises InvalidInput when it is wrong, and TooManyRequests when too many were: who holds somebody's token must not find it out by trying.
    """
    async with database.session() as tx:
        person = await tx.get_one(Person, actor.person_id)
        attempt_id = await reserve_attempt(
            tx, "confirmation", str(person.id), person, actor.address, actor.user_agent, at, rule
        )
    if attempt_id is None:
        raise TooManyRequests(
            "Too many wrong passwords; wait, or reset the password.", int(rule.window.total_seconds())
        )
    fits = await is_password(current, person.password_hash)
    async with database.session() as tx:
        attempt = await tx.get_one(LoginAttempt, attempt_id)
        attempt.outcome, attempt.reason = ("succeeded", "") if fits else ("failed", "wrong password")
    if person.password_hash is None or not fits:
        raise _wrong_current_password()
    return person.password_hash


def _wrong_current_password() -> InvalidInput:
    return InvalidInput("current_password", "wrong", "This is not your current password.")


async def set_password(
    tx: AsyncSession, actor: Actor | None, person: Person, new: str, field: str = "password"
) -> None:
    """Gives a person a new password and lifts the account's lock."""
    _check_own_password(person, new, field)
    await _replace_password(tx, actor, person, await hash_password(new))


def _check_own_password(person: Person, new: str, field: str) -> None:
    check_new_password(new, person.email, person.name, person.registration_number, field=field)


async def _replace_password(tx: AsyncSession, actor: Actor | None, person: Person, new_hash: str) -> None:
    person.password_hash, person.claim_code_hash = new_hash, None
    await forgive_failures(tx, person.id)
    record_audit(tx, actor, "password_changed", "person", person.id)


async def first_admin(tx: AsyncSession, email: str, password: str) -> None:
    """Makes the first administrator when there is none and the settings name one. Replicas that start together wait for each other."""
    if not email:
        return
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_FIRST_ADMIN_LOCK)))
    if await tx.scalar(sa.select(sa.exists().where(Person.role == "admin"))):  # type: ignore[arg-type]
        return
    check_new_password(password, email, field="EXAMHALL_ADMIN_PASSWORD")
    await add_person(
        tx, Person(role="admin", name="Administrator", email=email, password_hash=await hash_password(password))
    )
