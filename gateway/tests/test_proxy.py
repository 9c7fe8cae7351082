import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from chassis.testing import SECRET, eventually
from gateway.tests.running import RunningGateway, running_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway() as running:
        yield running


async def test_a_request_reaches_its_service_as_it_was_sent(gateway: RunningGateway) -> None:
    reply = await gateway.http.post(
        "/api/v1/exams/a%2Fb?page=1&name=%C3%A9", content=b"{}", headers={"Idempotency-Key": "k", "If-Match": '"v3"'}
    )
    assert reply.json() == {"path": "/api/v1/exams/a%2Fb?page=1&name=%C3%A9", "method": "POST"}
    request = gateway.upstream.requests[0]
    assert gateway.upstream.bodies == [b"{}"]
    assert (request.headers["Idempotency-Key"], request.headers["If-Match"]) == ("k", '"v3"')


async def test_the_service_learns_who_calls_and_that_the_gateway_says_so(gateway: RunningGateway) -> None:
    lies = {
        "X-Examhall-Credential": "stolen",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
    }
    await gateway.http.get("/api/v1/exams", headers=lies)
    headers = gateway.upstream.requests[0].headers
    assert headers.getall("X-Examhall-Credential") == [SECRET]
    assert headers.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert headers.getall("X-Forwarded-Proto") == ["http"]
    assert "X-Real-IP" not in headers
    assert "Forwarded" not in headers


async def test_of_several_tokens_the_service_gets_the_one_that_was_admitted(gateway: RunningGateway) -> None:
    tokens = [gateway.signed_in()["Authorization"] for _ in range(2)]
    for sent in ([tokens[0], tokens[1]], [tokens[0], "Basic eDp5"]):
        assert (await gateway.http.get("/api/v1/exams", headers=[("Authorization", one) for one in sent])).is_success
        assert gateway.upstream.requests[-1].headers.getall("Authorization") == sent[1:]


async def test_headers_of_one_hop_stay_on_their_hop(gateway: RunningGateway) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="x", headers={"Server": "secret 1.0", "Keep-Alive": "timeout=1", "X-Kept": "yes"})

    gateway.upstream.answer = answer
    sent = {"Connection": "keep-alive, X-Private", "X-Private": "1", "TE": "trailers", "X-Kept": "1"}
    reply = await gateway.http.get("/api/v1/exams", headers=sent)
    there = gateway.upstream.requests[0].headers
    assert [name in there for name in ("X-Private", "TE", "X-Kept")] == [False, False, True]
    assert [name in reply.headers for name in ("server", "keep-alive", "x-kept", "date")] == [False, False, True, False]


async def test_every_line_of_a_repeated_connection_header_counts(gateway: RunningGateway) -> None:
    sent = [("Connection", "X-One"), ("Connection", "X-Two"), ("X-One", "1"), ("X-Two", "2")]
    await gateway.http.get("/api/v1/exams", headers=sent)
    there = gateway.upstream.requests[0].headers
    assert [name in there for name in ("X-One", "X-Two")] == [False, False]


async def test_ids_go_in_and_out(gateway: RunningGateway) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = await gateway.http.get("/api/v1/exams", headers={"X-Request-ID": "front-7", "Traceparent": trace})
    there = gateway.upstream.requests[0].headers
    assert reply.headers.get_list("x-request-id") == ["front-7"]
    assert (there.getall("X-Request-ID"), there.getall("traceparent")) == (["front-7"], [trace])


async def test_every_reply_carries_security_headers_once(gateway: RunningGateway) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(headers={"X-Content-Type-Options": "sniff", "Cache-Control": "max-age=60"})

    gateway.upstream.answer = answer
    reply = await gateway.http.get("/api/v1/exams")
    assert reply.headers.get_list("x-content-type-options") == ["nosniff"]
    assert reply.headers.get_list("cache-control") == ["max-age=60"]
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


