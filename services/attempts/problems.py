"""What can go wrong with an attempt, and the problem each becomes."""

from chassis.errors import Conflict, DomainError, Problem


class StartRefused(Conflict):
    """A rule of the exam or of the student's account forbids a start."""


class NoAttemptsLeft(StartRefused):
    """All attempts are used."""


class NotOpenYet(StartRefused):
    """The window has not opened."""


class ExamClosed(StartRefused):
    """The window has closed, or the exam is archived."""


class NotEligible(DomainError):
    """The account may not sit exams."""


class WrongAccessCode(DomainError):
    """The exam needs an access code, and this was not it."""


class AttemptClosed(Conflict):
    """The attempt is submitted."""


class DeadlinePassed(AttemptClosed):
    """The save came after the deadline."""


class AttemptPaused(Conflict):
    """The attempt is paused."""


class ReviewNotAllowed(DomainError):
    """The exam's settings do not let a student look at the paper after submission."""


PROBLEMS: dict[type[Exception], Problem] = {
    StartRefused: Problem(409, "start-refused", "This exam can't be started"),
    NoAttemptsLeft: Problem(409, "no-attempts-left", "No attempts left"),
    NotOpenYet: Problem(409, "exam-not-open-yet", "The exam is not open yet"),
    ExamClosed: Problem(409, "exam-closed", "The exam is closed"),
    NotEligible: Problem(403, "not-eligible", "Not eligible"),
    WrongAccessCode: Problem(403, "wrong-access-code", "The access code does not fit"),
    AttemptClosed: Problem(409, "attempt-closed", "The attempt is closed"),
    DeadlinePassed: Problem(409, "deadline-passed", "The deadline has passed"),
    AttemptPaused: Problem(409, "attempt-paused", "The attempt is paused"),
    ReviewNotAllowed: Problem(403, "review-not-allowed", "No review"),
}
