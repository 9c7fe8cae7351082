"""A broker that lost its log, and what those who died with it leave at the next one."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from chassis.testing import commit_late, committed
from proto.catalogue import STREAM, group_of
from services.proctoring.stream.agents import ATTEMPT_TOPICS, EXAM_TOPICS
from services.proctoring.stream.tests.expected import must_end_in, outcome_of
from services.proctoring.stream.tests.tapes import tape
from services.proctoring.stream.tests.workers import a_broker, a_worker, soon
from services.proctoring.stream.transport import Positions, _Consumer

GROUP = group_of(STREAM)
HEARD = tuple(dict.fromkeys((*ATTEMPT_TOPICS, *EXAM_TOPICS)))


async def test_what_a_dying_worker_commits_at_the_next_broker_hides_nothing_that_is_published_there(
    kafka: str, next_kafka: str, tmp_path: Path
) -> None:
    events = tape(7)
    expected = outcome_of(events)
    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish(events)
            await soon(lambda: must_end_in(hand, expected))
            worker.stop()
        heard = [TopicPartition(topic, partition) for topic in HEARD for partition in await hand.ends(topic)]
        late = await committed(kafka, GROUP, heard)
    assert {place.topic for place in late} == set(HEARD)
    async with a_broker(next_kafka) as hand:
        for topic in HEARD:
            await hand.ends(topic)  # a topic is made when it is asked for
        await commit_late(next_kafka, GROUP, late)
        await hand.publish(events[:1], generation=1)  # on its way when the broker died
        await hand.publish(events, generation=2)
        with a_worker(next_kafka, tmp_path) as worker:
            await worker.ready()
            await soon(lambda: must_end_in(hand, expected))
            assert worker.process.poll() is None
            assert not worker.said("stream_begins_again")


@pytest.mark.parametrize(
    ("begins", "ends", "is_replaced", "is_lost"), [(0, 3, True, False), (7, 9, False, True), (0, 9, False, False)]
)
def test_a_gap_is_a_replaced_log_or_lost_messages_or_nothing(
    begins: int, ends: int, is_replaced: bool, is_lost: bool
) -> None:
    place = TP("attempts.answers.v1", 1)
    told: list[TP] = []
    consumer: Any = object.__new__(_Consumer)
    consumer.positions = Positions(doubts={place: 5}, generations={place: 4})
    consumer.app = SimpleNamespace(log_replaced=lambda tp, _: told.append(tp))

    async def at(offset: int) -> dict[TP, int]:
        return {place: offset}

    consumer.earliest_offsets, consumer.highwaters = lambda *_: at(begins), lambda *_: at(ends)
    lost = asyncio.run(consumer.settle_doubts())
    assert lost == ({place} if is_lost else set())
    assert told == ([place] if is_replaced else [])
    assert consumer.positions.replaced == ({place: 4} if is_replaced else {})
    assert consumer.positions.doubts == {}


@pytest.mark.parametrize(
    ("seconds", "comes_after_all", "is_lost"), [(0, False, False), (60, False, True), (60, True, False)]
)
def test_what_was_skipped_and_never_comes_is_lost(
    monkeypatch: pytest.MonkeyPatch, seconds: float, comes_after_all: bool, is_lost: bool
) -> None:
    place, began = TP("attempts.answers.v1", 1), time.monotonic()
    consumer: Any = object.__new__(_Consumer)
    consumer.positions = Positions(expected={place: 5})
    consumer.app = SimpleNamespace(own_topics=frozenset())

    async def at(offset: int) -> dict[TP, int]:
        return {place: offset}

    consumer.earliest_offsets, consumer.highwaters = lambda *_: at(0), lambda *_: at(9)
    for offset in (7, 5, 6, 7) if comes_after_all else (7, 8):
        consumer._look_at(place, SimpleNamespace(offset=offset, headers=()))
    monkeypatch.setattr(time, "monotonic", lambda: began + seconds)
    assert asyncio.run(consumer.settle_doubts()) == ({place} if is_lost else set())
    assert asyncio.run(consumer.settle_doubts()) == set()
