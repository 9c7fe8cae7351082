"""Waiting: for a connection, for a service that says or takes nothing, for a caller who sends or takes nothing."""

import asyncio
from typing import Any

import pytest

from chassis.testing import eventually
from gateway.bodies import BodyStream, ClientGone
from gateway.replies import BodyTooLarge
from gateway.tests.byte_service import OK, Service, a_body, asked
from gateway.upstream_reply import BrokenOff, NotReached, Silent


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
