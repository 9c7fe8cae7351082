"""A service: what it is made of, how it starts, and how it stops without losing anything."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from opentelemetry.trace import SpanKind

from chassis import credentials, health, kafka
from chassis.absences import is_told_to_stop
from chassis.consuming import Consumer, Subscription
from chassis.counting import COUNTS, Count, counting
from chassis.database import Database
from chassis.dependencies import watch_dependencies
from chassis.errors import Problem
from chassis.hot import HotMiddleware, HotRoute, HotRoutes, HotRoutesRpc
from chassis.http import name_ids
from chassis.idempotency import forget_old_keys
from chassis.logs import set_up_logging
from chassis.metrics import REQUEST_SECONDS, observe
from chassis.problem_replies import add_problem_handlers
from chassis.relay import Relay
from chassis.replay import OutboxRpc
from chassis.rpc import CREDENTIAL, make_server, open_channel
from chassis.security import Security, watch_security
from chassis.settings import ServiceSettings
from chassis.tracing import TRACEPARENT, set_up_tracing, span
from proto.catalogue import consumer_groups, group_of
from proto.examhall.chassis.v1.hot_pb2_grpc import add_HotRoutesServicer_to_server
from proto.examhall.chassis.v1.outbox_pb2_grpc import add_OutboxServicer_to_server
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub

log = structlog.get_logger()

STOP_SECONDS = 5.0


class Runtime:
    """What a running service has in hand: settings, database, peers, keys."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.settings = settings
        self.database = Database(settings.database_url, pool_size=settings.database_pool_size, name=name)
        self.security = Security()
        self.relay = Relay(
            name,
            self.database.direct_connection,
            settings.kafka_bootstrap_servers,
            consumer_groups,
            poll_seconds=settings.outbox_poll_milliseconds / 1000,
            window_bytes=settings.outbox_window_bytes,
        )
        self.consumer: Consumer | None = None
        self.grpc_address = ""
        self.state: dict[str, Any] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}

    def channel(self, peer: str) -> grpc.aio.Channel:
        """The channel to another service, by its name."""
        if peer not in self._channels:
            self._channels[peer] = open_channel(
                self.settings.peer(peer), self.settings.service_secret.get_secret_value()
            )
        return self._channels[peer]

    async def close(self) -> None:
        """Closes channels and database."""
        for channel in self._channels.values():
            await channel.close()
        await self.database.close()


@dataclass
class Service:
    """The parts of a service; the chassis does the rest.

    `gather_seconds`: so long the consumer lets events gather when few come: larger and fewer transactions, where nobody waits for the effect.
    `state` keeps what the service's own parts share (`runtime.state`); `tasks` run for ever beside the requests and are started again when
    they fail; `counts` are asked for ever too, for gauges; `on_start` runs once, before the first request, with the database open.
    """

    name: str
    settings: ServiceSettings
    routers: Sequence[APIRouter]
    problems: Mapping[type[Exception], Problem] = field(default_factory=dict)
    add_rpc: Callable[[grpc.aio.Server, Runtime], None] | None = None
    subscriptions: Sequence[Subscription] = ()
    gather_seconds: float = 0.0
    tasks: Sequence[Callable[[Runtime], Awaitable[None]]] = ()
    counts: Sequence[Count] = ()
    on_start: Callable[[Runtime], Awaitable[None]] | None = None
    hot_routes: Callable[[Runtime], Sequence[HotRoute]] | None = None
    watches_identity: bool = True
    description: str = ""


def build_app(service: Service, runtime: Runtime | None = None) -> Any:
    """The ASGI application of a service. Its lifespan opens the database, serves gRPC, relays, consumes, and ends it all in order."""
    runtime = runtime or Runtime(service.name, service.settings)
    app = FastAPI(
        title=f"Examhall {service.name}",
        version="1",
        description=service.description,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(name_ids)],
        lifespan=lambda _: _lifespan(service, runtime),
    )
    app.state.runtime = runtime
    add_problem_handlers(app, service.problems)
    app.include_router(health.router)
    for router in service.routers:
        app.include_router(router)
    hot = HotRoutes(service.hot_routes(runtime) if service.hot_routes else (), runtime.security, service.problems)
    runtime.state["hot_routes"] = hot
    return _Observed(HotMiddleware(app, hot), app)


