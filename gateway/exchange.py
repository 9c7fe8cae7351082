"""One connection to a service and the exchange on it: a request written, a reply parsed by llhttp (which uvicorn parses with, too).

What could be read in two ways is no reply (RFC 9112, sections 6.3 and 11.2): the parser refuses both framings at once, repeated or odd
lengths, folded lines and invalid names or values; refused here is every transfer coding but `chunked`. A connection that holds bytes
nobody asked for, or whose exchange did not end well, is closed and never used again.
"""

import asyncio
import math
from typing import Any, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.arrivals import Headers
from gateway.bodies import BodyStream
from gateway.upstream_reply import BrokenOff, InvalidReply, Silent, UpstreamReply

WHOLE_BYTES = 256 * 1024  # up to here a reply is given whole: a slow client then holds no connection to a service
IDLE_SECONDS = 30.0  # less than a service's keep-alive, so that it never closes a connection as we use it
_HEAD_BYTES = 64 * 1024  # of a reply's headers together; of what is neither header nor body twice as many in a row
_WAITING_BYTES = 64 * 1024  # of a reply in parts that nobody took yet; then the service has to wait


class Pool(Protocol):
    """Who owns a connection."""

    def give_back(self, connection: "Connection") -> None:
        """It can be used again."""

    def lost(self, connection: "Connection") -> None:
        """It is closed."""


