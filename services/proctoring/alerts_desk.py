"""What staff do with alerts: acknowledge, resolve, dismiss. Of several who try at once one does, and everybody who watches hears of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict
from chassis.http import Text, require_match
from chassis.outbox import record_event, timestamp
from chassis.paging import PageRequest
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.baselines_store import reconsider
from services.proctoring.board import known_name
from services.proctoring.copies import name_of
from services.proctoring.feeds import exam_feed, tell
from services.proctoring.rights import find_alert, readable_alerts
from services.proctoring.settling import has_grown, may_become
from services.proctoring.tables import Alert, Person
from services.proctoring.views import AlertOut, AlertStatus, LevelName

REVIEWS = "proctoring.reviews.v1"


class AlertFilter(BaseModel):
    """Which of an exam's alerts are wanted."""

    status: Annotated[AlertStatus | None, Query(description="where people are with it")] = None
    severity: Annotated[LevelName | None, Query(description="how grave")] = None
    kind: Annotated[Text | None, Query(max_length=40, description="what it is about")] = None
    attempt_id: Annotated[UUID | None, Query(description="of one attempt")] = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As conditions on Alert."""
        wanted = self.model_dump(exclude_none=True)
        return [getattr(Alert, name) == value for name, value in wanted.items()]


async def alerts_of_exam(
    tx: AsyncSession, caller: Actor, exam_id: UUID, wanted: AlertFilter, page: PageRequest
) -> tuple[list[AlertOut], int]:
    """Alerts of an exam that the caller may read, newest first, and how many there are."""
    query = (
        sa.select(Alert, known_name())
        .outerjoin(Person, col(Person.id) == col(Alert.student_id))
        .where(col(Alert.exam_id) == exam_id, readable_alerts(caller), *wanted.conditions())
    )
    total = await tx.scalar(query.with_only_columns(sa.func.count())) or 0
    order = (col(Alert.at).desc(), col(Alert.id))
    rows = await tx.execute(query.order_by(*order).offset(page.offset).limit(page.limit))
    return [AlertOut.of(alert, name) for alert, name in rows], total


async def read_alert(tx: AsyncSession, caller: Actor, alert_id: UUID) -> AlertOut:
    """One alert. Raises NotFound."""
    alert = await find_alert(tx, alert_id, caller)
    return AlertOut.of(alert, await name_of(tx, alert.student_id))


async def settle_alert(
    tx: AsyncSession,
    caller: Actor,
    alert_id: UUID,
    status: AlertStatus,
    reason: str,
    if_match: int | None,
    at: datetime,
    seen: int | None = None,
) -> AlertOut:
    """Takes an alert one step on, as it stood in the revision that was `seen`; None: as it stands.

    Raises NotFound, PreconditionFailed, and Conflict when somebody was there before.
    """
    alert = await find_alert(tx, alert_id, caller, lock=True)
    require_match(if_match, alert.version)
    if not may_become(alert.status, status, has_grown=has_grown(alert.revision, alert.settled_revision)):
        raise Conflict(
            f"The alert is {alert.status} already, and nothing new was observed since.", current_status=alert.status
        )
    old = {"status": alert.status, "reason": alert.reason}
    alert.status, alert.reason = status, reason
    alert.settled_by, alert.settled_at = caller.person_id, at
    alert.settled_revision = alert.revision if seen is None else min(seen, alert.revision)
    alert.version += 1
    tx.add(alert)
    record_event(tx, REVIEWS, alert.attempt_id, _settled(alert))
    record_audit(tx, caller, f"alert_{status}", "alert", alert.id, old, {"status": status, "reason": reason})
    shown = AlertOut.of(alert, await name_of(tx, alert.student_id))
    await tell(tx, exam_feed(alert.exam_id), "alert", at, {"alert": shown.model_dump(mode="json")})
    await reconsider(tx, alert.attempt_id)
    return shown


def _settled(alert: Alert) -> told.AlertSettled:
    return told.AlertSettled(
        alert_id=str(alert.id),
        attempt_id=str(alert.attempt_id),
        exam_id=str(alert.exam_id),
        status=alert.status,
        reason=alert.reason,
        by_person_id=str(alert.settled_by),
        at=timestamp(alert.settled_at),
    )
