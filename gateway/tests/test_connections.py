import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from chassis.testing import eventually, token_for
from gateway.tests.running import RunningGateway, running_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway(max_header_bytes=2048, slow_headers_seconds=0.2, slow_body_seconds=0.3) as running:
        yield running


def a_save(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [
        b"PUT /api/v1/attempts/a/answers/q HTTP/" + version,
        b"host: x",
        b"authorization: Bearer " + token_for("student").encode(),
        b"content-length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join([*lines, b"", body])


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


def problem_of(reply: bytes) -> dict:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    return json.loads(body)


async def test_pipelined_saves_are_answered_in_order(gateway: RunningGateway) -> None:
    sent = b"".join([a_save(b"%d" % n) for n in range(5)]) + a_save(b"last", b"connection: close")
    reply = await gateway.raw(sent)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in reply.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"0", b"1", b"2", b"3", b"4", b"last"]


async def test_hundreds_of_pipelined_refusals_are_answered(gateway: RunningGateway) -> None:
    refused = b"POST /api/v1/attempts/a/heartbeat HTTP/1.1\r\nhost: x\r\n"
    reply = await gateway.raw((refused + b"\r\n") * 400 + refused + b"connection: close\r\n\r\n")
    assert reply.count(b"HTTP/1.1 401") == 401


async def test_saves_and_other_requests_mix_on_one_connection(gateway: RunningGateway) -> None:
    other = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    reply = await gateway.raw(a_save(b"1") + other + a_save(b"2", b"connection: close"))
    assert [reply.count(b"HTTP/1.1 200"), reply.index(b'{"status":"alive"}') < reply.rindex(b"HTTP/1.1")] == [3, True]


async def test_a_save_that_comes_byte_by_byte_is_answered(gateway: RunningGateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for byte in a_save(b'{"a":1}', b"connection: close"):
        writer.write(bytes([byte]))
        await writer.drain()
    reply = await asyncio.wait_for(reader.read(), 10)
    assert reply.endswith(b'\r\n\r\n{"a":1}')
    writer.close()


async def test_an_old_client_gets_its_connection_closed(gateway: RunningGateway) -> None:
    reply = await gateway.raw(a_save(b"1", version=b"1.0"))
    assert (status_of(reply), b"connection: close" in reply) == (200, True)


async def test_a_client_that_left_does_not_cost_the_others_anything(gateway: RunningGateway) -> None:
    gateway.hot.gate.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(a_save(b"left"))
    await eventually(lambda: len(gateway.hot.batches) == 1)
    writer.close()
    await eventually(lambda: not gateway.app.connections)
    gateway.hot.gate.set()
    reply = await gateway.raw(a_save(b"stays", b"connection: close"))
    assert reply.endswith(b"stays")


async def test_a_stop_waits_for_saves_under_way() -> None:
    async with running_gateway() as gateway:
        gateway.hot.gate.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(a_save(b"kept"))
        await eventually(lambda: len(gateway.hot.batches) == 1)
        asyncio.get_running_loop().call_later(0.2, gateway.hot.gate.set)
    reply = await asyncio.wait_for(reader.read(), 10)
    assert reply.endswith(b"kept")
    writer.close()


UPGRADE = (
    b"GET /ws/attempts/0190a000-0000-7000-8000-000000000002 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def test_a_connection_that_becomes_a_socket_keeps_no_deadline_of_a_request(kafka: str) -> None:
    async with running_gateway(kafka_bootstrap_servers=kafka) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(a_save(b"1"))
        await reader.readuntil(b"\r\n\r\n1")
        writer.write(UPGRADE)
        assert status_of(await reader.readuntil(b"\r\n\r\n")) == 101
        assert (len(gateway.app.sockets._followers), gateway.app.connections) == (1, set())
        writer.close()
        await eventually(lambda: not gateway.app.sockets._followers)


async def test_a_connection_does_not_become_a_socket_while_a_reply_is_due(gateway: RunningGateway) -> None:
    gateway.hot.gate.clear()
    assert await gateway.raw(a_save(b"1") + UPGRADE) == b""
    gateway.hot.gate.set()


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET /api/v1/exams HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(gateway: RunningGateway, head: bytes) -> None:
    reply = await gateway.raw(head)
    assert (status_of(reply), problem_of(reply)["status"]) == (400, 400)
    assert gateway.upstream.bodies == []


async def test_headers_over_the_limit_are_refused_at_once_or_in_drops(gateway: RunningGateway) -> None:
    at_once = await gateway.raw(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 3000 + b"\r\n\r\n")
    assert (status_of(at_once), problem_of(at_once)["status"]) == (431, 431)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx: ")
    for _ in range(6):
        writer.write(b"a" * 500)
        await writer.drain()
    assert status_of(await asyncio.wait_for(reader.read(), 10)) == 431
    writer.close()


async def test_a_large_body_beside_small_headers_is_no_large_header(gateway: RunningGateway) -> None:
    reply = await gateway.raw(a_save(b"x" * 20_000, b"connection: close"))
    assert status_of(reply) == 200


async def test_headers_that_come_too_slowly_are_refused(gateway: RunningGateway) -> None:
    assert status_of(await gateway.raw(b"GET / HTTP/1.1\r\nhost")) == 408


async def test_a_connection_that_says_nothing_is_closed(gateway: RunningGateway) -> None:
    assert await gateway.raw(b"") == b""


@pytest.mark.parametrize("path", [b"/api/v1/exams", b"/api/v1/attempts/a/answers"])
async def test_a_body_that_comes_too_slowly_is_given_up(gateway: RunningGateway, path: bytes) -> None:
    reply = await gateway.raw(b"PUT " + path + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    assert reply == b""
    assert gateway.upstream.bodies == []
    assert gateway.hot.batches == []


async def test_an_idle_connection_stays_open_for_the_next_request(gateway: RunningGateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(a_save(b"1"))
    await reader.readuntil(b"\r\n\r\n1")
    (connection,) = gateway.app.connections
    assert 60 < connection.deadline - connection.loop.time() <= 75
    writer.write(a_save(b"2"))
    await reader.readuntil(b"\r\n\r\n2")
    writer.close()
