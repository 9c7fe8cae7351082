"""The security report of an exam: everything counted from one snapshot of what is stored."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring import board
from services.proctoring.board import Standing, standings
from services.proctoring.collusion_desk import Collusion, collusion_of
from services.proctoring.collusion_views import CAUTION
from services.proctoring.exam_rules import rules_by_version, violation_limit
from services.proctoring.levels import Level
from services.proctoring.long_lists import in_parts
from services.proctoring.report_views import (
    AlertCount,
    AttemptCounts,
    CollusionBrief,
    PairBrief,
    Report,
    ReportedAttempt,
    ReportFigures,
    ReviewCounts,
    ViolationCounts,
)
from services.proctoring.rights import find_exam, readable_alerts, readable_attempts, readable_exams
from services.proctoring.signals import ExamRules, SignalKind, is_violation
from services.proctoring.tables import Alert, Attempt, Review

# An assessment has kilobytes: while the next few are fetched others have a turn.
_ASSESSMENTS_AT_ONCE = 25
_TAKEN_OVER = tuple(name for name in ReportedAttempt.model_fields if name in Standing._fields)
_AS_KINDS = {kind.value: kind for kind in SignalKind}


class _AlertRow(NamedTuple):
    attempt_id: UUID
    kind: str
    severity: str
    status: str
    alerts: int


async def security_report(tx: AsyncSession, caller: Actor, exam_id: UUID, at: datetime) -> Report:
    """The report over the attempts that the caller may read. `tx` must see one snapshot throughout. Raises NotFound."""
    exam = await find_exam(tx, exam_id, readable_exams(caller))
    rows = await standings(tx, col(Attempt.exam_id) == exam_id, readable_attempts(caller))
    rules = await rules_by_version(tx, exam_id)
    alerts = await _alert_rows(tx, caller, exam_id)
    observations, forbidden = await _observations(tx, caller, exam_id, rules)
    figures = ReportFigures(
        exam_id=exam_id,
        title=exam.title,
        subject=exam.subject,
        made_at=at,
        is_whole=not caller.is_("centre_admin"),
        attempts=_attempt_counts(rows),
        levels=board.counts_by_level(rows),  # type: ignore[arg-type]
        observations=observations,
        violations=_violation_counts(rows, rules, forbidden),
        alerts=_alert_counts(alerts),
        reviews=await _review_counts(tx, caller, exam_id),
        collusion=await _collusion_brief(await collusion_of(tx, caller, exam_id)),
    )
    return Report(figures, await _reported(rows, rules, alerts))


async def _alert_rows(tx: AsyncSession, caller: Actor, exam_id: UUID) -> list[_AlertRow]:
    key = (col(Alert.attempt_id), col(Alert.kind), col(Alert.severity), col(Alert.status))
    query = sa.select(*key, sa.func.count()).where(col(Alert.exam_id) == exam_id, readable_alerts(caller))
    return [_AlertRow(*row) for row in await tx.execute(query.group_by(*key))]


async def _observations(
    tx: AsyncSession, caller: Actor, exam_id: UUID, rules: Mapping[int, ExamRules]
) -> tuple[dict[SignalKind, int], dict[SignalKind, int]]:
    """Observations by kind over all attempts, and those that were against the rules of the attempt's version."""
    query = sa.select(col(Attempt.exam_version), col(Attempt.assessment)).where(
        col(Attempt.exam_id) == exam_id, col(Attempt.assessment).is_not(None), readable_attempts(caller)
    )
    seen, forbidden = Counter[SignalKind](), Counter[SignalKind]()
    async for version, stored in await tx.stream(query.execution_options(yield_per=_ASSESSMENTS_AT_ONCE)):
        for name, count in told.RiskAssessed.FromString(stored).counts.items():
            if (kind := _AS_KINDS.get(name)) is None:
                continue
            seen[kind] += count
            if version in rules and is_violation(kind, rules[version]):
                forbidden[kind] += count
    return _by_count(seen), _by_count(forbidden)


