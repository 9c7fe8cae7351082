"""The gateway as one ASGI application on uvicorn, and the order in which a request is looked at."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from opentelemetry.trace import SpanKind
from redis.asyncio import Redis

from chassis import credentials, kafka
from chassis.dependencies import Look, watch_dependencies
from chassis.errors import DomainError, NotFound, Unauthenticated
from chassis.logs import set_up_logging
from chassis.rpc import CREDENTIAL, open_channel
from chassis.security import Security, watch_security
from chassis.service import serve, uvicorn_config
from chassis.settings import refuse_unknown_variables, variables_of
from chassis.tracing import current_traceparent, set_up_tracing, span
from gateway.admission import Admission
from gateway.arrivals import Arrival, Headers, Proxies
from gateway.bodies import ClientGone, read_whole
from gateway.connections import Connection, close_late
from gateway.cors import Cors
from gateway.health import Health, observe
from gateway.hot import MAX_CALL_BYTES, Coalescer, Done
from gateway.pages import Pages
from gateway.proxy import Proxy
from gateway.replies import (
    JSON,
    METHOD_NOT_ALLOWED,
    NO_STORE,
    PROBLEM_JSON,
    RETRY_SOON_SECONDS,
    Receive,
    Reply,
    Send,
    problem_reply,
    refusal,
    send_reply,
)
from gateway.routes import HOT_SERVICES, hot_service, route_of
from gateway.settings import Settings, names
from gateway.sharing import SharedLimits, answers, keep_tidy
from gateway.sockets import Sockets
from gateway.tail import Tail
from gateway.wire import Wire
from proto.examhall.chassis.v1.hot_pb2 import HotCall, HotReply
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesStub
from proto.examhall.identity.v1.identity_pb2 import SecurityState
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub

log = structlog.get_logger()

_SLOW_SECONDS = 1.0
_HOT_ROUTE = "hot"
_OWN_PATHS = ("/health/live", "/health/ready", "/metrics", "/api/v1/openapi.json", "/docs")
_HOT_HEADERS: dict[int, Headers] = {
    401: [NO_STORE, (b"www-authenticate", b'Bearer realm="examhall", error="invalid_token"')],
    503: [NO_STORE, (b"retry-after", b"%d" % RETRY_SOON_SECONDS)],
}
_PLAIN_HEADERS: Headers = [NO_STORE]


class Gateway:
    """All parts of the gateway. `watches_identity` is False where a test gives the keys itself (`security.apply`)."""

    def __init__(self, settings: Settings, *, watches_identity: bool = True) -> None:
        self.settings = settings
        self.security = _Security(self)
        self.connections: set[Connection] = set()
        self.proxies = Proxies(names(settings.trusted_proxies))
        self.admission = Admission(settings, self.security)
        self._watches_identity = watches_identity
        self._is_traced = bool(settings.otlp_endpoint)
        self._cors = Cors(names(settings.cors_origins))
        self._proxy = Proxy(settings)
        self._coalescers: dict[str, Coalescer] = {}
        self.sockets = Sockets(
            settings, self.admission, self.security, self.proxies, self._proxy, self._cors, self._add_call
        )
        self._tail = Tail(settings.kafka_bootstrap_servers, self.sockets.feeds, settings.live_wait_milliseconds)
        health = Health(settings, self.security, self._proxy, self._tail)
        pages = Pages(settings.openapi_file)
        answers = (health.live, health.ready, health.metrics, pages.openapi, pages.docs)
        self._own: dict[str, Callable[[Arrival], Awaitable[Reply]]] = dict(zip(_OWN_PATHS, answers, strict=True))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] == "websocket":
            await self.sockets.serve(scope, receive, send)
            return
        arrival = Arrival(scope, self.proxies)
        arrival.reply_headers += self._cors.headers(arrival)
        if not self._is_traced or arrival.path in self._own:
            await self._answer(arrival, scope, receive, send)
            return
        with span(f"{arrival.method} {_label(arrival)}", SpanKind.SERVER, arrival.sent_traceparent):
            arrival.traceparent = current_traceparent() or arrival.traceparent
            await self._answer(arrival, scope, receive, send)

    async def _answer(self, arrival: Arrival, scope: Any, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            if hot_service(arrival.method, arrival.path):
                status = await self._answer_hot(arrival, scope, receive, send)
            elif (own := await self._own_reply(arrival)) is not None:
                status = own.status
                await send_reply(send, own, arrival)
            else:
                status = await self._forward(arrival, scope, receive, send)
        except DomainError as error:
            reply = refusal(error, arrival)
            status = reply.status
            await send_reply(send, reply, arrival)
        except ClientGone:
            status = 499  # as nginx counts it
        seconds = time.perf_counter() - started
        observe(arrival.method, _label(arrival), status, seconds)
        if (status >= 500 or seconds > _SLOW_SECONDS) and arrival.path not in self._own:  # a probe tells its reason
            _warn(arrival, status, seconds)

    async def _forward(self, arrival: Arrival, scope: Any, receive: Receive, send: Send) -> int:
        route = route_of(arrival.path)
        if route is None:
            raise NotFound("There is no such address; /docs shows what there is.")
        self.admission.admit(arrival, route.is_auth)
        return await self._proxy.forward(arrival, route.service, scope, receive, send)

    async def _own_reply(self, arrival: Arrival) -> Reply | None:
        preflight = self._cors.preflight(arrival)
        if preflight is not None:
            return Reply(204, b"", preflight)
        page = self._own.get(arrival.path)
        if page is None:
            return None
        if arrival.method not in ("GET", "HEAD"):
            return problem_reply(METHOD_NOT_ALLOWED, "This can only be read.", [(b"allow", b"GET, HEAD")])
        return await page(arrival)

    async def _answer_hot(self, arrival: Arrival, scope: Any, receive: Receive, send: Send) -> int:
        """The long way of a hot call: a large or chunked body, or a trace that is recorded."""
        body = await read_whole(receive, MAX_CALL_BYTES)
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._begin_hot(arrival, scope, body, waiting.set_result)
        reply = await waiting
        await send_reply(send, reply, arrival)
        return reply.status

    def begin_hot(self, arrival: Arrival, scope: Any, body: bytes, done: Callable[[Reply], None]) -> None:
        """Starts to answer a hot call; `done` gets the reply, always later than this returns."""
        arrival.reply_headers += self._cors.headers(arrival)
        self._begin_hot(arrival, scope, body, done)

    def _begin_hot(self, arrival: Arrival, scope: Any, body: bytes, done: Callable[[Reply], None]) -> None:
        try:
            token = self.admission.admit(arrival)
            if not token:
                raise Unauthenticated("This needs an access token; sign in with POST /api/v1/auth/login.")
            path = scope["raw_path"].decode("latin-1")
            if query := scope["query_string"]:
                path = f"{path}?{query.decode('latin-1')}"
            call = HotCall(
                method=arrival.method,
                path=path,
                token=token,
                body=body,
                traceparent=arrival.traceparent,
                client_address=arrival.client,
            )
            service = hot_service(arrival.method, arrival.path)
            assert service is not None
            self._add_call(service, call, lambda outcome: done(_hot_reply(outcome, arrival)))
        except DomainError as error:
            asyncio.get_running_loop().call_soon(done, refusal(error, arrival))

    def _add_call(self, service: str, call: HotCall, done: Done) -> None:
        self._coalescers[service].add(call, done)

    @property
    def takes_short_way(self) -> bool:
        """Whether hot calls may skip the ASGI way: not when each of them is to have a span."""
        return not self._is_traced

    @staticmethod
    def observe_hot(arrival: Arrival, status: int, seconds: float) -> None:
        """Counts a hot call that came the short way."""
        observe(arrival.method, _HOT_ROUTE, status, seconds)
        if status >= 500 or seconds > _SLOW_SECONDS:
            _warn(arrival, status, seconds)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        settings, limiters = self.settings, self.admission.limiters
        secret = settings.service_secret.get_secret_value()
        channels = {service: open_channel(settings.peer(service), secret) for service in (*HOT_SERVICES, "identity")}
        self._coalescers = {
            service: Coalescer(
                HotRoutesStub(channels[service]).Handle,
                service=service,
                lanes=settings.hot_lanes,
                batch_calls=settings.hot_batch_calls,
                give_up_seconds=settings.hot_give_up_seconds,
            )
            for service in HOT_SERVICES
        }
        redis = (
            Redis.from_url(settings.redis_url, socket_connect_timeout=0.5, socket_timeout=0.5)
            if settings.redis_url
            else None
        )
        shared = SharedLimits(redis, limiters, settings.limit_share_milliseconds / 1000) if redis else None
        work = [close_late(self.connections), keep_tidy(limiters, shared), self.sockets.watch_rights()]
        if settings.kafka_bootstrap_servers:
            work.append(self._tail.run())
        if looks := _looks(settings, redis):
            work.append(watch_dependencies(looks))
        if shared:
            work.append(shared.run())
        if self._watches_identity:
            credential = ((CREDENTIAL, credentials.shown(secret)),)
            work.append(watch_security(self.security, IdentityStub(channels["identity"]), credential, "gateway"))
        tasks = {asyncio.create_task(each) for each in work}
        for task in tasks:
            task.add_done_callback(_tell_failure)
        log.info("gateway_started")
        try:
            yield
        finally:
            await _stop(tasks)
            for coalescer in self._coalescers.values():
                await coalescer.close()
            self._proxy.close()
            if redis:
                await redis.aclose()
            for channel in channels.values():
                await channel.close()
            log.info("gateway_stopped")


class _Security(Security):
    """Ends sockets at once when identity ends their sessions: a log-out counts as done only when nothing more is sent to them."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self._gateway = gateway

    def apply(self, state: SecurityState) -> None:
        super().apply(state)
        self._gateway.sockets.check_tokens()


