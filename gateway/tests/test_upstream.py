"""The client's connections: how a request is written on one, when it serves another, when it is closed."""

from typing import Any

import pytest

from chassis.testing import eventually
from gateway.tests.byte_service import OK, Service, a_body, asked


async def test_a_request_is_written_as_it_is_and_a_connection_serves_one_after_the_other() -> None:
    service = Service()
    async with asked(service) as upstream:
        for _ in range(3):
            reply = await upstream.request("GET", b"/a%2Fb?\xc3\xa9", [(b"x-one", b"\xe9"), (b"x-one", b"")])
            assert (reply.status, reply.headers, reply.body) == (200, [(b"content-length", b"2")], b"ok")
    wanted = b"GET /a%%2Fb?\xc3\xa9 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-one: \xe9\r\nx-one: \r\n\r\n" % service.port
    assert (service.heads, service.connections) == ([wanted] * 3, 1)


@pytest.mark.parametrize(
    ("method", "body", "framing"),
    [
        ("GET", None, b""),
        ("GET", b"", b"content-length: 0\r\n"),
        ("POST", None, b"content-length: 0\r\n"),
        ("POST", b"abc", b"content-length: 3\r\n"),
        ("PUT", a_body(b"ab", b"c"), b"transfer-encoding: chunked\r\n"),
        ("PUT", a_body(b"ab", b"c", length=3), b"content-length: 3\r\n"),
    ],
)
async def test_every_body_is_framed_in_one_way(method: str, body: Any, framing: bytes) -> None:
    service = Service()
    async with asked(service) as upstream:
        await upstream.request(method, b"/", [], body)
    assert service.heads[0].partition(b"\r\n")[2].partition(b"\r\n")[2] == framing + b"\r\n"


@pytest.mark.parametrize("header", [(b"x", b"1\r\ny: 2"), (b"x", b"1\ny: 2"), (b"x", b"1\ry"), (b"x\r\ny", b"1")])
async def test_a_header_of_two_lines_is_never_sent(header: tuple[bytes, bytes]) -> None:
    service = Service()
    async with asked(service) as upstream:
        with pytest.raises(ValueError, match="line break"):
            await upstream.request("GET", b"/", [header])
    assert service.heads == []


async def test_a_connection_that_the_service_closed_while_it_was_kept_is_not_used() -> None:
    service = Service()
    service.answer = service.reply(OK, then_close=True)
    async with asked(service) as upstream:
        for count in range(1, 4):
            assert (await upstream.request("POST", b"/", [], b"{}")).body == b"ok"
            await eventually(lambda: upstream.connections == 0)
            assert service.connections == count


async def test_a_connection_nobody_needs_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.exchange.IDLE_SECONDS", 0.05)
    service = Service()
    async with asked(service) as upstream:
        await upstream.request("GET", b"/", [])
        assert service.open == 1
        await eventually(lambda: service.open == 0)
        assert (await upstream.request("GET", b"/", [])).body == b"ok"