async def test_cookies_redirects_and_compression_are_passed_back_untouched(gateway: RunningGateway) -> None:
    async def answer(_: web.Request) -> web.Response:
        response = web.Response(status=307, body=b"\x1f\x8bnot really", headers={"Location": "/x"})
        response.headers["Content-Encoding"] = "gzip"
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    gateway.upstream.answer = answer
    async with gateway.http.stream("GET", "/api/v1/exams") as reply:
        body = b"".join([part async for part in reply.aiter_raw()])
    assert (reply.status_code, reply.headers["location"], body) == (307, "/x", b"\x1f\x8bnot really")
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
async def test_bodies_of_every_size_arrive_whole_both_ways(gateway: RunningGateway, size: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    gateway.upstream.answer = answer
    sent = bytes(index % 251 for index in range(size))
    reply = await gateway.http.post("/api/v1/exams", content=sent)
    assert reply.content == sent


async def test_a_chunked_body_arrives_whole(gateway: RunningGateway) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(20):
            yield b"%d," % number

    await gateway.http.post("/api/v1/exams", content=parts())
    assert gateway.upstream.bodies == [b"".join([b"%d," % number for number in range(20)])]


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(is_chunked: bool) -> None:
    async with running_gateway(max_body_bytes=300_000) as gateway:

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 10_000

        reply = await gateway.http.post("/api/v1/exams", content=parts() if is_chunked else b"x" * 300_001)
        assert (reply.status_code, reply.json()["limit_bytes"]) == (413, 300_000)
        assert gateway.upstream.bodies == []


async def test_half_a_body_is_never_passed_on_as_a_whole_one(gateway: RunningGateway) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    await eventually(lambda: len(gateway.app.connections) == 1)
    writer.close()
    await eventually(lambda: not gateway.app.connections)
    await gateway.http.get("/api/v1/exams")
    assert [request.method for request in gateway.upstream.requests] == ["GET"]


async def test_parts_of_a_stream_arrive_as_they_come_and_the_service_learns_when_the_client_leaves(
    gateway: RunningGateway,
) -> None:
    ended = asyncio.Event()
    first_was_read = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await response.write(b"data: 1\n\n")
            await first_was_read.wait()
            while True:
                await response.write(b"data: 2\n\n")
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.CancelledError):
            ended.set()
            raise

    gateway.upstream.answer = answer
    async with gateway.http.stream("GET", "/api/v1/exams") as reply:
        parts = reply.aiter_raw()
        assert await anext(parts) == b"data: 1\n\n"
        first_was_read.set()
        assert (await anext(parts)).startswith(b"data: 2\n\n")
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_reply_that_breaks_off_is_not_taken_for_a_whole_one(gateway: RunningGateway) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"the first part")
        request.transport.abort()
        return response

    gateway.upstream.answer = answer
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.http.get("/api/v1/exams")


async def test_a_request_is_held_while_its_service_restarts(gateway: RunningGateway) -> None:
    await gateway.http.get("/api/v1/exams")
    await gateway.upstream.stop()
    waiting = [
        asyncio.create_task(gateway.http.request(method, "/api/v1/exams", content=content))
        for method, content in (("GET", b""), ("POST", b"{}"), ("POST", b"x" * 300_000))
    ]
    _, pending = await asyncio.wait(waiting, timeout=0.3)
    assert len(pending) == 3
    await gateway.upstream.start()
    replies = await asyncio.gather(*waiting)
    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert sorted(len(body) for body in gateway.upstream.bodies[1:]) == [0, 2, 300_000]


async def test_a_service_that_stays_away_is_a_problem_that_says_when_to_try_again() -> None:
    async with running_gateway(upstream_hold_seconds=0.1) as gateway:
        await gateway.upstream.stop()
        reply = await gateway.http.get("/api/v1/exams")
        assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
        assert reply.headers["retry-after"] == "2"
        assert reply.json()["trace_id"] == reply.headers["x-request-id"]


