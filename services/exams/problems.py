"""How the exams service's own errors become problem documents."""

from collections.abc import Iterable

from chassis.errors import Conflict, DomainError, Problem
from services.exams.readiness import Fault


class RulesBroken(DomainError):
    """One or more rules are broken; nothing was changed."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        errors = [{name: value for name, value in fault._asdict().items() if value is not None} for fault in faults]
        detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors[:3])
        super().__init__(detail, errors=errors)


class NotPublishable(RulesBroken):
    """The exam is not ready; `errors` names everything that is missing."""


class ExamArchived(Conflict):
    """An archived exam is kept as it was."""


class StillUsed(Conflict):
    """Something else needs this."""


PROBLEMS = {
    RulesBroken: Problem(422, "invalid-input", "The request breaks a rule"),
    NotPublishable: Problem(422, "not-publishable", "The exam can't be published yet"),
    ExamArchived: Problem(409, "exam-archived", "The exam is archived"),
    StillUsed: Problem(409, "still-used", "Still in use"),
}
