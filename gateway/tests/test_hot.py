import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from chassis.errors import DependencyUnavailable
from chassis.testing import eventually, token_for
from gateway.hot import Coalescer
from gateway.tests.running import RunningGateway, running_gateway
from proto.examhall.chassis.v1.hot_pb2 import HotBatchReply, HotCall, HotReply

SAVE = "/api/v1/attempts/a/answers/q"


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway(hot_lanes=1) as running:
        yield running


async def test_a_save_goes_to_the_attempts_service_with_all_it_needs(gateway: RunningGateway) -> None:
    token = token_for("student")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = await gateway.http.put(
        SAVE + "?x=%201", content=b'{"revision":1}', headers={"Authorization": f"Bearer {token}", "Traceparent": trace}
    )
    assert (reply.status_code, reply.json(), reply.headers["content-type"]) == (
        200,
        {"revision": 1},
        "application/json",
    )
    assert gateway.hot.calls == [
        HotCall(
            method="PUT",
            path=SAVE + "?x=%201",
            token=token,
            body=b'{"revision":1}',
            traceparent=trace,
            client_address="127.0.0.1",
        )
    ]
    assert gateway.upstream.requests == []


async def test_all_hot_routes_go_in_batches(gateway: RunningGateway) -> None:
    headers = gateway.signed_in()
    await gateway.http.put("/api/v1/attempts/a/answers", content=b"[]", headers=headers)
    await gateway.http.post("/api/v1/attempts/a/heartbeat", headers=headers)
    assert [(call.method, call.path) for call in gateway.hot.calls] == [
        ("PUT", "/api/v1/attempts/a/answers"),
        ("POST", "/api/v1/attempts/a/heartbeat"),
    ]


async def test_what_arrives_while_a_batch_is_under_way_goes_together_in_the_next(gateway: RunningGateway) -> None:
    headers = gateway.signed_in()
    gateway.hot.gate.clear()
    first = asyncio.create_task(gateway.http.put(SAVE, content=b"0", headers=headers))
    await eventually(lambda: len(gateway.hot.batches) == 1)
    others = [asyncio.create_task(gateway.http.put(SAVE, content=b"%d" % n, headers=headers)) for n in range(1, 31)]
    await eventually(lambda: len(gateway.app._coalescers["attempts"]._waiting) == 30)
    gateway.hot.gate.set()
    replies = await asyncio.gather(first, *others)
    assert [reply.content for reply in replies] == [b"%d" % n for n in range(31)]
    assert [len(batch.calls) for batch in gateway.hot.batches] == [1, 30]


async def test_a_refusal_by_the_service_comes_back_as_a_problem(gateway: RunningGateway) -> None:
    gateway.hot.statuses = {b"late": 409, b"who": 401, b"down": 503}
    replies = [
        await gateway.http.put(SAVE, content=body, headers=gateway.signed_in()) for body in (b"late", b"who", b"down")
    ]
    assert [reply.status_code for reply in replies] == [409, 401, 503]
    assert {reply.headers["content-type"] for reply in replies} == {"application/problem+json"}
    assert replies[1].headers["www-authenticate"].startswith("Bearer")
    assert replies[2].headers["retry-after"] == "2"


async def test_a_save_without_a_valid_token_does_not_reach_the_service(gateway: RunningGateway) -> None:
    nobody = await gateway.http.put(SAVE, content=b"{}")
    forged = await gateway.http.put(SAVE, content=b"{}", headers={"Authorization": "Bearer x.y.z"})
    expired = await gateway.http.put(SAVE, content=b"{}", headers=gateway.signed_in(seconds=-5))
    assert [reply.status_code for reply in (nobody, forged, expired)] == [401, 401, 401]
    assert "expired" in expired.json()["detail"]
    assert gateway.hot.batches == []


