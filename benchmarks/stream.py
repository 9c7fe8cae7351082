"""Events and signals that one worker of the stream takes in per second of one core, and what a thousand attempts take of its memory."""

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
from aiokafka import AIOKafkaConsumer

from benchmarks.hall import Hall
from benchmarks.results import Figure
from chassis.kafka import new_consumer
from examhall.broker import LibrdkafkaBroker
from services.proctoring.stream.tests.tapes import Event, batch, lifecycle, name, watch_began
from services.proctoring.stream.tests.workers import Hand, WorkerProcess, a_broker, a_worker, soon

ATTEMPTS = 1_000
BATCHES = 5
SIGNALS = 10  # in a batch
_KINDS = ("tab_switch", "focus_lost", "keystrokes", "mouse", "question_shown")
_SIGNALS_TOPIC = "proctoring.signals.v1"
_BARE_TOPIC = "bench.bare.v1"


async def measure(_: Hall) -> AsyncIterator[Figure]:
    """A worker and a broker of their own: attempts begin, then each tells batches of signals, all as fast as it can be taken in."""
    broker = LibrdkafkaBroker()
    with tempfile.TemporaryDirectory() as folder, a_worker(broker.address, Path(folder)) as worker:
        await worker.ready()
        process = psutil.Process(worker.process.pid)
        async with a_broker(broker.address) as hand:
            empty = process.memory_info().rss
            await _taken_in(hand, worker, list(_beginnings()))
            events = list(_batches())
            before, began = process.cpu_times(), time.perf_counter()
            await _taken_in(hand, worker, events)
            seconds, after = time.perf_counter() - began, process.cpu_times()
            memory = process.memory_info().rss - empty
            bare = len(events) / await _bare(broker.address, hand, events)
        cpu = after.user + after.system - before.user - before.system
    broker.close()
    behind = f"{len(events) / seconds:.0f} batches/s as it ran, {cpu / len(events) * 1e6:.0f} µs of a core each"
    yield Figure(
        "batches of signals into the stream / broker alone",
        f"{len(events) / seconds / bare:.3f}",
        "reported",
        f"{behind}; the bare broker to one consumer {bare:.0f}/s",
    )
    yield Figure("signals/s per core of the stream", f"{len(events) * SIGNALS / cpu:.0f}", "reported", behind)
    yield Figure(
        "memory of the stream per 1,000 attempts",
        f"{memory / 2**20 * 1000 / ATTEMPTS:.0f} MiB",
        "reported",
        f"of the worker's process, which takes {empty / 2**20:.0f} MiB without any",
    )


def _beginnings() -> Iterator[Event]:
    for number in range(ATTEMPTS):
        exam_id, attempt_id = name("exam"), name(f"attempt {number}")
        yield lifecycle(exam_id, attempt_id, 0)
        yield watch_began(exam_id, attempt_id)


def _batches() -> Iterator[Event]:
    for round_number in range(1, BATCHES + 1):
        for number in range(ATTEMPTS):
            kinds = [_KINDS[(number + place) % len(_KINDS)] for place in range(SIGNALS)]
            yield batch(name("exam"), name(f"attempt {number}"), round_number, 60 * round_number, *kinds)


async def _taken_in(hand: Hand, worker: WorkerProcess, events: list[Event]) -> None:
    """Publishes events, and returns when the worker has taken in all of them."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.port}") as http:
        wanted = await _count(http) + sum(event.topic == _SIGNALS_TOPIC for event in events)
        await hand.publish(events)

        async def all_of_them() -> bool:
            return await _count(http) >= wanted

        await soon(all_of_them)


async def _count(http: httpx.AsyncClient) -> float:
    start = f'examhall_events_consumed_total{{outcome="handled",topic="{_SIGNALS_TOPIC}"}}'
    lines = (await http.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


async def _bare(broker: str, hand: Hand, events: list[Event]) -> float:
    """Seconds in which the same messages go through the broker to a consumer that does nothing with them."""
    consumer = new_consumer(broker, [_BARE_TOPIC], "bench.bare")
    await hand.publish([events[0]._replace(topic=_BARE_TOPIC)])
    await consumer.start()
    taken = 0
    while not taken:
        taken = await _some(consumer)
    began, taken = time.perf_counter(), 0
    await hand.publish([event._replace(topic=_BARE_TOPIC) for event in events])
    while taken < len(events):
        taken += await _some(consumer)
    seconds = time.perf_counter() - began
    await consumer.stop()
    return seconds


async def _some(consumer: AIOKafkaConsumer) -> int:
    return sum(map(len, (await consumer.getmany(timeout_ms=2_000)).values()))
