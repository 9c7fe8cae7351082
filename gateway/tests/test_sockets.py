import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chassis.ids import new_id
from chassis.testing import eventually, security_state, token_for
from gateway.tests.running import RunningGateway, running_gateway
from gateway.tests.watching import (
    ATTEMPT,
    ATTEMPT_FEED,
    EXAM,
    EXAM_FEED,
    MONITOR,
    SEAT,
    Proctoring,
    listening,
    opened,
    proctoring_behind,
)


@pytest.fixture
async def gateway(kafka: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(kafka_bootstrap_servers=kafka, socket_authenticate_seconds=0.5) as running:
        yield running


@pytest.fixture
async def proctoring(gateway: RunningGateway, kafka: str) -> AsyncIterator[Proctoring]:
    async with proctoring_behind(gateway, kafka) as service:
        yield service


async def refusal_of(gateway: RunningGateway, path: str = MONITOR, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, path, **options):
            pass
    response = refused.value.response
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, json.loads(response.body)


async def test_a_proctor_hears_what_happens_as_it_stands_in_the_feed(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    async with listening(gateway) as proctor:
        told = await proctoring.tell(alert={"id": "a", "score": "0.75"})
        assert await proctor.next() == told
    assert proctor.heard[0] == {"type": "authenticated", "feed": EXAM_FEED, "after": 0} | {
        "expires_at": proctor.heard[0]["expires_at"]
    }


async def test_a_token_may_come_among_the_subprotocols(gateway: RunningGateway, proctoring: Proctoring) -> None:
    token = token_for("student")
    async with opened(gateway, SEAT, subprotocols=["examhall.v1", f"bearer.{token}"]) as student:
        assert student.connection.subprotocol == "examhall.v1"
        assert (await student.next())["type"] == "authenticated"
        told = await proctoring.tell(ATTEMPT_FEED, type="time_changed")
        assert await student.next() == told
    assert proctoring.tokens == [token]


async def test_an_address_may_say_where_to_go_on(gateway: RunningGateway, proctoring: Proctoring) -> None:
    first, second = await proctoring.tell(), await proctoring.tell()
    protocols = ["examhall.v1", f"bearer.{token_for('proctor')}"]
    async with opened(gateway, f"{MONITOR}?after=1", subprotocols=protocols) as proctor:
        assert (await proctor.next())["after"] == 1
        assert await proctor.next() == second
    assert first["number"] == 1


@pytest.mark.parametrize("query", ["token=x", "after=x", "after=-1", "after=99999999999999999", "after=1&token=x"])
async def test_an_address_says_nothing_else(gateway: RunningGateway, query: str) -> None:
    status, problem = await refusal_of(gateway, f"{MONITOR}?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, "after")


@pytest.mark.parametrize("path", ["/ws/exams/x/monitor", f"/ws/exams/{EXAM}", "/api/v1/exams", "/"])
async def test_elsewhere_there_are_no_sockets(gateway: RunningGateway, path: str) -> None:
    assert (await refusal_of(gateway, path))[0] == 404


async def test_without_a_broker_no_socket_is_opened() -> None:
    async with running_gateway() as gateway:
        assert (await refusal_of(gateway))[0] == 503


@pytest.mark.parametrize(
    "token", ["bad", token_for("proctor", seconds=-5), token_for("proctor", aud="somebody else")], ids=str.__len__
)
async def test_a_bad_token_closes_the_socket(gateway: RunningGateway, proctoring: Proctoring, token: str) -> None:
    async with opened(gateway) as stranger:
        await stranger.say(type="authenticate", token=token)
        code, reason = await stranger.closed()
    async with opened(gateway, subprotocols=["examhall.v1", f"bearer.{token}"]) as other:
        assert (await other.closed())[0] == code
    assert code == 4401
    assert "token" in reason
    assert proctoring.fetches == 0


async def test_bad_tokens_count_against_the_address(kafka: str) -> None:
    limits = {"limit_address_per_second": 0.01, "limit_address_burst": 2}
    async with running_gateway(kafka_bootstrap_servers=kafka, **limits) as gateway:
        codes = []
        for _ in range(3):
            async with opened(gateway) as stranger:
                await stranger.say(type="authenticate", token="bad")
                codes.append((await stranger.closed())[0])
    assert codes == [4401, 4401, 4429]


async def test_a_socket_that_brings_no_token_is_closed_in_time(gateway: RunningGateway) -> None:
    async with opened(gateway) as stranger:
        assert await stranger.closed() == (4401, "no token came within 0.5 s")


async def test_anything_but_the_token_first_closes_the_socket(gateway: RunningGateway) -> None:
    for first, code in (('{"type":"ping"}', 4401), ("no json", 4400), (b"binary", 4400), ("{}", 4400)):
        async with opened(gateway) as stranger:
            await stranger.connection.send(first)
            assert (await stranger.closed())[0] == code


@pytest.mark.parametrize("after", [-1, 2**60, "1"])
async def test_a_cursor_that_is_none_closes_the_socket(gateway: RunningGateway, after: object) -> None:
    async with opened(gateway) as stranger:
        await stranger.say(type="authenticate", token=token_for("proctor"), after=after)
        assert (await stranger.closed())[0] == 4400


async def test_before_identity_gave_its_keys_a_client_is_told_to_come_later(kafka: str) -> None:
    async with running_gateway(has_keys=False, kafka_bootstrap_servers=kafka) as gateway, opened(gateway) as proctor:
        await proctor.say(type="authenticate", token=token_for("proctor"))
        assert (await proctor.closed())[0] == 1013


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403), (404, 4404), (500, 1013), (503, 1013)])
async def test_what_the_service_says_of_a_person_closes_the_socket(
    gateway: RunningGateway, proctoring: Proctoring, status: int, code: int
) -> None:
    token = token_for("student")
    proctoring.refuses[token] = status
    async with opened(gateway) as student:
        await student.say(type="authenticate", token=token, after=0)
        await proctoring.tell()
        closed, reason = await student.closed()
    assert closed == code
    assert f"refused with {status}" in reason
    assert student.heard == []


