"""How grading's own errors become problem documents."""

from chassis.errors import DomainError, Problem


class NotAllMarked(DomainError):
    """Grades can't be final while an attempt is open or an answer waits; the members list what waits."""


class NothingFinalized(DomainError):
    """There is no final grade to release."""


class GradeIsReleased(DomainError):
    """A student can see this grade; it must be hidden before it changes."""


PROBLEMS: dict[type[Exception], Problem] = {
    NotAllMarked: Problem(409, "not-all-marked", "Not everything is marked"),
    NothingFinalized: Problem(409, "nothing-finalized", "No final grades yet"),
    GradeIsReleased: Problem(409, "grade-is-released", "The grade is released"),
}
