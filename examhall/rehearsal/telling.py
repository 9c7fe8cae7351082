"""A browser that tells: sends what its page kept, batch by batch, each until it is taken or the attempt is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chassis.ids import new_id
from examhall.rehearsal.acts import ClickRight, Leave, OpenTools, Paste
from examhall.rehearsal.browser import PERSONS_SECONDS, Page, Signal, batch
from examhall.rehearsal.gateway import Reply, Unreachable
from examhall.rehearsal.ledger import Acted, Ledger, NotTaken, Reported, Surprised, Taken

Batch = Callable[[], dict[str, Any]]
Send = Callable[[Batch], Awaitable[Reply]]

OVER = "attempt-closed"
_BROWSERS_SECONDS = 5.0  # between batches, at a pace of 1
_SECONDS_APART = 1.25  # at any pace: the service takes one batch a second on average
# Signals within two seconds count as one act.
_ACTS_APART_SECONDS = 2.2
_LONGEST_AWAY_SECONDS = 0.5


@dataclass
class Telling:
    """One browser at one attempt. `send` hands a batch over and gives the reply; the ledger learns of both.

    A batch is sent again with the browser's clock of that moment, since its signals have grown older meanwhile.
    """

    login: str
    attempt_id: str
    page: Page
    ledger: Ledger
    send: Send
    is_second_log_in: bool = False
    taken: int = 0
    taken_since: float | None = None  # the first batch
    is_offline: bool = False
    is_over: bool = False
    _acted_at: float = 0.0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Tells every few seconds, and at once of what can't wait, until the attempt is over."""
        seconds = max(_BROWSERS_SECONDS / self.page.faster, _SECONDS_APART)
        while not self.is_over:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                self.page.sum_up(_now())
            self._wake.clear()
            if not self.is_offline:
                await self._send_all()

    async def finish(self) -> None:
        """What is left goes out before the attempt is submitted."""
        self.page.sum_up(_now())
        await self._send_all()

    async def do(self, act: Leave | Paste | ClickRight | OpenTools) -> None:
        """Something that a browser tells of at once; what would pass for one and the same act is kept apart."""
        await asyncio.sleep(max(0.0, self._acted_at + _ACTS_APART_SECONDS - time.monotonic()))
        self._acted_at = time.monotonic()
        match act:
            case Leave(away):
                self._note("tab_switch")
                self.page.note("focus_lost", _now())
                self._wake.set()
                await asyncio.sleep(min(away / 1000 / PERSONS_SECONDS / self.page.faster, _LONGEST_AWAY_SECONDS))
                self.page.note("focus_regained", _now(), away_milliseconds=away)
                return
            case Paste(characters):
                self._note("paste_attempt", characters=characters)
            case ClickRight():
                self._note("right_click")
            case OpenTools():
                self._note("devtools_open")
        self._wake.set()

    def acted(self, what: str) -> None:
        """Writes down that something planted has happened now."""
        self.ledger.write(Acted(self.attempt_id, what, time.time()))

    def _note(self, kind: str, **amounts: int) -> None:
        self.acted(kind)
        self.page.note(kind, _now(), **amounts)

    async def _send_all(self) -> None:
        async with self._turn:
            while not self.is_over and (signals := self.page.take()):
                await self._send_one(signals)

    async def _send_one(self, signals: list[Signal]) -> None:
        batch_id = str(new_id())
        self.ledger.write(Reported(self.attempt_id, batch_id, signals, time.time(), self.is_second_log_in))
        try:
            reply = await self.send(lambda: batch(batch_id, signals, _now()))
        except Unreachable as error:
            self.ledger.write(Surprised(self.login, "report signals", str(error), self.attempt_id))
            return
        if reply.is_success:
            self.taken += 1
            self.taken_since = self.taken_since or time.time()
            self.ledger.write(Taken(self.attempt_id, batch_id, reply.body["number"], time.time()))
        elif reply.problem == OVER:
            self.is_over = True
            self.ledger.write(NotTaken(self.attempt_id, batch_id, reply.problem))
        else:
            detail = f"{reply.status} {reply.problem} {reply.body.get('detail', '')}"
            self.ledger.write(Surprised(self.login, "report signals", detail, self.attempt_id))


def _now() -> datetime:
    return datetime.now(UTC)
