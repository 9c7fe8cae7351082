"""A student's own socket: tells what the browser saw, hears what concerns the attempt, and comes back after every drop where it was.

What was sent and not answered is sent again under its id; what was missed comes after the number that was heard last. So that this is seen to
work, each connection of some breaks on purpose between a batch and its answer.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import msgspec

from examhall.rehearsal.cursor import Cursor
from examhall.rehearsal.gateway import BROKEN_OFF, Gateway, Refusal, Reply, Unreachable
from examhall.rehearsal.holdings import Json
from examhall.rehearsal.ledger import Ledger, Surprised, Told
from examhall.rehearsal.telling import Batch

STEP = "report by socket"
_READ = "read the feed"
_BREAKS_AT = frozenset({3, 8})  # batches, counted for each student
_AGAIN_SECONDS = 0.3
_ANSWERED_WITHIN = 10.0
_CAUGHT_UP_WITHIN = 30.0
_SIGN_IN_AGAIN, _FORBIDDEN, _NOT_FOUND = 4401, 4403, 4404


class _BrokenOff(Exception):
    """The student's side broke the connection."""


class Sits(Protocol):
    """What a channel needs of the sitting it belongs to."""

    gateway: Gateway
    ledger: Ledger
    attempt_id: str
    token: str

    @property
    def login(self) -> str:
        """Whose sitting it is."""

    async def call(self, step: str, method: str, path: str, body: Any = None) -> Reply:
        """A request of the student."""

    async def sign_in(self) -> None:
        """Gets a new token."""

    def hear(self, told: Mapping[str, Any]) -> None:
        """Something that the institution tells the student."""


@dataclass
class Channel:
    """One student's connection, whatever it takes. `dropped`: how often the connection was lost."""

    sitting: Sits
    cursor: Cursor = field(default_factory=Cursor)
    dropped: int = 0
    _sent: int = 0
    _began_at: float = field(default_factory=time.monotonic)
    _socket: "aiohttp.ClientWebSocketResponse | None" = None
    _answers: dict[str, "asyncio.Future[Reply]"] = field(default_factory=dict)
    _is_online: asyncio.Event = field(default_factory=asyncio.Event)
    _is_open: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set["asyncio.Task[Any]"] = field(default_factory=set)

    def open(self) -> None:
        """From now on the student is connected."""
        self._is_online.set()
        self._begin(self._listen())

    async def hang_up(self) -> None:
        """No more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_offline(self, is_offline: bool) -> None:
        """Without network there is no connection."""
        if is_offline:
            self._is_online.clear()
            self.reconnect()
        else:
            self._is_online.set()

    def reconnect(self) -> None:
        """Breaks the connection; it is opened anew as soon as there is a network."""
        if self._socket is not None:
            self._begin(self._socket.close())
            self._lose(_BrokenOff())

    async def send(self, make: Batch) -> Reply:
        """The answer to a batch, which is sent until there is one. Raises Unreachable."""
        return await self.sitting.gateway.until_answered(STEP, lambda: self._send_once(make()), self._connected)

    async def kept(self) -> list[Json]:
        """The whole feed of the attempt as the institution keeps it. Raises Refusal, Unreachable."""
        entries: list[Json] = []
        while True:
            path = f"/proctoring/attempts/{self.sitting.attempt_id}/feed?after={len(entries)}"
            reply = await self.sitting.call(_READ, "GET", path)
            if not reply.is_success:
                raise Refusal(_READ, reply)
            page = reply.body
            entries += page["entries"]
            if not page["entries"] or len(entries) >= page["last"]:
                return entries

    async def catch_up(self, number: int) -> None:
        """Waits until that number was heard."""
        await self.cursor.reach(number, _CAUGHT_UP_WITHIN)

    async def _connected(self) -> None:
        try:
            async with asyncio.timeout(self.sitting.gateway.patience):
                await self._is_open.wait()
        except TimeoutError:
            raise Unreachable(f"{STEP}: no connection for {self.sitting.gateway.patience:.0f} s") from None

    async def _send_once(self, batch: dict[str, Any]) -> tuple[str, Reply | None]:
        socket = self._socket
        if socket is None:
            return "connection lost", None
        answer = self._answers[batch["batch_id"]] = asyncio.get_running_loop().create_future()
        self._sent += 1
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await socket.send_json({"type": "signals", **batch}, dumps=_as_json)
                if self._sent in _BREAKS_AT:
                    self.reconnect()
                reply = await answer
        except _BrokenOff:
            return BROKEN_OFF, None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__, None
        finally:
            del self._answers[batch["batch_id"]]
        return str(reply.status), reply

    async def _listen(self) -> None:
        while True:
            await self._is_online.wait()
            code = await self._connect()
            if code == _SIGN_IN_AGAIN:
                with suppress(Unreachable):
                    await self.sitting.sign_in()
            elif code == _FORBIDDEN or (code == _NOT_FOUND and self._should_be_known()):
                self._surprise(f"closed with {code}")
                return
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _connect(self) -> int | None:
        """Follows a connection to its end; how the gateway closed it, None when it was lost or could not be made."""
        try:
            async with self.sitting.gateway.socket(f"/ws/attempts/{self.sitting.attempt_id}") as socket:
                await self._follow(socket)
                return socket.close_code
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        finally:
            self._lose(ConnectionResetError("the socket was closed"))

    def _should_be_known(self) -> bool:
        """What began a moment ago is not known to every service yet: it is waited for as long as for any reply."""
        return time.monotonic() > self._began_at + self.sitting.gateway.patience

    async def _follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        hello = {"type": "authenticate", "token": self.sitting.token, "after": self.cursor.number}
        await socket.send_json(hello, dumps=_as_json)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._hear(socket, msgspec.json.decode(message.data))

    def _hear(self, socket: aiohttp.ClientWebSocketResponse, told: dict[str, Any]) -> None:
        match told["type"]:
            case "authenticated" if not self._is_online.is_set():
                self._begin(socket.close())  # the network was lost meanwhile
            case "authenticated":
                self._socket = socket
                self._is_open.set()
            case "signals_taken":
                self._answer(told["batch_id"], Reply(200, told))
            case "refused" if "batch_id" in told:
                wait = float(told["problem"].get("retry_after_seconds", 0))
                self._answer(told["batch_id"], Reply(told["status"], told["problem"], wait))
            case _ if isinstance(told.get("number"), int):
                self.sitting.ledger.write(Told(self.sitting.attempt_id, time.time(), told))
                self.cursor.heard(told["number"])
                self.sitting.hear(told)
            case other:
                self._surprise(f"a message of type {other}: {told}")

    def _answer(self, batch_id: str, reply: Reply) -> None:
        answer = self._answers.get(batch_id)
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _lose(self, why: Exception) -> None:
        if self._socket is not None:
            self.dropped += 1
        self._socket = None
        self._is_open.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(why)

    def _surprise(self, detail: str) -> None:
        self.sitting.ledger.write(Surprised(self.sitting.login, "own socket", detail, self.sitting.attempt_id))

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
