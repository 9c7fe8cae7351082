"""Errors every service can raise, and how an error becomes an RFC 9457 problem.

A service adds its own domain errors with a table `{error type: Problem}`; both tables are read in one place, `problem_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROBLEM_TYPE_PREFIX = "https://examhall.invalid/problems/"


class DomainError(Exception):
    """What happened, which rule, what to do; `members` are added to the problem document."""

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class NotFound(DomainError):
    """The thing does not exist, or its existence is not the caller's business."""


class Forbidden(DomainError):
    """The caller's role may never do this."""


class Unauthenticated(DomainError):
    """No valid access token came with the request."""


class Conflict(DomainError):
    """The state of the thing does not allow this now."""


class InvalidInput(DomainError):
    """A field breaks a rule. `field` is its path (`questions.2.points`), `rule` a stable slug."""

    def __init__(self, field: str, rule: str, detail: str) -> None:
        super().__init__(detail, errors=[{"field": field, "rule": rule, "message": detail}])


class PreconditionFailed(DomainError):
    """Somebody else changed the thing since the caller read it (If-Match)."""


class PreconditionRequired(DomainError):
    """This change needs If-Match."""


class TooManyRequests(DomainError):
    """A limit is reached; `retry_after_seconds` says when to try again."""

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class DependencyUnavailable(DomainError):
    """Something this service needs does not answer; trying later is right."""


@dataclass(frozen=True)
class Problem:
    """The fixed part of a problem document: status, slug of its type, title."""

    status: int
    slug: str
    title: str


CHASSIS_PROBLEMS: Mapping[type[Exception], Problem] = {
    NotFound: Problem(404, "not-found", "Not found"),
    Forbidden: Problem(403, "forbidden", "Not allowed"),
    Unauthenticated: Problem(401, "unauthenticated", "Sign in first"),
    Conflict: Problem(409, "conflict", "Not possible in this state"),
    InvalidInput: Problem(422, "invalid-input", "The request breaks a rule"),
    PreconditionFailed: Problem(412, "precondition-failed", "Changed by somebody else"),
    PreconditionRequired: Problem(428, "precondition-required", "If-Match is required"),
    TooManyRequests: Problem(429, "too-many-requests", "Too many requests"),
    DependencyUnavailable: Problem(503, "dependency-unavailable", "Temporarily unavailable"),
}

AWAY = "Something this needs does not answer just now; it is worth trying again in a moment."
INTERNAL = Problem(500, "internal-error", "Something went wrong on our side")


def problem_of(error: Exception, table: Mapping[type[Exception], Problem]) -> Problem:
    """The problem of an error: the nearest ancestor that a table names, the service's before the chassis's."""
    for kind in type(error).__mro__:
        if found := table.get(kind) or CHASSIS_PROBLEMS.get(kind):
            return found
    return INTERNAL


def problem_document(problem: Problem, detail: str, **members: Any) -> dict[str, Any]:
    """The JSON object of RFC 9457."""
    return {
        "type": PROBLEM_TYPE_PREFIX + problem.slug,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        **members,
    }
