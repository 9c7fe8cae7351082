"""Replies the gateway gives itself, and the headers that every reply carries."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from chassis.errors import (
    DependencyUnavailable,
    DomainError,
    Problem,
    TooManyRequests,
    problem_document,
    problem_of,
)
from gateway.arrivals import Arrival, Headers

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
RETRY_SOON_SECONDS = 2


class BodyTooLarge(DomainError):
    """The request's body is longer than this path takes."""


class BadUpstream(DomainError):
    """The service broke off or answered something that is not HTTP."""


class UpstreamTooSlow(DomainError):
    """The service did not answer in time."""


_PROBLEMS: dict[type[Exception], Problem] = {
    BodyTooLarge: Problem(413, "too-large", "Too large"),
    BadUpstream: Problem(502, "bad-upstream", "The service broke off"),
    UpstreamTooSlow: Problem(504, "upstream-timeout", "The service did not answer in time"),
}
METHOD_NOT_ALLOWED = Problem(405, "method-not-allowed", "Method not allowed")
BAD_REQUEST = Problem(400, "bad-request", "Not a valid HTTP request")
HEADERS_TOO_LARGE = Problem(431, "headers-too-large", "The request's headers are too large")
REQUEST_TIMEOUT = Problem(408, "request-timeout", "The request came too slowly")

NO_SNIFFING = (b"x-content-type-options", b"nosniff")
NO_STORE = (b"cache-control", b"no-store")
SECURITY_HEADERS: Headers = [
    NO_SNIFFING,
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Reply(NamedTuple):
    """A whole reply; `headers` are those beside type, length and what every reply carries, or stand in the place of the latter."""

    status: int
    body: bytes
    headers: Headers
    content_type: bytes = JSON


def json_reply(status: int, content: Any) -> Reply:
    """A reply that holds a JSON document."""
    return Reply(status, msgspec.json.encode(content, enc_hook=str), [NO_STORE])


def problem_reply(problem: Problem, detail: str, headers: Headers | None = None, **members: Any) -> Reply:
    """A reply that holds a problem document (RFC 9457)."""
    body = msgspec.json.encode(problem_document(problem, detail, **members), enc_hook=str)
    return Reply(problem.status, body, [NO_STORE, *(headers or ())], PROBLEM_JSON)


def problem_for(error: DomainError) -> Problem:
    """What kind of problem a refusal is."""
    return problem_of(error, _PROBLEMS)


def refusal(error: DomainError, arrival: Arrival) -> Reply:
    """The reply to a request that was refused."""
    problem = problem_for(error)
    headers: Headers = []
    members = {**error.members, "trace_id": arrival.trace_id}
    if isinstance(error, TooManyRequests):
        headers.append((b"retry-after", b"%d" % error.retry_after_seconds))
        members["retry_after_seconds"] = error.retry_after_seconds
    elif isinstance(error, DependencyUnavailable | BadUpstream):
        headers.append((b"retry-after", b"%d" % RETRY_SOON_SECONDS))
    elif problem.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="examhall", error="invalid_token"'))
    return problem_reply(problem, error.detail, headers, **members)


async def send_reply(send: Send, reply: Reply, arrival: Arrival) -> None:
    """Sends a whole reply with everything a reply carries."""
    own = {name for name, _ in reply.headers}
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", b"%d" % len(reply.body)),
        *reply.headers,
        *arrival.reply_headers,
        *[header for header in SECURITY_HEADERS if header[0] not in own],
    ]
    if reply.status == 204:
        headers = headers[2:]
    if arrival.is_secure:
        headers.append(STRICT_TRANSPORT)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
