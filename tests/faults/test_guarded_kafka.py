"""Apache Kafka that asks for TLS, a user and a password, as managed ones do: every client of ours knows how."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.tests.certificates import make_certificates
from examhall.tests.machine import examhall
from tests.faults.apache_kafka import ApacheKafka, Guard, kept_jars
from tests.faults.hall import hall, must_have_kept_every_promise, rehearsal

pytestmark = pytest.mark.faults

STUDENTS = 20


@pytest.fixture
def guard(folder: Path) -> Guard:
    return Guard(make_certificates(folder / "certificates"))


@pytest.fixture
def kafka(folder: Path, guard: Guard) -> Iterator[ApacheKafka]:
    """A guarded node that runs."""
    node = ApacheKafka(kept_jars(), folder / "kafka", guard)
    node.start()
    yield node
    node.kill()


def test_topics_are_made_once_and_other_partitions_are_told(kafka: ApacheKafka, guard: Guard):
    def topics(*options: str) -> tuple[int, list[str]]:
        done = examhall("topics", *options, KAFKA_BOOTSTRAP_SERVERS=kafka.address, **guard.environment)
        return done.returncode, (done.stdout or done.stderr).splitlines()

    status, lines = topics("--partitions", "3")
    assert (status, len(lines)) == (2, 1)
    assert "replication factor of 3 cannot be reached" in lines[0]

    status, lines = topics("--partitions", "3", "--replication", "1")
    assert status == 0
    assert {"made identity.people.v1", "made identity.people.v1.dlq"} <= set(lines)
    assert "made examhall.proctoring-stream-watches-changelog" in lines

    count = len(lines) - 1
    assert topics("--partitions", "3", "--replication", "1") == (0, [f"0 of {count} topics made; {count} were there."])
    status, lines = topics("--partitions", "4", "--replication", "1")
    assert (status, lines[0]) == (1, "identity.people.v1 is there with 3 partitions, not 4")


def test_whoever_has_not_the_password_is_told_in_a_line(kafka: ApacheKafka, guard: Guard):
    wrong = {**guard.environment, "EXAMHALL_KAFKA_SASL_PASSWORD": "another"}
    done = examhall("topics", KAFKA_BOOTSTRAP_SERVERS=kafka.address, **wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert "SaslAuthenticationFailed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_class_sits_beside_a_guarded_kafka(folder: Path, kafka: ApacheKafka, guard: Guard):
    with (
        hall(folder, KAFKA_BOOTSTRAP_SERVERS=kafka.address, **guard.environment) as up,
        rehearsal(up, STUDENTS, pace=1.0) as sitting,
    ):
        must_have_kept_every_promise(up, sitting)
