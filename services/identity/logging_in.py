"""Signing in: the limit, the password, the session. A refusal costs the same work and says the same words whoever was asked for."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.database import Database
from chassis.errors import TooManyRequests
from services.identity.lockout import Failures, LockRule, locked_until
from services.identity.passwords import is_password
from services.identity.problems import WrongCredentials
from services.identity.sessions import open_session
from services.identity.tables import LoginAttempt, Person, Session

KNOWN_ADDRESS = timedelta(
    days=90
)  # so long an address counts as its owner's after a log-in, and so long tries are kept
_REFUSAL = "The log-in or the password is wrong."


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, in which session, with which refresh token."""

    person: Person
    session: Session
    refresh_token: str


async def person_of_login(tx: AsyncSession, login: str) -> Person | None:
    """Who signs in with this e-mail address or registration number."""
    folded = _folded(login)
    person: Person | None = await tx.scalar(
        sa.select(Person).where(
            (sa.func.lower(col(Person.email)) == folded) | (sa.func.lower(col(Person.registration_number)) == folded),
            col(Person.deleted_at).is_(None),
        )
    )
    return person


def _folded(login: str) -> str:
    """A log-in in the form in which addresses and numbers are kept and compared: an address may be written in several ways (RFC 5891, NFC)."""
    text = login.strip()
    if "@" in text:
        with suppress(EmailNotValidError):
            text = validate_email(text, check_deliverability=False).normalized
    return text.lower()


async def log_in(
    database: Database, login: str, password: str, address: str, user_agent: str, at: datetime, rule: LockRule
) -> SignedIn:
    """Opens a session. Raises WrongCredentials, or TooManyRequests when account or address is locked."""
    async with database.session() as tx:
        person = await person_of_login(tx, login)
        password_hash = person.password_hash if person else None
        attempt_id = await reserve_attempt(tx, "login", login, person, address, user_agent, at, rule)
    if attempt_id is None:
        raise TooManyRequests(
            "Too many failed log-ins; wait before you try again, or reset the password.",
            int(rule.window.total_seconds()),
        )
    fits = await is_password(password, password_hash)
    async with database.session() as tx:
        person = await tx.get(Person, person.id, with_for_update=True) if person else None
        attempt = await tx.get_one(LoginAttempt, attempt_id)
        attempt.reason = _reason(person, fits, password_hash)
        if person is not None and not attempt.reason:
            attempt.outcome = "succeeded"
            session, refresh_token = await open_session(tx, person, address, user_agent, at)
            return SignedIn(person, session, refresh_token)
    raise WrongCredentials(_REFUSAL)


def _reason(person: Person | None, fits: bool, checked_hash: str | None) -> str:
    """Why a try fails, for staff; empty when it does not."""
    if person is None:
        return "unknown log-in"
    if person.deleted_at is not None or not person.is_active:
        return "account not active"
    if person.password_hash is None:
        return "account not claimed"
    return "" if fits and person.password_hash == checked_hash else "wrong password"


async def reserve_attempt(
    tx: AsyncSession,
    kind: str,
    login: str,
    person: Person | None,
    address: str,
    user_agent: str,
    at: datetime,
    rule: LockRule,
) -> UUID | None:
    """Writes a try down as failed before anything is checked; None when the lock refuses it. Tries at one account wait for each other."""
    account = f"{kind}:{person.id if person else _folded(login)[:320]}"
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(account, 0))))
    until = locked_until(await _failures(tx, kind, account, address, at, rule), at, rule)
    attempt = LoginAttempt(
        account=account,
        person_id=person.id if person else None,
        centre_id=person.centre_id if person else None,
        login=login.strip()[:320],
        address=address,
        user_agent=user_agent[:400],
        kind=kind,
        outcome="refused" if until else "failed",
        reason="locked after too many failures" if until else "not finished",
        at=at,
    )
    tx.add(attempt)
    await tx.flush()
    return None if until else attempt.id


async def _failures(tx: AsyncSession, kind: str, account: str, address: str, at: datetime, rule: LockRule) -> Failures:
    since = at - rule.window
    known = await tx.scalar(  # served by ix_login_attempts_account, as all but the last
        sa.select(sa.func.max(LoginAttempt.at)).where(
            col(LoginAttempt.account) == account,
            col(LoginAttempt.address) == address,
            col(LoginAttempt.outcome) == "succeeded",
            col(LoginAttempt.at) > at - KNOWN_ADDRESS,
        )
    )
    rows = await tx.execute(
        sa.select(col(LoginAttempt.address), col(LoginAttempt.at)).where(
            col(LoginAttempt.account) == account, col(LoginAttempt.outcome) == "failed", col(LoginAttempt.at) > since
        )
    )
    mine = [(row.address, row.at) for row in rows]
    from_address = await tx.execute(  # served by ix_login_attempts_address
        sa.select(col(LoginAttempt.at))
        .where(
            col(LoginAttempt.address) == address,
            col(LoginAttempt.kind) == kind,
            col(LoginAttempt.outcome) == "failed",
            col(LoginAttempt.at) > since,
        )
        .order_by(col(LoginAttempt.at).desc())
        .limit(rule.address_failures)
    )
    return Failures(
        here=[moment for where, moment in mine if where == address and (known is None or moment > known)],
        elsewhere=[moment for where, moment in mine if where != address],
        address=list(from_address.scalars()),
        is_known_address=known is not None,
    )


async def forgive_failures(tx: AsyncSession, person_id: UUID) -> None:
    """Lifts the lock of an account: its owner proved to be who they are, or staff vouches for them."""
    await tx.execute(
        sa.update(LoginAttempt)  # served by ix_login_attempts_person
        .where(col(LoginAttempt.person_id) == person_id, col(LoginAttempt.outcome) == "failed")
        .values(outcome="forgiven")
    )


async def forget_attempts(tx: AsyncSession, at: datetime) -> None:
    """Deletes tries so old that no lock and no known address depends on them; served by ix_login_attempts_at."""
    await tx.execute(sa.delete(LoginAttempt).where(col(LoginAttempt.at) <= at - KNOWN_ADDRESS))
