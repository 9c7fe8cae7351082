"""A service's reply as who asked for it sees it, and what can be wrong with it."""

import asyncio
from typing import Protocol

from gateway.arrivals import Headers


class UpstreamError(Exception):
    """A service could not be asked, or not be understood."""


class NotReached(UpstreamError):
    """There is no connection: nothing was sent."""


class BrokenOff(UpstreamError):
    """The connection ended before the reply was whole; `has_begun` tells whether any of it had come."""

    def __init__(self, has_begun: bool) -> None:
        super().__init__("the connection ended before the reply was whole")
        self.has_begun = has_begun


class InvalidReply(UpstreamError):
    """What came is not HTTP, or could be read in two ways."""


class Silent(UpstreamError):
    """Nothing came, or nothing was taken, for too long."""


class Abandoned(UpstreamError):
    """Whoever asked does not want the reply any more."""


class Source(Protocol):
    """Where a reply comes from."""

    upload: "asyncio.Task[None] | None"

    def go_on_reading(self) -> None:
        """What waited has been taken."""

    def fail(self, error: Exception) -> None:
        """It is not wanted any more."""


class UpstreamReply:
    """A reply. Names of headers are in lower case; `body` is None when it comes in parts."""

    __slots__ = ("_error", "_is_complete", "_parts", "_source", "_waiter", "body", "headers", "started", "status")

    def __init__(self, source: Source, started: "asyncio.Future[None]") -> None:
        self.status = 0
        self.headers: Headers = []
        self.body: bytes | None = None
        self.started = started
        self._source = source
        self._parts: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_complete = False

    async def part(self) -> bytes:
        """What has come since the last part; nothing at the end.

        Raises UpstreamError when the reply does not come whole, and what a streamed body raises that is still on its way.
        """
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self._is_complete:
                return b""
            self._waiter = self.started.get_loop().create_future()
            await self._waiter
        content = b"".join(self._parts)
        self._parts.clear()
        if not self._is_complete:
            self._source.go_on_reading()
        return content

    async def whole(self) -> bytes:
        """The body, however it comes. Raises UpstreamError."""
        if self.body is not None:
            return self.body
        parts = []
        while content := await self.part():
            parts.append(content)
        return b"".join(parts)

    async def sent(self) -> None:
        """Waits until the request's body has been taken, or is not wanted any more."""
        upload = self._source.upload
        if not self._is_complete and upload is not None:
            await asyncio.wait((upload,))

    def abandon(self) -> None:
        """Closes the connection, unless the reply is complete."""
        if not self._is_complete and self._error is None:
            self._source.fail(Abandoned())

    def begin(self) -> None:
        """Status and headers are there, and the body comes in parts."""
        if not self.started.done():
            self.started.set_result(None)

    def add(self, part: bytes) -> None:
        """A part of a body that comes in parts."""
        self._parts.append(part)
        self._wake()

    def complete(self, body: bytes | None) -> None:
        """All is there; `body` when it did not come in parts."""
        self.body = body
        self._is_complete = True
        self.begin()
        self._wake()

    def fail(self, error: Exception) -> None:
        """It does not come, or not whole: who waits for it learns why. What has come in parts can still be taken."""
        self._error = error
        if not self.started.done():
            self.started.set_exception(error)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
