"""Heartbeats: status and time left of running attempts. Those that wait together share one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.absences import is_away
from chassis.actors import Actor
from chassis.database import Database
from chassis.errors import DependencyUnavailable, Forbidden, NotFound
from chassis.gathering import Gathering
from services.attempts.deadlines import time_left

_PULSES = """
SELECT id, student_id, status, deadline_at, paused_at, submit_reason, clock_timestamp() AS at FROM attempts WHERE id = ANY ($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Pulse:
    """An attempt at one moment of the database's clock."""

    student_id: UUID
    status: str
    deadline_at: datetime
    server_time: datetime
    seconds_left: int
    submit_reason: str


class Heartbeats:
    """Answers heartbeats."""

    def __init__(self, database: Database, *, batch: int) -> None:
        self._database = database
        self._gathering: Gathering[UUID, Pulse | None] = Gathering(self._read, lanes=1, size=batch)

    async def beat(self, actor: Actor, attempt_id: UUID) -> Pulse:
        """The pulse of the caller's own attempt. Raises NotFound, Forbidden, DependencyUnavailable."""
        if actor.role != "student":
            raise Forbidden("Only the student who sits the attempt sends heartbeats.")
        try:
            pulse = await self._gathering.add(attempt_id)
        except Exception as error:
            if not is_away(error):
                raise
            raise DependencyUnavailable("The time left is not known just now; try again in a moment.") from error
        if pulse is None or pulse.student_id != actor.person_id:
            raise NotFound("There is no such attempt.")
        return pulse

    async def _read(self, attempt_ids: Sequence[UUID]) -> list[Pulse | None]:
        rows = await self._database.pool.fetch(_PULSES, list(set(attempt_ids)))
        pulses = {row["id"]: _pulse(row) for row in rows}
        return [pulses.get(attempt_id) for attempt_id in attempt_ids]


def _pulse(row: asyncpg.Record) -> Pulse:
    left = time_left(row["deadline_at"], row["paused_at"], row["at"])
    seconds = 0 if row["status"] == "submitted" else int(left.total_seconds())
    return Pulse(row["student_id"], row["status"], row["deadline_at"], row["at"], seconds, row["submit_reason"])
