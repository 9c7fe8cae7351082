"""A load generator that costs little: prepared requests on kept connections, one process of its own (`python -m benchmarks.load < plan.json`).

Each connection sends its request with a revision one higher each time, in one of two ways: closed (the next when the reply is there; in no seconds one
request each, all at once) or open (at a given rate, whether or not the reply is there; latency counts from the moment the request was due). In the
open way connections send as people do who know nothing of each other: after times that are exponentially distributed, the same in every run.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

_CHANCE = random.Random(20261121)
FIRST_REVISION = 10**12  # thirteen digits: every request has the same length
REVISION_UNUSED = "%.0s"  # what takes a revision and gives nothing, for the end of a body that has none
_PATIENCE_SECONDS = 120


@dataclass
class Result:
    """Replies by status, and how long each took, in seconds."""

    statuses: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def add(self, status: str, seconds: float) -> None:
        """Counts one reply."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)


class Connection(asyncio.Protocol):
    """One client. `interval`: the mean time between requests in seconds; 0: closed loop."""

    def __init__(self, head: bytes, body: str, result: Result, interval: float, revision: int) -> None:
        self._head, self._body = head, body
        self._result, self._interval = result, interval
        self._ends_at = 0.0
        self._revision = revision
        self._due: list[float] = []
        self._buffer = b""
        self._has_more = False
        self._transport: Any = None
        self.finished = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Ready to begin."""
        self._transport = transport

    def begin(self, ends_at: float) -> None:
        """Sends from now on until then."""
        self._ends_at = ends_at
        if self._interval:
            self._send_later(time.perf_counter())
        else:
            self._send(time.perf_counter())

    def data_received(self, data: bytes) -> None:
        """Takes whole replies off the front."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            start = self._buffer.find(b"content-length: ", 0, end) + 16
            length = int(self._buffer[start : self._buffer.find(b"\r\n", start)])
            if len(self._buffer) < end + 4 + length:
                return
            status = self._buffer[9:12].decode()
            self._buffer = self._buffer[end + 4 + length :]
            self._replied(status)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection lost early is counted."""
        if not self.finished.done():
            self._result.add("lost", 0)
            self.finished.set_result(None)

    def _send(self, due: float) -> None:
        self._revision += 1
        self._due.append(min(due, time.perf_counter()))  # the loop's clock has milliseconds: it may be a little early
        self._transport.write(self._head + (self._body % self._revision).encode())
        if self._interval:
            self._send_later(due)

    def _send_later(self, after: float) -> None:
        due = after + _CHANCE.expovariate(1 / self._interval)
        self._has_more = due < self._ends_at
        if self._has_more:
            asyncio.get_running_loop().call_later(max(0.0, due - time.perf_counter()), self._send, due)
        else:
            self._finish_if_done()

    def _replied(self, status: str) -> None:
        moment = time.perf_counter()
        self._result.add(status, moment - self._due.pop(0))
        if not self._interval and moment < self._ends_at:
            self._send(moment)
        else:
            self._finish_if_done()

    def _finish_if_done(self) -> None:
        if not self._due and not self._has_more and not self.finished.done():
            self.finished.set_result(None)
            self._transport.close()


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Carries out a plan: host, port, seconds, rate (0: closed loop), clients [{method, path, token, body}], revision."""
    result = Result()
    clients = plan["clients"]
    interval = len(clients) / plan["rate"] if plan["rate"] else 0.0
    connections = []
    for client in clients:
        body = client["body"]
        length = len((body % FIRST_REVISION).encode())
        head = (
            f"{client['method']} {client['path']} HTTP/1.1\r\nhost: {plan['host']}\r\nauthorization: Bearer {client['token']}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        ).encode()
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda head=head, body=body: Connection(head, body, result, interval, plan["revision"]),  # type: ignore[misc]
            plan["host"],
            plan["port"],
        )
        connections.append(connection)
    began = time.perf_counter()
    for connection in connections:
        connection.begin(began + plan["seconds"])
    await asyncio.wait_for(
        asyncio.gather(*(connection.finished for connection in connections)), plan["seconds"] + _PATIENCE_SECONDS
    )
    seconds = time.perf_counter() - began
    values = sorted(result.seconds)
    marks = {f"p{share}": values[min(len(values) - 1, len(values) * share // 100)] for share in (50, 95, 99)}
    return {"per_second": len(values) / seconds, "statuses": result.statuses, **marks}


if __name__ == "__main__":
    uvloop.install()
    sys.stdout.write(json.dumps(asyncio.run(run(json.load(sys.stdin)))))
