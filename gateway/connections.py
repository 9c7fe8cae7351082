"""A client's connection: how large and how slow a request may be, and the short way for hot calls.

A hot call whose body is small is answered from the parser's callback, with one write, without a task or an ASGI message: this is what
keeps a save cheap. It relies on uvicorn's HttpToolsProtocol (locked by hash); `test_connections.py` guards what it relies on.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from chassis.errors import Problem
from gateway.arrivals import Arrival
from gateway.hot import SINGLE_CALL_BYTES
from gateway.replies import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    REQUEST_TIMEOUT,
    SECURITY_HEADERS,
    STRICT_TRANSPORT,
    Reply,
    problem_reply,
)
from gateway.routes import hot_service

if TYPE_CHECKING:
    from gateway.app import Gateway

_SWEEP_SECONDS = 1.0
_SECURITY_BLOCK = b"".join(b"%b: %b\r\n" % header for header in SECURITY_HEADERS)
_STRICT_LINE = b"%b: %b\r\n" % STRICT_TRANSPORT


class Connection(HttpToolsProtocol):
    """`deadline` is the loop's time at which the client must have done the next thing: headers, body, the next request, reading."""

    def connection_made(self, transport: Any) -> None:
        """Starts the time for the first request."""
        self.gateway: Gateway = self.config.app  # type: ignore[assignment]
        self.settings = self.gateway.settings
        self.deadline = self.loop.time() + self.settings.slow_headers_seconds
        self.awaits_headers = True
        self.has_begun = False
        self.header_bytes = 0
        self.hot_cycle: RequestResponseCycle | None = None
        self.hot_arrival: Arrival | None = None
        self.started = 0.0
        self.gateway.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self.gateway.connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, unless the headers are longer than they may be."""
        most = self.settings.max_header_bytes
        if self.awaits_headers and len(data) > most and data.find(b"\r\n\r\n", 0, most) < 0:
            self._refuse(HEADERS_TOO_LARGE, f"Request line and headers have at most {most} bytes.")
            return
        super().data_received(data)
        if self.awaits_headers and self.has_begun:
            self.header_bytes += len(data)
            if self.header_bytes > most:
                self._refuse(HEADERS_TOO_LARGE, f"Request line and headers have at most {most} bytes.")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.deadline = self.loop.time() + self.settings.slow_headers_seconds
        self.has_begun = True

    def on_headers_complete(self) -> None:
        """Its headers are there. A transfer coding that we don't undo could be read in two ways (RFC 9112, section 6.1); the parser refuses for us."""
        if any(name == b"transfer-encoding" and value.strip().lower() != b"chunked" for name, value in self.headers):
            raise ValueError("unknown transfer coding")
        self.awaits_headers = False
        self.header_bytes = 0
        self.deadline = self.loop.time() + self.settings.slow_body_seconds
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole: now the client waits for us."""
        self.awaits_headers, self.has_begun = True, False
        self.deadline = math.inf
        super().on_message_complete()
        if self.hot_cycle is not None and self.hot_cycle is self.cycle:
            self._begin_hot(self.hot_cycle)

    def handle_websocket_upgrade(self) -> None:
        """The connection becomes a socket, which has limits of its own; not while a reply is due."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
            return
        self.gateway.connections.discard(self)
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Starts the next request of this connection, or the time for it: a deadline instead of uvicorn's timer for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.deadline == math.inf:
            self.deadline = self.loop.time() + self.timeout_keep_alive

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self.deadline = self.loop.time() + self.settings.slow_reader_seconds

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self.deadline = math.inf

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP, or could be read in two ways (RFC 9112, section 6.3), is refused as a problem."""
        self._refuse(BAD_REQUEST, msg)

    def close_if_late(self, now: float) -> None:
        """Closes the connection when its deadline is over."""
        if now < self.deadline or self.transport.is_closing():
            return
        if self.has_begun and self.awaits_headers and (self.cycle is None or self.cycle.response_complete):
            self._refuse(REQUEST_TIMEOUT, "The headers of this request did not come in time.")
        elif self.flow.write_paused:
            self.transport.abort()
        else:
            self.transport.close()

    def _refuse(self, problem: Problem, detail: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            reply = problem_reply(problem, detail)
            self.transport.write(_head(reply, None, keep_alive=False) + reply.body)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope = cycle.scope
        if self.gateway.takes_short_way and hot_service(scope["method"], scope["path"]):
            arrival = Arrival(scope, self.gateway.proxies)
            if _is_small(arrival.headers):
                self.hot_cycle, self.hot_arrival, self.started = cycle, arrival, time.perf_counter()
                if not cycle.more_body:
                    self._begin_hot(cycle)
                return
        super()._start_asgi_task(cycle, app)

    def _begin_hot(self, cycle: RequestResponseCycle) -> None:
        arrival, self.hot_cycle, self.hot_arrival = self.hot_arrival, None, None
        assert arrival is not None
        done = partial(self._answer_hot, cycle, arrival, self.started)
        self.gateway.begin_hot(arrival, cycle.scope, bytes(cycle.body), done)

    def _answer_hot(self, cycle: RequestResponseCycle, arrival: Arrival, started: float, reply: Reply) -> None:
        self.gateway.observe_hot(arrival, reply.status, time.perf_counter() - started)
        if cycle.disconnected or self.transport.is_closing():
            return
        self.transport.write(_head(reply, arrival, keep_alive=cycle.keep_alive) + reply.body)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _is_small(headers: dict[bytes, bytes]) -> bool:
    return (
        b"transfer-encoding" not in headers
        and b"expect" not in headers
        and int(headers.get(b"content-length", b"0")) <= SINGLE_CALL_BYTES
    )


def _head(reply: Reply, arrival: Arrival | None, *, keep_alive: bool) -> bytes:
    lines = [
        STATUS_LINE[reply.status],
        b"content-type: %b\r\ncontent-length: %d\r\n" % (reply.content_type, len(reply.body)),
        *[b"%b: %b\r\n" % header for header in reply.headers],
        _SECURITY_BLOCK,
    ]
    if arrival is not None:
        lines += [b"%b: %b\r\n" % header for header in arrival.reply_headers]
        if arrival.is_secure:
            lines.append(_STRICT_LINE)
    lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    return b"".join(lines)


async def close_late(connections: Iterable[Connection]) -> None:
    """Closes the connections of clients that are too slow or idle, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = loop.time()
        for connection in list(connections):
            connection.close_if_late(now)
