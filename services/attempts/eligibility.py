"""Whether a student may start an exam now, and if not, why: one reason each, the most lasting first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Refusal(StrEnum):
    """Why an attempt can't be started."""

    ARCHIVED = "exam-archived"
    INACTIVE = "account-inactive"
    INELIGIBLE = "not-eligible"
    NO_ATTEMPTS_LEFT = "no-attempts-left"
    CLOSED = "exam-closed"
    NOT_OPEN_YET = "exam-not-open-yet"


@dataclass(frozen=True)
class Candidate:
    """What counts of the student: the account, the eligibility that the centre or institution gave, the attempts so far."""

    is_active: bool
    is_eligible: bool
    attempts_used: int


@dataclass(frozen=True)
class Terms:
    """What counts of the exam. `max_attempts` 0: as many as one likes; times None: no bound."""

    is_archived: bool
    opens_at: datetime | None
    closes_at: datetime | None
    max_attempts: int


def refusal(terms: Terms, candidate: Candidate, moment: datetime) -> Refusal | None:
    """The first rule that forbids a start at this moment, or None. The window holds its opening instant, not its closing one."""
    if terms.is_archived:
        return Refusal.ARCHIVED
    if not candidate.is_active:
        return Refusal.INACTIVE
    if not candidate.is_eligible:
        return Refusal.INELIGIBLE
    if terms.max_attempts and candidate.attempts_used >= terms.max_attempts:
        return Refusal.NO_ATTEMPTS_LEFT
    if terms.closes_at is not None and moment >= terms.closes_at:
        return Refusal.CLOSED
    if terms.opens_at is not None and moment < terms.opens_at:
        return Refusal.NOT_OPEN_YET
    return None
