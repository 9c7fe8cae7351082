"""gRPC between services: one server and one channel a peer, with the installation's credential, deadlines, traces and errors as status codes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import structlog
from opentelemetry.trace import SpanKind

from chassis import credentials
from chassis.absences import is_too_large
from chassis.errors import Conflict, DependencyUnavailable, DomainError, Forbidden, NotFound, Problem, problem_of
from chassis.metrics import RPC_SECONDS
from chassis.tracing import TRACEPARENT, current_exemplar, current_trace_id, current_traceparent, span

log = structlog.get_logger()

CREDENTIAL = "x-examhall-credential"
DEFAULT_TIMEOUT_SECONDS = 3.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

_STATUS_OF_PROBLEM = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_ERROR_OF_STATUS: dict[grpc.StatusCode, type[DomainError]] = {
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.UNAUTHENTICATED: DependencyUnavailable,
    grpc.StatusCode.UNAVAILABLE: DependencyUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DependencyUnavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: DependencyUnavailable,
}
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]
_SERVER_OPTIONS = [
    *_OPTIONS,
    ("grpc.so_reuseport", 0),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
]
# Reads only: a call that changes something is repeated by who knows that it may be.
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [
                    {"service": name}
                    for name in (
                        "examhall.identity.v1.Identity",
                        "examhall.exams.v1.Exams",
                        "examhall.attempts.v1.Attempts",
                    )
                ],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)


def open_channel(address: str, secret: str) -> grpc.aio.Channel:
    """A channel to a peer at host:port (or dns:///name:port). Errors of calls come out as grpc.aio.AioRpcError; see `domain_error_of`."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            *_OPTIONS,
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ],
        interceptors=[_ClientContext(secret)],
    )


def domain_error_of(error: grpc.aio.AioRpcError, peer: str) -> DomainError:
    """What a failed call means to the use case that made it."""
    kind = DomainError if is_too_large(error) else _ERROR_OF_STATUS.get(error.code(), DomainError)
    if kind is DependencyUnavailable:
        return DependencyUnavailable(f"The {peer} service does not answer at the moment; try again shortly.")
    return kind(error.details() or error.code().name)


class _ClientContext(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds credential, trace and a deadline to every unary call."""

    def __init__(self, secret: str) -> None:
        self._credential = credentials.shown(secret)

    async def intercept_unary_unary(self, continuation: Any, details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        metadata = list(details.metadata or ())
        metadata.append((CREDENTIAL, self._credential))
        if traceparent := current_traceparent():
            metadata.append((TRACEPARENT, traceparent))
        timeout = details.timeout if details.timeout is not None else DEFAULT_TIMEOUT_SECONDS
        return await continuation(
            grpc.aio.ClientCallDetails(
                details.method, timeout, grpc.aio.Metadata(*metadata), details.credentials, details.wait_for_ready
            ),
            request,
        )


class _ServerContext(grpc.aio.ServerInterceptor):
    """Lets in only calls with the credential; maps errors to status codes; traces and measures."""

    def __init__(self, secret: str, problems: Mapping[type[Exception], Problem]) -> None:
        self._secret = secret
        self._problems = problems

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        metadata = dict(details.invocation_metadata or ())
        if handler is None or details.method.startswith("/grpc.health."):
            return handler
        if not credentials.admits(self._secret, str(metadata.get(CREDENTIAL, ""))):
            return grpc.unary_unary_rpc_method_handler(_refuse)
        if handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._around(handler.unary_unary, details.method, metadata.get(TRACEPARENT)),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _around(
        self, behaviour: Callable[..., Awaitable[Any]], method: str, traceparent: str | None
    ) -> Callable[..., Awaitable[Any]]:
        async def answer(request: Any, context: grpc.aio.ServicerContext) -> Any:
            started = time.perf_counter()
            status = grpc.StatusCode.OK
            trace_id, exemplar = None, None
            try:
                with span(method, SpanKind.SERVER, traceparent):
                    trace_id, exemplar = current_trace_id(), current_exemplar()
                    return await behaviour(request, context)
            except (asyncio.CancelledError, grpc.aio.AbortError):
                status = context.code() or grpc.StatusCode.CANCELLED
                raise
            except Exception as error:
                problem = problem_of(error, self._problems)
                status = _STATUS_OF_PROBLEM.get(problem.status, grpc.StatusCode.INTERNAL)
                if status is grpc.StatusCode.INTERNAL:
                    log.exception("grpc_call_failed", method=method, trace_id=trace_id)
                await context.abort(status, str(error) if isinstance(error, DomainError) else problem.title)
            finally:
                name = status.name if isinstance(status, grpc.StatusCode) else str(status)
                RPC_SECONDS.labels(method, name).observe(time.perf_counter() - started, exemplar)

        return answer


async def _refuse(_: Any, context: grpc.aio.ServicerContext) -> None:
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, "This server answers the services of its own installation only."
    )


def make_server(secret: str, problems: Mapping[type[Exception], Problem]) -> grpc.aio.Server:
    """A gRPC server that lets in only callers with the installation's secret."""
    return grpc.aio.server(interceptors=[_ServerContext(secret, problems)], options=_SERVER_OPTIONS)
