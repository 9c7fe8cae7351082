"""The lean routes' batches."""

import asyncio
import gc
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from chassis.errors import DependencyUnavailable
from chassis.hot import HotReply, HotRoutesRpc
from chassis.testing import eventually
from proto.examhall.chassis.v1.hot_pb2 import HotBatch, HotCall


class _AwayAfterAll:
    """Routes whose calls fail once they are let go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.begun = self.ended = 0

    def begin(self, *_: Any) -> Awaitable[HotReply]:
        return self._fail()

    async def _fail(self) -> HotReply:
        self.begun += 1
        try:
            await self.go_on.wait()
        finally:
            self.ended += 1
        raise DependencyUnavailable("It is not here yet.")

    async def settled(self, reply: Awaitable[HotReply]) -> HotReply:
        return await reply


async def test_the_calls_of_a_batch_that_was_given_up_leave_no_overlooked_error_behind() -> None:
    overlooked: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: overlooked.append(context))
    routes: Any = _AwayAfterAll()
    batch = HotBatch(calls=[HotCall(method="POST", path="/signals"), HotCall(method="POST", path="/signals")])
    handling = asyncio.create_task(HotRoutesRpc(routes).Handle(batch, None))
    await eventually(lambda: routes.begun == 2)
    handling.cancel()
    with suppress(asyncio.CancelledError):
        await handling
    routes.go_on.set()
    await eventually(lambda: routes.ended == 2)
    await asyncio.sleep(0)
    gc.collect()
    assert overlooked == []
