"""Lean routes for the few requests that come by the thousand (a save, a batch of saves, a heartbeat).

The same handlers answer HTTP directly and, in batches, the gateway over gRPC (`HotRoutes.Handle`). A handler gets the checked
actor and the raw body and gives a reply, or an awaitable of one, so that what waits for one commit waits together.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog
from opentelemetry.trace import SpanKind

from chassis.absences import is_away
from chassis.actors import Actor
from chassis.errors import (
    AWAY,
    DependencyUnavailable,
    DomainError,
    InvalidInput,
    NotFound,
    Problem,
    TooManyRequests,
    Unauthenticated,
    problem_document,
    problem_of,
)
from chassis.security import Security
from chassis.tracing import current_traceparent, is_recorded, span
from proto.examhall.chassis.v1 import hot_pb2
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesServicer

log = structlog.get_logger()

MAX_BODY_BYTES = 1024 * 1024


class HotCall(msgspec.Struct, frozen=True):
    """One request: the checked actor, what stands in the path's places, the raw body, and the trace it belongs to when that is recorded."""

    actor: Actor
    parts: tuple[str, ...]
    body: bytes
    traceparent: str


class HotReply(msgspec.Struct, frozen=True):
    """A status and a JSON body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """A reply that is rendered when a future is done: what waits for a shared piece of work needs no task of its own."""

    future: "asyncio.Future[Any]"
    render: Callable[[Any], HotReply]

    def __await__(self) -> Generator[Any, None, HotReply]:
        result = yield from self.future.__await__()
        return self.render(result)


HotHandler = Callable[[HotCall], HotReply | Awaitable[HotReply]]


@dataclass(frozen=True)
class HotOperation:
    """How a lean route stands in the OpenAPI document: `parameters` name the path's places, `request` and `reply` are msgspec structs."""

    operation_id: str
    summary: str
    tag: str
    parameters: tuple[str, ...]
    reply: type
    request: type | None = None


@dataclass(frozen=True)
class HotRoute:
    """A method, a path with `{}` for each place that is handed to the handler, the handler, and its description."""

    method: str
    path: str
    handle: HotHandler
    operation: HotOperation | None = None


class HotRoutes:
    """Finds the handler of a call, checks its token, and turns every error into a problem."""

    def __init__(
        self, routes: Sequence[HotRoute], security: Security, problems: Mapping[type[Exception], Problem]
    ) -> None:
        self._routes = [
            (route.method, re.compile(re.escape(route.path).replace(r"\{\}", "([^/]+)")), route.handle)
            for route in routes
        ]
        self._security = security
        self._problems = problems
        self._encode = msgspec.json.Encoder().encode

    def match(self, method: str, path: str) -> tuple[HotHandler, tuple[str, ...]] | None:
        """The handler of a path and what stands in its places, or None."""
        for wanted, pattern, handle in self._routes:
            if method == wanted and (found := pattern.fullmatch(path)):
                return handle, found.groups()
        return None

    def begin(
        self, method: str, path: str, token: str, body: bytes, address: str = "", traceparent: str = ""
    ) -> HotReply | Awaitable[HotReply]:
        """Starts answering a call; an awaitable when the answer has to wait for something."""
        try:
            found = self.match(method, path)
            if found is None:
                raise NotFound("There is no such address.")
            if not token:
                raise Unauthenticated("This needs an access token; sign in with POST /api/v1/auth/login.")
            claims = self._security.check(token)
            actor = Actor(claims.person_id, claims.role, claims.session_id, claims.centre_id, address)
            return found[0](HotCall(actor, found[1], body, traceparent))
        except Exception as error:
            return self.refusal(error)

    async def answer(
        self, method: str, path: str, token: str, body: bytes, address: str = "", traceparent: str = ""
    ) -> HotReply:
        """Answers one call, in a span when its trace is recorded; never raises."""
        if not is_recorded(traceparent):
            return await self._answer(method, path, token, body, address, "")
        with span(f"{method} {path.partition('?')[0]}", SpanKind.SERVER, traceparent):
            return await self._answer(method, path, token, body, address, current_traceparent() or traceparent)

    async def _answer(
        self, method: str, path: str, token: str, body: bytes, address: str, traceparent: str
    ) -> HotReply:
        reply = self.begin(method, path, token, body, address, traceparent)
        return reply if isinstance(reply, HotReply) else await self.settled(reply)

    async def settled(self, reply: Awaitable[HotReply]) -> HotReply:
        """The reply when it is there, or the problem of why there is none; never raises but when the process is stopping."""
        try:
            return await reply
        except Exception as error:
            return self.refusal(error)

    def refusal(self, error: Exception) -> HotReply:
        """The problem of an error."""
        if isinstance(error, RecursionError):  # of the decoder: nothing of ours recurses as deep
            return self.refusal(InvalidInput("", "nesting", "The body is nested too deeply."))
        problem = problem_of(error, self._problems)
        if problem.status == 500 and is_away(error):
            log.warning("hot_route_waits", error=f"{type(error).__name__}: {error}"[:300])
            return self.refusal(DependencyUnavailable(AWAY))
        if problem.status == 500:
            log.error("hot_route_failed", exc_info=error)
        detail, members = (error.detail, error.members) if isinstance(error, DomainError) else (problem.title, {})
        if isinstance(error, TooManyRequests):
            members = {**members, "retry_after_seconds": error.retry_after_seconds}
        return HotReply(problem.status, msgspec.json.encode(problem_document(problem, detail, **members), enc_hook=str))


