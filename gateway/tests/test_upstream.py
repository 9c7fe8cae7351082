"""The client's own promises, against services that are nothing but bytes on a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chassis.testing import eventually
from gateway.addresses import Addresses
from gateway.bodies import BodyStream, ClientGone
from gateway.exchange import WHOLE_BYTES
from gateway.replies import BodyTooLarge
from gateway.upstream import Upstream
from gateway.upstream_reply import BrokenOff, InvalidReply, NotReached, Silent

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Service:
    """Accepts connections and lets `answer` have them; `heads` are the requests as they came."""

    def __init__(self) -> None:
        self.connections = 0
        self.open = 0
        self.heads: list[bytes] = []
        self.answer: Answer = self.reply(OK)
        self.port = 0

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return head

    def reply(self, *replies: bytes, then_close: bool = False) -> Answer:
        """One of these for each request of a connection, the last of them for all that follow."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            number = 0
            while True:
                await self.head(reader)
                writer.write(replies[min(number, len(replies) - 1)])
                number += 1
                if then_close:
                    return

        return answer

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self.answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def asked(service: Service, **options: Any) -> AsyncIterator[Upstream]:
    """A client for a service that runs."""
    server = await asyncio.start_server(service.accept, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    host = options.pop("host", "127.0.0.1")
    upstream = Upstream(f"{host}:{service.port}", **{"connections": 8, "seconds": 5.0, **options})
    try:
        yield upstream
    finally:
        upstream.close()
        server.close()
        await eventually(lambda: service.open == 0)


def a_body(*parts: bytes, length: int | None = None, limit: int = 10**9, then: Any = None) -> BodyStream:
    """A body in parts; `then` is awaited before the last message."""
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or then is not None}
        assert then is not None
        message: dict[str, Any] = await then()
        return message

    return BodyStream(receive, limit, length)


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


