"""A worker that aiokafka has nothing to fetch for, and that can't go on with its group."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError

from chassis.testing import eventually
from services.proctoring.stream import app as module
from services.proctoring.stream import worker
from services.proctoring.stream.app import StreamApp, make_app
from services.proctoring.stream.settings import StreamSettings
from services.proctoring.stream.transport import _Consumer, _Thread


async def test_what_nobody_fetches_and_so_nobody_hears_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMHALL_DATA", str(tmp_path))
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    coordinator: Any = object.__new__(GroupCoordinator)
    coordinator._coordination_task = asyncio.get_running_loop().create_future()
    coordinator._error_consumed_fut = coordinator._pending_exception = None
    thread: Any = object.__new__(_Thread)
    thread._ensure_consumer = lambda: SimpleNamespace(_coordinator=coordinator)
    thread.call_thread = lambda call: call()
    consumer: Any = object.__new__(_Consumer)
    consumer._thread = thread
    monkeypatch.setattr(StreamApp, "consumer", consumer)
    app = make_app(StreamSettings())
    recovering = asyncio.create_task(app.on_started())
    try:
        await asyncio.sleep(0)
        assert not app.is_stopping
        coordinator._error_consumed_fut = waiting = asyncio.get_running_loop().create_future()
        coordinator._pending_exception = KafkaError("the group is not known")
        await eventually(lambda: app.is_stopping)
        assert waiting.done()
        assert app.reason == "KafkaError: KafkaError: the group is not known"
    finally:
        recovering.cancel()
        await app.stop_beside()


async def test_a_reason_to_begin_again_is_heard_while_the_tables_are_recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMHALL_DATA", str(tmp_path))

    async def recovers_for_ever(app: StreamApp) -> None:
        app.begin_again("the group is not known")
        await asyncio.Event().wait()

    async def eight(_: str) -> int:
        return 8

    monkeypatch.setattr(StreamApp, "start", recovers_for_ever)
    monkeypatch.setattr(worker, "count_partitions", eight)
    assert await asyncio.wait_for(worker.Worker(StreamSettings())._begin(), 10) == "the group is not known"