async def _review_counts(tx: AsyncSession, caller: Actor, exam_id: UUID) -> ReviewCounts:
    def number(condition: sa.ColumnExpressionArgument[bool]) -> sa.ColumnElement[int]:
        return sa.func.count().filter(condition)

    waiting = col(Review.needs_manual_review) & ~col(Review.is_reviewed)
    query = (
        sa.select(
            number(col(Review.is_reviewed)),
            number(waiting),
            number(col(Review.is_invalidated)),
            number(col(Review.is_student_told)),
            number(col(Review.replied_at).is_not(None)),
        )
        .join(Attempt, col(Attempt.id) == col(Review.attempt_id))
        .where(col(Review.exam_id) == exam_id, readable_attempts(caller))
    )
    reviewed, waits, invalidated, informed, replied = (await tx.execute(query)).one()
    return ReviewCounts(
        reviewed=reviewed,
        waiting_for_review=waits,
        invalidated=invalidated,
        students_told=informed,
        students_replied=replied,
    )


def _attempt_counts(rows: Sequence[Standing]) -> AttemptCounts:
    by_status = Counter(row.status for row in rows)
    return AttemptCounts(
        total=len(rows),
        in_progress=by_status["in_progress"],
        paused=by_status["paused"],
        submitted=by_status[board.SUBMITTED],
        proctored=sum(row.is_proctored for row in rows),
        submitted_by_limit=sum(row.submit_reason == "violation_limit" for row in rows),
    )


def _violation_counts(
    rows: Sequence[Standing], rules: Mapping[int, ExamRules], by_type: dict[SignalKind, int]
) -> ViolationCounts:
    return ViolationCounts(
        acts=sum(row.violations for row in rows),
        attempts=sum(row.violations > 0 for row in rows),
        attempts_over_limit=sum(
            board.is_over_limit(row.violations, violation_limit(rules, row.exam_version)) for row in rows
        ),
        by_type=by_type,
    )


def _alert_counts(alerts: Sequence[_AlertRow]) -> list[AlertCount]:
    by_kind: dict[str, list[_AlertRow]] = defaultdict(list)
    for row in alerts:
        by_kind[row.kind].append(row)
    counted = [
        AlertCount(
            kind=kind,
            total=sum(row.alerts for row in rows),
            severities=_added(rows, "severity"),  # type: ignore[arg-type]
            statuses=_added(rows, "status"),  # type: ignore[arg-type]
        )
        for kind, rows in by_kind.items()
    ]
    return sorted(counted, key=lambda row: (-row.total, row.kind))


def _added(rows: Sequence[_AlertRow], name: str) -> dict[str, int]:
    found = Counter[str]()
    for row in rows:
        found[getattr(row, name)] += row.alerts
    return dict(found)


async def _collusion_brief(found: Collusion) -> CollusionBrief:
    return CollusionBrief(
        progress=found.progress,
        pairs_flagged=found.pairs_total,
        groups=len(found.groups),
        pairs=[PairBrief.of(pair, found.candidates) async for part in in_parts(found.pairs) for pair in part],
        caution=CAUTION,
    )


async def _reported(
    rows: Sequence[Standing], rules: Mapping[int, ExamRules], alerts: Sequence[_AlertRow]
) -> list[dict[str, Any]]:
    """The fields of a ReportedAttempt for each."""
    raised, waiting = Counter[UUID](), Counter[UUID]()
    for alert in alerts:
        raised[alert.attempt_id] += alert.alerts
        waiting[alert.attempt_id] += alert.alerts if alert.status == "open" else 0
    gravest_first = sorted(
        rows, key=lambda row: (-Level(row.level).rank, -row.behaviour_score, -row.risk_score, row.id)
    )
    return [
        {
            **{name: getattr(row, name) for name in _TAKEN_OVER},
            "attempt_id": row.id,
            "violation_limit": violation_limit(rules, row.exam_version),
            "alerts": raised[row.id],
            "open_alerts": waiting[row.id],
        }
        async for part in in_parts(gravest_first)
        for row in part
    ]


def _by_count(counts: Counter[SignalKind]) -> dict[SignalKind, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
