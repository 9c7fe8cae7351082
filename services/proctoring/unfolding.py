"""Why an attempt is assessed as it is: the stored assessment taken apart, down to the signals that made each number."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import signals_pb2 as heard
from services.proctoring.assessing import AWAY_KINDS
from services.proctoring.signals import SignalKind
from services.proctoring.tables import SignalBatch

LevelName = Literal["low", "medium", "high", "critical"]
ComparedWith = Literal["own", "population", "nothing"]
_BATCHES_AT_ONCE = 200
_KINDS = {
    "typing": [SignalKind.KEYSTROKES.value],
    "tab_switches": [SignalKind.TAB_SWITCH.value],
    "mouse": [SignalKind.MOUSE.value],
    "window_focus": [kind.value for kind in AWAY_KINDS],
}


class EvidenceOut(BaseModel):
    """An observation that something rests on."""

    at: datetime
    source: str = Field(description="signal, answer, address or login")
    reference: str = Field(
        description='of a signal "12.3": the third of batch 12, found under the attempt\'s signals; of an answer its question and revision; of an'
        " address the network; of a login the session"
    )

    @classmethod
    def of(cls, evidence: Any) -> "EvidenceOut":
        """The view of an Evidence message."""
        return cls(
            at=evidence.at.ToDatetime(tzinfo=UTC), source=evidence.source, reference=evidence.reference
        )  # fmt: skip


class ReasonOut(BaseModel):
    """A rule that gave points to the behaviour score."""

    rule: str
    points: int
    count: int = Field(description="observations counted")
    text: str
    evidence: list[EvidenceOut] = Field(description="the earliest of them")


class ComponentOut(BaseModel):
    """One of the five parts of the risk score."""

    name: str = Field(description="typing, tab_switches, mouse, answer_speed or window_focus")
    weight: Decimal
    score: Decimal = Field(description="the step reached, 0 to 1")
    contribution: Decimal = Field(description="weight × score")
    observed: Decimal | None = Field(description="null: not known")
    usual: Decimal | None = Field(description="of the baseline; null: none, or none is needed")
    compared_with: ComparedWith
    text: str
    evidence: list[EvidenceOut] = Field(
        description="the earliest signals; of answer_speed the answer that took the median time"
    )
    kinds: list[str] = Field(description="of the signals that it is made of, all of them, which can be listed by kind")


class SecondOpinionOut(BaseModel):
    """How unusual the statistics are as a whole. Never alone the cause of an alert, and no part of any score."""

    distance: Decimal
    p_value: Decimal = Field(description="of attempts like the others, the share at least as far off, at most")
    compared_with: ComparedWith
    samples: int
    method: str
    text: str


class AssessmentOut(BaseModel):
    """An attempt's assessment, unfolded."""

    revision: int
    as_of: datetime = Field(description="the latest observation in it")
    is_over: bool
    level: LevelName
    behaviour_score: int
    behaviour_level: LevelName
    reasons: list[ReasonOut]
    risk_score: Decimal
    unscaled_risk_score: Decimal = Field(description="before the exam's sensitivity: the sum of the contributions")
    risk_level: LevelName
    components: list[ComponentOut]
    second_opinion: SecondOpinionOut | None = Field(description="null: not enough to compare")
    violations: int
    violation_evidence: list[EvidenceOut] = Field(description="the earliest of them; of signals of one act the first")
    integrity_score: Decimal
    baseline_version: int = Field(
        description="of the student's own baseline that it was compared with; 0: there was none"
    )
    figures: dict[str, Decimal] = Field(description="measured so far")
    counts: dict[str, int] = Field(description="observations by kind, sent by the browser and found by the server")

    @classmethod
    def of(cls, stored: bytes) -> "AssessmentOut":
        """The view of a serialised RiskAssessed."""
        event = told.RiskAssessed.FromString(stored)
        opinion = event.second_opinion
        return cls(
            revision=event.revision,
            as_of=event.as_of.ToDatetime(tzinfo=UTC),
            is_over=event.is_over,
            level=event.level,
            behaviour_score=event.behaviour_score,
            behaviour_level=event.behaviour_level,
            reasons=[_reason(reason) for reason in event.reasons],
            risk_score=Decimal(event.risk_score),
            unscaled_risk_score=Decimal(event.unscaled_risk_score),
            risk_level=event.risk_level,
            components=[_component(component) for component in event.components],
            second_opinion=SecondOpinionOut(
                distance=Decimal(opinion.distance),
                p_value=Decimal(opinion.p_value),
                compared_with=opinion.compared_with,
                samples=opinion.samples,
                method=opinion.method,
                text=opinion.text,
            )
            if event.HasField("second_opinion")
            else None,
            violations=event.violations,
            violation_evidence=[EvidenceOut.of(item) for item in event.violation_evidence],
            integrity_score=Decimal(event.integrity_score),
            baseline_version=event.baseline_version,
            figures={name: Decimal(value) for name, value in sorted(event.figures.items())},
            counts=dict(sorted(event.counts.items())),
        )


