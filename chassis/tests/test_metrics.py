"""What every service tells at /metrics of itself and of what it needs."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from chassis.counting import Count
from chassis.testing import RunningService, eventually, running
from chassis.tests import sample
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState

NOBODY = "127.0.0.1:1"


@pytest.fixture
async def service(postgres_url: str, kafka: str, database_url: str) -> AsyncIterator[RunningService]:
    async with running(sample.build, postgres_url, kafka, database_url=database_url) as started:
        yield started


async def test_events_that_no_broker_takes_are_told_with_the_age_of_the_oldest(
    postgres_url: str, database_url: str
) -> None:
    async with running(sample.build, postgres_url, NOBODY, database_url=database_url) as service:
        await service.count_now()
        assert await service.metric("examhall_outbox_waiting_events") == 0
        assert await service.metric("examhall_outbox_oldest_seconds") == 0
        client = service.as_("instructor")
        for name in ("lamp", "desk"):
            await client.post("/api/v1/things", json={"name": name})
        await service.database.pool.execute(
            "UPDATE outbox SET occurred_at = occurred_at - interval '1 hour' WHERE id = 1"
        )
        await service.count_now()
        assert await service.metric("examhall_outbox_waiting_events") == 4  # two things, two entries of the audit log
        assert 3600 <= (await service.metric("examhall_outbox_oldest_seconds") or 0) < 3700
        await service.database.pool.execute("UPDATE outbox SET published_at = now()")
        await service.count_now()
        assert await service.metric("examhall_outbox_waiting_events") == 0
        assert await service.metric("examhall_outbox_oldest_seconds") == 0


async def test_dead_letters_are_told_while_they_wait(service: RunningService) -> None:
    service.runtime.state["trouble"] = {"poison": ValueError("a name that can't be")}
    event = PersonChanged(person=PersonState(person_id=str(uuid4()), name="poison"))
    await service.publish("identity.people.v1", event.person.person_id, event)

    async def told() -> bool:
        await service.count_now()
        return await service.metric("examhall_dead_letters_waiting") == 1

    await eventually(told)
    await service.database.pool.execute("UPDATE dead_letters SET resolved_at = now()")
    await service.count_now()
    assert await service.metric("examhall_dead_letters_waiting") == 0


async def test_a_gauge_that_can_not_be_counted_keeps_its_value_and_the_failure_counts(service: RunningService) -> None:
    shown: list[int] = []
    count = Count("sample", 1, "SELECT 1 AS one", lambda row: shown.append(row["one"]))
    await count.once(service.runtime)
    slow = Count("sample", 0.05, "SELECT pg_sleep(5)", lambda row: shown.append(2))
    await slow.once(service.runtime)
    wrong = Count("sample", 1, "SELECT nonsense", lambda row: shown.append(3))
    with pytest.raises(asyncpg.UndefinedColumnError):
        await wrong.once(service.runtime)
    assert shown == [1]
    assert await service.metric("examhall_counts_failed_total", count="sample") == 2


async def test_servers_that_answer_and_servers_that_do_not_are_told(
    service: RunningService, postgres_url: str, database_url: str
) -> None:
    async def up(dependency: str) -> float | None:
        return await service.metric("examhall_dependency_up", dependency=dependency)

    async def is_told(database: int, broker: int) -> bool:
        return (await up("database"), await up("kafka")) == (database, broker)

    await eventually(lambda: is_told(1, 1))
    name = urlsplit(database_url).path.removeprefix("/")
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await eventually(lambda: is_told(0, 1))
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await admin.close()
    await eventually(lambda: is_told(1, 1))


async def test_a_broker_that_is_away_is_told(postgres_url: str, database_url: str) -> None:
    async with running(sample.build, postgres_url, NOBODY, database_url=database_url) as service:

        async def is_told() -> bool:
            return await service.metric("examhall_dependency_up", dependency="kafka") == 0

        await eventually(is_told)


def test_version_and_revision_are_told() -> None:
    program = "import chassis.metrics, prometheus_client as p; print(p.generate_latest().decode())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "EXAMHALL_REVISION": "abc123"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    [line] = [line for line in told.splitlines() if line.startswith("examhall_build_info{")]
    assert 'revision="abc123"' in line
    assert 'version="unknown"' not in line
    assert line.endswith(" 1.0")


async def test_saves_within_their_objective_can_be_counted(service: RunningService) -> None:
    await service.http.post("/api/v1/things", json={"name": "lamp"})
    labels = {"method": "POST", "route": "/api/v1/things"}
    assert await service.metric("examhall_http_request_seconds_bucket", **labels, status="401", le="0.3") is not None