async def test_pages_of_foreign_origins_are_refused_and_known_ones_are_not(kafka: str) -> None:
    async with running_gateway(kafka_bootstrap_servers=kafka, cors_origins="https://exam.school") as gateway:
        for origin in (
            "https://evil.example",
            "null",
            f"http://127.0.0.1:{gateway.port + 1}",
            "https://exam.school.evil",
        ):
            assert (await refusal_of(gateway, origin=origin))[0] == 403
        own = (f"http://127.0.0.1:{gateway.port}", f"https://127.0.0.1:{gateway.port}", "https://exam.school", None)
        for origin in own:
            async with opened(gateway, origin=origin):
                pass


async def test_an_expired_token_closes_the_socket_unless_it_was_renewed(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    person = new_id()
    short, long = token_for("proctor", person, seconds=2), token_for("proctor", person)
    async with listening(gateway, token=short) as leaves, listening(gateway, token=short) as stays:
        await stays.say(type="authenticate", token=long)
        renewed = await stays.next()
        assert (renewed["type"], renewed["expires_at"] > stays.heard[0]["expires_at"]) == ("authenticated", True)
        code, reason = await leaves.closed()
        assert (code, "expired" in reason) == (4401, True)
        assert await proctoring.tell() == await stays.next()
    assert proctoring.tokens[-1] == long


async def test_a_renewal_is_looked_at_by_the_service_too(gateway: RunningGateway, proctoring: Proctoring) -> None:
    person = new_id()
    async with listening(gateway, token=token_for("proctor", person)) as proctor:
        removed = token_for("proctor", person, seconds=800)
        proctoring.refuses[removed] = 404
        await proctor.say(type="authenticate", token=removed)
        assert (await proctor.closed())[0] == 4404


async def test_a_socket_stays_its_persons(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        await proctor.say(type="authenticate", token=token_for("proctor"))
        answer = await proctor.next()
        assert (answer["type"], answer["refused"], answer["status"]) == ("refused", "authenticate", 401)
        assert await proctoring.tell() == await proctor.next()


async def test_a_session_that_ends_closes_its_sockets_at_once(gateway: RunningGateway, proctoring: Proctoring) -> None:
    session = new_id()
    async with (
        listening(gateway, token=token_for("proctor", session_id=session)) as proctor,
        listening(gateway) as other,
    ):
        gateway.app.security.apply(security_state(session))
        told = await proctoring.tell()
        assert await other.next() == told
        code, reason = await proctor.closed()
    assert (code, "ended" in reason, proctor.numbers()) == (4401, True, [])


async def test_who_is_taken_off_an_exam_does_not_hear_of_it_for_long(kafka: str) -> None:
    staying, leaving, student = token_for("proctor"), token_for("proctor"), token_for("student")
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, socket_rights_seconds=0.1) as gateway,
        proctoring_behind(gateway, kafka) as proctoring,
        listening(gateway, token=staying) as other,
        listening(gateway, token=leaving) as proctor,
        listening(gateway, SEAT, token=student),
    ):
        await proctoring.tell()
        assert (await proctor.next())["number"] == 1
        proctoring.refuses[leaving] = 403
        assert await proctor.closed() == (4403, "refused with 403")
        await proctoring.tell()
        assert [(await other.next())["number"] for _ in range(2)] == [1, 2]
        assert proctoring.tokens.count(student) == 1, "whose an attempt is does not change"


