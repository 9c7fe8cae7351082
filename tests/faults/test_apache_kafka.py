"""The same against Apache Kafka 4, which keeps its log on disk and answers to no older protocol."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from examhall.places import SERVICES
from tests.faults.apache_kafka import ApacheKafka, kept_jars
from tests.faults.hall import frozen, hall, kill, must_have_kept_every_promise, rehearsal, saves_go_on

pytestmark = pytest.mark.faults

STUDENTS = 40
AWAY_SECONDS = 60.0


@pytest.fixture
def apache_kafka(folder: Path) -> Iterator[ApacheKafka]:
    """A node that runs."""
    kafka = ApacheKafka(kept_jars(), folder / "kafka")
    kafka.start()
    yield kafka
    kafka.kill()


def test_apache_kafka_is_killed_and_started_again_while_a_class_sits(folder: Path, apache_kafka: ApacheKafka):
    with (
        hall(folder, KAFKA_BOOTSTRAP_SERVERS=apache_kafka.address) as up,
        rehearsal(up, STUDENTS, pace=1.0) as sitting,
    ):
        for _ in range(2):
            sitting.wait_for_saves(60)
            apache_kafka.kill()
            sitting.wait_for_saves(60)
            apache_kafka.start()
        must_have_kept_every_promise(up, sitting)


def test_every_process_is_killed_one_after_the_other_beside_apache_kafka(folder: Path, apache_kafka: ApacheKafka):
    with (
        hall(folder, KAFKA_BOOTSTRAP_SERVERS=apache_kafka.address) as up,
        rehearsal(up, STUDENTS, pace=1.0) as sitting,
    ):
        for part in (*SERVICES, "gateway"):
            sitting.wait_for_saves(60)
            kill(up, part)
        must_have_kept_every_promise(up, sitting)


def test_apache_kafka_is_away_for_a_minute(folder: Path, apache_kafka: ApacheKafka):
    with (
        hall(folder, KAFKA_BOOTSTRAP_SERVERS=apache_kafka.address) as up,
        rehearsal(up, STUDENTS, pace=0.6) as sitting,
    ):
        sitting.wait_for_saves(40)
        with frozen(apache_kafka.pid):
            saves_go_on(sitting, AWAY_SECONDS)
        must_have_kept_every_promise(up, sitting)
