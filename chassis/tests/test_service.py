"""A service of the chassis, used through REST, gRPC and Kafka."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import grpc
import pytest
from pydantic import SecretStr

from chassis.dead_letters import DeadLetter, replay, waiting_letters
from chassis.errors import DependencyUnavailable
from chassis.ids import new_id
from chassis.relay import publishing_lock
from chassis.rpc import open_channel
from chassis.testing import (
    SECRET,
    RunningService,
    eventually,
    logging_as_in_production,
    running,
    security_state,
    token_for,
)
from chassis.tests import sample
from proto.examhall.chassis.v1.hot_pb2 import HotBatch, HotCall
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesStub
from proto.examhall.chassis.v1.outbox_pb2 import ReplayRequest
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxStub
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonState


@pytest.fixture
async def service(postgres_url: str, kafka: str, database_url: str) -> AsyncIterator[RunningService]:
    async with running(sample.build, postgres_url, kafka, database_url=database_url) as started:
        yield started


async def _count(service: RunningService, table: str) -> int:
    return int(await service.database.pool.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_change_and_its_events_are_committed_together(service: RunningService) -> None:
    reply = await service.as_("instructor").post("/api/v1/things", json={"name": "lamp"})
    assert reply.status_code == 201
    [(kind, event)] = await service.recorded("sample.things.v1")
    assert (kind, event.centre.centre_id, event.centre.name) == ("CentreChanged", reply.json()["id"], "lamp")
    [(_, audit)] = await service.recorded("audit.entries.v1")
    assert (audit.action, audit.entity_id, audit.actor_role, audit.service) == (
        "thing_created",
        reply.json()["id"],
        "instructor",
        "sample",
    )


@pytest.mark.parametrize(
    ("name", "status", "slug"),
    [("full", 409, "too-full"), ("broken", 500, "internal-error"), ("ugly", 422, "invalid-input")],
)
async def test_an_error_is_a_problem_and_leaves_no_trace(
    service: RunningService, name: str, status: int, slug: str
) -> None:
    reply = await service.as_("instructor").post("/api/v1/things", json={"name": name})
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"].endswith(slug)
    assert (await _count(service, "things"), await _count(service, "outbox")) == (0, 0)


async def test_validation_names_field_and_rule_and_never_the_value(service: RunningService) -> None:
    reply = await service.as_("instructor").post("/api/v1/things", json={"name": "x" * 30, "role": "admin"})
    assert reply.status_code == 422
    assert {(item["field"], item["rule"]) for item in reply.json()["errors"]} == {
        ("name", "string_too_long"),
        ("role", "extra_forbidden"),
    }
    assert "x" * 30 not in reply.text


async def test_without_a_token_nothing_is_done(service: RunningService) -> None:
    reply = await service.http.post("/api/v1/things", json={"name": "lamp"})
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert await _count(service, "things") == 0


async def test_an_ended_session_is_refused_at_once(service: RunningService) -> None:
    session = uuid4()
    client = service.as_("instructor", session_id=session)
    assert (await client.post("/api/v1/things", json={"name": "lamp"})).status_code == 201
    state = security_state(session)
    state.is_snapshot, state.jwks_json = False, ""
    service.runtime.security.apply(state)
    assert (await client.post("/api/v1/things", json={"name": "lamp"})).status_code == 401


async def test_parallel_requests_with_one_idempotency_key_make_one_thing(service: RunningService) -> None:
    client = service.as_("instructor")
    replies = await asyncio.gather(
        *[client.post("/api/v1/things", json={"name": "lamp"}, headers={"Idempotency-Key": "k1"}) for _ in range(12)]
    )
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert await _count(service, "things") == 1
    other = await client.post("/api/v1/things", json={"name": "desk"}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["errors"][0]["rule"]) == (422, "reused")
    stranger = await service.as_("instructor").post(
        "/api/v1/things", json={"name": "lamp"}, headers={"Idempotency-Key": "k1"}
    )
    assert stranger.json()["id"] != replies[0].json()["id"]


async def test_the_second_of_two_editors_is_told(service: RunningService) -> None:
    client = service.as_("instructor")
    thing = (await client.post("/api/v1/things", json={"name": "lamp"})).json()
    url = f"/api/v1/things/{thing['id']}"
    assert (await client.patch(url, json={"name": "a"})).status_code == 428
    assert (await client.patch(url, json={"name": "a"}, headers={"If-Match": '"v1"'})).json() == {"etag": '"v2"'}
    assert (await client.patch(url, json={"name": "b"}, headers={"If-Match": '"v1"'})).status_code == 412
    assert (
        await service.as_("student").patch(url, json={"name": "b"}, headers={"If-Match": '"v2"'})
    ).status_code == 403


async def test_logs_name_what_a_request_or_an_event_is_about(
    service: RunningService, capfd: pytest.CaptureFixture[str]
) -> None:
    client = service.as_("instructor")
    thing = (await client.post("/api/v1/things", json={"name": "lamp"})).json()
    with logging_as_in_production("sample"):
        await client.patch(f"/api/v1/things/{thing['id']}", json={"name": "a"}, headers={"If-Match": '"v1"'})
        await client.patch("/api/v1/things/what+a+student+wrote", json={"name": "a"}, headers={"If-Match": '"v1"'})
        event = _person("Ada")
        await service.publish("identity.people.v1", event.person.person_id, event)
        await eventually(lambda: _heard(service))
    written = capfd.readouterr().out
    lines = {line["event"]: line for line in map(json.loads, written.splitlines())}
    assert lines["thing_renamed"]["thing_id"] == thing["id"]
    assert lines["heard_of_person"]["event_key"] == event.person.person_id
    assert "a+student+wrote" not in written


async def test_lists_come_in_pages(service: RunningService) -> None:
    client = service.as_("instructor")
    for number in range(5):
        await client.post("/api/v1/things", json={"name": f"thing {number}"})
    page = (await client.get("/api/v1/things?page=2&limit=2")).json()
    assert ([item["name"] for item in page["items"]], page["total"], page["pages"]) == (["thing 2", "thing 3"], 5, 3)


async def test_what_is_kept_of_a_request_tells_nobody_what_was_in_it(
    postgres_url: str, kafka: str, database_url: str
) -> None:
    person, headers, body = new_id(), {"Idempotency-Key": "k1"}, b'{"name":"a secret"}'
    path, replies = "/api/v1/things", []
    # The same request while the installation's secret is changed: it is still the same.
    for secret in (SECRET, f"another,{SECRET}"):
        settings = {"service_secret": SecretStr(secret)}
        async with running(sample.build, postgres_url, kafka, database_url=database_url, settings=settings) as service:
            kept_by = service.as_("instructor", person)
            replies.append(
                await kept_by.post(path, content=body, headers={**headers, "Content-Type": "application/json"})
            )
            kept = await service.database.pool.fetchval("SELECT fingerprint FROM idempotency_keys")
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].json() == replies[1].json()
    assert kept != hashlib.sha256(f"POST {path}?\n".encode() + body).digest()


async def test_what_is_kept_of_a_reply_tells_nobody_what_was_in_it(service: RunningService) -> None:
    client, headers, body = service.as_("instructor"), {"Idempotency-Key": "k1"}, {"name": "a secret"}
    first = await client.post("/api/v1/things", json=body, headers=headers)
    pool = service.database.pool
    kept = await pool.fetchval("SELECT reply::text FROM idempotency_keys")
    assert first.json()["id"] not in kept
    assert "secret" not in kept
    assert (await client.post("/api/v1/things", json=body, headers=headers)).json() == first.json()
    # As the version before kept it.
    known_by = hashlib.sha256(b"POST /api/v1/things?\n" + first.request.content).digest()
    await pool.execute("UPDATE idempotency_keys SET reply = $1::jsonb, fingerprint = $2", first.text, known_by)
    assert (await client.post("/api/v1/things", json=body, headers=headers)).json() == first.json()


async def test_hot_routes_answer_the_same_over_http_and_in_a_grpc_batch(service: RunningService) -> None:
    person = uuid4()
    token = token_for("student", person)
    direct = await service.as_("student", person).put("/api/v1/things/7/echo", content=b"12345")
    calls = [
        HotCall(method="PUT", path="/api/v1/things/7/echo", token=token, body=b"12345"),
        HotCall(method="POST", path="/api/v1/things/8/late", token=token, body=b'"later"'),
        HotCall(method="POST", path="/api/v1/things/8/late", token=token, body=b"away"),
        HotCall(method="PUT", path="/api/v1/things/7/echo", token="nonsense"),
        HotCall(method="PUT", path="/elsewhere", token=token),
    ]
    async with service.channel() as channel:
        batch = await HotRoutesStub(channel).Handle(HotBatch(calls=calls))
    assert [reply.status for reply in batch.replies] == [200, 202, 503, 401, 404]
    assert direct.content == batch.replies[0].body == b'{"part":"7","person":"%s","bytes":5}' % str(person).encode()


async def test_grpc_answers_only_the_installation(service: RunningService) -> None:
    async with open_channel(service.grpc_address, "another secret") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await HotRoutesStub(channel).Handle(HotBatch())
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_readiness_tells_part_by_part(service: RunningService) -> None:
    reply = await service.http.get("/health/ready")
    assert (reply.status_code, reply.json()["parts"]["database"], reply.json()["parts"]["tokens"]) == (200, "ok", "ok")
    await service.as_("instructor").post("/api/v1/things", json={"name": "lamp"})
    assert (
        'examhall_http_request_seconds_count{method="POST",route="/api/v1/things",status="201"}'
        in (await service.http.get("/metrics")).text
    )


def _person(name: str, person_id: str | None = None) -> PersonChanged:
    return PersonChanged(person=PersonState(person_id=person_id or str(uuid4()), name=name))


async def _heard(service: RunningService) -> dict[str, int]:
    return {row["name"]: row["times"] for row in await service.database.pool.fetch("SELECT name, times FROM heard")}


async def test_an_event_delivered_twice_has_its_effect_once(service: RunningService) -> None:
    event, event_id = _person("Ada"), new_id()
    for _ in range(3):
        await service.publish("identity.people.v1", event.person.person_id, event, event_id=event_id)
    last = _person("Grace")
    await service.publish("identity.people.v1", event.person.person_id, last)
    await eventually(lambda: _heard(service))
    await eventually(lambda: _has(service, "Grace"))
    assert (await _heard(service))["Ada"] == 1


async def _has(service: RunningService, name: str) -> bool:
    return name in await _heard(service)


async def test_a_poison_event_is_parked_with_what_follows_and_replayed_in_order(service: RunningService) -> None:
    key = str(uuid4())
    service.runtime.state["trouble"] = {"poison": ValueError("a name that can't be")}
    await service.publish("identity.people.v1", key, _person("poison", key))
    await service.publish("identity.people.v1", key, _person("after", key))
    await service.publish("identity.people.v1", str(uuid4()), _person("unharmed"))
    await eventually(lambda: _has(service, "unharmed"))
    letters = await eventually(lambda: _letters(service, 2))
    assert [letter.reason.split(":")[0].split(" dead")[0] for letter in letters] == ["ValueError", "waits behind"]
    dead = await service.recorded("identity.people.v1.dlq")
    assert [event.person.name for _, event in dead] == ["poison", "after"]

    still_bad = [result async for result in replay(service.service, service.runtime)]
    assert [result.error is None for result in still_bad] == [False]
    service.runtime.state["trouble"] = {}
    mended = [result async for result in replay(service.service, service.runtime)]
    assert [result.error for result in mended] == [None, None]
    assert await waiting_letters(service.database) == []
    assert (await _heard(service))["after"] == 2


async def test_the_reason_of_a_dead_letter_holds_nothing_of_the_row_that_was_refused(service: RunningService) -> None:
    await service.database.pool.execute("ALTER TABLE heard ADD CHECK (name <> 'my own answer')")
    await service.publish("identity.people.v1", "k", _person("my own answer"))
    (letter,) = await eventually(lambda: _letters(service, 1))
    assert "violates check constraint" in letter.reason
    assert "my own answer" not in letter.reason


async def _letters(service: RunningService, count: int) -> list[DeadLetter] | None:
    letters = await waiting_letters(service.database)
    return letters if len(letters) == count else None


async def test_an_event_waits_for_a_dependency_that_is_away(service: RunningService) -> None:
    service.runtime.state["trouble"] = {"Ada": DependencyUnavailable("exams is away")}
    await service.publish("identity.people.v1", "k", _person("Ada"))
    await eventually(
        lambda: (
            service.runtime.consumer is not None
            and service.runtime.consumer.status.startswith("waiting for a dependency")
        )
    )
    assert await _count(service, "dead_letters") == 0
    service.runtime.state["trouble"] = {}
    await eventually(lambda: _has(service, "Ada"))


async def test_a_replay_does_not_come_between_sending_and_marking(service: RunningService) -> None:
    stub = OutboxStub(service.channel())
    relay = await asyncpg.connect(service.database.url)
    try:
        await relay.execute("SELECT pg_advisory_lock($1)", publishing_lock("sample"))
        asked = stub.Replay(ReplayRequest(topics=["sample.things.v1"]))
        await eventually(
            lambda: service.database.pool.fetchval("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        )
        assert not asked.done()
    finally:
        await relay.close()
    await asked


async def test_idempotency_keys_are_forgotten_when_nobody_can_ask_for_them_any_more(
    postgres_url: str, kafka: str, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO idempotency_keys (actor, route, key, fingerprint, created_at)"
        " SELECT '', '', hours::text, '', now() - make_interval(hours => hours) FROM unnest(ARRAY[1, 47, 49]) AS old(hours)"
    )
    async with running(sample.build, postgres_url, kafka, database_url=database_url):

        async def left() -> bool:
            rows = await connection.fetch("SELECT key FROM idempotency_keys ORDER BY key")
            return [row["key"] for row in rows] == ["1", "47"]

        await eventually(left)
    await connection.close()
