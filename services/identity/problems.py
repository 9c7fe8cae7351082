"""How identity's own errors become problem documents."""

from chassis.errors import DomainError, Problem


class WrongCredentials(DomainError):
    """The log-in, password, code or token does not fit; it is not said which."""


class SessionEnded(DomainError):
    """The refresh token is not valid any more."""


PROBLEMS: dict[type[Exception], Problem] = {
    WrongCredentials: Problem(401, "wrong-credentials", "That does not fit"),
    SessionEnded: Problem(401, "session-ended", "The session has ended"),
}
