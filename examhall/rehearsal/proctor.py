"""A proctor who listens the whole time: drops out now and then, goes on by cursor, and acknowledges what is seen."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from examhall.rehearsal.cursor import Cursor
from examhall.rehearsal.gateway import Gateway, Reply, Unreachable
from examhall.rehearsal.ledger import Heard, Ledger, Settled, Surprised
from examhall.rehearsal.seats import Progress
from examhall.rehearsal.staff import Staff

PASSING = "quiz_status"
_DROPS_AFTER = 20  # numbered events on the first socket, then twice as many each time
_AGAIN_SECONDS = 0.3
_CAUGHT_UP_WITHIN = 60.0
_ACKNOWLEDGES_EACH = 2  # alerts: every second one is left for others
_SIGN_IN_AGAIN = 4401
_REFUSALS = frozenset({_SIGN_IN_AGAIN, 4403, 4404})
_STOLEN = frozenset({404, 409, 412})  # somebody was faster, or it is not there yet


@dataclass
class Proctor:
    """One connection to an exam's monitor, whatever it takes."""

    gateway: Gateway
    staff: Staff
    ledger: Ledger
    exam_id: str
    progress: Progress
    cursor: Cursor = field(default_factory=Cursor)
    resumed: int = 0
    _alerts: set[str] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def listen(self) -> None:
        """Listens until it is cancelled. A socket that closes is opened again; a refusal is a surprise and ends it."""
        while True:
            try:
                async with self.gateway.socket(f"/ws/exams/{self.exam_id}/monitor") as socket:
                    await self._follow(socket)
                    if socket.close_code in _REFUSALS:
                        self._tell(f"closed with {socket.close_code}")
                        if socket.close_code != _SIGN_IN_AGAIN:
                            return
                        await self.staff.sign_in()
            except (aiohttp.ClientError, OSError, TimeoutError, Unreachable):
                pass  # the gateway is away: it comes back
            self.resumed += 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def catch_up(self, number: int) -> None:
        """Waits until that number was told, and everything said is kept."""
        await self.cursor.reach(number, _CAUGHT_UP_WITHIN)
        await asyncio.gather(*self._tasks)

    async def leave(self) -> None:
        """Nothing more is acknowledged."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_json({"type": "authenticate", "token": self.staff.token, "after": self.cursor.number})
        drops_at = self.cursor.number + _DROPS_AFTER * 2 ** min(self.resumed, 20)
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            self._hear(msgspec.json.decode(message.data))
            if self.cursor.number >= drops_at:
                return

    def _hear(self, told: dict[str, Any]) -> None:
        number = told.get("number")
        if not isinstance(number, int):
            return  # of the connection itself, not of the exam
        if told["type"] == PASSING:
            self.ledger.write(Heard(time.time(), {"type": PASSING, "number": 0}))
            return
        self.ledger.write(Heard(time.time(), told))
        self.cursor.heard(number)
        if told["type"] == "alert":
            self._see(told["alert"])

    def _see(self, alert: Mapping[str, Any]) -> None:
        alert_id = alert["alert_id"]
        if alert_id in self._alerts or alert["status"] != "open":
            return
        self._alerts.add(alert_id)
        self.progress.alerts = len(self._alerts)
        if len(self._alerts) % _ACKNOWLEDGES_EACH:
            task = asyncio.create_task(self._acknowledge(alert_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, alert_id: str) -> None:
        with suppress(Unreachable):
            reply: Reply = await self.gateway.call(
                "acknowledge an alert", "POST", f"/proctoring/alerts/{alert_id}/acknowledge", token=self.staff.token
            )
            if reply.is_success:
                self.ledger.write(Settled(alert_id, reply.body["status"], time.time()))
            elif reply.status not in _STOLEN:
                self._tell(f"{alert_id}: {reply.status} {reply.problem}")

    def _tell(self, detail: str) -> None:
        self.ledger.write(Surprised("proctor", "monitor", detail))
