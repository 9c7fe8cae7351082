"""Processes are kept running, and children of the nursery are processes like others."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.testing import eventually
from examhall.children import (
    LONGEST_PAUSE_SECONDS,
    TRIES,
    Keeper,
    Nursery,
    Part,
    PartFailed,
    Process,
    Program,
    State,
    ending,
    pause_seconds,
)
from examhall.nursery import Wanted
from examhall.servers import Launch
from examhall.tests.machine import has_ended

SLEEP = "import signal; print('up', flush=True); signal.pause()"


@given(st.integers(1, 1000))
def test_the_pause_grows_from_nothing_to_a_bound(deaths: int):
    assert pause_seconds(1) == 0
    assert pause_seconds(deaths) <= pause_seconds(deaths + 1) <= LONGEST_PAUSE_SECONDS


def test_an_end_is_told_in_words():
    assert ending(-signal.SIGKILL) == "killed by SIGKILL"
    assert ending(3) == "exit status 3"


async def test_a_part_that_dies_is_started_again_and_each_change_is_told(tmp_path: Path):
    told: list[tuple[State, str]] = []
    keeper = Keeper(_part(tmp_path, SLEEP), lambda kept, how: told.append((kept.state, how)))
    keeper.start()
    await keeper.ready()
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: keeper.state is State.READY and keeper.pid != first)
    await keeper.stop()
    assert keeper.restarts == 1
    assert [state for state, _ in told] == [
        State.STARTING, State.READY, State.DIED, State.STARTING, State.READY, State.STOPPED,
    ]  # fmt: skip
    assert told[2] == (State.DIED, "killed by SIGKILL")


async def test_a_part_that_never_becomes_ready_fails_with_its_last_words(tmp_path: Path):
    keeper = Keeper(_part(tmp_path, "raise SystemExit('no such disk')", is_ready=False), lambda *_: None)
    keeper.start()
    with pytest.raises(PartFailed, match=r"(?s)example does not start: exit status 1.*no such disk"):
        await keeper.ready()
    await keeper.stop()


async def test_a_part_that_is_not_needed_is_tried_again_for_ever(tmp_path: Path):
    keeper = Keeper(_part(tmp_path, "raise SystemExit(1)", is_ready=False, is_needed=False), lambda *_: None)
    keeper.start()
    await eventually(lambda: keeper.restarts > TRIES)
    assert keeper.state in (State.DIED, State.STARTING)
    await keeper.stop()


async def test_a_part_that_does_not_want_to_stop_is_killed(tmp_path: Path):
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
    keeper = Keeper(_part(tmp_path, stubborn, stop_seconds=0.3), lambda *_: None)
    keeper.start()
    await keeper.ready()
    pid = keeper.pid
    await keeper.stop()
    assert keeper.pid is None
    assert not psutil.pid_exists(pid or 0)


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[tuple[Nursery, Process]]:
    """An open nursery and its process."""
    opened = Nursery(["chassis.ids"], tmp_path / "nursery.log")
    process = await opened.open()
    yield opened, process
    process.send(signal.SIGKILL)
    await process.ended


async def test_a_child_runs_in_its_own_environment_and_its_exit_status_is_told(
    nursery: tuple[Nursery, Process], tmp_path: Path
):
    process = await nursery[0].start(_wanted(tmp_path, "print_environment", GREETING="good morning"))
    assert await process.ended == 0
    assert (tmp_path / "child.log").read_text() == "GREETING=good morning\n"


async def test_a_child_that_gives_up_says_why_in_its_log(nursery: tuple[Nursery, Process], tmp_path: Path):
    process = await nursery[0].start(_wanted(tmp_path, "give_up"))
    assert await process.ended == 1
    assert (tmp_path / "child.log").read_text() == "no secret is set\n"


async def test_a_child_that_fails_leaves_a_traceback(nursery: tuple[Nursery, Process], tmp_path: Path):
    process = await nursery[0].start(_wanted(tmp_path, "fail"))
    assert await process.ended == 1
    assert "ZeroDivisionError" in (tmp_path / "child.log").read_text()


async def test_a_killed_child_is_told_of_and_its_sisters_live(nursery: tuple[Nursery, Process], tmp_path: Path):
    one, other = [await nursery[0].start(_wanted(tmp_path, "wait")) for _ in range(2)]
    one.send(signal.SIGKILL)
    assert await one.ended == -signal.SIGKILL
    assert not other.ended.done()


async def test_children_never_make_the_same_id(nursery: tuple[Nursery, Process], tmp_path: Path):
    for process in [await nursery[0].start(_wanted(tmp_path, "print_ids")) for _ in range(4)]:
        assert await process.ended == 0
    ids = (tmp_path / "child.log").read_text().split()
    assert len(ids) == len(set(ids)) == 400


async def test_when_the_nursery_is_killed_its_children_go_and_a_new_one_takes_over(
    nursery: tuple[Nursery, Process], tmp_path: Path
):
    opened, process = nursery
    child = await opened.start(_wanted(tmp_path, "wait"))
    watched = psutil.Process(child.pid)
    process.send(signal.SIGKILL)
    assert await child.ended == -signal.SIGKILL
    await eventually(lambda: has_ended(watched))
    again = asyncio.create_task(opened.start(_wanted(tmp_path, "give_up")))
    successor = await opened.open()
    assert await (await again).ended == 1
    successor.send(signal.SIGKILL)
    await successor.ended


def _part(folder: Path, program: str, is_ready: bool = True, **options: Any) -> Part:
    """A part whose process says `up` when it is ready."""
    log = folder / "example.log"
    launch = Launch([sys.executable, "-c", program], lambda: is_ready and log.exists() and log.read_text() != "")
    running = Program(lambda: launch, log)
    return Part("example", running.start, running.is_ready, log, **options)


def _wanted(folder: Path, function: str, **environment: str) -> Wanted:
    return Wanted(f"examhall.tests.upbringing:{function}", [], environment, str(folder / "child.log"))