class Connection(asyncio.Protocol):
    """One connection; one exchange at a time. `seconds` is how long a service may take for the next part of a reply."""

    __slots__ = (
        "_body", "_deadline", "_has_excess", "_head_bytes", "_headers", "_is_chunked", "_is_complete", "_is_head", "_is_informational",
        "_is_paused", "_is_sent", "_keeps_alive", "_length", "_loop", "_parser", "_pool", "_reply", "_seconds", "_silent_bytes", "_status",
        "_timer", "_timer_at", "_transport", "_waiting_bytes", "_writable", "upload",
    )  # fmt: skip

    def __init__(self, pool: Pool, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._parser: Any = HttpResponseParser(self)
        self._transport: Any = None
        self._reply: UpstreamReply | None = None
        self.upload: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_paused = False
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether a request can be sent on it."""
        return self._reply is None and not self._transport.is_closing()

    def ask(self, request: bytes, stream: BodyStream | None, *, is_head: bool) -> UpstreamReply:
        """Sends a request, which is its head alone when its body is a stream."""
        self._is_head = is_head
        self._has_excess = self._is_complete = self._keeps_alive = self._is_informational = self._is_chunked = False
        self._status = self._head_bytes = self._silent_bytes = self._waiting_bytes = 0
        self._length: int | None = None
        self._headers: Headers = []
        self._body: list[bytes] | None = []
        self._reply = reply = UpstreamReply(self, self._loop.create_future())
        self._transport.write(request)
        self._is_sent = stream is None
        if stream is None:
            self._wait_at_most(self._seconds)
        else:
            self._deadline = math.inf
            self.upload = self._loop.create_task(self._send(stream))
        return reply

    def close(self) -> None:
        """Ends it now."""
        self._transport.abort()

    def fail(self, error: Exception) -> None:
        """Ends the exchange and the connection with it."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.fail(error)
        self._stop_upload()
        self._transport.abort()

    def go_on_reading(self) -> None:
        """What waited has been taken."""
        self._waiting_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
            if self._is_sent:
                self._wait_at_most(self._seconds)

    async def _send(self, stream: BodyStream) -> None:
        try:
            async for part in stream.parts():
                self._transport.write(part if stream.length is not None else b"%x\r\n%b\r\n" % (len(part), part))
                if self._writable is not None:
                    self._wait_at_most(self._seconds)
                    await self._writable
                    self._deadline = math.inf
        except Exception as error:  # what is wrong with the request is what its sender has to learn
            self.upload = None
            self.fail(error)
            return
        if stream.length is None:
            self._transport.write(b"0\r\n\r\n")
        self.upload = None
        self._is_sent = True
        if not self._is_paused:
            self._wait_at_most(self._seconds)

    def _stop_upload(self) -> None:
        if self.upload is not None:
            self.upload.cancel()
            self.upload = None

    # The transport's side.

    def connection_made(self, transport: Any) -> None:
        """It is open, though not for ever: who opened it may have left meanwhile."""
        self._transport = transport
        self._wait_at_most(IDLE_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. What comes unasked makes the connection useless: it could be taken for the reply to somebody else."""
        if self._reply is None:
            self._transport.abort()
            return
        self._silent_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._is_complete:
                self.fail(InvalidReply(str(error.__context__ or error)))
                return
            self._has_excess = True
        if self._is_complete:
            self._finish()
            return
        if self._silent_bytes > 2 * _HEAD_BYTES:
            self.fail(InvalidReply("endless headers"))
        elif self._waiting_bytes > _WAITING_BYTES:
            if not self._is_paused:
                self._is_paused = True
                self._deadline = math.inf
                self._transport.pause_reading()
        elif self._is_sent:
            self._deadline = self._loop.time() + self._seconds

    def eof_received(self) -> None:
        """The service closes: the end of a reply that has no other, else an exchange broken off."""
        if self._reply is not None and self._status and self._length is None and not self._is_chunked:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._reply is not None:
            self.fail(BrokenOff(has_begun=bool(self._status or self._silent_bytes)))
        self._parser = None
        self._pool.lost(self)

    def pause_writing(self) -> None:
        """The service does not read as fast as we write."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # The parser's side.

    def on_message_begin(self) -> None:
        """A reply begins; after a complete one it is one too many."""
        if self._is_complete:
            self._has_excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one behind a chunked body, which nobody asked for (RFC 9110, section 6.5.1)."""
        if self._status or self._is_complete:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES:
            raise InvalidReply("headers too large")
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"content-length":
            self._length = int(value)
        elif name == b"transfer-encoding":
            if self._is_chunked or value.lower() != b"chunked":
                raise InvalidReply("unknown transfer coding")
            self._is_chunked = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Status and headers are there. Informational replies are passed over; nothing was asked that 101 could answer."""
        reply, status = self._reply, self._parser.get_status_code()
        if reply is None or self._is_complete:
            return
        if status < 200:
            if status < 100 or status == 101 or self._length is not None or self._is_chunked:
                raise InvalidReply("not an answer to this request")
            self._is_informational = True
            self._headers = []
            return
        if status > 599:
            raise InvalidReply("unknown status")
        self._status = reply.status = status
        reply.headers = self._headers
        if self._is_head:  # the parser can't be told that no body follows: it is replaced
            self._is_complete = True
            self._keeps_alive = self._length is not None and self._parser.should_keep_alive()
        elif status not in (204, 304) and (self._length is None or self._length > WHOLE_BYTES):
            self._body = None
            reply.begin()

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        if self._reply is None or self._is_complete:
            self._has_excess = True
            return
        self._silent_bytes = 0
        if self._body is not None:
            self._body.append(part)
        else:
            self._waiting_bytes += len(part)
            self._reply.add(part)

    def on_message_complete(self) -> None:
        """The reply is whole. One that promises a body where there is none leaves nothing to rely on."""
        if self._is_informational:
            self._is_informational = False
        elif not self._is_complete:
            self._is_complete = True
            promises = self._status == 204 and (self._length or self._is_chunked)
            self._keeps_alive = not promises and self._parser.should_keep_alive()

    def _finish(self) -> None:
        reply, self._reply = self._reply, None
        assert reply is not None
        may_stay = self._keeps_alive and not self._has_excess and self._is_sent and not self._transport.is_closing()
        body = self._body
        reply.complete(None if body is None else body[0] if len(body) == 1 else b"".join(body))
        if not may_stay:
            self._stop_upload()
            self._transport.abort()
            return
        if self._is_head:
            self._parser = HttpResponseParser(self)
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        self._wait_at_most(IDLE_SECONDS)
        self._pool.give_back(self)

    # Time: one timer that is seldom set, since most deadlines are moved before they come.

    def _wait_at_most(self, seconds: float) -> None:
        self._deadline = due = self._loop.time() + seconds
        if self._timer is None or due < self._timer_at:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._deadline == math.inf:
            return
        if self._loop.time() < self._deadline:
            self._set_timer(self._deadline)
        else:
            self.fail(Silent("nothing came in time"))