def _looks(settings: Settings, redis: Redis | None) -> dict[str, Look]:
    """How to see whether the servers answer that the gateway was told of."""
    looks: dict[str, Look] = {}
    if settings.kafka_bootstrap_servers:
        looks["kafka"] = lambda: kafka.answers(settings.kafka_bootstrap_servers)
    if redis is not None:
        looks["redis"] = lambda: answers(redis)
    return looks


def _hot_reply(outcome: HotReply | DomainError, arrival: Arrival) -> Reply:
    if isinstance(outcome, DomainError):
        return refusal(outcome, arrival)
    status = outcome.status
    return Reply(status, outcome.body, _HOT_HEADERS.get(status, _PLAIN_HEADERS), JSON if status < 400 else PROBLEM_JSON)


def _label(arrival: Arrival) -> str:
    """What a path counts as in metrics and traces: few values, none of them the client's."""
    if hot_service(arrival.method, arrival.path):
        return _HOT_ROUTE
    route = route_of(arrival.path)
    if route is not None:
        return route.prefix
    return arrival.path if arrival.path in _OWN_PATHS else "unknown"


def _warn(arrival: Arrival, status: int, seconds: float) -> None:
    log.warning(
        "request",
        method=arrival.method,
        route=_label(arrival),
        status=status,
        seconds=round(seconds, 3),
        request_id=arrival.request_id.decode(),
        trace_id=arrival.trace_id,
    )


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("gateway_task_failed", exc_info=task.exception())