async def test_one_person_has_only_so_many_sockets(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, sockets_per_person=1) as gateway,
        proctoring_behind(gateway, kafka),
    ):
        person = new_id()
        async with listening(gateway, token=token_for("proctor", person)), opened(gateway) as second:
            await second.say(type="authenticate", token=token_for("proctor", person))
            assert (await second.closed())[0] == 4429
        await eventually(lambda: not gateway.app.sockets._of_person)
        async with listening(gateway, token=token_for("proctor", person)):
            pass


async def test_there_are_only_so_many_sockets(kafka: str) -> None:
    async with running_gateway(kafka_bootstrap_servers=kafka, sockets_most=1) as gateway:
        async with opened(gateway):
            assert (await refusal_of(gateway))[0] == 503
        await eventually(lambda: not gateway.app.sockets._followers)
        async with opened(gateway):
            pass


async def test_one_address_has_only_so_many_sockets_without_a_token(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, sockets_waiting_per_address=1) as gateway,
        proctoring_behind(gateway, kafka),
    ):
        async with opened(gateway):
            assert (await refusal_of(gateway))[0] == 429
        await eventually(lambda: not gateway.app.sockets._waiting)
        async with listening(gateway), opened(gateway):
            pass


async def test_a_ping_is_answered(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        await proctor.say(type="ping")
        assert await proctor.next() == {"type": "pong"}


async def test_a_client_that_does_not_answer_pings_is_closed(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, socket_ping_seconds=0.2) as gateway,
        proctoring_behind(gateway, kafka),
        listening(gateway) as dead,
    ):
        dead.connection.transport.pause_reading()
        await eventually(lambda: not gateway.app.sockets._followers)


