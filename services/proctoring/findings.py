"""What the stream tells of attempts: how they stand, and alerts. Each is kept in its newest state; what changes is pushed to who watches."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.clock import now
from chassis.consuming import Delivery
from chassis.counting import count_at_commit, observe_at_commit
from chassis.outbox import moment_of, record_event
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1.events_pb2 import AlertRaised, IntegrityAssessed, RiskAssessed
from services.proctoring.baselines_store import reconsider
from services.proctoring.copies import name_of
from services.proctoring.feeds import attempt_feed, exam_feed, tell
from services.proctoring.levels import Level
from services.proctoring.metrics import ALERT_SECONDS, ALERTS, VIOLATIONS
from services.proctoring.signals import ExamRules, SignalKind, is_violation
from services.proctoring.tables import Alert, Attempt
from services.proctoring.views import AlertOut

REVIEWS = "proctoring.reviews.v1"

# Composed once: assessments come by the hundred a second. Rows are locked in the order of their ids, and what they held before comes back.
_ASSESS = sa.text("""
WITH heard AS (
    SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:risk_revision AS bigint[]), CAST(:level AS text[]), CAST(:behaviour_score AS integer[]),
        CAST(:risk_score AS numeric[]), CAST(:integrity_score AS numeric[]), CAST(:violations AS integer[]), CAST(:answered_count AS integer[]),
        CAST(:position AS integer[]), CAST(:assessed_at AS timestamptz[]), CAST(:assessment AS bytea[])
    ) AS heard (id, risk_revision, level, behaviour_score, risk_score, integrity_score, violations, answered_count, position, assessed_at, assessment)
), before AS (
    SELECT attempts.id, attempts.level, attempts.violations, attempts.assessment, exam_versions.rules
    FROM heard JOIN attempts ON attempts.id = heard.id AND attempts.risk_revision < heard.risk_revision
    LEFT JOIN exam_versions ON exam_versions.exam_id = attempts.exam_id AND exam_versions.version = attempts.exam_version
    ORDER BY attempts.id FOR NO KEY UPDATE OF attempts
)
UPDATE attempts SET risk_revision = heard.risk_revision, level = heard.level, behaviour_score = heard.behaviour_score,
    risk_score = heard.risk_score, integrity_score = heard.integrity_score, violations = heard.violations,
    answered_count = heard.answered_count, position = heard.position, assessed_at = heard.assessed_at, assessment = heard.assessment
FROM before JOIN heard ON heard.id = before.id WHERE attempts.id = before.id
RETURNING attempts.id, before.level, before.violations, before.assessment, before.rules
""").columns(id=sa.Uuid, level=sa.Text, violations=sa.Integer, assessment=BYTEA, rules=JSONB)

# In one statement: nothing comes back when a newer state is there already. xmax is 0 in a row that was not there before.
_RAISE = (
    sa.text("""
INSERT INTO alerts (id, revision, attempt_id, exam_id, student_id, kind, severity, at, text, count, told)
VALUES (:id, :revision, :attempt_id, :exam_id, :student_id, :kind, :severity, :at, :text, :count, :told)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, severity = excluded.severity, at = excluded.at, text = excluded.text,
    count = excluded.count, told = excluded.told
WHERE alerts.revision < excluded.revision
RETURNING status, version, settled_revision, settled_by, settled_at, reason, (xmax = 0) AS is_new,
    (SELECT name FROM people WHERE people.id = alerts.student_id AND NOT people.is_deleted) AS student_name
""")
    .bindparams(
        *(
            sa.bindparam(name, type_=Alert.__table__.c[name].type)  # type: ignore[attr-defined]
            for name in ("id", "attempt_id", "exam_id", "student_id", "at")
        )
    )
    .columns(is_new=sa.Boolean)
)


class UnknownAttempt(Exception):
    """The stream tells of an attempt that was never heard of here, though its watch begins here."""


async def take_in_assessments(tx: AsyncSession, heard: Sequence[tuple[RiskAssessed, Delivery]]) -> None:
    """Keeps how attempts stand; tells of a new level and of new violations; of those that are over, it counts for results and for the baseline.

    Of several assessments of one attempt the newest says all that the others said, and is the only one that counts.
    """
    newest: dict[UUID, tuple[RiskAssessed, Delivery]] = {}
    for event, delivery in heard:
        attempt_id = UUID(event.attempt_id)
        if attempt_id not in newest or newest[attempt_id][0].revision < event.revision:
            newest[attempt_id] = event, delivery
    columns = [_values(attempt_id, event) for attempt_id, (event, _) in newest.items()]
    before = {
        row.id: row for row in await tx.execute(_ASSESS, {name: [row[name] for row in columns] for name in columns[0]})
    }
    await _check_known(tx, newest.keys() - before.keys())
    for attempt_id, (event, delivery) in newest.items():
        if attempt_id in before:
            await _tell_what_changed(tx, event, before[attempt_id], moment_of(event, "as_of") or delivery.occurred_at)


async def _tell_what_changed(tx: AsyncSession, event: RiskAssessed, before: sa.Row[Any], at: datetime) -> None:
    if event.level != before.level:
        await tell(tx, exam_feed(event.exam_id), "risk", at, {**await _who(tx, event), **_risk(event, before.level)})
    if event.violations > before.violations:
        await _tell_violations(tx, event, before, at)
    if event.is_over:
        if not _is_known(event, RiskAssessed.FromString(before.assessment or b"")):
            record_event(tx, REVIEWS, before.id, _integrity(event))
        await reconsider(tx, before.id)


async def take_in_alert(tx: AsyncSession, event: AlertRaised, delivery: Delivery) -> None:
    """Keeps an alert as it stands now; what people did with it stays. A grave one keeps its attempt out of the student's baseline."""
    alert = event.alert
    values = {
        "id": UUID(alert.alert_id),
        "revision": alert.revision,
        "attempt_id": UUID(alert.attempt_id),
        "exam_id": UUID(alert.exam_id),
        "student_id": UUID(alert.student_id),
        "kind": alert.kind,
        "severity": alert.severity,
        "at": moment_of(alert, "at") or delivery.occurred_at,
        "text": alert.text,
        "count": alert.count,
        "told": alert.SerializeToString(),
    }
    kept = (await tx.execute(_RAISE, values)).one_or_none()
    if kept is None:
        return
    settled = {name: value for name, value in kept._mapping.items() if name not in ("is_new", "student_name")}
    row = Alert(**values, **settled)
    if kept.is_new:
        count_at_commit(tx, ALERTS.labels(row.kind, row.severity))
        observe_at_commit(tx, ALERT_SECONDS, max((now() - _raised_at(alert, row.at)).total_seconds(), 0))
    shown = AlertOut.of(row, kept.student_name)
    await tell(tx, exam_feed(row.exam_id), "alert", delivery.occurred_at, {"alert": shown.model_dump(mode="json")})
    if Level(row.severity).rank >= Level.HIGH.rank:
        await reconsider(tx, row.attempt_id)


