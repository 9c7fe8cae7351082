"""Replicas tell each other through Redis what was taken of busy buckets, in one pipeline a few times a second.

Only keys that took more than an eighth of their rate since the last time are told, so an ordinary person costs nothing here. Without
Redis every replica limits by itself.
"""

import asyncio
from collections.abc import Hashable, Sequence

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.limits import Limiter

log = structlog.get_logger()

_SHARE_FROM = 1 / 8  # of the rate: up to eight replicas together keep to the limit
_KEEP_SECONDS = 60
_FORGET_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 2.0


class SharedLimits:
    """The limiters of this replica and the totals last read of Redis."""

    def __init__(self, redis: Redis, limiters: Sequence[Limiter], interval_seconds: float) -> None:
        self._redis = redis
        self._limiters = limiters
        self._interval = interval_seconds
        self._seen: dict[tuple[str, Hashable], int] = {}
        self.is_shared = True

    async def run(self) -> None:
        """Shares for ever; says once when Redis is gone and once when it is back."""
        pause = self._interval
        while True:
            await asyncio.sleep(pause)
            try:
                await self.share()
            except (RedisError, OSError, TimeoutError) as error:
                if self.is_shared:
                    log.warning("limits_not_shared", error=str(error)[:200])
                self.is_shared, pause = False, min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            if not self.is_shared:
                log.info("limits_shared_again")
            self.is_shared, pause = True, self._interval

    async def share(self) -> None:
        """Adds what was taken here to the totals, and counts what the totals say was taken elsewhere."""
        busy: list[tuple[Limiter, Hashable, int]] = []
        for limiter in self._limiters:
            least = max(2.0, limiter.rate * self._interval * _SHARE_FROM)
            taken, limiter.taken = limiter.taken, {}
            busy.extend((limiter, key, tokens) for key, tokens in taken.items() if tokens >= least)
        if not busy:
            if not self.is_shared:
                await self._redis.ping()
            return
        pipeline = self._redis.pipeline(transaction=False)
        for limiter, key, tokens in busy:
            name = f"examhall:limit:{limiter.name}:{key}"
            pipeline.incrby(name, tokens)
            pipeline.expire(name, _KEEP_SECONDS)
        totals = (await pipeline.execute())[::2]
        for (limiter, key, tokens), total in zip(busy, totals, strict=True):
            elsewhere = total - tokens - self._seen.get((limiter.name, key), total - tokens)
            self._seen[limiter.name, key] = total
            if elsewhere > 0:
                limiter.take_elsewhere(key, elsewhere)

    def forget_idle(self) -> None:
        """Forgets the totals of keys that are idle."""
        by_name = {limiter.name: limiter for limiter in self._limiters}
        self._seen = {(name, key): total for (name, key), total in self._seen.items() if not by_name[name].is_full(key)}


async def answers(redis: Redis) -> bool:
    """Whether Redis answers."""
    try:
        await redis.ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True


async def keep_tidy(limiters: Sequence[Limiter], shared: SharedLimits | None) -> None:
    """Keeps memory bounded by the keys of the last seconds, for ever."""
    while True:
        await asyncio.sleep(_FORGET_SECONDS)
        if shared is not None:
            shared.forget_idle()
        for limiter in limiters:
            limiter.forget_full()
            if shared is None:
                limiter.taken = {}
