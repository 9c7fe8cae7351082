"""/api/v1/analytics: what happened of late, and what happened in one attempt."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.http import Caller
from services.analytics.activities import list_activities
from services.analytics.rights import STAFF, WATCHERS, find, watched_attempts
from services.analytics.snapshot import Snapshot
from services.analytics.tables import Attempt
from services.analytics.timeline import read_timeline
from services.analytics.views import ActivityPage, Timeline

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"])

Limit = Annotated[int, Query(ge=1, le=100, description="lines a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")]


@router.get("/recent-activity", operation_id="listRecentActivity")
async def list_recent_activity(tx: Snapshot, caller: Caller, limit: Limit = 20, cursor: Cursor = None) -> ActivityPage:
    """What happened of late, newest first, as far as it is the caller's business."""
    caller.require(*STAFF, "student")
    return await list_activities(tx, caller, limit, cursor)


@router.get("/attempts/{attempt_id}/timeline", operation_id="readAttemptTimeline")
async def read_attempt_timeline(
    attempt_id: UUID, tx: Snapshot, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Timeline:
    """Everything that happened in one attempt, oldest first: start, each save, flags, pauses, submission, marking."""
    caller.require(*WATCHERS)
    attempt = await find(tx, Attempt, attempt_id, watched_attempts(caller), "attempt")
    return await read_timeline(tx, caller, attempt, limit, cursor)
