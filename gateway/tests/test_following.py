"""Sockets under loss, repetition, slow readers and restarts: each entry once, in order, whatever happens."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import connect

from chassis.testing import eventually, token_for
from examhall.broker import FixedAddress, LibrdkafkaBroker
from examhall.servers import free_port
from gateway.tests.running import RunningGateway, running_gateway
from gateway.tests.watching import (
    ATTEMPT_FEED,
    EXAM_FEED,
    MONITOR,
    SEAT,
    Listener,
    Proctoring,
    listening,
    opened,
    proctoring_behind,
)


@pytest.fixture
async def gateway(kafka: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(kafka_bootstrap_servers=kafka, socket_buffer_bytes=64 * 1024) as running:
        yield running


@pytest.fixture
async def proctoring(gateway: RunningGateway, kafka: str) -> AsyncIterator[Proctoring]:
    async with proctoring_behind(gateway, kafka) as service:
        yield service


async def heard_up_to(listener: Listener, number: int) -> list[int]:
    while not listener.numbers() or listener.numbers()[-1] < number:
        await listener.next()
    return listener.numbers()


async def test_without_a_cursor_a_feed_is_followed_from_its_end(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    for _ in range(3):
        await proctoring.tell()
    async with listening(gateway) as proctor:
        assert proctor.heard[0]["after"] == 3
        await proctoring.tell()
        assert await heard_up_to(proctor, 4) == [4]


async def test_with_a_cursor_everything_missed_comes_first_page_by_page(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    for _ in range(450):
        await proctoring.tell(is_published=False)
    async with listening(gateway, after=10) as proctor:
        await proctoring.tell()
        assert await heard_up_to(proctor, 451) == list(range(11, 452))


async def test_a_cursor_beyond_the_end_is_followed_from_the_end(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    await proctoring.tell()
    async with listening(gateway, after=50) as proctor:
        assert proctor.heard[0]["after"] == 1
        await proctoring.tell()
        assert await heard_up_to(proctor, 2) == [2]


async def test_what_is_not_kept_any_more_is_said_to_be_missing(gateway: RunningGateway, proctoring: Proctoring) -> None:
    for _ in range(5):
        await proctoring.tell()
    proctoring.first_kept = 4
    async with listening(gateway, after=1) as proctor:
        assert (await proctor.next())["type"] == "incomplete"
        assert await heard_up_to(proctor, 5) == [4, 5]
        proctoring.first_kept = 9
        for _ in range(4):
            await proctoring.tell(is_published=False)
        await proctoring.publish(EXAM_FEED, proctoring.feeds[EXAM_FEED][-1])
        assert (await proctor.next())["type"] == "incomplete"
        assert await heard_up_to(proctor, 9) == [4, 5, 9]


async def test_a_gap_is_filled_before_anything_later_goes_on(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        await proctoring.tell()
        await proctoring.tell(is_published=False)
        await proctoring.tell()
        assert await heard_up_to(proctor, 3) == [1, 2, 3]


async def test_what_is_published_twice_or_late_is_heard_once(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        for _ in range(3):
            told = await proctoring.tell()
            await proctoring.publish(EXAM_FEED, told)
        await proctoring.publish(EXAM_FEED, proctoring.feeds[EXAM_FEED][0])
        await proctoring.tell()
        assert await heard_up_to(proctor, 4) == [1, 2, 3, 4]
    assert proctoring.fetches == 1


async def test_what_is_passing_goes_as_it_is_and_is_not_heard_when_it_is_old(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    async with listening(gateway) as proctor:
        await proctoring.tell_passing(students=1, age_seconds=120)
        told = await proctoring.tell_passing(students=2)
        assert await proctor.next() == told
    assert proctoring.fetches == 1


async def test_nobody_hears_what_is_another_feeds(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway, MONITOR) as proctor, listening(gateway, SEAT) as student:
        for feed in (EXAM_FEED, ATTEMPT_FEED, EXAM_FEED):
            await proctoring.tell(feed, of=feed)
        await heard_up_to(proctor, 2)
        await heard_up_to(student, 1)
        assert {each.get("of") for each in proctor.heard[1:]} == {EXAM_FEED}
        assert {each.get("of") for each in student.heard[1:]} == {ATTEMPT_FEED}


async def test_what_is_told_while_the_first_fetch_is_under_way_is_not_lost(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    proctoring.delay_seconds = 0.3
    async with opened(gateway) as proctor:
        await proctor.say(type="authenticate", token=token_for("proctor"), after=0)
        await eventually(lambda: proctoring.fetches == 1)
        for _ in range(3):
            await proctoring.tell()
        await proctoring.tell_passing()
        assert await heard_up_to(proctor, 3) == [1, 2, 3]
    assert [each["type"] for each in proctor.heard] == ["authenticated", "alert", "alert", "alert"]


async def test_what_was_made_a_moment_ago_is_waited_for(gateway: RunningGateway, proctoring: Proctoring) -> None:
    token = token_for("student")
    proctoring.refuses[token] = 404
    async with opened(gateway, SEAT) as student:
        await student.say(type="authenticate", token=token)
        await eventually(lambda: proctoring.fetches == 2)
        proctoring.refuses.clear()
        assert (await student.next())["type"] == "authenticated"


async def test_a_service_that_is_away_is_waited_for_when_a_gap_is_to_be_filled(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka, upstream_hold_seconds=0) as gateway,
        proctoring_behind(gateway, kafka) as proctoring,
        listening(gateway) as proctor,
    ):
        await gateway.upstream.stop()
        await proctoring.tell(is_published=False)
        await proctoring.tell()
        passing = await proctoring.tell_passing()
        assert await proctor.next() == passing
        await gateway.upstream.start()
        assert await heard_up_to(proctor, 2) == [1, 2]


async def test_two_gateways_push_the_same(kafka: str) -> None:
    async with (
        running_gateway(kafka_bootstrap_servers=kafka) as here,
        running_gateway(kafka_bootstrap_servers=kafka) as there,
        proctoring_behind(here, kafka) as proctoring,
        proctoring_behind(there, kafka) as copy,
        listening(here) as one,
    ):
        copy.feeds = proctoring.feeds
        async with listening(there) as other:
            for _ in range(5):
                await proctoring.tell()
            assert await heard_up_to(one, 5) == await heard_up_to(other, 5) == [1, 2, 3, 4, 5]
            assert one.heard[1:] == other.heard[1:]
        async with listening(here, after=3) as moved:
            assert await heard_up_to(moved, 5) == [4, 5]


class Client:
    """A client that comes back by cursor whenever its connection is cut, as a browser would."""

    def __init__(self, gateway: RunningGateway, seed: int) -> None:
        self.gateway = gateway
        self.random = Random(seed)
        self.got: list[int] = []
        self.connections = 0

    async def run(self, last: int) -> None:
        while not self.got or self.got[-1] < last:
            self.connections += 1
            async with opened(self.gateway) as listener:
                after = self.got[-1] if self.got else 0
                await listener.say(type="authenticate", token=token_for("proctor"), after=after)
                reads = self.random.randrange(1, 60)
                while reads and (not self.got or self.got[-1] < last):
                    reads -= 1
                    message = await listener.next()
                    if message.get("number"):
                        self.got.append(message["number"])
                if self.random.random() < 0.5:
                    listener.connection.transport.abort()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_storm_of_events_losses_and_broken_connections_leaves_nobody_with_a_gap(
    gateway: RunningGateway, proctoring: Proctoring, seed: int
) -> None:
    random, last = Random(seed), 400
    clients = [Client(gateway, seed * 100 + number) for number in range(8)]
    listens = [asyncio.create_task(client.run(last)) for client in clients]
    for _ in range(last):
        proctoring.delay_seconds = random.choice((0, 0, 0.005, 0.03))
        entry = await proctoring.tell(
            is_published=random.random() < 0.8 or len(proctoring.feeds[EXAM_FEED]) == last - 1
        )
        if random.random() < 0.2:
            earlier = random.randrange(max(0, entry["number"] - 10), entry["number"])
            await proctoring.publish(EXAM_FEED, proctoring.feeds[EXAM_FEED][earlier])
        if random.random() < 0.1:
            await proctoring.tell_passing()
        if random.random() < 0.03:
            gateway.app.sockets.feeds.look_again()
        await asyncio.sleep(random.choice((0, 0, 0.01)))  # so that events come in heaps and one by one
    await asyncio.wait_for(asyncio.gather(*listens), 60)
    assert all(client.got == list(range(1, last + 1)) for client in clients)
    assert sum(client.connections for client in clients) > 30


async def raw_proctor(gateway: RunningGateway) -> tuple[Any, Listener]:
    """A client with a small receive buffer, so that it is soon slow."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", gateway.port))
    address = f"ws://127.0.0.1:{gateway.port}{MONITOR}"
    connection = await connect(address, sock=own, compression=None, max_queue=1, close_timeout=0.1, proxy=None)
    listener = Listener(connection)
    await listener.say(type="authenticate", token=token_for("proctor"), after=0)
    await listener.next()
    return connection, listener


