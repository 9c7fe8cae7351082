"""Which service answers a path, and which paths go in batches. A new route of a service needs no change here, a new prefix does."""

import re
from typing import NamedTuple

SERVICES = ("identity", "exams", "attempts", "grading", "analytics")
HOT_SERVICE = "attempts"

_API = "/api/v1/"
_SERVICE_OF_SEGMENT = {
    "auth": "identity",
    "users": "identity",
    "students": "identity",
    "teachers": "identity",
    "classes": "identity",
    "centres": "identity",
    "specializations": "identity",
    "audit-log": "identity",
    "login-attempts": "identity",
    "exams": "exams",
    "questions": "exams",
    "question-banks": "exams",
    "attempts": "attempts",
    "grading": "grading",
    "results": "grading",
    "analytics": "analytics",
}
_HOT = (
    ("PUT", "/api/v1/attempts/{}/answers/{}"),
    ("PUT", "/api/v1/attempts/{}/answers"),
    ("POST", "/api/v1/attempts/{}/heartbeat"),
)


class Route(NamedTuple):
    """A prefix and its service; `is_auth` marks signing in, which has its own limits and decides about tokens itself."""

    prefix: str
    service: str
    is_auth: bool


_ROUTES = {
    segment: Route(_API + segment, service, segment == "auth") for segment, service in _SERVICE_OF_SEGMENT.items()
}
_JWKS = Route("/.well-known/jwks.json", "identity", False)


def _pattern(method: str) -> re.Pattern[str]:
    paths = [re.escape(path).replace(r"\{\}", "[^/]+") for wanted, path in _HOT if wanted == method]
    return re.compile("|".join(paths))


_HOT_PATHS = {method: _pattern(method).fullmatch for method in {method for method, _ in _HOT}}


def route_of(path: str) -> Route | None:
    """The route of a decoded path, or None when no service has it."""
    if not path.startswith(_API):
        return _JWKS if path == _JWKS.prefix else None
    end = path.find("/", len(_API))
    return _ROUTES.get(path[len(_API) :] if end < 0 else path[len(_API) : end])


def is_hot(method: str, path: str) -> bool:
    """Whether a request goes in batches."""
    match = _HOT_PATHS.get(method)
    return match is not None and match(path) is not None