async def test_a_change_that_broke_off_is_not_repeated_and_a_read_is(gateway: RunningGateway) -> None:
    async def answer(request: web.Request) -> web.Response:
        if len(gateway.upstream.requests) < 3:
            request.transport.abort()
        return web.Response(text="ok")

    gateway.upstream.answer = answer
    changed = await gateway.http.post("/api/v1/exams", content=b"{}")
    assert (changed.status_code, len(gateway.upstream.requests)) == (502, 1)
    read = await gateway.http.get("/api/v1/exams")
    assert (read.status_code, read.text) == (200, "ok")


async def test_a_service_that_is_too_slow_is_a_504() -> None:
    async with running_gateway(upstream_seconds=0.1) as gateway:
        released = asyncio.Event()

        async def answer(_: web.Request) -> web.Response:
            await released.wait()
            return web.Response()

        gateway.upstream.answer = answer
        reply = await gateway.http.post("/api/v1/exams", content=b"{}")
        assert reply.status_code == 504
        assert len(gateway.upstream.requests) == 1
        released.set()


async def test_a_head_request_has_the_length_and_no_body(gateway: RunningGateway) -> None:
    reply = await gateway.http.head("/api/v1/exams")
    assert reply.status_code == 200
    assert int(reply.headers["content-length"]) > 0
    assert reply.content == b""


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        b"what is this\r\n",
    ],
)
async def test_what_is_no_valid_reply_is_a_502_and_not_asked_for_again(gateway: RunningGateway, reply: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.write(reply)
        return web.Response()

    gateway.upstream.answer = answer
    got = await gateway.http.get("/api/v1/exams")
    assert (got.status_code, got.headers["content-type"]) == (502, "application/problem+json")
    assert got.json()["type"].endswith("bad-upstream")
    assert len(gateway.upstream.requests) == 1


async def test_a_small_reply_that_breaks_off_is_a_502(gateway: RunningGateway) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhalf")
        request.transport.close()
        return web.Response()

    gateway.upstream.answer = answer
    reply = await gateway.http.get("/api/v1/exams")
    assert (reply.status_code, reply.json()["detail"]) == (502, "The service broke off in the middle of its reply.")
    assert len(gateway.upstream.requests) == 1


async def test_what_has_not_changed_may_tell_its_length(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.write(b'HTTP/1.1 304 Not Modified\r\netag: "v3"\r\ncontent-length: 500\r\n\r\n')
        request.transport.close()
        return web.Response()

    gateway.upstream.answer = answer
    reply = await gateway.http.get("/api/v1/exams", headers={"If-None-Match": '"v3"'})
    assert (reply.status_code, reply.headers["etag"], reply.content) == (304, '"v3"', b"")
    assert "content-length" not in reply.headers
    assert not caplog.records


async def test_a_service_may_answer_while_the_request_still_comes(gateway: RunningGateway) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for part in request.content.iter_any():
            await response.write(part)
        return response

    gateway.upstream.answer = answer
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /api/v1/exams HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
    received = await asyncio.wait_for(reader.readuntil(b"first"), 10)
    assert received.startswith(b"HTTP/1.1 200")
    for number in range(20):
        writer.write(b"4\r\n%04d\r\n" % number)
        await asyncio.wait_for(reader.readuntil(b"%04d" % number), 10)
    writer.write(b"0\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 10)).endswith(b"0\r\n\r\n")
    writer.close()


async def test_a_service_learns_when_the_client_leaves_in_the_middle_of_a_large_reply(
    gateway: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        finally:
            ended.set()

    gateway.upstream.answer = answer
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /api/v1/exams HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.wait_for(reader.readexactly(1_000_000), 10)
    assert not ended.is_set()
    writer.transport.abort()
    await asyncio.wait_for(ended.wait(), 10)
    await eventually(lambda: not gateway.app.connections)
    assert not [record for record in caplog.records if "Exception in ASGI" in record.message]
