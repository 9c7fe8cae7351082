"""Turns every error of a REST route into a problem document (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from chassis.absences import is_away
from chassis.errors import (
    AWAY,
    CHASSIS_PROBLEMS,
    INTERNAL,
    DependencyUnavailable,
    DomainError,
    Problem,
    TooManyRequests,
    problem_document,
    problem_of,
)
from chassis.tracing import current_trace_id

log = structlog.get_logger()

_HTTP_TITLES = {404: ("not-found", "Not found"), 405: ("method-not-allowed", "Method not allowed")}


def problem_reply(problem: Problem, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """A response that holds a problem document."""
    if trace_id := current_trace_id():
        members.setdefault("trace_id", trace_id)
    body = msgspec.json.encode(problem_document(problem, detail, **members), enc_hook=str)
    return Response(body, problem.status, dict(headers or {}), "application/problem+json")


def add_problem_handlers(app: FastAPI, table: Mapping[type[Exception], Problem]) -> None:
    """Registers handlers for the chassis's errors, the service's, validation errors and everything unforeseen."""

    async def domain_error(_: Request, error: Exception) -> Response:
        problem = problem_of(error, table)
        headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, TooManyRequests) else {}
        if problem.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="examhall"'
        if problem.status == 500:
            return await unforeseen(_, error)
        members = error.members if isinstance(error, DomainError) else {}
        return problem_reply(problem, str(error), headers, **members)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [_field_error(item) for item in error.errors()]
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3])
        return problem_reply(Problem(422, "invalid-input", "The request breaks a rule"), detail, errors=errors)

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        slug, title = _HTTP_TITLES.get(error.status_code, ("http-error", "The request can't be answered"))
        return problem_reply(Problem(error.status_code, slug, title), str(error.detail), error.headers)

    async def unforeseen(request: Request, error: Exception) -> Response:
        if is_away(error):
            log.warning("request_met_absence", path=request.url.path, error=f"{type(error).__name__}: {error}"[:300])
            return problem_reply(CHASSIS_PROBLEMS[DependencyUnavailable], AWAY)
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
        return problem_reply(INTERNAL, "This was not your fault. Nothing was changed; tell support the trace id.")

    kinds: tuple[type[Exception], ...] = (DomainError, *table)
    for kind in kinds:
        app.add_exception_handler(kind, domain_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, unforeseen)


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    """Field, rule and message of one validation error; never the rejected value, which may be a password."""
    location: Sequence[Any] = item.get("loc", ())
    path = [str(part) for part in location[1:]] or [str(part) for part in location]
    message = str(item.get("msg", "")).removeprefix("Value error, ")
    return {"field": ".".join(path), "rule": str(item.get("type", "")), "message": message}
