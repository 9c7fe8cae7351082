"""Sessions: opened at a log-in, kept alive by refresh tokens that work once, ended by their owner, an administrator, time, or a token used twice."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.ids import new_id
from services.identity.tables import Person, RefreshToken, Session


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives unused, and at all."""

    idle: timedelta
    absolute: timedelta

    def is_over(self, session: Session, at: datetime) -> bool:
        """Whether time has ended a session."""
        return at >= min(session.last_used_at + self.idle, session.created_at + self.absolute)


@dataclass(frozen=True)
class Refreshed:
    """What became of a refresh: the session with its new token, or which session ended because its token came twice."""

    person: Person | None = None
    session: Session | None = None
    refresh_token: str = ""
    ended_session_id: UUID | None = None


def token_hash(token: str) -> bytes:
    """How a token of 256 random bits is stored; no salt or slow hash is needed for those."""
    return hashlib.sha256(token.encode()).digest()


async def open_session(
    tx: AsyncSession, person: Person, address: str, user_agent: str, at: datetime
) -> tuple[Session, str]:
    """A new session and its first refresh token."""
    session = Session(
        id=new_id(), person_id=person.id, address=address, user_agent=user_agent[:400], created_at=at, last_used_at=at
    )
    tx.add(session)
    await tx.flush()
    return session, _next_token(tx, session, at)


def _next_token(tx: AsyncSession, session: Session, at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    tx.add(RefreshToken(token_hash=token_hash(token), session_id=session.id, issued_at=at))
    return token


async def refresh_session(tx: AsyncSession, token: str, limits: SessionLimits, at: datetime) -> Refreshed:
    """Trades a refresh token for the next one. A token that was used before ends the whole session: one of the two who hold it is a thief."""
    known = await tx.get(RefreshToken, token_hash(token))
    if known is None:
        return Refreshed()
    session = await tx.get(Session, known.session_id, with_for_update=True)
    await tx.refresh(known)
    person = await tx.get(Person, session.person_id) if session else None
    if session is None or person is None or session.ended_at is not None:
        return Refreshed()
    if known.used_at is not None:
        _end(session, "refresh_token_reused", at)
        record_audit(
            tx,
            None,
            "session_ended",
            "session",
            session.id,
            new={"reason": "refresh_token_reused", "person_id": person.id},
        )
        return Refreshed(ended_session_id=session.id)
    if limits.is_over(session, at) or not person.is_active or person.deleted_at is not None:
        _end(session, "expired", at)
        return Refreshed(ended_session_id=session.id)
    known.used_at = session.last_used_at = at
    return Refreshed(person, session, _next_token(tx, session, at))


async def end_sessions(
    tx: AsyncSession,
    actor: Actor | None,
    person_id: UUID,
    reason: str,
    at: datetime,
    *,
    only: UUID | None = None,
    but: UUID | None = None,
) -> list[UUID]:
    """Ends a person's open sessions (`only` one, or all `but` one); which they were. The caller announces them after the commit."""
    wanted = (
        sa.select(Session).where(col(Session.person_id) == person_id, col(Session.ended_at).is_(None)).with_for_update()
    )
    if only is not None:
        wanted = wanted.where(col(Session.id) == only)
    if but is not None:
        wanted = wanted.where(col(Session.id) != but)
    sessions = list((await tx.execute(wanted.order_by(col(Session.id)))).scalars())
    for session in sessions:
        _end(session, reason, at)
    if sessions:
        record_audit(tx, actor, "sessions_ended", "person", person_id, new={"reason": reason, "count": len(sessions)})
    return [session.id for session in sessions]


def _end(session: Session, reason: str, at: datetime) -> None:
    session.ended_at, session.end_reason = at, reason


async def open_sessions(tx: AsyncSession, person_id: UUID, limits: SessionLimits, at: datetime) -> Sequence[Session]:
    """A person's open sessions, the last used first."""
    rows = await tx.execute(
        sa.select(Session)
        .where(col(Session.person_id) == person_id, col(Session.ended_at).is_(None))
        .order_by(col(Session.last_used_at).desc())
    )
    return [session for session in rows.scalars() if not limits.is_over(session, at)]


async def clean_sessions(tx: AsyncSession, limits: SessionLimits, at: datetime) -> int:
    """Ends what time has ended, and forgets sessions that ended a week ago; how many were forgotten."""
    over = (col(Session.last_used_at) <= at - limits.idle) | (col(Session.created_at) <= at - limits.absolute)
    await tx.execute(
        sa.update(Session).where(col(Session.ended_at).is_(None), over).values(ended_at=at, end_reason="expired")
    )
    gone = await tx.execute(sa.delete(Session).where(col(Session.ended_at) <= at - timedelta(days=7)))
    return int(gone.rowcount)  # type: ignore[attr-defined]
