"""Taking in signals, through HTTP."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from chassis.actors import Actor
from chassis.clock import now
from chassis.hot import HotRoutes
from chassis.ids import new_id
from chassis.openapi import add_hot_routes
from chassis.outbox import timestamp
from chassis.testing import eventually
from proto.examhall.attempts.v1 import events_pb2 as attempts
from services.proctoring.hot import hot_routes, read_batch
from services.proctoring.intake import Offer, offer_of
from services.proctoring.tests.taking_in.builders import API, Attempt, Hall, a_batch, fault, open_hall, problem

SIGNALS = "proctoring.signals.v1"


async def received(hall: Hall) -> list[Any]:
    return await hall.events(SIGNALS, "SignalsReceived")


async def nothing_was_taken(hall: Hall, attempt: Attempt) -> bool:
    row = (await hall.sql("SELECT last_batch, allowance_at FROM attempts WHERE id = $1", attempt.uuid))[0]
    return not await received(hall) and not await hall.sql("SELECT 1 FROM signal_batches") and tuple(row) == (0, None)


async def test_a_batch_is_stored_and_told_to_the_stream_with_the_servers_times(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    sent_at = now() + timedelta(days=400)  # a clock that is wrong but runs evenly
    signals = [
        {"kind": "focus_lost", "question_id": "q1"},
        {"kind": "paste_attempt", "characters": 40, "at": (sent_at + timedelta(seconds=1)).isoformat()},
    ]
    before = now()
    reply = await attempt.client.post(attempt.path, json=a_batch(*signals, sent_at=sent_at))
    after = now()

    assert reply.status_code == 200, reply.text
    assert {name: reply.json()[name] for name in ("number", "accepted")} == {"number": 1, "accepted": 2}
    (event,) = await received(hall)
    assert (event.attempt_id, event.exam_id, event.student_id, event.number) == (
        attempt.id, attempt.state.exam_id, attempt.state.student_id, 1,
    )  # fmt: skip
    assert event.network == "127.0.0.1"
    assert event.session_id
    assert [signal.WhichOneof("kind") for signal in event.signals] == ["focus_lost", "paste_attempt"]
    assert event.signals[0].question_id == "q1"
    assert event.signals[1].paste_attempt.characters == 40
    moments = [signal.at.ToDatetime(tzinfo=before.tzinfo) for signal in event.signals]
    assert all(before - timedelta(milliseconds=2) <= moment <= after for moment in moments)
    (row,) = await hall.sql("SELECT number, signals, exam_id::text FROM signal_batches")
    assert tuple(row) == (1, event.SerializeToString(), attempt.state.exam_id)
    (last,) = await hall.sql("SELECT last_batch, last_signal_at FROM attempts WHERE id = $1", attempt.uuid)
    assert last["last_batch"] == 1
    assert before <= last["last_signal_at"] <= after
    assert 'examhall_signals_total{kind="paste_attempt"}' in (await hall.service.http.get("/metrics")).text


async def test_the_same_batch_again_is_acknowledged_again_and_changes_nothing(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    batch = a_batch()
    first = await attempt.client.post(attempt.path, json=batch)
    replies = [await attempt.client.post(attempt.path, json=batch) for _ in range(15)]
    assert {(reply.json()["batch_id"], reply.json()["number"], reply.json()["accepted"]) for reply in (first, *replies)} == {
        (batch["batch_id"], 1, 1)
    }  # fmt: skip
    assert len(await received(hall)) == 1


async def test_batches_sent_at_once_get_numbers_without_gaps_and_a_repetition_among_them_none(hall: Hall) -> None:
    exam = await hall.published()
    several = [await hall.started(exam) for _ in range(4)]
    batches = [a_batch() for _ in range(9)]
    replies = await asyncio.gather(
        *(attempt.client.post(attempt.path, json=batch) for attempt in several for batch in [*batches, batches[0]])
    )
    assert {reply.status_code for reply in replies} == {200}
    for attempt in several:
        rows = await hall.sql("SELECT number FROM signal_batches WHERE attempt_id = $1 ORDER BY number", attempt.uuid)
        assert [row["number"] for row in rows] == list(range(1, 10))
        told = [event.number for event in await received(hall) if event.attempt_id == attempt.id]
        assert told == list(range(1, 10))


async def test_two_replicas_number_the_batches_of_an_attempt_together(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka) as hall:
        url = hall.service.runtime.settings.database_url
        attempt = await hall.started(await hall.published())
        async with open_hall(postgres_url, kafka, hall.peers, database_url=url) as other:
            there = other.service.as_("student", UUID(attempt.state.student_id))
            replies = await asyncio.gather(
                *(client.post(attempt.path, json=a_batch()) for client in (attempt.client, there) for _ in range(5))
            )
        assert sorted(reply.json()["number"] for reply in replies) == list(range(1, 11))
        assert [event.number for event in await received(hall)] == list(range(1, 11))


async def test_a_group_that_waits_for_one_attempt_holds_no_other_so_nobody_waits_in_a_circle(hall: Hall) -> None:
    exam = await hall.published()
    several = sorted([await hall.started(exam) for _ in range(3)], key=lambda attempt: attempt.uuid)
    offers = [await _an_offer(hall, attempt) for attempt in reversed(several)]
    touch = "UPDATE attempts SET position = 7 WHERE id = $1"
    async with hall.service.database.pool.acquire() as connection, connection.transaction():
        await connection.execute(touch, several[2].uuid)
        sending = [hall.service.runtime.state["proctoring"].intake.take(offer) for offer in offers]
        await hall.one("SELECT 1 FROM signal_batches HAVING count(*) = 2")
        assert not any(taken.done() for taken in sending)
        await connection.execute("SET LOCAL lock_timeout = '100ms'")
        await connection.execute(touch, several[0].uuid)
    assert [(await taken).number for taken in sending] == [1, 1, 1]
    rows = await hall.sql("SELECT position, last_batch FROM attempts ORDER BY id")
    assert [tuple(row) for row in rows] == [(7, 1), (0, 1), (7, 1)]


async def _an_offer(hall: Hall, attempt: Attempt) -> Offer:
    student = Actor(UUID(attempt.state.student_id), "student", new_id())
    sitting = await hall.service.runtime.state["proctoring"].intake.sitting(student, attempt.uuid)
    return offer_of(student, sitting, read_batch(msgspec.json.encode(a_batch())))


async def test_too_many_batches_are_refused_with_the_time_to_wait(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    replies = await asyncio.gather(*(attempt.client.post(attempt.path, json=a_batch()) for _ in range(13)))
    refused = [reply for reply in replies if reply.status_code != 200]
    assert 1 <= len(refused) <= 3
    assert {problem(reply) for reply in refused} == {(429, "too-many-requests")}
    assert {reply.json()["retry_after_seconds"] for reply in refused} == {1}
    assert sorted(reply.json()["number"] for reply in replies if reply.status_code == 200) == list(
        range(1, 14 - len(refused))
    )


async def test_too_large_batches_are_refused_with_the_limit(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    many = await attempt.client.post(attempt.path, json=a_batch(*[{"kind": "tab_switch"}] * 101))
    assert problem(many) == (429, "batch-too-large")
    assert many.json()["max_signals"] == 100
    large = await attempt.client.post(attempt.path, content=b" " * (32 * 1024 + 1))
    assert problem(large) == (429, "batch-too-large")
    assert large.json()["max_bytes"] == 32 * 1024
    assert await nothing_was_taken(hall, attempt)


FAULTY_SIGNALS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"kind": "mind_reading"}, ("signals.1.kind", "known")),
    ({"kind": "ip_change"}, ("signals.1.kind", "derived")),
    ({"kind": "multiple_logins"}, ("signals.1.kind", "derived")),
    ({"kind": "face_absent", "absent_milliseconds": 4000}, ("signals.1.kind", "collected")),
    ({"kind": "focus_regained"}, ("signals.1", "shape")),
    ({"kind": "focus_regained", "away_milliseconds": -1}, ("signals.1.away_milliseconds", "shape")),
    ({"kind": "paste_attempt", "text": "what was pasted"}, ("signals.1", "shape")),
    ({"kind": "tab_switch", "at": "2026-01-01T00:00:00"}, ("signals.1.at", "shape")),
    ({}, ("signals.1", "shape")),
    ({"kind": {"tab": "switch"}}, ("signals.1.kind", "shape")),
    ({"kind": ["tab_switch"]}, ("signals.1.kind", "shape")),
]
FAULTY_BATCHES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"batch_id": "a" * 36}, ("batch_id", "uuid")),
    ({"batch_id": "short"}, ("batch_id", "shape")),
    ({"sent_at": "now"}, ("sent_at", "shape")),
    ({"signals": []}, ("signals", "shape")),
    ({"signals": "none"}, ("signals", "shape")),
    ({"more": 1}, ("", "shape")),
]
# More than one thing is wrong with these, and a reader that is not told what to expect stops at another one.
FAULTY_BODIES: list[tuple[bytes, str]] = [
    (b"\xff{", "json"),
    (b'{"batch_id": 5, and so on', "json"),
    (b'{"more": 1, "text": "\\ud800"}', "json"),
    (b'{"more": NaN}', "json"),
    (b'{"more": 1e400}', "shape"),
    (b'{"more": ' + b"9" * 400 + b"}", "shape"),
]


async def test_what_may_not_be_told_is_refused_by_field_and_rule(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    for signal, refusal in FAULTY_SIGNALS:
        reply = await attempt.client.post(attempt.path, json=a_batch({"kind": "tab_switch"}, signal))
        assert fault(reply) == refusal
    assert await nothing_was_taken(hall, attempt)


async def test_a_batch_of_another_shape_is_refused(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    for change, refusal in FAULTY_BATCHES:
        assert fault(await attempt.client.post(attempt.path, json={**a_batch(), **change})) == refusal
    for body, rule in FAULTY_BODIES:
        assert fault(await attempt.client.post(attempt.path, content=body)) == ("", rule)
    assert await nothing_was_taken(hall, attempt)


async def test_signals_from_the_future_long_ago_or_before_the_attempt_are_not_believed(hall: Hall) -> None:
    exam = await hall.published()
    attempt = await hall.started(exam)
    old = await hall.started(exam, started_at=timestamp(now() - timedelta(hours=2)))
    for who, seconds in ((attempt, 31), (old, -601), (attempt, -60)):
        sent_at = now()
        at = (sent_at + timedelta(seconds=seconds)).isoformat()
        reply = await who.client.post(who.path, json=a_batch({"kind": "tab_switch", "at": at}, sent_at=sent_at))
        assert fault(reply) == ("signals.0.at", "time")
    assert await nothing_was_taken(hall, attempt)


async def test_nobody_sends_for_anothers_attempt(hall: Hall) -> None:
    exam = await hall.published()
    attempt, other = await hall.started(exam), await hall.started(exam)
    for _ in range(2):  # read from the table, then from memory
        assert problem(await other.client.post(attempt.path, json=a_batch())) == (404, "not-found")
        assert (await attempt.client.post(attempt.path, json=a_batch())).status_code == 200
    for path in ("00000000-0000-4000-8000-000000000000", "none"):
        reply = await attempt.client.post(f"{API}/attempts/{path}/signals", json=a_batch())
        assert problem(reply) == (404, "not-found")


async def test_only_students_send_signals(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    for role in ("instructor", "proctor", "evaluator", "centre_admin", "admin"):
        assert problem(await hall.service.as_(role).post(attempt.path, json=a_batch())) == (403, "forbidden")
    assert problem(await hall.service.http.post(attempt.path, json=a_batch())) == (401, "unauthenticated")


async def test_after_submission_nothing_is_taken_whenever_it_was_observed(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    first = a_batch()
    assert (await attempt.client.post(attempt.path, json=first)).status_code == 200
    await hall.submitted(attempt)
    sent_at = now()
    at = (sent_at - timedelta(seconds=2)).isoformat()
    late = a_batch({"kind": "tab_switch", "at": at}, sent_at=sent_at)
    assert problem(await attempt.client.post(attempt.path, json=late)) == (409, "attempt-closed")
    assert (await attempt.client.post(attempt.path, json=first)).json()["number"] == 1  # it was taken before
    assert len(await received(hall)) == 1


async def test_an_exam_without_proctoring_takes_none(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(settings={"proctoring": False}))
    assert problem(await attempt.client.post(attempt.path, json=a_batch())) == (409, "not-proctored")
    assert await nothing_was_taken(hall, attempt)


async def test_an_exam_with_the_camera_collects_what_its_detector_believes(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(settings={"camera": True}))
    reply = await attempt.client.post(attempt.path, json=a_batch({"kind": "multiple_faces", "faces": 3}))
    assert reply.json()["accepted"] == 1
    (row,) = await hall.sql("SELECT has_camera, has_movement FROM signal_batches")
    assert tuple(row) == (True, False)


async def test_what_happened_in_a_break_does_not_count_when_it_is_sent_after_it(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(), started_at=timestamp(now() - timedelta(minutes=5)))
    began, ended = now() - timedelta(seconds=20), now() - timedelta(seconds=10)
    for event, status, at in (
        (attempts.AttemptPaused, "paused", began),
        (attempts.AttemptResumed, "in_progress", ended),
    ):
        attempt.state.version += 1
        attempt.state.status = status
        await hall.taken(await hall.tell_attempt(event(attempt=attempt.state), occurred_at=at))
    moments = [began - timedelta(seconds=1), began, ended - timedelta(seconds=1), ended]
    sent = a_batch(*({"kind": "tab_switch", "at": at.isoformat()} for at in moments))
    assert (await attempt.client.post(attempt.path, json=sent)).json()["accepted"] == 2
    (event,) = await received(hall)
    assert len(event.signals) == 2


async def test_while_an_attempt_is_paused_only_what_came_before_is_kept(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(), started_at=timestamp(now() - timedelta(minutes=5)))
    await hall.change(attempt, attempts.AttemptPaused, status="paused")
    sent_at = now() + timedelta(seconds=1)
    before = {"kind": "tab_switch", "at": (sent_at - timedelta(seconds=60)).isoformat()}
    batch = a_batch(before, {"kind": "devtools_open"}, sent_at=sent_at)
    for _ in range(2):
        assert (await attempt.client.post(attempt.path, json=batch)).json()["accepted"] == 1
    (event,) = await received(hall)
    assert [signal.WhichOneof("kind") for signal in event.signals] == ["tab_switch"]


async def test_a_browser_that_is_quicker_than_the_events_comes_again_until_its_attempt_is_known(hall: Hall) -> None:
    attempt, batch = hall.attempt(await hall.published()), a_batch()
    assert problem(await attempt.client.post(attempt.path, json=batch)) == (503, "dependency-unavailable")
    await hall.tell_attempt(attempts.AttemptStarted(attempt=attempt.state))

    async def taken() -> bool:
        return (await attempt.client.post(attempt.path, json=batch)).status_code == 200

    await eventually(taken)


async def test_the_lean_route_stands_in_the_openapi_document(hall: Hall) -> None:
    document = add_hot_routes({"paths": {}}, hot_routes(hall.service.runtime))
    (operation,) = (path["post"] for path in document["paths"].values())
    assert operation["operationId"] == "sendSignals"
    assert isinstance(hall.service.runtime.state["hot_routes"], HotRoutes)
