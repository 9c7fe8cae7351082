"""From outbox to inbox, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.consuming import first_named_first
from chassis.database import Database
from chassis.kafka import LOG_GENERATION, PARTITIONS, new_log_reader
from chassis.outbox import outbox_row, record_event, record_row
from chassis.relay import Relay
from chassis.testing import RunningService, commit_late, committed, eventually, running
from chassis.tests import sample
from chassis.tracing import TRACEPARENT
from examhall.broker import FixedAddress, LibrdkafkaBroker
from examhall.servers import free_port
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState

TOPIC = "identity.people.v1"
GROUPS = ("examhall.sample",)


class Producer:
    """The writing half of a service: a database with an outbox, and a relay that can be killed."""

    def __init__(self, url: str, kafka: str, window_bytes: int = 0, groups: tuple[str, ...] = GROUPS) -> None:
        self.database = Database(url, name="producer")
        self._groups = groups
        self._kafka = kafka
        self._window_bytes = window_bytes
        self._task: asyncio.Task[None] | None = None
        self.relay = self._new_relay()

    def _new_relay(self) -> Relay:
        return Relay(
            "producer",
            self.database.direct_connection,
            self._kafka,
            lambda _: self._groups,
            poll_seconds=0.01,
            window_bytes=self._window_bytes,
        )

    def start_relay(self) -> None:
        self.relay = self._new_relay()
        self._task = asyncio.create_task(self.relay.run())

    async def kill_relay(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def record(self, count: int, *, size: int = 0, key: str = "") -> list[str]:
        """Records one event for each of `count` new people, under their names or one key for all; their names."""
        names = [uuid4().hex for _ in range(count)]
        async with self.database.session() as tx:
            for name in names:
                person = PersonState(person_id=name, name=name, email="x" * size)
                record_event(tx, TOPIC, key or name, PersonChanged(person=person))
        return names


@asynccontextmanager
async def producing(
    url: str, kafka: str, window_bytes: int = 0, groups: tuple[str, ...] = GROUPS
) -> AsyncIterator[Producer]:
    producer = Producer(url, kafka, window_bytes, groups)
    await producer.database.open()
    producer.start_relay()
    yield producer
    await producer.kill_relay()
    await producer.database.close()


async def _heard(service: RunningService, names: list[str]) -> bool:
    rows = await service.database.pool.fetch("SELECT name, times FROM heard")
    assert all(row["times"] == 1 for row in rows), "an effect happened twice"
    return {row["name"] for row in rows} >= set(names)


class RestartableBroker:
    """A broker at a fixed address that loses its log when it is restarted."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._broker = LibrdkafkaBroker()
        self._front = FixedAddress(self.port, self._broker.port)
        self._server = await self._front.serve()

    async def kill(self) -> None:
        self._server.close()
        self._front.drop_connections()
        await asyncio.to_thread(self._broker.close)


@pytest.fixture
async def broker() -> AsyncIterator[RestartableBroker]:
    restartable = RestartableBroker()
    await restartable.start()
    yield restartable
    await restartable.kill()


def test_what_is_fetched_together_is_taken_in_in_the_order_of_the_subscriptions():
    fetched = [TopicPartition(topic, number) for topic in ("figures", "alerts", "people") for number in range(2)]
    ordered = first_named_first(fetched, {"alerts": 1, "people": 1, "figures": 1})
    assert [partition.topic for partition in ordered] == ["alerts", "alerts", "people", "people", "figures", "figures"]
    assert set(ordered) == set(fetched)


async def test_events_arrive_once_and_in_order_of_their_key(
    postgres_url: str, kafka: str, database_url: str, other_database_url: str
) -> None:
    async with (
        running(sample.build, postgres_url, kafka, database_url=database_url) as consumer,
        producing(other_database_url, kafka) as producer,
    ):
        names = await producer.record(700)
        await eventually(lambda: _heard(consumer, names))


async def test_a_killed_relay_is_followed_by_another_and_nothing_is_lost(
    postgres_url: str, kafka: str, database_url: str, other_database_url: str
) -> None:
    async with (
        running(sample.build, postgres_url, kafka, database_url=database_url) as consumer,
        producing(other_database_url, kafka) as producer,
    ):
        names: list[str] = []
        for _ in range(5):
            names += await producer.record(60)
            await producer.kill_relay()
            names += await producer.record(60)
            producer.start_relay()
        await eventually(lambda: _heard(consumer, names))


async def test_a_broker_that_lost_its_log_is_filled_again_from_the_outbox(
    postgres_url: str, broker: RestartableBroker, database_url: str, other_database_url: str
) -> None:
    async with producing(other_database_url, broker.address) as producer:
        names = await producer.record(40)
        await eventually(lambda: _all_published(producer))
        await broker.kill()
        await broker.start()
        names += await producer.record(10)
        async with running(sample.build, postgres_url, broker.address, database_url=database_url) as consumer:
            await eventually(lambda: _heard(consumer, names), timeout=40)


async def test_events_that_no_group_takes_in_are_not_published_again_when_the_log_is_lost(
    broker: RestartableBroker, database_url: str
) -> None:
    async with producing(database_url, broker.address, groups=()) as producer:
        await producer.record(40)
        await eventually(lambda: _all_published(producer))
        await broker.kill()
        await broker.start()
        await producer.record(1)
        await eventually(lambda: _generation_is(producer, 2), timeout=30)
        await eventually(lambda: _all_published(producer))
        first = await producer.database.pool.fetchval("SELECT max(published_at) FROM outbox WHERE id <= 40")
        last = await producer.database.pool.fetchval("SELECT published_at FROM outbox WHERE id = 41")
        assert first < last


