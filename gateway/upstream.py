"""An HTTP/1.1 client for one service: kept connections, requests in one write, nothing decoded on the way.

It is our own because of what a call costs: a general client builds URLs, cookies, header maps and timers for every call, which the
gateway pays for and does not use.
"""

import asyncio
from collections import deque
from urllib.parse import urlsplit

from gateway.addresses import Addresses, LookUp, look_up_name
from gateway.arrivals import Headers
from gateway.bodies import BodyStream
from gateway.exchange import Connection
from gateway.upstream_reply import NotReached, UpstreamReply

_CONNECT_SECONDS = 2.0
_ADDRESS_SECONDS = 0.5  # one of several addresses gets at least so long before the next is tried
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Upstream:
    """One service at `host:port`. It has at most `connections`; callers beyond that wait in the order they came."""

    def __init__(self, address: str, *, connections: int, seconds: float, look_up: LookUp = look_up_name) -> None:
        parts = urlsplit(f"//{address}")
        self._port = parts.port or 80
        self._addresses = Addresses(parts.hostname or "", look_up)
        self._host_line = b" HTTP/1.1\r\nhost: %b\r\n" % address.encode()
        self._most = connections
        self._seconds = seconds
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._slots_taken = 0  # connections that are open or being opened
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def connections(self) -> int:
        """How many are open, in use or kept."""
        return len(self._all)

    async def request(
        self, method: str, target: bytes, headers: Headers, body: bytes | BodyStream | None = None
    ) -> UpstreamReply:
        """The service's reply, whole when it is small, else as soon as its headers are there. Names of headers are in lower case.

        Raises UpstreamError, and what a streamed body raises; ValueError when a header is more than one line.
        """
        request = self._head(method, target, headers, body)
        if isinstance(body, bytes):
            request += body
        connection = self._idle.pop() if self._idle else None
        if connection is None or not connection.is_usable:
            connection = await self._connection()
        reply = connection.ask(request, body if isinstance(body, BodyStream) else None, is_head=method == "HEAD")
        try:
            await reply.started
        except asyncio.CancelledError:
            reply.abandon()
            raise
        return reply

    def close(self) -> None:
        """Closes the connections; nobody may ask any more."""
        for connection in list(self._all):
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """A connection is free: for who waits longest, or to be kept."""
        waiter = self._longest_waiting()
        if waiter is not None:
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is closed."""
        if connection not in self._all:
            return
        self._all.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._free_slot()

    def _head(self, method: str, target: bytes, headers: Headers, body: bytes | BodyStream | None) -> bytes:
        if body is None:
            framing = b"\r\n" if method in _WITHOUT_BODY else b"content-length: 0\r\n\r\n"
        else:
            length = body.length if isinstance(body, BodyStream) else len(body)
            framing = (
                b"transfer-encoding: chunked\r\n\r\n" if length is None else b"content-length: %d\r\n\r\n" % length
            )
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = b"".join([method.encode(), b" ", target, self._host_line, *lines, framing])
        breaks = len(headers) + 2 + framing.count(b"\n")
        if head.count(b"\n") != breaks or head.count(b"\r") != breaks:
            raise ValueError("a line break within a header")
        return head

    async def _connection(self) -> Connection:
        while True:
            while self._idle:
                if (connection := self._idle.pop()).is_usable:
                    return connection
            if self._slots_taken < self._most:
                self._slots_taken += 1
                return await self._open()
            given = await self._turn()
            if given is None:
                return await self._open()
            if given.is_usable:
                return given

    async def _turn(self) -> Connection | None:
        """A connection that somebody gave back, or None: the right to open one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._seconds):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():  # the turn came as we left: it is the next one's
                given = waiter.result()
                if given is None:
                    self._free_slot()
                elif given.is_usable:
                    self.give_back(given)
            if isinstance(error, TimeoutError):
                raise NotReached("all connections are in use") from error
            raise

    def _longest_waiting(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _free_slot(self) -> None:
        waiter = self._longest_waiting()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self._slots_taken -= 1

    async def _open(self) -> Connection:
        """A new connection, for which a slot is taken."""
        try:
            connection = await self._connect()
            if not connection.is_usable:
                raise ConnectionResetError("closed as soon as it was open")
        except BaseException as error:
            self._free_slot()
            if isinstance(error, OSError):
                self._addresses.forget()
                raise NotReached(str(error)) from error
            raise
        self._all.add(connection)
        return connection

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            addresses = await self._addresses.in_turn()
            for number, address in enumerate(addresses, 1):
                try:
                    async with asyncio.timeout(max(_ADDRESS_SECONDS, _CONNECT_SECONDS / len(addresses))):
                        _, connection = await loop.create_connection(self._make, address, self._port)
                        return connection
                except OSError:
                    if number == len(addresses):
                        raise
        raise AssertionError("a name that was found has an address")

    def _make(self) -> Connection:
        return Connection(self, self._seconds)