def _raised_at(alert: told.Alert, first: datetime) -> datetime:
    """The time of the latest observation behind an alert that is new."""
    return max((moment_of(item, "at") or first for item in alert.evidence), default=first)


def _values(attempt_id: UUID, event: RiskAssessed) -> dict[str, Any]:
    return {
        "id": attempt_id,
        "risk_revision": event.revision,
        "level": Level(event.level).value,
        "behaviour_score": event.behaviour_score,
        "risk_score": Decimal(event.risk_score),
        "integrity_score": Decimal(event.integrity_score) if event.integrity_score else None,
        "violations": event.violations,
        "answered_count": event.answered_count,
        "position": event.position,
        "assessed_at": moment_of(event, "as_of"),
        "assessment": event.SerializeToString(),
    }


async def _check_known(tx: AsyncSession, unchanged: set[UUID]) -> None:
    """Nothing was changed: fine where a newer assessment is there, not where there is no attempt. Raises UnknownAttempt."""
    if not unchanged:
        return
    known = set(await tx.scalars(sa.select(col(Attempt.id)).where(col(Attempt.id).in_(unchanged))))
    if unknown := sorted(unchanged - known):
        raise UnknownAttempt(f"an assessment of attempt {unknown[0]}, which is not known here")


async def _who(tx: AsyncSession, event: RiskAssessed) -> dict[str, Any]:
    student_id = UUID(event.student_id)
    return {
        "exam_id": event.exam_id,
        "attempt_id": event.attempt_id,
        "student_id": event.student_id,
        "student_name": await name_of(tx, student_id),
    }


def _risk(event: RiskAssessed, previous_level: str) -> dict[str, Any]:
    return {
        "level": event.level,
        "previous_level": previous_level,
        "behaviour_score": event.behaviour_score,
        "risk_score": event.risk_score,
        "violations": event.violations,
    }


async def _tell_violations(tx: AsyncSession, event: RiskAssessed, before: sa.Row[Any], at: datetime) -> None:
    rules = msgspec.convert(before.rules or {}, ExamRules)
    count_at_commit(tx, VIOLATIONS, event.violations - before.violations)
    kinds = new_violations(event, RiskAssessed.FromString(before.assessment or b""), rules)
    counted = {"total_violations": event.violations, "limit": rules.violation_limit}
    body = {**await _who(tx, event), "violation_type": kinds[0] if kinds else "", "violation_types": kinds, **counted}
    await tell(tx, exam_feed(event.exam_id), "violation", at, body)
    own = {"count": event.violations, "limit": rules.violation_limit, "text": violation_text(event.violations, rules)}
    await tell(tx, attempt_feed(event.attempt_id), "violation", at, own)


def new_violations(event: RiskAssessed, before: RiskAssessed, rules: ExamRules) -> list[str]:
    """The kinds that the exam forbids and that were observed since the assessment before; one act may show in several."""
    forbidden = [kind for kind in SignalKind if is_violation(kind, rules)]
    return [kind.value for kind in forbidden if event.counts.get(kind.value, 0) > before.counts.get(kind.value, 0)]


def violation_text(count: int, rules: ExamRules) -> str:
    """What the student is told."""
    happened = f"Something that this exam forbids was noticed; that makes {count}."
    if rules.violation_limit == 0:
        return happened
    return f"{happened} At {rules.violation_limit} the attempt is submitted with everything saved until then."


def _is_known(event: RiskAssessed, before: RiskAssessed) -> bool:
    """Whether results have this integrity score already: what comes in after the end changes it rarely."""
    return before.is_over and (before.integrity_score, before.level) == (event.integrity_score, event.level)


def _integrity(event: RiskAssessed) -> IntegrityAssessed:
    return IntegrityAssessed(
        attempt_id=event.attempt_id,
        exam_id=event.exam_id,
        student_id=event.student_id,
        revision=event.revision,
        integrity_score=event.integrity_score,
        level=event.level,
    )
