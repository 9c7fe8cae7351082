"""A socket as bytes: frames out, with a bounded buffer for a client that reads slowly, and a close that is always answered or cut.

A frame is made once and written to every socket that wants it: nothing is compressed or masked on the way to clients, so it is the same bytes
for all. It relies on uvicorn's WebSocketsSansIOProtocol (locked by hash); `test_wire.py` guards what it relies on.
"""

import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

if TYPE_CHECKING:
    from gateway.app import Gateway

WIRE = "examhall.wire"  # the ASGI extension by which an application finds the wire of its socket
RESTARTING = 1012  # RFC 6455's registry: the server restarts, come back

_CLOSE_SECONDS = 10.0  # a client has this long to read what is on its way to it and to answer a close
_STOP_SECONDS = 3.0  # and this long when the server stops, which has 5 s for it
_KERNEL_BYTES = 64 * 1024  # kept by the kernel for a client; its own choice would be megabytes for each slow one
_REASON_BYTES = 123  # RFC 6455, section 5.5
_quiet = logging.getLogger("gateway.wire")
_quiet.setLevel(logging.WARNING)  # uvicorn tells of every socket that opens; metrics count them


def text_frame(text: bytes) -> bytes:
    """A whole message as it goes over any socket."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class Wire(WebSocketsSansIOProtocol):
    """One socket's connection. What is pushed while the client does not read waits here, bounded in messages and bytes."""

    def connection_made(self, transport: Any) -> None:
        """Bounds what the kernel keeps for this client."""
        gateway: Gateway = self.config.app  # type: ignore[assignment]
        self.sockets = gateway.sockets
        self.most_messages = gateway.settings.socket_buffer_messages
        self.most_bytes = gateway.settings.socket_buffer_bytes
        self.close_timeout = _CLOSE_SECONDS
        self.logger = _quiet
        self.kept: deque[bytes] = deque()
        self.kept_bytes = 0
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        super().connection_made(transport)

    def handle_connect(self, event: Any) -> None:
        """A handshake: the application is told where its wire is."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][WIRE] = self  # type: ignore[assignment, index]

    @property
    def is_open(self) -> bool:
        """Whether what is pushed can still arrive."""
        return not self.close_sent and not self.disconnected and not self.transport.is_closing()

    @property
    def is_reading(self) -> bool:
        """Whether the client takes what is sent as fast as it is sent."""
        return self.writable.is_set()

    def push(self, frame: bytes) -> bool:
        """Sends a frame, now or when the client reads on. False when as much waits already as may: the frame is dropped."""
        if not self.is_open:
            return True
        if self.writable.is_set():
            self.transport.write(frame)
            return True
        if self.kept and (len(self.kept) >= self.most_messages or self.kept_bytes + len(frame) > self.most_bytes):
            return False
        self.kept.append(frame)
        self.kept_bytes += len(frame)
        return True

    async def drained(self) -> None:
        """Waits until the client reads, or is gone."""
        while not self.writable.is_set():
            await self.writable.wait()

    def resume_writing(self) -> None:
        """It reads on: what waited goes out, as far as it takes it."""
        super().resume_writing()
        while self.kept and self.writable.is_set():
            frame = self.kept.popleft()
            self.kept_bytes -= len(frame)
            self.transport.write(frame)

    def close(self, code: int, reason: str) -> None:
        """Closes the socket with a code and a reason; what waited is dropped. Cut off when the client does not answer in time."""
        if not self.is_open or self.conn.state is not OPEN:
            return
        self._forget_kept()
        self.stop_keepalive()
        self.conn.send_close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def handle_close(self, event: Any) -> None:
        """The client closes, or answers our close."""
        super().handle_close(event)
        self._cut_later()

    def handle_parser_exception(self) -> None:
        """What came is not what the protocol allows, or too long."""
        super().handle_parser_exception()
        self._cut_later()

    def keepalive_timeout(self) -> None:
        """No answer to a ping."""
        super().keepalive_timeout()
        self._cut_later()

    def shutdown(self) -> None:
        """The server stops."""
        self.close_timeout = _STOP_SECONDS
        if self.handshake_complete:
            self.sockets.send_away(self)
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._forget_kept()
        super().connection_lost(exc)

    def _cut_later(self) -> None:
        """A closing transport waits until everything is sent; a client that never reads would hold it for ever."""
        self._forget_kept()
        self.loop.call_later(self.close_timeout, self.transport.abort)

    def _forget_kept(self) -> None:
        self.kept.clear()
        self.kept_bytes = 0
