"""The same recorded tape of proctoring through the pure modules and, beside Apache Kafka 4, through a worker that is killed on the way."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic

from chassis.kafka import new_admin
from services.proctoring.stream.app import topics
from services.proctoring.stream.tests.expected import must_end_in, outcome_of
from services.proctoring.stream.tests.tapes import tape
from services.proctoring.stream.tests.workers import a_broker, a_worker, soon
from tests.faults.apache_kafka import ApacheKafka, jars, missing_tools

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture
def apache_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    """A node that runs."""
    if missing := missing_tools():
        pytest.skip(f"Apache Kafka was not tried: {missing}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "examhall"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        folder = jars(cache)
    except subprocess.SubprocessError as error:
        pytest.skip(f"Apache Kafka was not tried: Maven could not fetch it ({error})")
    kafka = ApacheKafka(folder, tmp_path / "kafka")
    kafka.start()
    yield kafka
    kafka.kill()


async def make_stream_topics(bootstrap_servers: str) -> None:
    """Every topic of the stream, as an installation makes them."""
    admin = new_admin(bootstrap_servers)

    async def started() -> bool:
        await admin.start()
        return True

    await soon(started)
    try:
        for topic in topics():
            configuration = {"cleanup.policy": "compact"} if topic.is_compacted else {}
            await admin.create_topics([NewTopic(topic.name, topic.partitions, 1, topic_configs=configuration)])
    finally:
        await admin.close()


async def test_a_tape_ends_the_same_beside_apache_kafka_though_the_worker_is_killed(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    events = tape(11)
    expected, half = outcome_of(events), len(events) // 2
    await make_stream_topics(apache_kafka.address)
    async with a_broker(apache_kafka.address) as hand:
        with a_worker(apache_kafka.address, tmp_path) as worker:
            await worker.ready()
            await hand.publish(events[:half])
            await soon(lambda: hand.read("proctoring.risk.v1"))
            worker.kill()
        with a_worker(apache_kafka.address, tmp_path) as worker:
            await worker.ready()
            await hand.publish(events[half:])
            assert await soon(lambda: must_end_in(hand, expected))
            assert not worker.said("state_lost")
            assert worker.stop(60) == 0
