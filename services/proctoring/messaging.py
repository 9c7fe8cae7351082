"""What staff say to a student while the attempt runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.audit import record_audit
from services.proctoring.board import SUBMITTED
from services.proctoring.feeds import attempt_feed, tell
from services.proctoring.problems import AttemptOver
from services.proctoring.rights import find_attempt, readable_attempts


async def send_message(tx: AsyncSession, caller: Actor, attempt_id: UUID, text: str, at: datetime) -> int:
    """Shows a text to the student at once, or when the connection is back. Its number in the feed. Raises AttemptOver after the submission."""
    attempt = await find_attempt(tx, attempt_id, readable_attempts(caller))
    if attempt.status == SUBMITTED:
        raise AttemptOver(
            "The attempt is submitted, so nobody would read this. Tell the student by the review instead."
        )
    record_audit(tx, caller, "attempt_message", "attempt", attempt_id, None, {"text": text})
    return await tell(tx, attempt_feed(attempt_id), "message", at, {"text": text})
