"""Real workers of the stream as processes, and a hand on the broker's topics."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiokafka import TopicPartition
from google.protobuf.message import DecodeError
from google.protobuf.symbol_database import Default

from chassis.kafka import LOG_GENERATION, new_log_reader, new_producer
from chassis.testing import environment_without_ours, eventually
from services.proctoring.stream.tests.tapes import Event

ROOT = Path(__file__).resolve().parents[4]
START_SECONDS = 90


async def soon(check: Callable[[], Any]) -> Any:
    """What `check` gives once it is true: several processes share the machine with whatever else runs there."""
    return await eventually(check, START_SECONDS)


class Told(NamedTuple):
    """A message on a topic."""

    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    headers: dict[str, str]
    message: Any


class WorkerProcess:
    """One worker. Its log is a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    async def ready(self) -> list[int]:
        """Waits until it is ready; its partitions."""

        async def answers() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log.read_text()
            async with httpx.AsyncClient() as http:
                try:
                    reply = await http.get(f"http://127.0.0.1:{self.port}/health/ready")
                except httpx.TransportError:
                    return None
            return reply.json() if reply.status_code == 200 else None

        partitions: list[int] = (await soon(answers))["partitions"]
        return partitions

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and its exit status."""
        self.process.terminate()
        return self.process.wait(seconds)

    def said(self, event: str) -> bool:
        """Whether its log has such an event."""
        return f'"event":"{event}"' in self.log.read_text()


@contextmanager
def a_worker(kafka: str, folder: Path, **settings: str) -> Iterator[WorkerProcess]:
    """A worker that runs until the end of the block, at the latest."""
    port = _free_port()
    log = folder / f"worker-{port}.log"
    environment = {
        **environment_without_ours(),
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EXAMHALL_HTTP_PORT": str(port),
        "EXAMHALL_DATA": str(folder / "data"),
        **settings,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.proctoring.stream.worker"],
            env=environment,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield WorkerProcess(process, port, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@asynccontextmanager
async def a_broker(kafka: str) -> AsyncIterator["Hand"]:
    """A hand on the topics of a broker."""
    producer, reader = new_producer(kafka), new_log_reader(kafka)
    await producer.start()
    await reader.start()
    try:
        yield Hand(producer, reader)
    finally:
        await producer.stop()
        await reader.stop()


class Hand:
    """Puts events on the broker as relays do, and reads whole topics."""

    def __init__(self, producer: Any, reader: Any) -> None:
        self._producer = producer
        self._reader = reader

    async def publish(self, events: Iterable[Event], generation: int = 1) -> None:
        """Events, in this order."""
        sent = []
        for event in events:
            headers = [
                ("ce_specversion", b"1.0"),
                ("ce_id", str(event.event_id).encode()),
                ("ce_type", event.message.DESCRIPTOR.full_name.encode()),
                ("ce_source", b"/examhall/test"),
                ("ce_subject", event.key.encode()),
                ("ce_time", event.at.isoformat().encode()),
                ("content-type", b"application/protobuf"),
                (LOG_GENERATION, str(generation).encode()),
            ]
            value = event.message.SerializeToString()
            sent.append(await self._producer.send(event.topic, value, key=event.key.encode(), headers=headers))
        await asyncio.gather(*sent)

    async def publish_raw(self, topic: str, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Any message."""
        await self._producer.send_and_wait(topic, value, key=key.encode(), headers=headers)

    async def ends(self, topic: str) -> dict[int, int]:
        """Where each partition's log ends."""
        partitions = await self._producer.partitions_for(topic)
        places = [TopicPartition(topic, partition) for partition in partitions]
        return {tp.partition: end for tp, end in (await self._reader.end_offsets(places)).items()}

    async def read(self, topic: str) -> list[Told]:
        """All of a topic, partition by partition."""
        ends = await self.ends(topic)
        places = [TopicPartition(topic, partition) for partition in ends]
        self._reader.assign(places)
        await self._reader.seek_to_beginning(*places)
        found: list[Told] = []
        while True:
            waiting = [tp for tp in places if await self._reader.position(tp) < ends[tp.partition]]
            if not waiting:
                return found
            for records in (await self._reader.getmany(*waiting, timeout_ms=500)).values():
                found += [_told(record) for record in records]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _told(record: Any) -> Told:
    headers = {name: value.decode() for name, value in record.headers}
    kind = headers.get("ce_type")
    try:
        message = Default().GetSymbol(kind).FromString(record.value) if kind else record.value
    except (KeyError, DecodeError):  # a kind that no contract names, or poison
        message = record.value
    return Told(
        record.topic,
        record.partition,
        record.offset,
        (record.key or b"").decode(),
        headers.get("ce_id", ""),
        headers,
        message,
    )
