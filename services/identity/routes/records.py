"""/api/v1/audit-log and /login-attempts: who did what, and who tried to sign in."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query
from sqlmodel import col

from chassis.http import Caller, Moment, Page, PageQuery, PageRequest, Text, Tx
from services.identity.tables import AuditEntry, LoginAttempt
from services.identity.views import AuditEntryOut, LoginAttemptOut

audit_log = APIRouter(prefix="/api/v1/audit-log", tags=["audit"])
login_attempts = APIRouter(prefix="/api/v1/login-attempts", tags=["audit"])
From = Annotated[Moment | None, Query(alias="from", description="not before this moment")]
To = Annotated[Moment | None, Query(alias="to", description="before this moment")]


async def _page(tx: Tx, query: Any, newest: Any, out: Any, page: PageRequest) -> Page[Any]:
    total = await tx.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = await tx.execute(query.order_by(*newest).offset(page.offset).limit(page.limit))
    return Page.of([out.model_validate(row) for row in rows.scalars()], total, page)


@audit_log.get("", operation_id="listAuditEntries")
async def list_audit_entries(
    tx: Tx, caller: Caller, page: PageQuery, user_id: UUID | None = None, action: Text | None = None,
    entity_type: Text | None = None, entity_id: Text | None = None, since: From = None, until: To = None,
) -> Page[AuditEntryOut]:  # fmt: skip
    """Who did what to what, newest first."""
    caller.require("admin")
    query = sa.select(AuditEntry)
    equal = {"actor_id": user_id, "action": action, "entity_type": entity_type, "entity_id": entity_id}
    for name, value in equal.items():
        if value is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    if since is not None:
        query = query.where(col(AuditEntry.recorded_at) >= since)
    if until is not None:
        query = query.where(col(AuditEntry.recorded_at) < until)
    newest = (col(AuditEntry.recorded_at).desc(), col(AuditEntry.id))
    return await _page(tx, query, newest, AuditEntryOut, page)


@login_attempts.get("", operation_id="listLoginAttempts")
async def list_login_attempts(
    tx: Tx, caller: Caller, page: PageQuery, user_id: UUID | None = None, outcome: Text | None = None,
    address: Text | None = None, since: From = None, until: To = None,
) -> Page[LoginAttemptOut]:  # fmt: skip
    """Tries to sign in, newest first; a centre's administrator sees those at the centre's accounts."""
    caller.require("admin", "centre_admin")
    query = sa.select(LoginAttempt)
    if not caller.is_("admin"):
        query = query.where(col(LoginAttempt.centre_id) == caller.centre_id)
    equal = {"person_id": user_id, "outcome": outcome, "address": address}
    for name, value in equal.items():
        if value is not None:
            query = query.where(getattr(LoginAttempt, name) == value)
    if since is not None:
        query = query.where(col(LoginAttempt.at) >= since)
    if until is not None:
        query = query.where(col(LoginAttempt.at) < until)
    newest = (col(LoginAttempt.at).desc(), col(LoginAttempt.id))
    return await _page(tx, query, newest, LoginAttemptOut, page)
