"""Request bodies: whole when they are small, in parts when not, and never cut short without anybody noticing."""

from collections.abc import AsyncIterator

from gateway.replies import BodyTooLarge, Receive


class ClientGone(Exception):
    """The client left before its request was complete: nobody waits for a reply, and nothing must be done with half a body."""


async def read_whole(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge beyond `limit` bytes, and ClientGone."""
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"] and len(message["body"]) <= limit:
        body: bytes = message["body"]
        return body
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message["body"])
        size += len(message["body"])
        if size > limit:
            raise too_large(limit)
        if not message["more_body"]:
            return b"".join(parts)
        message = await receive()
    raise ClientGone


class BodyStream:
    """A body that is passed on as it comes. `length` is None where the client did not tell it."""

    def __init__(self, receive: Receive, limit: int, length: int | None = None) -> None:
        self._receive = receive
        self._limit = limit
        self._has_begun = False
        self.length = length

    async def parts(self) -> AsyncIterator[bytes]:
        """The parts, once. Raises BodyTooLarge and ClientGone."""
        if self._has_begun:
            raise RuntimeError("a streamed body can be sent only once")
        self._has_begun = True
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGone
            more = message["more_body"]
            size += len(message["body"])
            if size > self._limit:
                raise too_large(self._limit)
            if message["body"]:
                yield message["body"]


def too_large(limit: int) -> BodyTooLarge:
    """What is told of a body beyond `limit` bytes."""
    return BodyTooLarge(f"A request here has at most {limit} bytes.", limit_bytes=limit)
