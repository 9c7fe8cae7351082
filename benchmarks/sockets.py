"""Live events to a thousand open sockets, over the bare time from producing to consuming of the same broker for the same messages.

`python -m benchmarks.sockets` with a plan on standard input is the clients' side, a process of its own: it opens the sockets, says so, listens
until it has heard as many events as it is told there were, and tells how long each of them took.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from statistics import quantiles
from typing import Any

import msgspec
import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.hall import Hall, seat
from benchmarks.results import Figure
from chassis.kafka import LOG_GENERATION, PARTITIONS, new_producer
from examhall.servers import HOST
from gateway.settings import Settings
from gateway.tail import TOPIC
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

SOCKETS = 1_000
SECONDS = 15
_WARM_SECONDS = 3
_TICKS = 50  # a second; the events of one second are spread over them
_OPENED_AT_ONCE = 50
_PATIENCE_SECONDS = 60.0
_SENT = b'"sent":'


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """A socket for each of a thousand students; each gets an event a second, of its own feed."""
    sitters = await seat(hall, SOCKETS)
    clients = [{"path": f"/ws/attempts/{each.attempt_id}?after=0", "token": each.token} for each in sitters]
    feeds = [f"attempt:{each.attempt_id}" for each in sitters]
    listeners = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sockets", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert listeners.stdin is not None
    assert listeners.stdout is not None
    listeners.stdin.write(json.dumps({"port": hall.port, "clients": clients}).encode() + b"\n")
    if await listeners.stdout.readline() != b"open\n":
        raise RuntimeError("the sockets did not open")
    broker = f"{HOST}:{hall.ports()['broker']}"
    gateway = psutil.Process(hall.pid("gateway"))
    await _produce(broker, feeds, 1, _WARM_SECONDS)
    bare: list[float] = []
    consuming = asyncio.create_task(_consume(broker, bare))
    before, began = _cpu(gateway), time.perf_counter()
    await _produce(broker, feeds, 1 + _WARM_SECONDS, SECONDS)
    spent, passed = _cpu(gateway) - before, time.perf_counter() - began
    events = SOCKETS * SECONDS
    told = events + SOCKETS * _WARM_SECONDS
    output, _ = await listeners.communicate(b"%d\n" % told)
    consuming.cancel()
    heard: list[float] = json.loads(output)
    if len(heard) != told:
        raise RuntimeError(f"{told} events were told and {len(heard)} heard")
    ours, theirs = _percentiles(heard[-events:]), _percentiles(bare)
    behind = (
        f"p50 {ours[0] * 1e3:.1f} ms, p99 {ours[1] * 1e3:.1f} ms; the bare broker p50 {theirs[0] * 1e3:.1f} ms, p99 {theirs[1] * 1e3:.1f} ms;"
        f" {SOCKETS} sockets, {SOCKETS} events/s"
    )
    yield Figure("live event to its socket / produce → consume, p50", f"{ours[0] / theirs[0]:.2f}", "reported", behind)
    share = f"{spent / events * 1e6:.0f} µs for each event: read, decoded, made a frame and sent"
    yield Figure(
        f"gateway CPU with {SOCKETS} sockets, an event each a second",
        f"{spent / passed:.0%} of a core",
        "reported",
        share,
    )


async def _produce(broker: str, feeds: list[str], first: int, seconds: int) -> None:
    """An event of each feed a second, at even times, numbered from `first` on."""
    producer = new_producer(broker)
    await producer.start()
    began = time.perf_counter()
    try:
        for tick in range(seconds * _TICKS):
            await asyncio.sleep(max(began + tick / _TICKS - time.perf_counter(), 0))
            number = first + tick // _TICKS
            sent = [await _send(producer, feed, number) for feed in feeds[tick % _TICKS :: _TICKS]]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _send(producer: Any, feed: str, number: int) -> Any:
    body = {"type": "message", "number": number, "sent": time.time(), "text": "x" * 200}
    event = LiveEvent(feed=feed, number=number, type="message", body=msgspec.json.encode(body).decode())
    headers = [(LOG_GENERATION, b"1")]
    return await producer.send(TOPIC, event.SerializeToString(), key=feed.encode(), headers=headers)


async def _consume(broker: str, seconds: list[float]) -> None:
    """The yardstick: a consumer as the gateway's, which does nothing but note when each message came."""
    wait = Settings().live_wait_milliseconds
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="latest", fetch_max_wait_ms=wait)
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
    await consumer.seek_to_end()
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            now = time.time()
            for records in fetched.values():
                seconds.extend(now - _sent_at(record.value or b"") for record in records)
    finally:
        await consumer.stop()


def _sent_at(text: bytes) -> float:
    start = text.index(_SENT) + len(_SENT)
    return float(text[start : text.index(b",", start)])


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    cuts = quantiles(seconds, n=100)
    return cuts[49], cuts[98]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


class _Client(asyncio.Protocol):
    """A socket's other end: as little as the protocol allows, so that the listeners cost less than what is measured."""

    def __init__(self, port: int, path: str, token: str, heard: list[float]) -> None:
        self._head = (
            f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: examhall.v1, bearer.{token}\r\n\r\n"
        )
        self._heard = heard
        self._buffer = b""
        self._is_open = False
        self._transport: Any = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Shakes hands."""
        self._transport = transport
        transport.write(self._head.encode())

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off the front."""
        now = time.time()
        self._buffer += data
        if not self._is_open:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            if b" 101 " not in head[:20]:
                raise RuntimeError(head.decode())
            self._is_open, self._buffer = True, rest
        while len(self._buffer) >= 2:
            length, start = self._buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4], "big"), 4
            if len(self._buffer) < start + length:
                return
            self._take(self._buffer[0] & 15, self._buffer[start : start + length], now)
            self._buffer = self._buffer[start + length :]

    def _take(self, opcode: int, content: bytes, now: float) -> None:
        if opcode == 9:
            self._transport.write(bytes([0x8A, 0x80 | len(content), 0, 0, 0, 0]) + content)
        elif opcode == 8:
            raise RuntimeError(f"closed: {content[2:].decode()}")
        elif _SENT in content:
            self._heard.append(now - _sent_at(content))
        elif b'"authenticated"' in content and not self.opened.done():
            self.opened.set_result(None)


async def _listen() -> None:
    loop = asyncio.get_running_loop()
    plan = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    heard: list[float] = []
    gate = asyncio.Semaphore(_OPENED_AT_ONCE)

    async def open_one(client: dict[str, str]) -> None:
        async with gate:
            _, protocol = await loop.create_connection(
                lambda: _Client(plan["port"], client["path"], client["token"], heard), HOST, plan["port"]
            )
            await asyncio.wait_for(protocol.opened, _PATIENCE_SECONDS)

    await asyncio.gather(*(open_one(client) for client in plan["clients"]))
    sys.stdout.write("open\n")
    sys.stdout.flush()
    told = int(await loop.run_in_executor(None, sys.stdin.readline))
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        await asyncio.sleep(0.1)
        if len(heard) >= told or time.monotonic() > give_up_at:
            break
    sys.stdout.write(json.dumps(heard))


if __name__ == "__main__":
    uvloop.run(_listen())
