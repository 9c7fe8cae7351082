"""A real gateway in the test's loop, in front of small real services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import grpc
import httpx
import uvicorn
from aiohttp import web
from pydantic import SecretStr

from chassis.rpc import make_server
from chassis.testing import SECRET, eventually, security_state, token_for
from examhall.servers import free_port
from gateway.app import Gateway, build, server_config
from gateway.routes import SERVICES
from gateway.settings import Settings
from proto.examhall.chassis.v1.hot_pb2 import HotBatch, HotBatchReply, HotReply
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesServicer, add_HotRoutesServicer_to_server


@dataclass
class Upstream:
    """A service's REST side: records what comes, answers what `answer` says."""

    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.answer is not None:
            return await self.answer(request)
        self.bodies.append(await request.read())
        return web.json_response({"path": request.raw_path, "method": request.method})


class HotService(HotRoutesServicer):
    """A service's HotRoutes: records batches, holds them while `gate` is closed, echoes bodies."""

    def __init__(self) -> None:
        self.batches: list[HotBatch] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[grpc.StatusCode] = []
        self.statuses: dict[bytes, int] = {}
        self.bodies: dict[bytes, bytes] = {}
        self.port = 0
        self._server: Any = None

    async def Handle(self, request: HotBatch, context: Any) -> HotBatchReply:
        self.batches.append(request)
        await self.gate.wait()
        if self.failures:
            await context.abort(self.failures.pop(0), "as the test wants it")
        return HotBatchReply(
            replies=[
                HotReply(status=self.statuses.get(call.body, 200), body=self.bodies.get(call.body, call.body))
                for call in request.calls
            ]
        )

    async def start(self) -> None:
        self._server = make_server(SECRET, {})
        add_HotRoutesServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)

    @property
    def calls(self) -> list[Any]:
        return [call for batch in self.batches for call in batch.calls]


@dataclass
class RunningGateway:
    """The gateway and what stands behind it. `upstream` plays all services, `hot` and `signals` the hot routes of attempts and of proctoring."""

    app: Gateway
    port: int
    http: httpx.AsyncClient
    upstream: Upstream
    hot: HotService
    signals: HotService
    server: uvicorn.Server

    def signed_in(self, role: str = "student", **claims: Any) -> dict[str, str]:
        """Headers of a signed-in person."""
        return {"Authorization": f"Bearer {token_for(role, **claims)}"}

    async def raw(self, sent: bytes) -> bytes:
        """What comes back on a connection of its own until the gateway closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        received = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return received


@asynccontextmanager
async def running_gateway(*, has_keys: bool = True, **settings: Any) -> AsyncIterator[RunningGateway]:
    """Starts everything; tokens of `token_for` are valid unless `has_keys` is False."""
    upstream, hot, signals = Upstream(), HotService(), HotService()
    for part in (upstream, hot, signals):
        await part.start()
    addresses = {f"EXAMHALL_{service.upper()}_HTTP": f"127.0.0.1:{upstream.port}" for service in SERVICES}
    addresses |= {
        "EXAMHALL_ATTEMPTS_GRPC": f"127.0.0.1:{hot.port}",
        "EXAMHALL_PROCTORING_GRPC": f"127.0.0.1:{signals.port}",
    }
    with patch.dict("os.environ", addresses):
        chosen = Settings(service_secret=SecretStr(SECRET), http_port=0, **settings)
        gateway = build(chosen, watches_identity=False)
        if has_keys:
            gateway.security.apply(security_state())
        server = uvicorn.Server(server_config(gateway))
        serving = asyncio.create_task(server.serve())
        try:
            await eventually(lambda: server.started or serving.done())
            port = server.servers[0].sockets[0].getsockname()[1]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield RunningGateway(gateway, port, client, upstream, hot, signals, server)
        finally:
            server.should_exit = True
            await serving
            for part in (signals, hot, upstream):
                await part.stop()


def a_closed_port() -> int:
    """A port nobody listens on."""
    return free_port()