async def test_saves_are_limited_and_say_what_is_left() -> None:
    async with running_gateway(limit_person_per_second=0.1, limit_person_burst=2) as gateway:
        headers = gateway.signed_in()
        replies = [await gateway.http.put(SAVE, content=b"{}", headers=headers) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert [reply.headers["ratelimit"] for reply in replies] == [
            '"person";r=1;t=10',
            '"person";r=0;t=20',
            '"person";r=0;t=20',
        ]
        assert replies[2].headers["ratelimit-policy"] == '"person";q=2;w=20'
        assert 1 <= int(replies[2].headers["retry-after"]) == replies[2].json()["retry_after_seconds"] <= 10
        assert len(gateway.hot.calls) == 2


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 1024 * 1024])
async def test_a_large_save_goes_the_long_way_and_arrives_too(gateway: RunningGateway, size: int) -> None:
    reply = await gateway.http.put(SAVE, content=b"x" * size, headers=gateway.signed_in())
    assert (reply.status_code, len(reply.content)) == (200, size)
    assert reply.headers["ratelimit-policy"] == '"person";q=200;w=4'


async def test_a_chunked_save_arrives(gateway: RunningGateway) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        yield b"}"

    reply = await gateway.http.put(SAVE, content=parts(), headers=gateway.signed_in())
    assert reply.content == b"{}"


async def test_a_save_over_a_mebibyte_is_refused(gateway: RunningGateway) -> None:
    reply = await gateway.http.put(SAVE, content=b"x" * (1024 * 1024 + 1), headers=gateway.signed_in())
    assert (reply.status_code, gateway.hot.batches) == (413, [])


async def test_a_save_survives_a_restart_of_the_service(gateway: RunningGateway) -> None:
    headers = gateway.signed_in()
    await gateway.http.put(SAVE, content=b"1", headers=headers)
    await gateway.hot.stop()
    waiting = asyncio.create_task(gateway.http.put(SAVE, content=b"2", headers=headers))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    await gateway.hot.start()
    assert (await waiting).content == b"2"


async def test_a_batch_that_met_a_break_is_sent_again(gateway: RunningGateway) -> None:
    gateway.hot.failures = [grpc.StatusCode.UNAVAILABLE]
    reply = await gateway.http.put(SAVE, content=b"1", headers=gateway.signed_in())
    assert (reply.status_code, len(gateway.hot.batches)) == (200, 2)


async def test_a_batch_that_made_the_service_fail_is_not_sent_again(gateway: RunningGateway) -> None:
    gateway.hot.failures = [grpc.StatusCode.INTERNAL]
    reply = await gateway.http.put(SAVE, content=b"1", headers=gateway.signed_in())
    assert (reply.status_code, len(gateway.hot.batches)) == (502, 1)


async def test_a_save_whose_service_stays_away_is_given_up_in_time() -> None:
    async with running_gateway(hot_give_up_seconds=0.3) as gateway:
        await gateway.hot.stop()
        replies = await asyncio.gather(
            *[gateway.http.put(SAVE, content=b"1", headers=gateway.signed_in()) for _ in range(20)]
        )
        assert {reply.status_code for reply in replies} == {503}
        assert {reply.headers["retry-after"] for reply in replies} == {"2"}


async def test_a_service_that_hangs_is_given_up_in_time() -> None:
    async with running_gateway(hot_give_up_seconds=0.3) as gateway:
        gateway.hot.gate.clear()
        reply = await gateway.http.put(SAVE, content=b"1", headers=gateway.signed_in())
        assert reply.status_code == 503
        gateway.hot.gate.set()


async def test_a_slow_batch_does_not_hold_up_the_others() -> None:
    async with running_gateway(hot_lanes=2) as gateway:
        headers = gateway.signed_in()
        gateway.hot.gate.clear()
        first = asyncio.create_task(gateway.http.put(SAVE, content=b"1", headers=headers))
        await eventually(lambda: len(gateway.hot.batches) == 1)
        second = asyncio.create_task(gateway.http.put(SAVE, content=b"2", headers=headers))
        await eventually(lambda: len(gateway.hot.batches) == 2)
        gateway.hot.gate.set()
        assert [(await each).content for each in (first, second)] == [b"1", b"2"]


class Service:
    """A Handle that a test answers by hand."""

    def __init__(self) -> None:
        self.sizes: list[list[int]] = []
        self.gate = asyncio.Event()

    async def handle(self, batch, timeout, wait_for_ready):
        self.sizes.append([len(call.body) for call in batch.calls])
        await self.gate.wait()
        return HotBatchReply(replies=[HotReply(status=200) for _ in batch.calls])


