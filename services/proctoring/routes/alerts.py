"""/api/v1/proctoring/alerts: what a proctor should look at, and what became of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from chassis.clock import now
from chassis.http import Caller, IfMatch, Page, PageQuery, Tx, etag
from services.proctoring.alerts_desk import AlertFilter, alerts_of_exam, read_alert, settle_alert
from services.proctoring.rights import READERS, WATCHERS, find_exam, readable_exams
from services.proctoring.views import AlertOut, Settled

router = APIRouter(prefix="/api/v1/proctoring", tags=["proctoring"])


@router.get("/exams/{exam_id}/alerts", operation_id="listAlerts")
async def list_alerts(
    exam_id: UUID, tx: Tx, caller: Caller, page: PageQuery, wanted: Annotated[AlertFilter, Depends()]
) -> Page[AlertOut]:
    """The exam's alerts, newest first."""
    caller.require(*READERS)
    await find_exam(tx, exam_id, readable_exams(caller))
    alerts, total = await alerts_of_exam(tx, caller, exam_id, wanted, page)
    return Page.of(alerts, total, page)


@router.get("/alerts/{alert_id}", operation_id="readAlert")
async def read_one_alert(alert_id: UUID, tx: Tx, caller: Caller, response: Response) -> AlertOut:
    """An alert with its evidence; its ETag goes with what people did."""
    caller.require(*READERS)
    return _tagged(await read_alert(tx, caller, alert_id), response)


@router.post("/alerts/{alert_id}/acknowledge", operation_id="acknowledgeAlert")
async def acknowledge_alert(alert_id: UUID, tx: Tx, caller: Caller, response: Response, if_match: IfMatch) -> AlertOut:
    """Says that somebody looks at it. Of several who do at once, one does; send If-Match to act on what you read alone."""
    caller.require(*WATCHERS)
    return _tagged(await settle_alert(tx, caller, alert_id, "acknowledged", "", if_match, now()), response)


@router.post("/alerts/{alert_id}/resolve", operation_id="resolveAlert")
async def resolve_alert(
    alert_id: UUID, body: Settled, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> AlertOut:
    """Settles an alert: something was there, and it is dealt with. Needs the reason. An alert that grows afterwards can be settled anew."""
    caller.require(*WATCHERS)
    shown = await settle_alert(tx, caller, alert_id, "resolved", body.reason, if_match, now(), body.revision)
    return _tagged(shown, response)


@router.post("/alerts/{alert_id}/dismiss", operation_id="dismissAlert")
async def dismiss_alert(
    alert_id: UUID, body: Settled, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> AlertOut:
    """Settles an alert: there was nothing. Needs the reason. An alert that grows afterwards can be settled anew."""
    caller.require(*WATCHERS)
    shown = await settle_alert(tx, caller, alert_id, "dismissed", body.reason, if_match, now(), body.revision)
    return _tagged(shown, response)


def _tagged(alert: AlertOut, response: Response) -> AlertOut:
    response.headers["ETag"] = etag(alert.version)
    return alert