class SignalOut(BaseModel):
    """A signal as it was taken in."""

    reference: str = Field(description='"12.3": the third of batch 12')
    kind: str
    at: datetime = Field(description="the server's time: reception less the signal's age by the browser's clock")
    received_at: datetime
    question_id: str = Field(description="on the screen; empty: none")
    network: str = Field(description="it came from: an IPv4 address, the first 64 bits of an IPv6 address")
    session_id: str = Field(description="of the log-in that sent it")
    carries: dict[str, int] = Field(description="its own amounts, such as characters or milliseconds")


class Found(NamedTuple):
    """The signals of one page, and how many there are in all."""

    items: list[SignalOut]
    total: int


async def signals_of(
    tx: AsyncSession, attempt_id: UUID, *, kind: str | None, references: frozenset[str], offset: int, limit: int
) -> Found:
    """Signals of an attempt in the order in which they were taken in: of one kind, or those named by reference, or all.

    Batches are read a few at a time, so an attempt of many hours needs no more memory than a short one.
    """
    numbers = {int(number) for number, _, index in (each.partition(".") for each in references) if index}
    page, total = [], 0
    async for batch in _batches(tx, attempt_id, numbers if references else None):
        for index, signal in enumerate(batch.signals, start=1):
            sort, reference = signal.WhichOneof("kind"), f"{batch.number}.{index}"
            # A signal that was kept long enough leaves its place empty, so that the others keep their references.
            if sort is None or sort != (kind or sort) or (references and reference not in references):
                continue
            if offset <= total < offset + limit:
                page.append(_signal(batch, signal, sort, reference))
            total += 1
    return Found(page, total)


async def _batches(
    tx: AsyncSession, attempt_id: UUID, numbers: Iterable[int] | None
) -> AsyncIterator[heard.SignalsReceived]:
    # The primary key serves it.
    query = sa.select(col(SignalBatch.signals)).where(col(SignalBatch.attempt_id) == attempt_id)
    if numbers is not None:
        query = query.where(col(SignalBatch.number).in_(numbers))
    query = query.order_by(col(SignalBatch.number)).execution_options(yield_per=_BATCHES_AT_ONCE)
    async for stored in await tx.stream_scalars(query):
        yield heard.SignalsReceived.FromString(stored)


def _signal(batch: heard.SignalsReceived, signal: Any, kind: str, reference: str) -> SignalOut:
    carried = getattr(signal, kind)
    return SignalOut(
        reference=reference,
        kind=kind,
        at=signal.at.ToDatetime(tzinfo=UTC),
        received_at=batch.received_at.ToDatetime(tzinfo=UTC),
        question_id=signal.question_id,
        network=batch.network,
        session_id=batch.session_id,
        carries={field.name: getattr(carried, field.name) for field in carried.DESCRIPTOR.fields},
    )


def _reason(reason: Any) -> ReasonOut:
    return ReasonOut(
        rule=reason.rule,
        points=reason.points,
        count=reason.count,
        text=reason.text,
        evidence=[EvidenceOut.of(item) for item in reason.evidence],
    )


def _component(component: Any) -> ComponentOut:
    return ComponentOut(
        name=component.name,
        weight=Decimal(component.weight),
        score=Decimal(component.score),
        contribution=Decimal(component.contribution),
        observed=_decimal(component.observed),
        usual=_decimal(component.usual),
        compared_with=component.compared_with or "nothing",
        text=component.text,
        evidence=[EvidenceOut.of(item) for item in component.evidence],
        kinds=_KINDS.get(component.name, []),
    )


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
