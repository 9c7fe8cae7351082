"""How proctoring's own errors become problem documents."""

from chassis.errors import Conflict, Problem


class NotProctored(Conflict):
    """The exam collects no signals."""


class AttemptOver(Conflict):
    """The attempt is submitted: what came after can't be told of it."""


PROBLEMS = {
    NotProctored: Problem(409, "not-proctored", "This exam is not proctored"),
    AttemptOver: Problem(409, "attempt-closed", "The attempt is closed"),
}
