"""What every service tells at /metrics of itself and of what it needs."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chassis.clock import now
from chassis.counting import Count, count_at_commit, observe_at_commit
from chassis.database import Database
from chassis.inbox import Event
from chassis.metrics import EVENT_LAG_SECONDS, EVENTS_CONSUMED, told
from chassis.rpc import TRACEPARENT
from chassis.testing import RunningService, eventually, running
from chassis.tests import sample
from chassis.tracing import exemplar_of, is_recorded, span
from proto.examhall.chassis.v1.outbox_pb2 import ReplayRequest
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxStub
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState

NOBODY = "127.0.0.1:1"
TOPIC = "identity.people.v1"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


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


def a_traceparent(*, is_sampled: bool = True) -> tuple[str, str]:
    """A trace id, and the traceparent that brings it."""
    trace_id = uuid4().hex
    return trace_id, f"00-{trace_id}-00f067aa0ba902b7-0{int(is_sampled)}"


async def exemplars(service: RunningService, metric: str) -> set[str]:
    """The trace ids that a histogram's buckets lead to."""
    reply = await service.http.get("/metrics", headers=OPENMETRICS)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    return {
        sample.exemplar.labels["trace_id"]
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
        if sample.name == f"{metric}_bucket" and sample.exemplar
    }


async def test_a_slow_request_leads_to_its_trace(service: RunningService) -> None:
    trace_id, traceparent = a_traceparent()
    await service.http.get("/api/v1/things", headers={TRACEPARENT: traceparent})
    assert trace_id in await exemplars(service, "examhall_http_request_seconds")


async def test_a_call_between_services_leads_to_its_trace(service: RunningService) -> None:
    trace_id, traceparent = a_traceparent()
    async with service.channel() as channel:
        with span("asks", parent=traceparent):
            await OutboxStub(channel).Replay(ReplayRequest())
    assert trace_id in await exemplars(service, "examhall_grpc_request_seconds")


def an_event(name: str, traceparent: str | None = None) -> Event:
    person = PersonState(person_id=str(uuid4()), name=name)
    payload = PersonChanged(person=person).SerializeToString()
    type_name = PersonChanged.DESCRIPTOR.full_name
    return Event(uuid4(), TOPIC, person.person_id, type_name, now(), payload, traceparent)


async def test_a_late_event_leads_to_its_trace(service: RunningService) -> None:
    assert service.runtime.consumer is not None
    trace_id, traceparent = a_traceparent()
    await service.runtime.consumer.handle([an_event("Ada", traceparent)])
    assert trace_id in await exemplars(service, "examhall_event_lag_seconds")


async def test_a_trace_that_is_not_sampled_is_not_led_to(service: RunningService) -> None:
    """Nobody could look it up."""
    trace_id, traceparent = a_traceparent(is_sampled=False)
    await service.http.get("/api/v1/things", headers={TRACEPARENT: traceparent})
    assert service.runtime.consumer is not None
    await service.runtime.consumer.handle([an_event("Ada", traceparent)])
    for metric in ("examhall_http_request_seconds", "examhall_event_lag_seconds"):
        assert trace_id not in await exemplars(service, metric)


async def test_who_does_not_ask_for_openmetrics_gets_prometheus_text_without_exemplars(service: RunningService) -> None:
    _, traceparent = a_traceparent()
    await service.http.get("/api/v1/things", headers={TRACEPARENT: traceparent})
    for accept in ("*/*", "text/plain", "text/html", "nonsense", "application/json;q=0.1,text/plain;version=0.0.4"):
        reply = await service.http.get("/metrics", headers={"Accept": accept})
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "trace_id" not in reply.text
        assert "# EOF" not in reply.text
    assert await service.metric("examhall_dead_letters_waiting") is not None


@given(st.text(max_size=80) | st.from_regex(r"application/openmetrics-text(; ?version=[^,;]{0,6})?", fullmatch=True))
def test_whatever_is_asked_for_is_answered(accept: str) -> None:
    body, content_type = told(accept)
    assert b"examhall_build_info" in body
    assert content_type.startswith(("text/plain", "application/openmetrics-text"))


@given(st.none() | st.text(max_size=60) | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True))
def test_only_a_traceparent_of_a_sampled_trace_makes_an_exemplar(traceparent: str | None) -> None:
    exemplar = exemplar_of(traceparent)
    assert (exemplar is not None) == (traceparent is not None and is_recorded(traceparent))
    if exemplar is not None:
        assert exemplar["trace_id"] in str(traceparent)
        assert len(exemplar["trace_id"]) == 32


async def test_what_is_rolled_back_and_done_again_counts_once(database_url: str) -> None:
    times = Histogram(f"sample_{uuid4().hex}_seconds", "Of this test", registry=None)
    counter = EVENTS_CONSUMED.labels(TOPIC, uuid4().hex)
    database = Database(database_url, name="sample")
    await database.open()

    async def change(*then: Exception) -> None:
        async with database.session() as tx:
            count_at_commit(tx, counter, 3)
            observe_at_commit(tx, times, 0.2, 0.4)
            count_at_commit(tx, counter)
            assert counter._value.get() == 0
            for error in then:
                raise error

    try:
        with pytest.raises(ValueError, match="a bug"):
            await change(ValueError("a bug"))
        assert (counter._value.get(), times._sum.get()) == (0, 0)
        await change()
        assert (counter._value.get(), times._sum.get()) == (4, 0.2 + 0.4)
    finally:
        await database.close()


async def test_events_that_were_taken_in_again_after_a_failure_count_once(service: RunningService) -> None:
    service.runtime.state["trouble"] = {"poison": ValueError("a name that can't be")}
    consumer = service.runtime.consumer
    assert consumer is not None
    handled, lag = EVENTS_CONSUMED.labels(TOPIC, "handled"), EVENT_LAG_SECONDS.labels(TOPIC)
    before = handled._value.get(), lag._sum.get()
    good = an_event("Ada")
    with pytest.raises(ValueError, match="can't be"):
        await consumer.handle([good, an_event("poison")])
    assert (handled._value.get(), lag._sum.get()) == before
    await consumer.handle([good])
    assert handled._value.get() == before[0] + 1
