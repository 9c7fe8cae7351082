"""What aiokafka gives of what it has fetched, while Faust decides what is wanted."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.structs import TopicPartition
from faust.types import TP

from chassis.testing import eventually
from services.proctoring.stream.transport import _Thread

CHANGELOG, HEARD = TP("changelog", 0), TP("proctoring.exams.v1", 0)


async def test_what_comes_while_nothing_is_wanted_waits_until_it_is() -> None:
    fetcher: Any = object.__new__(Fetcher)
    fetcher._closed, fetcher._loop = False, asyncio.get_running_loop()
    fetcher._records, fetcher._fetch_waiters = {}, set()
    fetcher._wait_consume_future = None
    fetcher._subscriptions = SimpleNamespace(
        reassignment_in_progress=False, fetch_context=nullcontext, is_assigned=lambda _: True
    )
    thread: Any = object.__new__(_Thread)
    thread.consumer = SimpleNamespace(flow_active=True)
    aiokafka = SimpleNamespace(_fetcher=fetcher, _closed=False)
    wanted = {CHANGELOG}

    fetching = asyncio.create_task(thread._fetch_records(aiokafka, wanted, timeout=60))
    await eventually(lambda: fetcher._fetch_waiters)
    wanted.clear()  # the tables are recovered, and what is heard is not resumed yet
    fetcher._records[TopicPartition(*HEARD)] = _fetched("event")
    await _tell(fetcher)
    assert not fetching.done()
    wanted.add(HEARD)
    await _tell(fetcher)
    assert await fetching == {HEARD: ["event"]}


async def _tell(fetcher: Any) -> None:
    """Lets whoever waits for records look again, to the end."""
    for waiter in list(fetcher._fetch_waiters):
        waiter.set_result(None)
    for _ in range(10):
        await asyncio.sleep(0)


def _fetched(*records: str) -> FetchResult:
    class Partition:
        next_fetch_offset = 0

        def __iter__(self) -> Any:
            return iter(records)

    state = SimpleNamespace(paused=False, position=0, consumed_to=lambda _: None)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    return FetchResult(TopicPartition(*HEARD), assignment=assignment, partition_records=Partition(), backoff=0)
