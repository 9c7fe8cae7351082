"""Batches on their way to the broker and the rows they store, without a broker."""

import asyncio
from typing import Any, NamedTuple

import pytest

from services.proctoring.stream.app import StreamApp, make_app
from services.proctoring.stream.durable import UNDER_WAY, Effect
from services.proctoring.stream.settings import StreamSettings
from services.proctoring.stream.tables import Write


class Record(NamedTuple):
    """What the broker says of a message that it has."""

    offset: int


class Log:
    """Takes messages as a broker does: each place of a topic has offsets of its own, and answers when it is let."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, int], list[asyncio.Future[Record]]] = {}

    async def publish(self, topic: str, partition: int, *_: Any) -> asyncio.Future[Record]:
        self.waiting.setdefault((topic, partition), []).append(asyncio.get_running_loop().create_future())
        return self.waiting[topic, partition][-1]

    def answer(self, topic: str, partition: int, first: int = 0) -> None:
        for offset, future in enumerate(self.waiting.pop((topic, partition)), first):
            future.set_result(Record(offset))


@pytest.fixture
async def app(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> StreamApp:
    monkeypatch.setenv("EXAMHALL_DATA", str(tmp_path))
    return make_app(StreamSettings())


async def settled() -> None:
    """Whatever can run without an answer has run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_rows_of_two_agents_in_one_changelog_are_not_taken_for_a_lost_one(
    app: StreamApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    monkeypatch.setattr(app, "publish", log.publish)
    attempts, exams = app.durables
    delivering = [asyncio.create_task(durable.deliver()) for durable in (attempts, exams)]
    try:
        await attempts.lead_to(Effect(after=[Write(app.watches, 0, "a", b"1"), Write(app.exams, 0, "b", b"1")]))
        await settled()
        await exams.lead_to(Effect(after=[Write(app.exams, 0, "c", b"1")]))
        await settled()
        log.answer(app.exams.changelog, 0)
        await settled()
        log.answer(app.watches.changelog, 0)
        await settled()
        assert not app.is_stopping, app.reason
        assert {key for key, _ in app.exams.rows({0, 1, 2, 3}, 4)} == {"b", "c"}
        await exams.lead_to(Effect(after=[Write(app.exams, 0, "d", b"1")]))
        await settled()
        log.answer(app.exams.changelog, 0)
        await settled()
        assert app.reason == f"changelog {app.exams.changelog}/0 replaced"
    finally:
        for task in delivering:
            task.cancel()
        await asyncio.gather(*delivering, return_exceptions=True)


async def test_batches_that_wait_for_room_are_put_under_way_in_the_order_in_which_they_were_computed(
    app: StreamApp,
) -> None:
    attempts, _ = app.durables
    under_way = attempts._under_way

    def batch(number: int) -> Effect:
        return Effect(after=[Write(app.watches, 0, "a", str(number).encode())])

    for number in range(UNDER_WAY):
        await attempts.lead_to(batch(number))
    waiting = asyncio.create_task(attempts.lead_to(batch(UNDER_WAY)))
    await settled()
    assert not waiting.done()
    taken = [under_way.get_nowait() for _ in range(UNDER_WAY)]
    await attempts.lead_to(batch(UNDER_WAY + 1))  # there is room, and who waited for it has not seen it yet
    await waiting
    taken += [await under_way.get() for _ in range(2)]
    rows = [write.value for each in taken for write in each.after]
    assert rows == [str(number).encode() for number in range(UNDER_WAY + 2)]
