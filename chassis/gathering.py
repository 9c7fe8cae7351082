"""Lets requests that wait at the same time share one piece of work: the busier the service, the cheaper each request."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiting(NamedTuple, Generic[Item, Result]):
    """An item with who waits for it; one that goes on a group is in the batch of the item before it."""

    item: Item
    future: asyncio.Future[Result]
    goes_on: bool


class Gathering(Generic[Item, Result]):
    """Hands items to `work` in batches of about `size`, at most `lanes` batches at a time.

    A batch is taken when a lane is free, so nobody waits for a batch to fill. `work` gives one result for each item, in order. A group is never
    cut: a batch that ends in one has the rest of it on top.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, lanes: int, size: int) -> None:
        self._work = work
        self._size = size
        self._free_lanes = lanes
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    def add(self, item: Item) -> asyncio.Future[Result]:
        """Joins the next batch; the future gets the item's result, or the error that its batch met."""
        future = self._queue(item, goes_on=False)
        self._take_a_lane()
        return future

    def add_group(self, items: Iterable[Item]) -> list[asyncio.Future[Result]]:
        """Like `add` for each of them, all in one batch."""
        futures = [self._queue(item, goes_on=place > 0) for place, item in enumerate(items)]
        self._take_a_lane()
        return futures

    def _queue(self, item: Item, *, goes_on: bool) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future, goes_on))
        return future

    def _take_a_lane(self) -> None:
        if self._free_lanes:
            self._free_lanes -= 1
            task = asyncio.create_task(self._run_lane())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run_lane(self) -> None:
        try:
            while self._waiting:
                await self._run_batch(self._next_batch())
        finally:
            self._free_lanes += 1

    def _next_batch(self) -> list[_Waiting[Item, Result]]:
        batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
        while self._waiting and self._waiting[0].goes_on:
            batch.append(self._waiting.popleft())
        return batch

    async def _run_batch(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._work([waiting.item for waiting in batch])
        except BaseException as error:
            for _, future, _ in batch:
                if not future.done():
                    future.set_exception(
                        error if isinstance(error, Exception) else ConnectionError("the service is stopping")
                    )
            if not isinstance(error, Exception):
                raise
            return
        for (_, future, _), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
