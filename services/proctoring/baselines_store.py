"""Baselines of students as they are stored, and what a new attempt is compared with."""

import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.clock import now
from proto.examhall.proctoring.v1.events_pb2 import RiskAssessed
from services.proctoring.baselines import (
    SAMPLES_KEPT,
    Baseline,
    Comparison,
    Figure,
    Norm,
    Sample,
    comparison,
    population_norms,
    typical,
    with_sample,
    without_sample,
)
from services.proctoring.evidence import epoch_ms
from services.proctoring.tables import Alert, Attempt, Person, Review
from services.proctoring.tables import Baseline as BaselineRow

Point = Mapping[Figure, Decimal]

_GRAVE = ("high", "critical")


class Population:
    """The usual values of all students: one point for each, those with the newest samples. Taken from memory for a while."""

    def __init__(self, students: int, seconds: float) -> None:
        self._students = students
        self._seconds = seconds
        self._read_at = -seconds - 1
        self._points: dict[UUID, Point] = {}
        self._norms: dict[Figure, Norm] = {}

    async def compared_with(self, tx: AsyncSession, student_ids: Collection[UUID]) -> dict[UUID, Comparison]:
        """What attempts of these students are compared with from now on.

        The second opinion gets as many points of the population as a baseline has samples: an event carries them, and the stream
        keeps them, for every attempt.
        """
        if time.monotonic() - self._read_at > self._seconds:
            await self._read(tx)
        query = sa.select(BaselineRow).where(col(BaselineRow.student_id).in_(student_ids))
        rows = {row.student_id: row for row in await tx.scalars(query)}
        return {each: comparison(stored(rows.get(each)), self._norms, self._others(each)) for each in student_ids}

    def _others(self, student_id: UUID) -> list[Point]:
        others = (point for other, point in self._points.items() if other != student_id)
        return list(islice(others, SAMPLES_KEPT))

    async def _read(self, tx: AsyncSession) -> None:
        """Index: ix_baselines_changed_at."""
        query = sa.select(col(BaselineRow.student_id), col(BaselineRow.typical)).where(col(BaselineRow.version) > 0)
        rows = await tx.execute(query.order_by(col(BaselineRow.changed_at).desc()).limit(self._students))
        self._points = {student_id: msgspec.convert(point, dict[Figure, Decimal]) for student_id, point in rows}
        self._norms = population_norms(self._points.values())
        self._read_at = time.monotonic()


def stored(row: BaselineRow | None) -> Baseline:
    """The baseline of a row; an empty one when there is none."""
    return msgspec.json.decode(row.samples, type=Baseline) if row is not None else Baseline()


async def reconsider(tx: AsyncSession, attempt_id: UUID) -> None:
    """Takes an attempt that is over into its student's baseline, or out of it, by what is known of the attempt now.

    To be called whenever that may have changed: assessed anew, an alert raised or settled, invalidated or reinstated. Flagged is an attempt at
    level high or above, with a high alert that nobody has dismissed, or invalidated: what may not be the student's own work is no measure of them.
    """
    await tx.flush()
    found = (await tx.execute(_standing(attempt_id))).one_or_none()
    if found is None or found.assessment is None or found.is_deleted:
        return
    assessment = RiskAssessed.FromString(found.assessment)
    if not assessment.is_over:
        return
    row = await _locked_row(tx, found.student_id)
    baseline = stored(row)
    is_flagged = found.level in _GRAVE or found.is_invalidated or found.has_grave_alert
    others = without_sample(baseline, str(attempt_id))
    changed = with_sample(others, _sample(assessment, found), is_flagged=is_flagged)
    if changed.samples == baseline.samples:
        return
    row.version = baseline.version + 1
    row.samples = msgspec.json.encode(Baseline(version=row.version, samples=changed.samples))
    row.typical = {figure.value: str(value) for figure, value in typical(changed).items()}
    row.changed_at = now()


def _standing(attempt_id: UUID) -> sa.Select[Any]:
    """Index: ix_alerts_attempt_id."""
    grave = sa.exists().where(
        col(Alert.attempt_id) == attempt_id, col(Alert.severity).in_(_GRAVE), col(Alert.status) != "dismissed"
    )
    return (
        sa.select(
            col(Attempt.student_id),
            col(Attempt.level),
            col(Attempt.submitted_at),
            col(Attempt.assessment),
            sa.func.coalesce(col(Person.is_deleted), False).label("is_deleted"),
            sa.func.coalesce(col(Review.is_invalidated), False).label("is_invalidated"),
            grave.label("has_grave_alert"),
        )
        .outerjoin(Person, col(Person.id) == col(Attempt.student_id))
        .outerjoin(Review, col(Review.attempt_id) == col(Attempt.id))
        .where(col(Attempt.id) == attempt_id)
    )


async def _locked_row(tx: AsyncSession, student_id: UUID) -> BaselineRow:
    empty = {"student_id": student_id, "version": 0, "samples": msgspec.json.encode(Baseline())}
    await tx.execute(insert(BaselineRow).values(**empty, typical={}, changed_at=now()).on_conflict_do_nothing())
    query = sa.select(BaselineRow).where(col(BaselineRow.student_id) == student_id).with_for_update()
    return (await tx.execute(query.execution_options(populate_existing=True))).scalar_one()


def _sample(assessment: RiskAssessed, found: sa.Row[Any]) -> Sample:
    taken_at: datetime = found.submitted_at or assessment.as_of.ToDatetime(tzinfo=UTC)
    figures = {Figure(name): Decimal(value) for name, value in assessment.figures.items() if name in set(Figure)}
    return Sample(attempt_id=assessment.attempt_id, taken_at_ms=epoch_ms(taken_at), figures=figures)
