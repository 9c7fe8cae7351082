"""Services that are nothing but bytes on a connection, and the client under test beside one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from chassis.testing import eventually
from gateway.bodies import BodyStream
from gateway.upstream import Upstream

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
            with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client has left
                await self.answer(reader, writer)
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
