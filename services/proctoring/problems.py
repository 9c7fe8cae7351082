"""How proctoring's own errors become problem documents."""

from chassis.errors import Conflict, DomainError, Problem


class NotProctored(Conflict):
    """The exam collects no signals."""


class AttemptOver(Conflict):
    """The attempt is submitted: what came after can't be told of it."""


class BatchTooLarge(DomainError):
    """A batch holds more than one may; the members name the limit."""


PROBLEMS: dict[type[Exception], Problem] = {
    NotProctored: Problem(409, "not-proctored", "This exam is not proctored"),
    BatchTooLarge: Problem(429, "batch-too-large", "Too much at once"),
    AttemptOver: Problem(409, "attempt-closed", "The attempt is closed"),
}
