import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from chassis.ids import new_id
from chassis.testing import eventually
from examhall.servers import start_redis
from gateway.limits import Limiter
from gateway.sharing import SharedLimits, keep_tidy
from gateway.tests.running import a_closed_port

INTERVAL = 0.05


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


def a_limiter(name: str) -> Limiter:
    return Limiter(name, 1, 100)


async def test_replicas_together_keep_to_one_limit(redis: Redis) -> None:
    name = f"t{new_id().hex}"
    here, there = a_limiter(name), a_limiter(name)
    shares = [SharedLimits(redis, [limiter], INTERVAL) for limiter in (here, there)]
    for limiter, share in zip((here, there), shares, strict=True):
        for _ in range(10):
            limiter.take("k")
        await share.share()
    for _ in range(40):
        here.take("k")
    await shares[0].share()
    for _ in range(2):
        there.take("k")
    await shares[1].share()
    assert there.take("k") <= 100 - 10 - 40 - 2


async def test_a_key_that_is_hardly_used_is_not_told(redis: Redis) -> None:
    name = f"t{new_id().hex}"
    limiter = a_limiter(name)
    limiter.take("k")
    await SharedLimits(redis, [limiter], INTERVAL).share()
    assert await redis.keys(f"examhall:limit:{name}:*") == []
    assert limiter.taken == {}


async def test_what_is_told_does_not_stay_in_redis(redis: Redis) -> None:
    name = f"t{new_id().hex}"
    limiter = a_limiter(name)
    for _ in range(5):
        limiter.take("k")
    await SharedLimits(redis, [limiter], INTERVAL).share()
    assert await redis.get(f"examhall:limit:{name}:k") == b"5"
    assert 0 < await redis.ttl(f"examhall:limit:{name}:k") <= 60


async def test_without_redis_a_replica_limits_alone_and_shares_again_when_it_is_back(tmp_path) -> None:
    port = a_closed_port()
    limiter = Limiter("person", 1, 3)
    async with Redis.from_url(f"redis://127.0.0.1:{port}/0", socket_connect_timeout=0.2) as client:
        shared = SharedLimits(client, [limiter], INTERVAL)
        running = asyncio.create_task(shared.run())
        assert [limiter.take("k") for _ in range(4)] == [2, 1, 0, -1]
        await eventually(lambda: not shared.is_shared)
        server = start_redis(tmp_path, port)
        try:
            await eventually(lambda: shared.is_shared)
        finally:
            running.cancel()
            server.stop()


async def test_totals_of_idle_keys_are_forgotten(redis: Redis) -> None:
    limiter = Limiter(f"t{new_id().hex}", 1000, 100)
    shared = SharedLimits(redis, [limiter], INTERVAL)
    for _ in range(20):
        limiter.take("k")
    await shared.share()
    await eventually(lambda: limiter.is_full("k"))
    shared.forget_idle()
    assert shared._seen == {}


async def test_counts_do_not_grow_where_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sharing._FORGET_SECONDS", 0.01)
    limiter = Limiter("person", 1, 5)
    limiter.take("k")
    tidying = asyncio.create_task(keep_tidy([limiter], None))
    await eventually(lambda: limiter.taken == {})
    tidying.cancel()
