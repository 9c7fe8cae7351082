"""What a worker does without an event, while its partitions are shared out anew."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.testing import eventually
from services.proctoring import attempt_watch
from services.proctoring.stream.agents import Attempts
from services.proctoring.stream.app import StreamApp, make_app
from services.proctoring.stream.durable import Effect
from services.proctoring.stream.settings import StreamSettings


@pytest.mark.parametrize("is_rebalanced", [False, True])
async def test_nothing_is_told_of_tables_that_are_recovered_while_the_broker_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_rebalanced: bool
) -> None:
    monkeypatch.setenv("EXAMHALL_DATA", str(tmp_path))
    monkeypatch.setenv("EXAMHALL_STREAM_TICK_MILLISECONDS", "10")
    asked, answered, done = asyncio.Event(), asyncio.Event(), []

    async def settle_doubts() -> set[Any]:
        asked.set()
        await answered.wait()
        return set()

    def catch_up() -> Effect:
        done.append("attempts")
        return Effect()

    async def advance() -> Effect:
        done.append("exams")
        return Effect()

    monkeypatch.setattr(StreamApp, "consumer", SimpleNamespace(settle_doubts=settle_doubts))
    app: Any = make_app(StreamSettings())
    app.attempts_rule, app.exams_rule = SimpleNamespace(catch_up=catch_up), SimpleNamespace(advance=advance)
    app.is_ready = True
    app._start_beside(app._tick())
    try:
        await eventually(asked.is_set)
        app.is_ready = not is_rebalanced
        answered.set()
        if is_rebalanced:
            for _ in range(10):
                await asyncio.sleep(0)
            assert done == []
            app.is_ready = True
        await eventually(lambda: done[:2] == ["attempts", "exams"])
    finally:
        await app.stop_beside()


def _undisturbed(_: Any) -> None:
    """Nothing happens meanwhile."""


def _shared_out_anew(app: Any) -> None:
    app.consumer_generation_id += 1


def _not_whole(app: Any) -> None:
    app.goes_on = False


def _heard_of(app: Any) -> None:
    app.watches.kept["old"] = b"new"


@pytest.mark.parametrize(
    ("happens", "gone"), [(_undisturbed, ["old"]), (_shared_out_anew, []), (_not_whole, []), (_heard_of, [])]
)
async def test_an_old_attempt_is_forgotten_unless_something_happens_while_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, happens: Callable[[Any], None], gone: list[str]
) -> None:
    class Table:
        kept = {"old": b"row"}

        def rows(self, *_: Any) -> list[tuple[str, bytes]]:
            return list(self.kept.items())

        def row(self, _: int, key: str) -> bytes | None:
            return self.kept.get(key)

        def put(self, _: int, key: str, value: bytes | None) -> str:
            assert value is None
            return key

    monkeypatch.setattr(attempt_watch, "watch_in", lambda _: SimpleNamespace(submitted_at_ms=1, as_of_ms=1))
    settings = SimpleNamespace(stream_kept_hours=1)
    app: Any = SimpleNamespace(watches=Table(), partitions=4, settings=settings, consumer_generation_id=1, goes_on=True)
    forgetting = asyncio.create_task(Attempts(app).forget({0, 1, 2, 3}))
    await asyncio.sleep(0)  # it has begun
    happens(app)
    assert (await forgetting).after == gone
