"""What proctoring's REST routes take and give: attempts on the board, alerts, reviews and messages. Scores are decimals, as strings in JSON."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.http import Body
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring import board
from services.proctoring.settling import has_grown
from services.proctoring.tables import LEVELS, Alert, Attempt, Review, ReviewStep
from services.proctoring.unfolding import AssessmentOut, EvidenceOut

LevelName = Literal["low", "medium", "high", "critical"]
AlertStatus = Literal["open", "acknowledged", "resolved", "dismissed"]
CAUTION = (
    "Scores, levels and alerts say where to look. They are no probability of anything and no finding: somebody should look at the evidence and hear"
    " the student before anything is decided."
)
NO_NUL = r"^[^\x00]*$"
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=NO_NUL), Field(description="why, for the audit log")
]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=NO_NUL), Field(description="what is told, plain text")
]


class Candidate(NamedTuple):
    """Who sits an attempt; None where the person is not known here yet, or no more."""

    student_id: UUID | None
    name: str | None
    registration_number: str | None
    room: str | None


class OpenAlerts(BaseModel):
    """Alerts that nobody has dealt with, by severity."""

    low: int = 0
    medium: int = 0
    high: int = 0
    critical: int = 0


class BoardRow(BaseModel):
    """One attempt on the board."""

    attempt_id: UUID
    student_id: UUID
    student_name: str | None = Field(description="null: not known here yet, or deleted")
    registration_number: str | None
    room: str | None = Field(description="where the seating plan has the student; null: it does not say")
    number: int = Field(description="which attempt of the student at this exam, from 1")
    status: str = Field(description="in_progress, paused or submitted")
    submit_reason: str = Field(description="student, deadline, violation_limit or proctor; empty while it runs")
    centre_id: UUID | None
    class_id: UUID | None
    started_at: datetime
    deadline_at: datetime
    submitted_at: datetime | None
    seconds_left: int = Field(description="to the deadline by the server's clock; stands still while paused")
    position: int = Field(description="place of the question on the screen, from 1; 0: not told")
    question_count: int
    answered_count: int = Field(description="questions with an answer")
    progress: int = Field(description="answered share, whole per cent")
    is_proctored: bool
    level: LevelName = Field(description="the graver of two ways of counting; critical only where both are high")
    behaviour_score: int = Field(description="points by fixed weights, without an upper end; no probability")
    risk_score: Decimal = Field(description="0 to 1, by fixed steps; no probability")
    integrity_score: Decimal | None = Field(description="100 × (1 − risk score); null: not assessed yet")
    violations: int = Field(description="acts that the exam forbids")
    violation_limit: int = Field(description="at which the attempt is submitted; 0: none")
    open_alerts: OpenAlerts
    last_signal_at: datetime | None = Field(description="when the browser last told anything")
    silent_seconds: int | None = Field(
        description="since then, the start, or the last pause; null where no signals are awaited, as in a pause. Silence proves nothing"
    )
    assessed_at: datetime | None
    is_reviewed: bool
    needs_manual_review: bool
    is_invalidated: bool

    @classmethod
    def of(cls, row: board.Standing, found: board.Board, at: datetime) -> "BoardRow":
        """The view of a standing on the board, by the clock `at`."""
        return cls(**board_row(row, found, at))


def board_row(row: board.Standing, found: board.Board, at: datetime) -> dict[str, Any]:
    """The fields of a BoardRow, without the cost of checking what comes from the database."""
    waiting = found.alerts.get(row.id, _NONE)
    return {
        **{name: getattr(row, name) for name in _TAKEN_OVER},
        "attempt_id": row.id,
        "seconds_left": board.seconds_left(row, at),
        "progress": board.progress(row),
        "silent_seconds": board.silent_seconds(row, at),
        "violation_limit": found.limit_of(row),
        "open_alerts": {level: waiting.get(level, 0) for level in LEVELS},
    }


_NONE = Counter[str]()
_TAKEN_OVER = tuple(name for name in BoardRow.model_fields if name in board.Standing._fields)


class BoardTotals(BaseModel):
    """The board added up."""

    attempts: int
    in_progress: int
    paused: int
    submitted: int
    levels: dict[LevelName, int] = Field(description="proctored attempts at each level")
    open_alerts: OpenAlerts
    over_the_limit: int = Field(description="attempts that reached the violation limit")
    to_review: int = Field(description="attempts flagged for manual review and not reviewed yet")
    invalidated: int


class BoardOut(BaseModel):
    """An exam's attempts as they stand, or a page of them, and where its live feed goes on from."""

    exam_id: UUID
    title: str
    server_time: datetime
    cursor: int = Field(description="the feed's last number at this instant: fetch or listen from here on")
    totals: BoardTotals = Field(description="of all attempts, whichever are on this page")
    attempts: list[BoardRow] = Field(description="by start")
    next_after: UUID | None = Field(description="send it as `after` for the next page; null: there is none")


