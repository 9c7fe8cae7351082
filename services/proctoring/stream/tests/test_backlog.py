"""What was told and not taken in: counted, and beyond the bound the worker waits."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from chassis.kafka import commit_metadata, new_producer
from chassis.testing import eventually
from services.proctoring.stream.backlog import Backlog

TOPIC, GROUPS = "test.backlog.v1", ("examhall.one", "examhall.other")
PARTITION = TopicPartition(TOPIC, 0)


def a_backlog(kafka: str = "nowhere:1", window_bytes: int = 2_000) -> Backlog:
    return Backlog(kafka, window_bytes, lambda topic: GROUPS if topic == TOPIC else ())


def has_room(backlog: Backlog) -> bool:
    waiting = backlog.room()
    try:
        waiting.send(None)
    except StopIteration:
        return True
    waiting.close()
    return False


async def test_beyond_the_bound_there_is_no_room_until_enough_was_taken_in() -> None:
    backlog = a_backlog()
    for offset in range(4):
        assert has_room(backlog)
        backlog.told(TOPIC, 0, offset, 200, generation=7)
    assert not has_room(backlog)
    backlog.take_in(PARTITION, 1, commit_metadata(7))
    assert has_room(backlog)


async def test_a_commit_of_another_log_takes_nothing_in() -> None:
    backlog = a_backlog()
    for offset in range(4):
        backlog.told(TOPIC, 0, offset, 200, generation=7)
    backlog.take_in(PARTITION, 4, commit_metadata(6))
    assert not has_room(backlog)


async def test_what_nobody_has_to_take_in_does_not_count_and_neither_does_anything_without_a_bound() -> None:
    backlog, boundless = a_backlog(), a_backlog(window_bytes=0)
    for offset in range(100):
        backlog.told("test.for-nobody.v1", 0, offset, 200, generation=7)
        boundless.told(TOPIC, 0, offset, 200, generation=7)
    assert has_room(backlog)
    assert has_room(boundless)


@given(sizes=st.lists(st.integers(0, 3_000), max_size=30), taken=st.lists(st.integers(0, 31), max_size=10))
def test_whatever_is_told_and_taken_in_there_is_room_when_all_of_it_is(sizes: list[int], taken: list[int]) -> None:
    async def play() -> None:
        backlog = a_backlog()
        for offset, size in enumerate(sizes):
            backlog.told(TOPIC, 0, offset, size, generation=7)
        for offset in taken:
            backlog.take_in(PARTITION, offset, commit_metadata(7))
        backlog.take_in(PARTITION, len(sizes), commit_metadata(7))
        assert has_room(backlog)

    asyncio.run(play())


@pytest.mark.parametrize("groups_done", [1, 2])
async def test_only_what_every_group_has_committed_is_taken_in(kafka: str, groups_done: int) -> None:
    producer = new_producer(kafka)
    await producer.start()
    stored = [await producer.send_and_wait(TOPIC, b"x", partition=0) for _ in range(4)]
    await producer.stop()
    backlog = a_backlog(kafka)
    for record in stored:
        backlog.told(TOPIC, 0, record.offset, 200, generation=7)
    watching = asyncio.create_task(backlog.watch())
    end = OffsetAndMetadata(stored[-1].offset + 1, commit_metadata(7))
    for group in GROUPS:
        await commit(kafka, group, OffsetAndMetadata(0, commit_metadata(7)))
    for group in GROUPS[:groups_done]:
        await commit(kafka, group, end)
    if groups_done == len(GROUPS):
        await eventually(lambda: has_room(backlog))
    else:
        looked = asyncio.create_task(backlog.room())
        done, _ = await asyncio.wait({looked}, timeout=1.0)
        assert not done
        looked.cancel()
    watching.cancel()


async def commit(kafka: str, group: str, offset: OffsetAndMetadata) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([PARTITION])
    await consumer.commit({PARTITION: offset})
    await consumer.stop()