async def test_what_is_not_known_is_refused_by_name(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        for sent, refused in (
            ('{"type":"dance"}', "dance"),
            ('{"type":"signals","batch_id":"b"}', "signals"),
            ("[]", None),
            (b"binary", None),
        ):
            await proctor.connection.send(sent)
            answer = await proctor.next()
            assert (answer["type"], answer["refused"], answer["status"]) == ("refused", refused, 422)
            assert answer["problem"]["errors"][0]["field"] == "type"
        assert await proctoring.tell() == await proctor.next()
    assert gateway.signals.batches == []


async def test_a_message_nested_without_end_is_refused_and_the_socket_goes_on(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    async with opened(gateway, SEAT) as student:
        await student.connection.send('{"type":"authenticate","token":' + "[" * 30_000)
        assert (await student.closed())[0] == 4400
    async with listening(gateway, SEAT) as student:
        for nested in ('{"signals":' + "[" * 30_000, '{"type":"authenticate","token":' + "[" * 30_000):
            await student.connection.send(nested)
            assert (await student.next())["problem"]["status"] == 422
        await student.say(type="ping")
        assert await student.next() == {"type": "pong"}


async def test_signals_go_to_proctoring_in_batches_and_are_answered(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    token = token_for("student")
    body = b'{"batch_id":"b1","sent_at":"2026-01-01T10:00:00Z","signals":[{"kind":"tab_switch"}]}'
    gateway.signals.bodies[body] = b'{"batch_id":"b1","number":1,"accepted":1,"type":"x"}'
    async with listening(gateway, SEAT, token=token) as student:
        await student.connection.send('{"type":"signals",' + body.decode()[1:])
        assert await student.next() == {"batch_id": "b1", "number": 1, "accepted": 1, "type": "signals_taken"}
    (call,) = gateway.signals.calls
    assert (call.method, call.path) == ("POST", f"/api/v1/proctoring/attempts/{ATTEMPT}/signals")
    assert (call.token, call.body, call.client_address) == (token, body, "127.0.0.1")
    assert call.traceparent


async def test_refused_signals_say_which_batch_and_why(gateway: RunningGateway, proctoring: Proctoring) -> None:
    body = b'{"batch_id":"b1"}'
    gateway.signals.statuses[body] = 409
    gateway.signals.bodies[body] = b'{"title":"The attempt is closed","status":409}'
    async with listening(gateway, SEAT) as student:
        await student.say(type="signals", batch_id="b1")
        assert await student.next() == {
            "type": "refused",
            "refused": "signals",
            "batch_id": "b1",
            "status": 409,
            "problem": {"title": "The attempt is closed", "status": 409},
        }


async def test_signals_while_proctoring_is_away_are_refused_for_now(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, hot_give_up_seconds=0.2) as gateway,
        proctoring_behind(gateway, kafka),
        listening(gateway, SEAT) as student,
    ):
        await gateway.signals.stop()
        await student.say(type="signals", batch_id="b1")
        answer = await student.next()
        assert (answer["refused"], answer["batch_id"], answer["status"]) == ("signals", "b1", 503)


async def test_signals_wait_for_one_another_and_count_as_requests_of_the_person(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, limit_person_per_second=0.01, limit_person_burst=5) as gateway,
        proctoring_behind(gateway, kafka),
        listening(gateway, SEAT) as student,
    ):
        gateway.signals.gate.clear()
        for number in range(5):
            await student.say(type="signals", batch_id=number)
        answer = await student.next()
        assert (answer["batch_id"], answer["status"]) == (4, 429)
        gateway.signals.gate.set()
        taken = [await student.next() for _ in range(4)]
        assert [(each["type"], each["batch_id"]) for each in taken] == [("signals_taken", n) for n in range(4)]
        await student.say(type="signals", batch_id=5)
        answer = await student.next()
        assert (answer["status"], answer["problem"]["retry_after_seconds"]) == (429, 100)


async def test_a_message_too_large_closes_the_socket(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway, SEAT) as student:
        await student.say(type="signals", signals="x" * 65_536)
        assert (await student.closed())[0] == 1009
    assert gateway.signals.batches == []


async def test_too_many_messages_close_the_socket(kafka: str) -> None:
    async with (
        running_gateway(
            kafka_bootstrap_servers=kafka, socket_messages_per_second=0.1, socket_messages_burst=3
        ) as gateway,
        proctoring_behind(gateway, kafka),
        listening(gateway) as client,
    ):
        for _ in range(4):
            await client.say(type="ping")
        code, reason = await client.closed()
        assert (code, "at most 0.1 messages a second, 3 at once" in reason) == (4429, True)
        assert [each["type"] for each in client.heard[1:]] == ["pong"] * 3


async def test_a_stop_tells_clients_to_come_back(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka) as gateway,
        proctoring_behind(gateway, kafka) as service,
        listening(gateway) as proctor,
        opened(gateway) as waiting,
    ):
        await service.tell()
        await proctor.next()
        gateway.server.should_exit = True
        closed = await proctor.closed()
        assert closed == (1012, "the gateway restarts; connect again with the last number you have as after")
        assert (await waiting.closed())[0] == 1012


async def test_metrics_count_sockets_and_what_is_pushed(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        await proctoring.tell()
        await proctor.next()
        text = (await gateway.http.get("/metrics")).text
    assert 'examhall_sockets_open{channel="exam"} 1.0' in text
    for name in ("examhall_socket_messages_total", "examhall_feed_fetches_total", "examhall_live_push_seconds_count"):
        assert name in text
    await eventually(lambda: not gateway.app.sockets._followers)
    assert 'examhall_sockets_open{channel="exam"} 0.0' in (await gateway.http.get("/metrics")).text


async def test_nothing_is_left_of_sockets_that_are_closed(gateway: RunningGateway, proctoring: Proctoring) -> None:
    for _ in range(3):
        async with listening(gateway), opened(gateway):
            pass
    sockets = gateway.app.sockets
    await eventually(
        lambda: not (sockets._followers or sockets._of_person or sockets._waiting or sockets.feeds._followers)
    )
    await eventually(lambda: not gateway.server.server_state.tasks)
    assert all(connection.transport for connection in gateway.app.connections)