async def test_batches_keep_to_their_size() -> None:
    service, replies = Service(), []
    coalescer = Coalescer(service.handle, service="attempts", lanes=1, batch_calls=3, give_up_seconds=5)
    for size in (1, 1, 1, 1, 700_000, 700_000, 1):
        coalescer.add(HotCall(body=b"x" * size), replies.append)
    service.gate.set()
    await eventually(lambda: len(replies) == 7)
    assert service.sizes == [[1, 1, 1], [1, 700_000], [700_000, 1]]


async def test_full_batches_open_further_lanes_up_to_the_limit() -> None:
    service, replies = Service(), []
    coalescer = Coalescer(service.handle, service="attempts", lanes=3, batch_calls=2, give_up_seconds=5)
    for _ in range(10):
        coalescer.add(HotCall(), replies.append)
    await eventually(lambda: len(service.sizes) == 3)
    service.gate.set()
    await eventually(lambda: len(replies) == 10)


async def test_after_a_pause_what_came_meanwhile_goes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.hot._PAUSE_SECONDS", 0.5)
    service, replies = Service(), []
    service.gate.set()
    coalescer = Coalescer(service.handle, service="attempts", lanes=3, batch_calls=50, give_up_seconds=5)
    coalescer.add(HotCall(), replies.append)
    await eventually(lambda: len(replies) == 1)
    for n in (1, 2, 3):
        coalescer.add(HotCall(body=b"x" * n), replies.append)
        await asyncio.sleep(0)
    await eventually(lambda: len(replies) == 4)
    assert service.sizes == [[0], [1, 2, 3]]


async def test_enough_for_a_batch_waits_for_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.hot._PAUSE_SECONDS", 1000)
    service, replies = Service(), []
    service.gate.set()
    coalescer = Coalescer(service.handle, service="attempts", lanes=1, batch_calls=2, give_up_seconds=5)
    for _ in range(4):
        coalescer.add(HotCall(), replies.append)
    await eventually(lambda: len(replies) == 4)
    assert service.sizes == [[0, 0], [0, 0]]


async def test_a_slow_batch_is_overtaken_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.hot._PAUSE_SECONDS", 0.1)
    service, replies = Service(), []
    coalescer = Coalescer(service.handle, service="attempts", lanes=2, batch_calls=50, give_up_seconds=5)
    coalescer.add(HotCall(body=b"x"), replies.append)
    await eventually(lambda: len(service.sizes) == 1)
    coalescer.add(HotCall(), replies.append)
    await eventually(lambda: len(service.sizes) == 2)
    service.gate.set()
    await eventually(lambda: len(replies) == 2)
    assert service.sizes == [[1], [0]]


async def test_a_reply_too_few_is_no_reply_for_anybody() -> None:
    async def handle(batch, timeout, wait_for_ready):
        return HotBatchReply(replies=[HotReply(status=200)])

    replies: list = []
    coalescer = Coalescer(handle, service="attempts", lanes=1, batch_calls=5, give_up_seconds=5)
    for _ in range(2):
        coalescer.add(HotCall(), replies.append)
    await eventually(lambda: len(replies) == 2)
    assert {type(reply).__name__ for reply in replies} == {"BadUpstream"}


async def test_too_much_waiting_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.hot._WAITING_BYTES", 10)
    coalescer = Coalescer(Service().handle, service="attempts", lanes=1, batch_calls=5, give_up_seconds=5)
    coalescer.add(HotCall(body=b"x" * 11), lambda _: None)
    with pytest.raises(DependencyUnavailable):
        coalescer.add(HotCall(body=b"x"), lambda _: None)
    await coalescer.close()


async def test_who_still_waits_at_the_end_is_told() -> None:
    replies: list = []
    coalescer = Coalescer(Service().handle, service="attempts", lanes=1, batch_calls=1, give_up_seconds=5)
    for _ in range(3):
        coalescer.add(HotCall(), replies.append)
    await asyncio.sleep(0)
    await coalescer.close()
    assert [type(reply) for reply in replies] == [DependencyUnavailable] * 3


async def test_a_client_that_fails_does_not_cost_the_others_their_replies() -> None:
    service, replies = Service(), []
    coalescer = Coalescer(service.handle, service="attempts", lanes=1, batch_calls=5, give_up_seconds=5)

    def fail(_: object) -> None:
        raise RuntimeError("the transport is gone")

    coalescer.add(HotCall(), fail)
    coalescer.add(HotCall(), replies.append)
    service.gate.set()
    await eventually(lambda: len(replies) == 1)