async def _stop(tasks: Set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def build(settings: Settings | None = None, *, watches_identity: bool = True) -> Gateway:
    """The gateway's ASGI application."""
    return Gateway(settings or Settings(), watches_identity=watches_identity)


def server_config(gateway: Gateway) -> uvicorn.Config:
    """How the gateway is served: as every server of the installation, with its own limits on connections."""
    config = uvicorn_config(gateway, gateway.settings)
    config.http = Connection
    config.ws = Wire
    config.ws_max_size = gateway.settings.socket_message_bytes
    config.ws_ping_interval = config.ws_ping_timeout = gateway.settings.socket_ping_seconds
    config.ws_per_message_deflate = False  # a frame is the same bytes for all who get it
    return config


def run(settings: Settings | None = None, known: Set[str] = frozenset()) -> None:
    """Runs the gateway until SIGTERM or SIGINT. `known` are variables of the same environment that belong to other processes.

    Raises UnknownSetting for a variable that nobody knows; exits with a message when the installation's secret is not set.
    """
    refuse_unknown_variables(variables_of(Settings) | set(known))
    settings = settings or Settings()
    if not credentials.accepted(settings.service_secret.get_secret_value()):
        raise SystemExit("EXAMHALL_SERVICE_SECRET is not set: services of one installation know each other by it.")
    set_up_logging("gateway", settings.log_level)
    provider = set_up_tracing("gateway", settings.otlp_endpoint, settings.trace_ratio)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # every socket is a file; many systems begin with 1,024
    serve(uvicorn.Server(server_config(build(settings))))
    provider.shutdown()