def is_open_at(gateway: RunningGateway, connection: Any) -> bool:
    port = connection.local_address[1]
    return any(wire.client[1] == port and wire.is_open for wire in gateway.app.sockets._followers)


async def test_a_slow_reader_is_dropped_costs_the_others_nothing_and_resumes_by_cursor(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    connection, slow = await raw_proctor(gateway)
    connection.transport.pause_reading()
    async with listening(gateway) as fast:
        while is_open_at(gateway, connection):
            told = await proctoring.tell(text="x" * 8000)
            await heard_up_to(fast, told["number"])
        connection.transport.resume_reading()
        code, reason = await slow.closed()
        last = told["number"]
    assert fast.numbers() == list(range(1, last + 1))
    got = slow.numbers()
    assert (code, reason) == (4408, "you read too slowly; connect again with the last number you have as after")
    assert got == list(range(1, len(got) + 1))
    assert 0 < len(got) < last
    async with listening(gateway, after=got[-1]) as back:
        assert got + await heard_up_to(back, last) == list(range(1, last + 1))


async def test_a_client_that_never_reads_is_cut_off(
    gateway: RunningGateway, proctoring: Proctoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.wire._CLOSE_SECONDS", 0.2)
    connection, slow = await raw_proctor(gateway)
    connection.transport.pause_reading()
    while is_open_at(gateway, connection):
        await proctoring.tell(text="x" * 5000)
    await eventually(lambda: not gateway.server.server_state.connections)
    connection.transport.resume_reading()
    assert (await slow.closed())[0] == 1006


async def test_a_slow_reader_may_take_its_time_over_what_it_missed(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    for _ in range(500):
        await proctoring.tell(is_published=False, text="x" * 1000)
    connection, slow = await raw_proctor(gateway)
    connection.transport.pause_reading()
    for _ in range(30):
        await proctoring.tell(text="x" * 1000)
    connection.transport.resume_reading()
    assert await heard_up_to(slow, 530) == list(range(1, 531))
    await connection.close()


async def test_a_broker_that_comes_back_without_its_log_costs_no_event() -> None:
    port = free_port()
    broker = LibrdkafkaBroker()
    address = FixedAddress(port, broker.port)
    server = await address.serve()
    kafka = f"127.0.0.1:{port}"
    async with (
        running_gateway(kafka_bootstrap_servers=kafka) as gateway,
        proctoring_behind(gateway, kafka) as proctoring,
        listening(gateway) as proctor,
    ):
        for _ in range(20):
            await proctoring.tell()
        await heard_up_to(proctor, 20)
        server.close()
        address.drop_connections()
        broker.close()
        await proctoring.tell(is_published=False)

        broker = LibrdkafkaBroker()
        address = FixedAddress(port, broker.port)
        server = await address.serve()
        proctoring.generation = 2
        assert await heard_up_to(proctor, 21) == list(range(1, 22))
        for _ in range(40):
            await proctoring.tell()
        assert await heard_up_to(proctor, 61) == list(range(1, 62))
    server.close()
    address.drop_connections()
    broker.close()


async def test_a_log_of_a_newer_generation_makes_everybody_look(
    gateway: RunningGateway, proctoring: Proctoring
) -> None:
    async with listening(gateway, SEAT) as student, listening(gateway) as proctor:
        await proctoring.tell()
        await heard_up_to(proctor, 1)
        await proctoring.tell(ATTEMPT_FEED, is_published=False)
        proctoring.generation = 2
        for _ in range(2):
            await proctoring.tell()
        assert await heard_up_to(student, 1) == [1]
        assert await heard_up_to(proctor, 3) == [1, 2, 3]


async def test_a_message_that_is_no_event_is_passed_over(gateway: RunningGateway, proctoring: Proctoring) -> None:
    async with listening(gateway) as proctor:
        await proctoring._producer.send_and_wait("proctoring.live.v1", b"\xff\xff", key=EXAM_FEED.encode())
        assert await proctoring.tell() == json.loads(json.dumps(await proctor.next()))
