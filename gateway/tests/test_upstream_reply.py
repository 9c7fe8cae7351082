"""What is a reply, where it ends, and what is none."""

import asyncio

import pytest

from chassis.testing import eventually
from gateway.exchange import WHOLE_BYTES
from gateway.tests.byte_service import OK, Service, asked
from gateway.upstream_reply import BrokenOff, InvalidReply


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\nb: c\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\xc3\xa9: a\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 099 What\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 65_536 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000,
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000,
    ],
)
async def test_what_could_be_read_in_two_ways_is_no_reply_and_ends_the_connection(reply: bytes) -> None:
    service = Service()
    service.answer = service.reply(reply)
    async with asked(service) as upstream:
        with pytest.raises(InvalidReply):
            await upstream.request("GET", b"/", [])
        await eventually(lambda: service.open == 0)


async def test_chunks_that_are_not_valid_break_a_reply_off() -> None:
    service = Service()
    service.answer = service.reply(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;note=1\r\nok\r\n0x2\r\nno\r\n0\r\n\r\n"
    )
    async with asked(service) as upstream:
        reply = await upstream.request("GET", b"/", [])
        assert await reply.part() == b"ok"
        with pytest.raises(InvalidReply):
            await reply.part()


async def test_informational_replies_are_passed_over() -> None:
    service = Service()
    service.answer = service.reply(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK)
    async with asked(service) as upstream:
        for _ in range(2):
            reply = await upstream.request("GET", b"/", [])
            assert (reply.status, reply.headers, reply.body) == (200, [(b"content-length", b"2")], b"ok")
    assert service.connections == 1


@pytest.mark.parametrize(
    ("method", "reply", "connections"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 1),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 1),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        ("GET", b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", 2),
        ("HEAD", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 2),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n", 2),
    ],
)
async def test_a_reply_without_a_body_ends_with_its_headers(method: str, reply: bytes, connections: int) -> None:
    service = Service()
    service.answer = service.reply(reply)
    async with asked(service) as upstream:
        for _ in range(2):
            assert (await upstream.request(method, b"/", [])).body == b""
    assert (len(service.heads), service.connections) == (2, connections)


async def test_trailers_are_no_headers() -> None:
    service = Service()
    service.answer = service.reply(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nset-cookie: a=b\r\n\r\n"
    )
    async with asked(service) as upstream:
        for _ in range(2):
            reply = await upstream.request("GET", b"/", [])
            assert (await reply.whole(), reply.headers) == (b"ok", [(b"transfer-encoding", b"chunked")])
    assert service.connections == 1


async def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    service = Service()
    service.answer = service.reply(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", then_close=True)
    async with asked(service) as upstream:
        assert await (await upstream.request("GET", b"/", [])).whole() == b"until the end"


async def test_a_reply_of_which_bytes_are_missing_is_broken_off_however_it_comes() -> None:
    service = Service()
    async with asked(service) as upstream:
        for length in (3, WHOLE_BYTES + 1):
            service.answer = service.reply(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\nok" % length, then_close=True)
            with pytest.raises(BrokenOff) as broken:
                await (await upstream.request("GET", b"/", [])).whole()
            assert broken.value.has_begun


@pytest.mark.parametrize("more", [b"x", OK, b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned"])
async def test_bytes_behind_a_reply_never_become_the_next_one(more: bytes) -> None:
    service = Service()
    service.answer = service.reply(OK + more, OK)
    async with asked(service) as upstream:
        for _ in range(2):
            assert (await upstream.request("GET", b"/", [])).body == b"ok"
    assert service.connections == 2


async def test_bytes_that_nobody_asked_for_end_a_kept_connection() -> None:
    service = Service()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.head(reader)
        writer.write(OK)
        await more.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned")
        await reader.read()

    more = asyncio.Event()
    service.answer = answer
    async with asked(service) as upstream:
        await upstream.request("GET", b"/", [])
        more.set()
        await eventually(lambda: service.open == 0)
        assert (await upstream.request("GET", b"/", [])).body == b"ok"
    assert service.connections == 2
