"""The security report of an exam as it is given, and its tables for a spreadsheet."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.spreadsheets import Cell, Sheet
from services.proctoring.collusion_views import UNKNOWN, ProgressOut, verdict_of
from services.proctoring.signals import SignalKind
from services.proctoring.tables import Pair
from services.proctoring.views import AlertStatus, Candidate, LevelName


class AttemptCounts(BaseModel):
    """Attempts by where they stand."""

    total: int
    in_progress: int
    paused: int
    submitted: int
    proctored: int
    submitted_by_limit: int = Field(description="submitted since the violation limit was reached")


class ViolationCounts(BaseModel):
    """Violations of the exam's rules."""

    acts: int = Field(description="what an attempt is submitted for: things within two seconds are one act")
    attempts: int = Field(description="attempts with any")
    attempts_over_limit: int
    by_type: dict[SignalKind, int] = Field(
        description="observations of forbidden kinds; one act may show as several kinds, so these add up to more than acts"
    )


class AlertCount(BaseModel):
    """Alerts of one kind."""

    kind: str
    total: int
    severities: dict[LevelName, int]
    statuses: dict[AlertStatus, int]


class PairBrief(BaseModel):
    """A flagged pair; the pair itself tells why and on what assumptions."""

    earlier_attempt_id: UUID
    earlier_name: str | None
    later_attempt_id: UUID
    later_name: str | None
    log10_e_value: Decimal
    expected_false_flags: Decimal | None
    items_compared: int
    text: str

    @classmethod
    def of(cls, pair: Pair, candidates: Mapping[UUID, Candidate]) -> "PairBrief":
        """The brief of a row; `candidates` by attempt."""
        told = verdict_of(pair)
        return cls(
            earlier_attempt_id=pair.source_attempt_id,
            earlier_name=candidates.get(pair.source_attempt_id, UNKNOWN).name,
            later_attempt_id=pair.copier_attempt_id,
            later_name=candidates.get(pair.copier_attempt_id, UNKNOWN).name,
            log10_e_value=pair.log10_e_value,
            expected_false_flags=told.expected_false_flags,
            items_compared=told.items_compared,
            text=told.text,
        )


class CollusionBrief(BaseModel):
    """The search for answers in common, in short."""

    progress: ProgressOut
    pairs_flagged: int
    groups: int
    pairs: list[PairBrief]
    caution: str


class ReviewCounts(BaseModel):
    """What people did with attempts."""

    reviewed: int
    waiting_for_review: int = Field(description="flagged for manual review and not reviewed yet")
    invalidated: int
    students_told: int
    students_replied: int


class ReportedAttempt(BaseModel):
    """One attempt in the report."""

    attempt_id: UUID
    student_id: UUID
    student_name: str | None
    registration_number: str | None
    number: int
    status: str
    submit_reason: str
    started_at: datetime
    submitted_at: datetime | None
    level: LevelName
    behaviour_score: int
    risk_score: Decimal
    integrity_score: Decimal | None
    violations: int
    violation_limit: int
    alerts: int
    open_alerts: int
    is_reviewed: bool
    needs_manual_review: bool
    is_invalidated: bool


class ReportFigures(BaseModel):
    """What proctoring has seen of an exam, and what people made of it, added up."""

    exam_id: UUID
    title: str
    subject: str
    made_at: datetime
    is_whole: bool = Field(description="false: you see the attempts of your own centre alone")
    attempts: AttemptCounts
    levels: dict[LevelName, int] = Field(description="proctored attempts at each level")
    observations: dict[SignalKind, int] = Field(description="by kind, sent by browsers and found by the server")
    violations: ViolationCounts
    alerts: list[AlertCount]
    reviews: ReviewCounts
    collusion: CollusionBrief


class ReportOut(ReportFigures):
    """What proctoring has seen of an exam, and what people made of it. Numbers are reasons to look, not findings."""

    rows: list[ReportedAttempt] = Field(description="every attempt, gravest first")


class Report(NamedTuple):
    """A report before it is given: its figures, and the fields of a ReportedAttempt for every attempt, gravest first."""

    figures: ReportFigures
    rows: Sequence[Mapping[str, Any]]


def sheets_of(report: Report) -> list[Sheet]:
    """The report as tables: figures, observations, alerts, flagged pairs, attempts."""
    figures = report.figures
    statuses: tuple[AlertStatus, ...] = ("open", "acknowledged", "resolved", "dismissed")
    columns = tuple(ReportedAttempt.model_fields)
    pair_columns = tuple(PairBrief.model_fields)
    return [
        Sheet("Summary", ("figure", "value"), _summary(figures)),
        Sheet(
            "Observations",
            ("kind", "observations", "of these against the rules"),
            [
                (kind.value, count, figures.violations.by_type.get(kind, 0))
                for kind, count in figures.observations.items()
            ],
        ),
        Sheet(
            "Alerts",
            ("kind", "total", *statuses),
            [(row.kind, row.total, *(row.statuses.get(status, 0) for status in statuses)) for row in figures.alerts],
        ),
        Sheet("Pairs", pair_columns, [_cells(dict(row), pair_columns) for row in figures.collusion.pairs]),
        Sheet("Attempts", columns, [_cells(row, columns) for row in report.rows]),
    ]


def _summary(report: ReportFigures) -> list[tuple[str, Cell]]:
    groups: Mapping[str, BaseModel] = {
        "attempts": report.attempts, "violations": report.violations, "reviews": report.reviews,
    }  # fmt: skip
    counts = [
        (f"{group} {name}".replace("_", " "), value)
        for group, model in groups.items()
        for name, value in model
        if isinstance(value, int)
    ]
    return [
        ("exam", report.title),
        ("subject", report.subject),
        ("made at", report.made_at),
        ("whole exam", "yes" if report.is_whole else "own centre alone"),
        *counts,
        *((f"level {level}", count) for level, count in report.levels.items()),
        ("answers in common", report.collusion.progress.text),
        ("flagged pairs", report.collusion.pairs_flagged),
        ("groups", report.collusion.groups),
        ("caution", report.collusion.caution),
    ]


def _cells(row: Mapping[str, Any], columns: tuple[str, ...]) -> list[Cell]:
    return [_cell(row[name]) for name in columns]


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, UUID) else value  # type: ignore[return-value]


Format = Literal["json", "csv"]
