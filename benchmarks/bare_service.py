"""A service that does nothing but reply, so that what stands before it is busy all the time: `python -m benchmarks.bare_service PORT`."""

import asyncio
import sys
from typing import Any

import uvloop

from examhall.servers import HOST

_BODY = b'{"items":[]}'
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class _Replying(asyncio.Protocol):
    """One connection, whose requests have no bodies."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to reply."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Replies to each whole request."""
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        self._transport.write(_REPLY * len(requests))


async def serve(port: int) -> None:
    """Replies for ever."""
    server = await asyncio.get_running_loop().create_server(_Replying, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1])))
