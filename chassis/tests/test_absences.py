"""What is away is waited for and said to be away; nothing ends for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import grpc
import httpx
import pytest
from fastapi import FastAPI

from chassis.absences import is_away
from chassis.consuming import Consumer, Subscription
from chassis.database import Database
from chassis.errors import DependencyUnavailable
from chassis.hot import HotRoutes
from chassis.problem_replies import add_problem_handlers
from chassis.relay import Relay
from chassis.rpc import MAX_MESSAGE_BYTES, domain_error_of, open_channel
from chassis.security import Security
from chassis.service import Runtime
from chassis.settings import ServiceSettings
from chassis.testing import eventually


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.InvalidPasswordError("the password was changed, and this process was not started again yet"),
        asyncpg.InternalClientError(),
        TimeoutError(),
    ],
)
async def test_a_request_that_meets_an_absence_is_answered_with_try_again(error: Exception) -> None:
    async def meet() -> None:
        raise error

    app = FastAPI()
    add_problem_handlers(app, {})
    app.get("/")(meet)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        reply = await client.get("/")
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (503, "dependency-unavailable")
    assert HotRoutes((), Security(), {}).refusal(error).status == 503


async def test_a_mistake_of_ours_stays_a_mistake_of_ours() -> None:
    assert HotRoutes((), Security(), {}).refusal(KeyError("x")).status == 500


async def _fails(reply: bytes, status: grpc.StatusCode | None = None) -> grpc.aio.AioRpcError:
    """The error of a call of 17 MiB that is answered with `reply`, or with a status."""

    async def answer(_: bytes, context: Any) -> bytes:
        if status is not None:
            await context.abort(status, "not now")
        return reply

    handler = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("examhall.Test", {"Ask": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = open_channel(f"127.0.0.1:{port}", "secret")
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/examhall.Test/Ask")(b"" if reply or status else b"x" * (MAX_MESSAGE_BYTES + 1))
        return caught.value
    finally:
        await channel.close()
        await server.stop(0)


async def test_a_message_too_large_is_no_absence_since_it_will_be_too_large_the_next_time() -> None:
    for error in (await _fails(b"x" * (MAX_MESSAGE_BYTES + 1)), await _fails(b"")):
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not is_away(error)
        assert not isinstance(domain_error_of(error, "attempts"), DependencyUnavailable)
    overloaded = await _fails(b"", grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert is_away(overloaded)
    assert isinstance(domain_error_of(overloaded, "attempts"), DependencyUnavailable)


class Leaky:
    """A Kafka client as aiokafka's are when their broker dies at the wrong moment: what it raises is the cancellation of a task of its own."""

    def __init__(self, starts: list["Leaky"], *, fails_to_start: bool = False) -> None:
        self._starts = starts
        self._fails_to_start = fails_to_start

    async def start(self) -> None:
        self._starts.append(self)
        if self._fails_to_start:
            raise asyncio.CancelledError

    async def getmany(self, timeout_ms: int) -> Any:
        raise asyncio.CancelledError

    async def stop(self) -> None:
        raise asyncio.CancelledError

    close = stop


async def test_a_cancellation_that_a_client_lets_out_does_not_end_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Leaky] = []
    monkeypatch.setattr("chassis.consuming.new_consumer", lambda *_: Leaky(starts))
    monkeypatch.setattr("chassis.consuming.new_admin", lambda _: Leaky([]))
    runtime = Runtime("sample", ServiceSettings(database_url="postgresql://nowhere/"))
    consumer = Consumer(runtime, "examhall.sample", [Subscription("topic", {})])
    async with going_on(consumer.run()):
        await eventually(lambda: len(starts) >= 2)


async def test_a_cancellation_that_a_client_lets_out_does_not_end_the_relay(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[Leaky] = []
    monkeypatch.setattr("chassis.relay.new_producer", lambda _: Leaky(starts, fails_to_start=True))
    monkeypatch.setattr("chassis.relay.new_admin", lambda _: Leaky([]))
    monkeypatch.setattr("chassis.relay.new_log_reader", lambda _: Leaky([]))
    relay = Relay("sample", Database(database_url).direct_connection, "nowhere:1", lambda _: ())
    async with going_on(relay.run()):
        await eventually(lambda: len(starts) >= 2)


@asynccontextmanager
async def going_on(work: Any) -> AsyncIterator[None]:
    """Runs beside; told to stop, it must stop."""
    task = asyncio.create_task(work)
    yield
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert task.cancelled()
