"""A forgotten password: a six-digit code by mail, traded for a token, traded for a new password.

Six digits are a million codes: five tries a code and five codes an hour leave an attacker 25 in a million, from however many addresses.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.identity.accounts import set_password
from services.identity.lockout import LockRule
from services.identity.logging_in import person_of_login, reserve_attempt
from services.identity.problems import WrongCredentials
from services.identity.sessions import end_sessions, token_hash
from services.identity.tables import Mail, Person, ResetCode

_WRONG_CODE = "The code is wrong or has expired; ask for a new one with POST /api/v1/auth/forgot-password."
# Five codes an hour with five tries each, from one account's point of view; an address may serve a whole school.
_CODE_TRIES = LockRule(25, 500, timedelta(hours=1))
_SUBJECT = "Your Examhall reset code"
_TEXT = (
    "Hello {name},\n\nyour code to set a new password is {code}. It is valid for {minutes} minutes and works once.\n\n"
    "If you did not ask for it, you need do nothing; your password stays as it is.\n"
)


@dataclass(frozen=True)
class ResetRule:
    """How long a code lives, how many wrong tries end it, how many an account may ask for in an hour."""

    life: timedelta = timedelta(minutes=15)
    tries: int = 5
    requests_an_hour: int = 5


def code_hash(person_id: UUID, code: str) -> bytes:
    """A stored code tells nothing without the row's owner; what protects six digits is the limit on tries."""
    return sha256(person_id.bytes + code.strip().encode()).digest()


async def forgot_password(
    tx: AsyncSession, email: str, address: str, user_agent: str, at: datetime, rule: ResetRule
) -> None:
    """Queues a mail with a code when the address has an active account and has not asked too often; the caller learns nothing either way."""
    person = await person_of_login(tx, email)
    limit = LockRule(rule.requests_an_hour, rule.requests_an_hour * 40, timedelta(hours=1))
    allowed = await reserve_attempt(tx, "forgot", email, person, address, user_agent, at, limit)
    if allowed is None or person is None or not person.email or not person.is_active:
        return
    code = f"{secrets.randbelow(1_000_000):06d}"
    await tx.merge(
        ResetCode(
            person_id=person.id,
            code_hash=code_hash(person.id, code),
            token_hash=None,
            tries=0,
            expires_at=at + rule.life,
        )
    )
    minutes = int(rule.life.total_seconds() // 60)
    tx.add(
        Mail(recipient=person.email, subject=_SUBJECT, body=_TEXT.format(name=person.name, code=code, minutes=minutes))
    )


async def verify_reset_code(tx: AsyncSession, email: str, code: str, at: datetime, rule: ResetRule) -> str | None:
    """The reset token for a right code; None for a wrong one, which counts. The caller raises after the commit, so that it does."""
    person = await person_of_login(tx, email)
    stored = await tx.get(ResetCode, person.id, with_for_update=True) if person else None
    if (
        person is None
        or stored is None
        or stored.code_hash is None
        or stored.expires_at <= at
        or stored.tries >= rule.tries
    ):
        return None
    if not hmac.compare_digest(stored.code_hash, code_hash(person.id, code)):
        stored.tries += 1
        return None
    token = secrets.token_urlsafe(32)
    stored.code_hash, stored.token_hash, stored.expires_at = None, token_hash(token), at + rule.life
    return token


async def may_try_codes(tx: AsyncSession, email: str, address: str, user_agent: str, at: datetime) -> bool:
    """Whether a code may be tried at this account and from this address; the try is counted. Each code has a limit of its own besides."""
    person = await person_of_login(tx, email)
    return await reserve_attempt(tx, "reset_code", email, person, address, user_agent, at, _CODE_TRIES) is not None


def wrong_code() -> WrongCredentials:
    """What is said to a wrong, expired or used code."""
    return WrongCredentials(_WRONG_CODE)


async def reset_password(tx: AsyncSession, reset_token: str, new_password: str, at: datetime) -> list[UUID]:
    """Sets the password and ends all sessions; which they were. Raises WrongCredentials when the token is wrong, used or expired."""
    stored = await tx.scalar(
        select(ResetCode)
        .where(col(ResetCode.token_hash) == token_hash(reset_token), col(ResetCode.expires_at) > at)
        .with_for_update()
    )
    person = await tx.get(Person, stored.person_id, with_for_update=True) if stored else None
    if stored is None or person is None or not person.is_active or person.deleted_at is not None:
        raise WrongCredentials(
            "The reset token is wrong, used or has expired; begin again with POST /api/v1/auth/forgot-password."
        )
    await set_password(tx, None, person, new_password, "new_password")
    await tx.delete(stored)
    return await end_sessions(tx, None, person.id, "password_reset", at)