async def test_callers_beyond_the_limit_wait_and_are_served_in_the_order_they_came() -> None:
    service = Service()
    may_answer = asyncio.Semaphore(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await service.head(reader)
            await may_answer.acquire()
            writer.write(OK)

    service.answer = answer
    async with asked(service, connections=2) as upstream:
        callers = []
        for number in range(8):
            callers.append(asyncio.create_task(upstream.request("GET", b"/%d" % number, [])))
            await eventually(lambda number=number: len(service.heads) == min(number + 1, 2))
        for asked_now in range(3, 9):
            may_answer.release()
            await eventually(lambda asked_now=asked_now: len(service.heads) == asked_now)
        may_answer.release()
        may_answer.release()
        await asyncio.gather(*callers)
    assert [head[: head.find(b" H")] for head in service.heads] == [b"GET /%d" % number for number in range(8)]
    assert service.connections == 2


async def test_a_turn_is_passed_on_when_a_connection_breaks_or_a_caller_leaves() -> None:
    service = Service()
    steps: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await service.head(reader)
            step = await steps.get()
            if not step:
                return
            writer.write(step)

    service.answer = answer
    async with asked(service, connections=1) as upstream:
        broken, left, waiting, last = (asyncio.create_task(upstream.request("GET", b"/", [])) for _ in range(4))
        await eventually(lambda: len(service.heads) == 1)
        left.cancel()
        steps.put_nowait(b"")
        with pytest.raises(BrokenOff) as error:
            await broken
        assert not error.value.has_begun
        await eventually(lambda: len(service.heads) == 2)
        waiting.cancel()  # in the middle of its exchange: its connection goes with it
        await eventually(lambda: len(service.heads) == 3)
        steps.put_nowait(b"")
        steps.put_nowait(OK)
        outcomes = await asyncio.gather(left, waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
        await eventually(last.done)
    assert service.connections == 3


async def test_who_waits_too_long_for_a_connection_was_not_heard() -> None:
    service = Service()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.head(reader)
        await reader.read()

    service.answer = answer
    async with asked(service, connections=1, seconds=0.1) as upstream:
        outcomes = await asyncio.gather(*[upstream.request("GET", b"/", []) for _ in range(2)], return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {Silent, NotReached}
    assert isinstance(outcomes[0], Silent)


async def test_a_service_that_says_nothing_for_too_long_is_given_up_at_every_stage() -> None:
    service = Service()
    async with asked(service, seconds=0.1) as upstream:
        for said in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"):

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = said) -> None:
                await service.head(reader)
                writer.write(said)
                await reader.read()

            service.answer = answer
            with pytest.raises(Silent):
                await (await upstream.request("GET", b"/", [])).whole()
            await eventually(lambda: service.open == 0)


async def test_a_service_that_takes_nothing_for_too_long_is_given_up() -> None:
    service = Service()
    is_over = asyncio.Event()

    async def answer(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await is_over.wait()

    service.answer = answer
    async with asked(service, seconds=0.1) as upstream:
        with pytest.raises(Silent):
            await upstream.request("POST", b"/", [], a_body(*[b"x" * 100_000] * 1_000))
        is_over.set()


async def test_a_service_gets_no_more_of_a_body_than_it_takes() -> None:
    service = Service()
    may_read = asyncio.Event()
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": taken < 1_000}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.head(reader)
        await may_read.wait()
        await reader.readexactly(100_000_000)
        writer.write(OK)
        await reader.read()

    service.answer = answer
    async with asked(service) as upstream:
        asking = asyncio.create_task(upstream.request("POST", b"/", [], BodyStream(receive, 10**9, 100_000_000)))
        await eventually(lambda: len(service.heads) == 1)
        for _ in range(200):
            await asyncio.sleep(0)
        assert taken < 500
        may_read.set()
        assert (await asking).body == b"ok"
    assert taken == 1_000


async def test_a_service_sends_no_more_of_a_reply_than_is_taken() -> None:
    service = Service()
    written = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await service.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(1_000):
            writer.write(b"x" * 100_000)
            written += 1
            await writer.drain()
        await reader.read()

    service.answer = answer
    async with asked(service) as upstream:
        reply = await upstream.request("GET", b"/", [])
        for _ in range(500):
            await asyncio.sleep(0)
        assert written < 500
        assert len(await reply.whole()) == 100_000_000
    assert written == 1_000


async def test_a_reply_that_comes_before_its_request_was_whole_is_given_and_ends_the_connection() -> None:
    service = Service()
    never = asyncio.Event()

    async def more() -> dict[str, Any]:
        await never.wait()
        raise AssertionError

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await reader.read()

    service.answer = answer
    async with asked(service) as upstream:
        assert (await upstream.request("POST", b"/", [], a_body(b"begun", then=more))).status == 413
        await eventually(lambda: service.open == 0)


async def gone() -> dict[str, Any]:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("body", "error"),
    [(a_body(b"much", b" too long", limit=5), BodyTooLarge), (a_body(b"half", then=gone), ClientGone)],
)
async def test_what_is_wrong_with_a_body_is_told_and_the_service_gets_no_whole_request(
    body: BodyStream, error: type[Exception]
) -> None:
    service = Service()
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.head(reader)
        received.append(await reader.read())

    service.answer = answer
    async with asked(service) as upstream:
        with pytest.raises(error):
            await upstream.request("POST", b"/", [], body)
        await eventually(lambda: service.open == 0)
    assert b"0\r\n\r\n" not in b"".join(received)


async def test_a_service_at_several_addresses_is_found_at_the_one_that_answers() -> None:
    service = Service()
    looked_up = 0

    async def look_up(_: str) -> list[str]:
        nonlocal looked_up
        looked_up += 1
        return ["127.0.0.2", "127.0.0.1", "127.0.0.3"]

    async with asked(service, host="replicas", look_up=look_up) as upstream:
        replies = await asyncio.gather(*[upstream.request("GET", b"/", []) for _ in range(6)])
    assert [reply.body for reply in replies] == [b"ok"] * 6
    assert looked_up == 1
    assert service.heads[0].startswith(b"GET / HTTP/1.1\r\nhost: replicas:")


async def test_another_address_comes_first_each_time() -> None:
    async def look_up(_: str) -> list[str]:
        return ["a", "b", "c"]

    addresses = Addresses("replicas", look_up)
    assert [(await addresses.in_turn())[0] for _ in range(6)] == ["b", "c", "a"] * 2


async def test_a_name_is_looked_up_anew_when_nobody_answers_at_its_addresses() -> None:
    service = Service()
    addresses = [["127.0.0.2"], [], ["127.0.0.1"]]

    async def look_up(_: str) -> list[str]:
        return addresses.pop(0)

    async with asked(service, host="moving", look_up=look_up) as upstream:
        for _ in range(2):
            with pytest.raises(NotReached):
                await upstream.request("GET", b"/", [])
        assert (await upstream.request("GET", b"/", [])).body == b"ok"


async def test_a_name_that_is_not_found_in_time_is_a_service_that_was_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.upstream._CONNECT_SECONDS", 0.05)
    answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def look_up(_: str) -> list[str]:
        return await answer

    service = Service()
    async with asked(service, host="slow", connections=1, look_up=look_up) as upstream:
        for _ in range(2):
            with pytest.raises(NotReached):
                await upstream.request("GET", b"/", [])
        answer.set_result(["127.0.0.1"])
        assert (await upstream.request("GET", b"/", [])).body == b"ok"
