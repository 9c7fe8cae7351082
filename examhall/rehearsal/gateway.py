"""The gateway as a patient client meets it: each request measured, tried again while the system is away, never counted as done before a reply."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp

from chassis.ids import new_id

TRY_AGAIN = frozenset({429, 502, 503, 504})
BROKEN_OFF = "broken off on purpose"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_HEARTBEAT_SECONDS = 10.0
_ROUNDING = 1e-9  # of a rank: 0.07 · 100 is a little more than 7 in floats


class Unreachable(Exception):
    """No reply for longer than a person would wait."""


class Refusal(Exception):
    """A reply that is no success where only success makes sense; `reply` says what it was."""

    def __init__(self, step: str, reply: "Reply") -> None:
        super().__init__(f"{step}: {reply.status} {reply.problem}: {reply.body.get('detail', '')}")
        self.reply = reply


@dataclass(frozen=True)
class Reply:
    """Status and JSON body; `wait_seconds` is how long a refused request is to wait before it is sent again."""

    status: int
    body: Mapping[str, Any]
    wait_seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the request was answered as asked."""
        return self.status < 400

    @property
    def problem(self) -> str:
        """The slug of the problem's type, or nothing."""
        return str(self.body.get("type", "")).rpartition("/")[2]

    @property
    def is_being_worked_on(self) -> bool:
        """After a try that was cut off: that one, under the same idempotency key, is not finished yet."""
        return self.status == 409 and self.problem == "conflict"


@dataclass
class Measured:
    """The tries of one step: how long each took, in seconds, and how it came out (a status, or the name of an error)."""

    seconds: list[float] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, seconds: float, outcome: str) -> None:
        """Counts one try."""
        self.seconds.append(seconds)
        self.outcomes[outcome] += 1

    @property
    def errors(self) -> int:
        """Tries without a proper reply: connection lost, time over, 5xx."""
        return sum(count for outcome, count in self.outcomes.items() if _is_error(outcome))


Send = Callable[[], Awaitable[tuple[str, Reply | None]]]  # one try: how it came out, and the reply if there was one


def _is_error(outcome: str) -> bool:
    return outcome != BROKEN_OFF and (not outcome.isdigit() or int(outcome) >= 500)


def percentile(sorted_values: list[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    rank = math.ceil(share * len(sorted_values) - _ROUNDING)
    return sorted_values[max(rank, 1) - 1]


class Gateway:
    """One address, all measurements. `patience` is how long one request may be tried, in seconds.

    `from_address` is the own address that requests come from, for who has several.
    """

    def __init__(
        self, address: str, patience: float = 90.0, seconds_a_try: float = 10.0, from_address: str | None = None
    ) -> None:
        self.address = address.rstrip("/")
        self.steps: dict[str, Measured] = {}
        self._from = (from_address, 0) if from_address else None
        self.patience = patience
        self._timeout = aiohttp.ClientTimeout(total=seconds_a_try)
        self._random = Random(address)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30, local_addr=self._from)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(
        self,
        step: str,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """The reply to a request that may be repeated (posts carry an idempotency key), tried until there is one. Raises Unreachable.

        A body that is a function is made anew for each try: it tells when it is sent.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if method == "POST":
            headers["Idempotency-Key"] = str(new_id())

        async def send() -> tuple[str, Reply | None]:
            return await self._try(method, path, headers, body() if callable(body) else body, query)

        return await self.until_answered(step, send)

    async def until_answered(self, step: str, send: Send, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        """The reply to what `send` sends, tried until there is one that settles it. Raises Unreachable.

        `ready` is waited for before each try, and its time is not the step's.
        """
        measured = self.steps.setdefault(step, Measured())
        give_up_at = time.monotonic() + self.patience
        pause, was_cut_off = _FIRST_PAUSE, False
        while True:
            if ready is not None:
                await ready()
            started = time.perf_counter()
            outcome, reply = await send()
            measured.add(time.perf_counter() - started, outcome)
            if reply is not None and reply.status not in TRY_AGAIN and not (was_cut_off and reply.is_being_worked_on):
                return reply
            was_cut_off = was_cut_off or reply is None
            wait = max(pause * self._random.uniform(0.5, 1.5), reply.wait_seconds if reply else 0.0)
            if time.monotonic() + wait > give_up_at:
                raise Unreachable(f"{step}: {outcome} for {self.patience:.0f} s")
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def socket(self, path: str) -> "AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]":
        """A WebSocket. Raises aiohttp.ClientError or OSError when it can't be opened."""
        assert self._session is not None
        return self._session.ws_connect(f"{self.address}{path}", heartbeat=_HEARTBEAT_SECONDS, max_msg_size=0)

    async def done(self, step: str, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        """The body of a successful reply. Raises Refusal, Unreachable."""
        reply = await self.call(step, method, path, **more)
        if not reply.is_success:
            raise Refusal(step, reply)
        return reply.body

    async def _try(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, query: Mapping[str, str] | None
    ) -> tuple[str, Reply | None]:
        assert self._session is not None
        try:
            async with self._session.request(
                method, f"{self.address}/api/v1{path}", headers=headers, json=body, params=query
            ) as response:
                content = await response.json(content_type=None)
                wait = response.headers.get("Retry-After", "")
                reply = Reply(
                    response.status,
                    content if isinstance(content, dict) else {},
                    float(wait) if wait.isascii() and wait.isdigit() else 0.0,
                )
                return str(response.status), reply
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return type(error).__name__, None