class AlertOut(BaseModel):
    """An alert: a reason to look, not a finding. Its ETag is the version."""

    alert_id: UUID
    attempt_id: UUID
    exam_id: UUID
    student_id: UUID
    student_name: str | None
    kind: str = Field(description="what it is about, such as tab_switch, multiple_logins or risk")
    severity: LevelName
    at: datetime = Field(description="of the first observation")
    text: str = Field(description="what was seen, in words")
    count: int = Field(description="observations behind it so far")
    revision: int = Field(description="grows while the cause goes on")
    evidence: list[EvidenceOut] = Field(description="the earliest of the observations")
    status: AlertStatus
    version: int = Field(description="of what people did with it; send it as If-Match")
    settled_by: UUID | None
    settled_at: datetime | None
    reason: str
    grown_since: bool = Field(description="the cause went on after somebody dealt with the alert")

    @classmethod
    def of(cls, alert: Alert, student_name: str | None) -> "AlertOut":
        """The view of a row."""
        shown = {name: value for name, value in alert.model_dump().items() if name in cls.model_fields}
        return cls(
            **shown,
            alert_id=alert.id,
            student_name=student_name,
            evidence=[EvidenceOut.of(item) for item in told.Alert.FromString(alert.told).evidence],
            grown_since=has_grown(alert.revision, alert.settled_revision),
        )


class RulesOut(BaseModel):
    """The settings of the exam's version that the attempt is proctored by."""

    model_config = ConfigDict(from_attributes=True)

    camera: bool
    browser_lockdown: bool
    tab_switch_allowed: bool
    copy_paste_allowed: bool
    sensitivity: str
    violation_limit: int


class AttemptOut(BaseModel):
    """One attempt with everything that is said of it. Its ETag is the review's version."""

    server_time: datetime
    standing: BoardRow
    rules: RulesOut | None = Field(description="null: not proctored, or not known here yet")
    assessment: AssessmentOut | None = Field(description="null: nothing was assessed yet")
    alerts: list["AlertOut"] = Field(description="all of the attempt, newest first, two hundred at most")
    review: "ReviewOut"
    caution: str = CAUTION


class Settled(Body):
    """Why an alert is settled, and which state of it."""

    reason: Reason
    revision: int | None = Field(
        None,
        ge=1,
        le=2**62,
        description="of the alert as you saw it: what was observed since shows as grown. Left out: as it stands now, seen or not",
    )


class ReviewOut(BaseModel):
    """What people judged of an attempt, as it stands. Its ETag is the version."""

    model_config = ConfigDict(from_attributes=True)

    attempt_id: UUID
    exam_id: UUID
    student_id: UUID
    version: int = Field(description="0: nobody has done anything yet")
    is_reviewed: bool
    action_taken: str
    needs_manual_review: bool
    is_invalidated: bool
    reason: str = Field(description="of the last judgement")
    is_student_told: bool
    reply: str = Field(description="what the student answered last")
    replied_at: datetime | None
    by_person_id: UUID | None = Field(description="who judged last")
    changed_at: datetime | None

    @classmethod
    def of(cls, review: Review | None, attempt: Attempt) -> "ReviewOut":
        """The view of a review, or of there being none."""
        if review is not None:
            return cls.model_validate(review)
        blank = Review(attempt_id=attempt.id, exam_id=attempt.exam_id, student_id=attempt.student_id)
        return cls.model_validate(blank).model_copy(update={"changed_at": None})


class ReviewStepOut(BaseModel):
    """One step of a review."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    step: str = Field(
        description="reviewed, reopened, flagged, unflagged, noted, invalidated, reinstated, told or replied"
    )
    reason: str = Field(description="the reason given; of told and replied, what was said")
    by_person_id: UUID
    at: datetime

    @classmethod
    def of(cls, step: ReviewStep) -> "ReviewStepOut":
        """The view of a row."""
        return cls.model_validate(step)


class Judgement(Body):
    """What a reviewer changes; what is left out stays."""

    is_reviewed: bool | None = None
    action_taken: Annotated[str, StringConstraints(max_length=2000, pattern=NO_NUL)] | None = Field(
        None, description="what was done about it"
    )
    needs_manual_review: bool | None = Field(None, description="somebody should look at this attempt")
    reason: Reason


class WithReason(Body):
    """Why."""

    reason: Annotated[Reason, Field(description="why; the student is told it with the result")]


class WithText(Body):
    """What the student is told."""

    text: Text


class OwnReview(BaseModel):
    """What a student was told about an attempt, and answered."""

    attempt_id: UUID
    text: str = Field(description="what you were told")
    told_at: datetime
    is_invalidated: bool
    invalidation_reason: str | None = Field(description="why the attempt does not count; null when it does")
    reply: str
    replied_at: datetime | None
    may_reply: bool = Field(
        description="until the attempt is reviewed after you were told; a new reply replaces the last"
    )


class Told(BaseModel):
    """A message went to the student."""

    number: int = Field(description="of the message in the attempt's feed")


class FeedPage(BaseModel):
    """Live events in their order, as they went over the socket."""

    entries: list[dict[str, Any]] = Field(description="each with type, number and at, and what it tells")
    next: int = Field(description="send this as `after` for what follows")
    last: int = Field(description="the number last given in the feed")
    is_complete: bool = Field(description="false: what followed `after` is no more kept; read the board anew")
