"""Rate limits by token buckets, one number a key: the moment at which its bucket is full again (the generic cell rate algorithm,
ITU-T I.371). Headers follow draft-ietf-httpapi-ratelimit-headers-10; those for a number of tokens left are remembered.
"""

import math
import time
from collections.abc import Callable, Hashable
from functools import lru_cache

from gateway.arrivals import Headers

_REMEMBERED_HEADERS = 4096
_ROUNDING = 1e-6  # of a token: sums of floats must not refuse the last one


def take(full_at: float, now: float, rate: float, burst: int) -> tuple[float, int]:
    """Takes one token: when the bucket will be full again, and the whole tokens left, -1 when there was none to take."""
    after = (full_at if full_at > now else now) + 1 / rate
    left = burst - (after - now) * rate + _ROUNDING
    return (after, int(left)) if left >= 0 else (full_at, -1)


class Limiter:
    """The buckets of one class of requests: `rate` tokens a second, at most `burst`."""

    def __init__(self, name: str, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.rate = rate
        self.burst = burst
        self.taken: dict[Hashable, int] = {}  # since the replicas last told each other
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}
        self._headers = lru_cache(_REMEMBERED_HEADERS)(self._headers_of)

    def take(self, key: Hashable) -> int:
        """Takes a token of a key's bucket: whole tokens left, or -1 when the request is to be refused."""
        full_at, left = take(self._full_at.get(key, 0.0), self._clock(), self.rate, self.burst)
        if left >= 0:
            self._full_at[key] = full_at
            self.taken[key] = self.taken.get(key, 0) + 1
        return left

    def take_elsewhere(self, key: Hashable, tokens: int) -> None:
        """Counts what other replicas let through; a bucket is never emptier than empty."""
        now = self._clock()
        full_at = max(self._full_at.get(key, 0.0), now) + tokens / self.rate
        self._full_at[key] = min(full_at, now + self.burst / self.rate)

    def retry_after_seconds(self, key: Hashable) -> int:
        """Whole seconds until a token is there again, at least 1."""
        missing = self._full_at.get(key, 0.0) - self._clock() - (self.burst - 1) / self.rate
        return max(1, math.ceil(missing))

    def headers(self, left: int) -> Headers:
        """RateLimit-Policy and RateLimit for so many tokens left."""
        return self._headers(max(left, 0))

    def is_full(self, key: Hashable) -> bool:
        """Whether nothing is known of a key that a new bucket would not know."""
        return self._full_at.get(key, 0.0) <= self._clock()

    def forget_full(self) -> None:
        """Drops the buckets that are full: a missing bucket is a full one."""
        now = self._clock()
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}

    def _headers_of(self, left: int) -> Headers:
        window = math.ceil(self.burst / self.rate)
        reset = math.ceil((self.burst - left) / self.rate)
        return [
            (b"ratelimit-policy", f'"{self.name}";q={self.burst};w={window}'.encode()),
            (b"ratelimit", f'"{self.name}";r={left};t={reset}'.encode()),
        ]