class HotRoutesRpc(HotRoutesServicer):  # type: ignore[misc]
    """Answers the gateway's batches: all calls of a batch are started before any is waited for."""

    def __init__(self, routes: HotRoutes) -> None:
        self._routes = routes

    async def Handle(self, request: hot_pb2.HotBatch, context: Any) -> hot_pb2.HotBatchReply:
        """One reply for each call, in order."""
        begun = [self._begin(call) for call in request.calls]
        # Futures of shared work need no task; what does work of its own runs beside the others.
        running = [
            _heard(asyncio.ensure_future(reply)) if not isinstance(reply, HotReply | Pending) else reply
            for reply in begun
        ]
        replies = [reply if isinstance(reply, HotReply) else await self._routes.settled(reply) for reply in running]
        return hot_pb2.HotBatchReply(
            replies=[hot_pb2.HotReply(status=reply.status, body=reply.body) for reply in replies]
        )

    def _begin(self, call: hot_pb2.HotCall) -> HotReply | Awaitable[HotReply]:
        path = call.path.partition("?")[0]
        if is_recorded(call.traceparent):
            return self._routes.answer(call.method, path, call.token, call.body, call.client_address, call.traceparent)
        return self._routes.begin(call.method, path, call.token, call.body, call.client_address)


def _heard(task: "asyncio.Future[HotReply]") -> "asyncio.Future[HotReply]":
    """When the gateway has given a batch up, nobody asks how its calls ended: that is no error that was overlooked."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


class HotMiddleware:
    """Answers hot paths before the framework sees them; everything else goes on to `app`."""

    def __init__(self, app: Any, routes: HotRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or self._routes.match(scope["method"], scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        body = await read_body(receive, MAX_BODY_BYTES)
        if body is None:
            too_large = problem_document(
                Problem(413, "too-large", "Too large"), f"A request here has at most {MAX_BODY_BYTES} bytes."
            )
            await send_reply(send, HotReply(413, msgspec.json.encode(too_large)))
            return
        client = scope.get("client")
        reply = await self._routes.answer(
            scope["method"],
            unquote(scope["path"]),
            token if scheme.lower() == "bearer" else "",
            body,
            client[0] if client else "",
            headers.get(b"traceparent", b"").decode("latin-1"),
        )
        await send_reply(send, reply)


async def read_body(receive: Any, limit: int) -> bytes | None:
    """The whole request body, or None when it is longer than `limit` bytes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= limit:
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
    return b"".join(parts) if size <= limit else None


async def send_reply(send: Any, reply: HotReply, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Sends a reply as one ASGI response."""
    kind = b"application/json" if reply.status < 400 else b"application/problem+json"
    length = str(len(reply.body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(b"content-type", kind), (b"content-length", length), *headers],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