@asynccontextmanager
async def _lifespan(service: Service, runtime: Runtime) -> AsyncIterator[None]:
    tasks: list[asyncio.Task[None]] = []
    server = make_server(runtime.settings.service_secret.get_secret_value(), service.problems)
    try:
        await _open_database(runtime)
        if service.on_start:
            await service.on_start(runtime)
        add_OutboxServicer_to_server(OutboxRpc(runtime), server)
        add_HotRoutesServicer_to_server(HotRoutesRpc(runtime.state["hot_routes"]), server)
        if service.add_rpc:
            service.add_rpc(server, runtime)
        port = server.add_insecure_port(f"{runtime.settings.grpc_host}:{runtime.settings.grpc_port}")
        runtime.grpc_address = f"{runtime.settings.grpc_host}:{port}"
        await server.start()
        runtime.database.on_events_committed(runtime.relay.wake)
        if service.watches_identity:
            credential = ((CREDENTIAL, credentials.shown(runtime.settings.service_secret.get_secret_value())),)
            stub = IdentityStub(runtime.channel("identity"))
            tasks.append(asyncio.create_task(watch_security(runtime.security, stub, credential, service.name)))
        if service.subscriptions:
            runtime.consumer = Consumer(runtime, group_of(service.name), service.subscriptions, service.gather_seconds)
            tasks.append(asyncio.create_task(runtime.consumer.run()))
        tasks.append(asyncio.create_task(runtime.relay.run()))
        counts = [counting(count) for count in (*COUNTS, *service.counts)]
        own = (forget_old_keys, _watch_servers, *counts, *service.tasks)
        tasks.extend(asyncio.create_task(_for_ever(task, runtime)) for task in own)
        log.info("service_started", grpc=runtime.grpc_address)
        yield
    finally:
        await server.stop(grace=STOP_SECONDS / 2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS) if tasks else None
        await runtime.close()
        log.info("service_stopped")


async def _open_database(runtime: Runtime) -> None:
    delay = 0.1
    while True:
        try:
            await runtime.database.open()
            return
        except OSError as error:
            log.warning("database_not_there_yet", error=str(error)[:200])
        await asyncio.sleep(delay)
        delay = min(delay * 2, 2.0)


async def _watch_servers(runtime: Runtime) -> None:
    servers = runtime.settings.kafka_bootstrap_servers
    await watch_dependencies({"database": runtime.database.answers, "kafka": lambda: kafka.answers(servers)})


async def _for_ever(task: Callable[[Runtime], Awaitable[None]], runtime: Runtime) -> None:
    delay = 0.1
    while True:
        started = time.monotonic()
        try:
            await task(runtime)
        except (asyncio.CancelledError, Exception):
            if is_told_to_stop():
                raise
            log.exception("task_failed_starting_again", task=getattr(task, "__name__", str(task)))
        delay = 0.1 if time.monotonic() - started > 60 else min(delay * 2, 5.0)
        await asyncio.sleep(delay)


class _Observed:
    """Measures and traces requests, outside everything else."""

    def __init__(self, app: Any, fastapi: FastAPI) -> None:
        self._app = app
        self.fastapi = fastapi

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/health", "/metrics")):
            await self._app(scope, receive, send)
            return
        status = 500

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers = dict(scope["headers"])
        started = time.perf_counter()
        parent = headers.get(TRACEPARENT.encode(), b"").decode("latin-1") or None
        with span(f"{scope['method']} {scope['path']}", SpanKind.SERVER, parent):
            structlog.contextvars.bind_contextvars(
                request_id=headers.get(b"x-request-id", b"").decode("latin-1") or None
            )
            try:
                await self._app(scope, receive, watch)
            finally:
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", "hot" if "route" not in scope else "unknown")
                observe(REQUEST_SECONDS.labels(scope["method"], route, str(status)), seconds)
                if status >= 500 or seconds > 1:
                    log.warning(
                        "request", method=scope["method"], route=route, status=status, seconds=round(seconds, 3)
                    )


def uvicorn_config(app: Any, settings: ServiceSettings) -> uvicorn.Config:
    """How every HTTP server of the installation runs."""
    return uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(STOP_SECONDS),
        timeout_keep_alive=75,
        backlog=4096,
    )


def run(service: Service) -> None:
    """Runs a service until SIGTERM or SIGINT. Exits with a message when the installation's secret is not set."""
    if not credentials.accepted(service.settings.service_secret.get_secret_value()):
        raise SystemExit("EXAMHALL_SERVICE_SECRET is not set: services of one installation know each other by it.")
    set_up_logging(service.name, service.settings.log_level)
    provider = set_up_tracing(service.name, service.settings.otlp_endpoint, service.settings.trace_ratio)
    serve(uvicorn.Server(uvicorn_config(build_app(service), service.settings)))
    provider.shutdown()


def serve(server: uvicorn.Server) -> None:
    """Runs a server until SIGTERM or SIGINT."""
    gc.collect()
    gc.freeze()  # full collections of what never goes away made one reply in a hundred wait 0.1 s
    gc.set_threshold(20_000, 20, 50)
    with suppress(KeyboardInterrupt):
        server.run()
