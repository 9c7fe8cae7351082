"""Recent activity: what happened of late, a line each."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery
from services.analytics.tables import Activity


async def note_activity(
    tx: AsyncSession,
    delivery: Delivery,
    kind: str,
    *,
    person_id: str = "",
    exam_id: str = "",
    attempt_id: str = "",
) -> None:
    """Adds a line, once for each event."""
    values = {
        "event_id": delivery.event_id,
        "occurred_at": delivery.occurred_at,
        "kind": kind,
        "person_id": UUID(person_id) if person_id else None,
        "exam_id": UUID(exam_id) if exam_id else None,
        "attempt_id": UUID(attempt_id) if attempt_id else None,
    }
    await tx.execute(insert(Activity).values(values).on_conflict_do_nothing())