async def test_a_broker_killed_again_and_again_under_load_loses_nothing(
    postgres_url: str, broker: RestartableBroker, database_url: str, other_database_url: str
) -> None:
    async with (
        running(sample.build, postgres_url, broker.address, database_url=database_url) as consumer,
        producing(other_database_url, broker.address) as producer,
    ):
        names: list[str] = []
        for _ in range(3):
            for _ in range(10):
                names += await producer.record(20)
            await broker.kill()
            names += await producer.record(20)
            await broker.start()
            names += await producer.record(5)
        await eventually(lambda: _heard(consumer, names), timeout=60)


@pytest.mark.parametrize("is_recorded", [True, False])
async def test_a_message_carries_on_the_trace_of_its_event_and_only_a_recorded_one_gets_a_span(
    broker: RestartableBroker, database_url: str, monkeypatch: pytest.MonkeyPatch, is_recorded: bool
) -> None:
    spans = InMemorySpanExporter()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", tracing)
    trace_id = uuid4().hex
    traceparent = f"00-{trace_id}-00f067aa0ba902b7-0{is_recorded:d}"
    async with producing(database_url, broker.address, groups=()) as producer:
        async with producer.database.session() as tx:
            row = outbox_row(TOPIC, "somebody", PersonChanged())._replace(traceparent=traceparent)
            record_row(tx, row)
        await eventually(lambda: _all_published(producer))
        [sent] = await _headers(broker.address, TRACEPARENT)
    assert sent.decode().split("-")[1] == trace_id
    assert (sent.decode() == traceparent) is not is_recorded
    assert [each.name for each in spans.get_finished_spans()] == [f"publish {TOPIC}"] * is_recorded


async def test_nothing_of_the_old_generation_is_sent_into_a_new_log(
    broker: RestartableBroker, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.ACKNOWLEDGEMENT_SECONDS", 0)  # as after a while in which nothing was sent
    async with producing(database_url, broker.address, groups=()) as producer:
        await producer.record(5, key="everybody")
        await eventually(lambda: _all_published(producer))
        await broker.kill()
        await broker.start()
        await producer.record(3, key="everybody")
        await eventually(lambda: _generation_is(producer, 2), timeout=30)
        await eventually(lambda: _all_published(producer))
        assert await _headers(broker.address, LOG_GENERATION) == [b"2"] * 3


async def _headers(address: str, name: str) -> list[bytes]:
    """This header of every message of the topic."""
    reader = new_log_reader(address)
    await reader.start()
    try:
        places = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        ends = await reader.end_offsets(places)
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        found: list[bytes] = []
        while len(found) < sum(ends.values()):
            for records in (await reader.getmany(timeout_ms=500)).values():
                found += [dict(record.headers)[name] for record in records]
        return found
    finally:
        await reader.stop()


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 1), (4, 2), (3, 5)])
async def test_a_commit_of_the_lost_log_hides_nothing_of_the_new_one(
    postgres_url: str, broker: RestartableBroker, database_url: str, other_database_url: str, before: int, after: int
) -> None:
    async with producing(other_database_url, broker.address) as producer:
        async with running(sample.build, postgres_url, broker.address, database_url=database_url) as consumer:
            names = await producer.record(before, key="everybody")
            await eventually(lambda: _heard(consumer, names))
            await eventually(lambda: _replay_from(producer, before + 1))
        partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        commits = await committed(broker.address, GROUPS[0], partitions)
        await broker.kill()
        await broker.start()
        await commit_late(broker.address, GROUPS[0], commits)
        names += await producer.record(after, key="everybody")
        async with running(sample.build, postgres_url, broker.address, database_url=database_url) as consumer:
            await eventually(lambda: _heard(consumer, names), timeout=40)


async def test_the_relay_holds_back_when_a_consumer_lags(
    postgres_url: str, kafka: str, database_url: str, other_database_url: str
) -> None:
    async with producing(other_database_url, kafka, window_bytes=50_000) as producer:
        names: list[str] = []
        for _ in range(20):
            names += await producer.record(20, size=1000)
        await eventually(lambda: _published_between(producer, 20, 399))
        async with running(sample.build, postgres_url, kafka, database_url=database_url) as consumer:
            await eventually(lambda: _heard(consumer, names), timeout=30)


async def _generation_is(producer: Producer, generation: int) -> bool:
    return await producer.database.pool.fetchval("SELECT generation FROM outbox_log") == generation


async def _published(producer: Producer) -> int:
    return int(await producer.database.pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL"))


async def _all_published(producer: Producer) -> bool:
    return not await producer.database.pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")


async def _published_between(producer: Producer, low: int, high: int) -> bool:
    count = await _published(producer)
    assert count <= high, "the relay went past its window"
    return low <= count


async def test_what_was_taken_in_is_not_published_again_by_the_next_relay(
    postgres_url: str, kafka: str, database_url: str, other_database_url: str
) -> None:
    async with (
        running(sample.build, postgres_url, kafka, database_url=database_url) as consumer,
        producing(other_database_url, kafka) as producer,
    ):
        names = await producer.record(50)
        await eventually(lambda: _heard(consumer, names))
        last = await producer.database.pool.fetchval("SELECT max(id) FROM outbox")
        await eventually(lambda: _replay_from(producer, last + 1))


async def _replay_from(producer: Producer, wanted: int) -> bool:
    return bool(
        await producer.database.pool.fetchval("SELECT replay_from FROM outbox_log WHERE topic = $1", TOPIC) == wanted
    )
