"""One attempt with everything that is said of it, for those who may read it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.paging import PageRequest
from services.proctoring.alerts_desk import AlertFilter, alerts_of_exam
from services.proctoring.board import Board, open_alerts, standings
from services.proctoring.exam_rules import rules_by_version
from services.proctoring.rights import find_attempt, readable_attempts
from services.proctoring.tables import Alert, Attempt, Review
from services.proctoring.unfolding import AssessmentOut
from services.proctoring.views import AttemptOut, BoardRow, ReviewOut, RulesOut

_ALERTS_SHOWN = 200


async def attempt_unfolded(tx: AsyncSession, caller: Actor, attempt_id: UUID, at: datetime) -> AttemptOut:
    """The attempt, its assessment taken apart, its alerts and its review. Raises NotFound."""
    attempt = await find_attempt(tx, attempt_id, readable_attempts(caller))
    rules = await rules_by_version(tx, attempt.exam_id)
    found = Board(
        await standings(tx, col(Attempt.id) == attempt_id),
        await open_alerts(tx, col(Alert.attempt_id) == attempt_id),
        rules,
    )
    first_page = PageRequest(1, _ALERTS_SHOWN)
    alerts, _ = await alerts_of_exam(tx, caller, attempt.exam_id, AlertFilter(attempt_id=attempt_id), first_page)
    own_rules = rules.get(attempt.exam_version) if attempt.is_proctored else None
    return AttemptOut(
        server_time=at,
        standing=BoardRow.of(found.standings[0], found, at),
        rules=RulesOut.model_validate(own_rules) if own_rules else None,
        assessment=AssessmentOut.of(attempt.assessment) if attempt.assessment else None,
        alerts=alerts,
        review=ReviewOut.of(await tx.get(Review, attempt_id), attempt),
    )
