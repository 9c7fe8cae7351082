"""Gathers calls of the hot routes into batches, one gRPC call each: the more calls wait, the less each of them costs.

A lane carries one batch. The first call goes at once; what arrives while a batch is under way, or in the few milliseconds after it was sent, goes
together in the next one. A further lane opens only when a full batch waits or when a batch takes unusually long, so that one slow call can't hold up
the others.
Hot calls may be repeated (a save's revision decides, a batch of signals has an id), so what did not reach its service is sent again until
it is too old.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog

from chassis.errors import DependencyUnavailable, DomainError
from gateway.replies import BadUpstream
from proto.examhall.chassis.v1.hot_pb2 import HotBatch, HotBatchReply, HotCall, HotReply

log = structlog.get_logger()

Done = Callable[[HotReply | DomainError], None]
_Waiting = tuple[float, HotCall, Done]

MAX_CALL_BYTES = 1024 * 1024
SINGLE_CALL_BYTES = 64 * 1024
_BATCH_BYTES = 1024 * 1024
_WAITING_BYTES = 64 * 1024 * 1024
_SMALLEST_SHARE = 24  # below it a batch's own cost outweighs what runs beside it
# A batch costs gateway, service, database and those who hear its event about 2 ms of CPU together, whatever it holds: at half load small batches
# used up what the slowest saves then waited for (docs/benchmarks.md). Longer pauses gained nothing.
_PAUSE_SECONDS = 0.004
_SLOW_BATCH_SECONDS = 0.02  # several commits of a healthy database
_SHORTEST_TRY_SECONDS = 0.05
_REPEATABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_AWAY = "The service does not answer at the moment; send this again."


class Coalescer:
    """The calls that wait for one service and the lanes that carry them. `handle` is the stub's HotRoutes.Handle."""

    def __init__(
        self,
        handle: Callable[..., Awaitable[HotBatchReply]],
        *,
        service: str,
        lanes: int,
        batch_calls: int,
        give_up_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handle = handle
        self._service = service
        self._lanes = lanes
        self._batch_calls = batch_calls
        self._give_up = give_up_seconds
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._under_way = 0
        self._busy: set[asyncio.Task[None]] = set()
        self._slow: set[asyncio.Task[None] | None] = set()
        self._sent_at = -math.inf
        self._pause: asyncio.TimerHandle | None = None
        self._is_away = False

    def add(self, call: HotCall, done: Done) -> None:
        """Takes a call; `done` gets its reply or why there is none, later, once. Raises DependencyUnavailable when too much waits."""
        if self._waiting_bytes > _WAITING_BYTES:
            raise DependencyUnavailable("Too much is waiting at the moment; send this again shortly.")
        self._waiting.append((self._clock(), call, done))
        self._waiting_bytes += len(call.body)
        if len(self._waiting) >= self._share():
            self._open_lane()
        elif len(self._busy) == len(self._slow):
            self._open_lane_after_pause()

    def _share(self) -> int:
        """The calls of one batch: a lane's share of all there are, so that one batch is parsed while another is committed and a third answered.

        All in one batch would be cheapest and leave every process waiting for the others.
        """
        calls = len(self._waiting) + self._under_way
        return min(max(-(-calls // self._lanes), _SMALLEST_SHARE), self._batch_calls)

    async def close(self) -> None:
        """Ends the lanes; who still waits is told."""
        if self._pause is not None:
            self._pause.cancel()
        for lane in list(self._busy):
            lane.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        while self._waiting:
            self._tell(self._waiting.popleft()[2], DependencyUnavailable(_AWAY))

    def _open_lane_after_pause(self) -> None:
        """What waits goes in the next batch, at once when the one before is long enough ago or enough has come together."""
        if not self._waiting:
            return
        left = self._sent_at + _PAUSE_SECONDS - self._clock()
        if left <= 0 or len(self._waiting) >= min(_SMALLEST_SHARE, self._batch_calls):
            self._open_lane()
        elif self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(left, self._open_lane)

    def _open_lane(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._waiting and len(self._busy) < self._lanes:
            lane = asyncio.get_running_loop().create_task(self._run_lane())
            self._busy.add(lane)
            lane.add_done_callback(self._lane_ended)

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        self._busy.discard(lane)
        if not lane.cancelled():
            self._open_lane_after_pause()

    async def _run_lane(self) -> None:
        batch = self._take_batch()
        if not batch:
            return
        lane, size = asyncio.current_task(), len(batch)
        self._under_way += size
        self._sent_at = self._clock()
        overdue = asyncio.get_running_loop().call_later(_SLOW_BATCH_SECONDS, self._lane_is_slow, lane)
        try:
            await self._deliver(batch)
        except BaseException:
            for _, _, done in batch:
                self._tell(done, DependencyUnavailable(_AWAY))
            raise
        finally:
            self._under_way -= size
            overdue.cancel()
            self._slow.discard(lane)

    def _lane_is_slow(self, lane: asyncio.Task[None] | None) -> None:
        """Until its batch is delivered the lane does not count as one that is followed by what waits."""
        self._slow.add(lane)
        self._open_lane_after_pause()

    def _take_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        waiting, size = self._waiting, 0
        too_old, most = self._clock() - self._give_up, self._share()
        while waiting and len(batch) < most:
            since, call, done = waiting[0]
            if batch and size + len(call.body) > _BATCH_BYTES:
                break
            waiting.popleft()
            self._waiting_bytes -= len(call.body)
            if since <= too_old:
                self._tell(done, DependencyUnavailable(_AWAY))
                continue
            size += len(call.body)
            batch.append((since, call, done))
        return batch

    async def _deliver(self, batch: list[_Waiting]) -> None:
        calls = HotBatch(calls=[call for _, call, _ in batch])
        left = batch[0][0] + self._give_up - self._clock()
        try:
            reply = await self._handle(calls, timeout=max(left, _SHORTEST_TRY_SECONDS), wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            await self._delivery_failed(batch, error)
            return
        if self._is_away:
            self._is_away = False
            log.info("hot_service_back", upstream=self._service)
        if len(reply.replies) != len(batch):
            self._fail(batch, BadUpstream("The service answered with something else than one reply for each call."))
            return
        for (_, _, done), one in zip(batch, reply.replies, strict=True):
            self._tell(done, one)

    async def _delivery_failed(self, batch: list[_Waiting], error: grpc.aio.AioRpcError) -> None:
        if error.code() not in _REPEATABLE:
            log.error(
                "hot_batch_failed", upstream=self._service, status=error.code().name, detail=str(error.details())[:200]
            )
            self._fail(batch, BadUpstream("The service could not take this in."))
            return
        if not self._is_away:
            self._is_away = True
            log.warning("hot_service_away", upstream=self._service, status=error.code().name)
        self._waiting.extendleft(reversed(batch))
        self._waiting_bytes += sum(len(call.body) for _, call, _ in batch)
        batch.clear()
        await asyncio.sleep(_SHORTEST_TRY_SECONDS)

    def _fail(self, batch: list[_Waiting], error: DomainError) -> None:
        for _, _, done in batch:
            self._tell(done, error)

    @staticmethod
    def _tell(done: Done, outcome: Any) -> None:
        try:
            done(outcome)
        except Exception:
            log.exception("hot_reply_failed")
