"""Keeps processes running: starts them, sees that they become ready, starts them again when they die, and stops them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from examhall.nursery import Wanted
from examhall.servers import HOST, Launch, ServerFailed

STEADY_SECONDS = 30.0  # who lived so long had no bad start: the next death is the first of a new row
LONGEST_PAUSE_SECONDS = 10.0
TRIES = 3  # a part that dies so often in a row without ever having been ready does not come up at all
_LOOK_SECONDS = 0.03
_ANSWER_SECONDS = 2.0


class State(StrEnum):
    """How a part is."""

    STARTING = "starting"
    READY = "ready"
    DIED = "died"
    STOPPED = "stopped"


class PartFailed(Exception):
    """A part does not come up; the message ends with what it said last."""


@dataclass(frozen=True)
class Process:
    """A child of ours, or of our nursery. `ended` gets its exit status, negative for a signal."""

    pid: int
    ended: asyncio.Future[int]
    stop_signal: signal.Signals = signal.SIGTERM

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process has ended."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True)
class Part:
    """One process of the installation: how to start it, how to see that it is ready, where it writes, how long it may take to stop.

    Without what `is_needed` the installation does not come up; anything else is tried again for ever.
    """

    name: str
    start: Callable[[], Awaitable[Process]]
    is_ready: Callable[[], Awaitable[bool]]
    log: Path
    stop_seconds: float = 5.0
    is_needed: bool = True


@dataclass
class Keeper:
    """Keeps one part running from `start` to `stop`, and tells each change by `tell(keeper, what happened)`."""

    part: Part
    tell: Callable[["Keeper", str], None]
    state: State = State.STOPPED
    restarts: int = 0
    changed_at: float = field(default_factory=time.time)
    _process: Process | None = None
    _task: asyncio.Task[None] | None = None
    _was_ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pid(self) -> int | None:
        """The number of the process, when there is one."""
        return self._process.pid if self._process and not self._process.ended.done() else None

    def start(self) -> None:
        """Begins; `ready` waits for the result."""
        self._task = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        """Waits until the part is ready for the first time. Raises PartFailed when it does not come up."""
        assert self._task is not None
        waiting = asyncio.create_task(self._was_ready.wait())
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Asks the process to stop, kills it when it does not within its time, and starts it no more."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._process is not None:
            self._process.send(self._process.stop_signal)
            done, _ = await asyncio.wait({self._process.ended}, timeout=self.part.stop_seconds)
            if not done:
                self._process.send(signal.SIGKILL)
                await asyncio.wait({self._process.ended})
        self._change(State.STOPPED, "")

    async def _keep(self) -> None:
        deaths_in_a_row = 0
        while True:
            started_at = time.monotonic()
            self._change(State.STARTING, "")
            end = await self._live()
            deaths_in_a_row = 1 if time.monotonic() - started_at > STEADY_SECONDS else deaths_in_a_row + 1
            if deaths_in_a_row >= TRIES and self.part.is_needed and not self._was_ready.is_set():
                raise PartFailed(f"{self.part.name} does not start: {end}\n{last_words(self.part.log)}")
            self.restarts += 1
            self._change(State.DIED, end)
            await asyncio.sleep(pause_seconds(deaths_in_a_row))

    async def _live(self) -> str:
        """One life of the process; how it ended."""
        try:
            process = self._process = await self.part.start()
        except (OSError, ServerFailed) as error:
            return str(error)
        watching = asyncio.create_task(self._become_ready())
        try:
            return ending(await asyncio.shield(process.ended))
        finally:
            watching.cancel()

    async def _become_ready(self) -> None:
        while not await self.part.is_ready():  # noqa: ASYNC110, what is looked at is another process
            await asyncio.sleep(_LOOK_SECONDS)
        self._was_ready.set()
        self._change(State.READY, "")

    def _change(self, state: State, how: str) -> None:
        self.state, self.changed_at = state, time.time()
        self.tell(self, how)


class Program:
    """A program of this machine, launched anew at each start."""

    def __init__(self, make_launch: Callable[[], Launch], log: Path) -> None:
        self._make_launch = make_launch
        self._log = log
        self._launch: Launch | None = None

    async def start(self) -> Process:
        """Launches it."""
        self._launch = self._make_launch()
        return spawn(self._launch, self._log)

    async def is_ready(self) -> bool:
        """Whether the launch of the last start is ready."""
        return self._launch is not None and self._launch.is_ready()


class Nursery:
    """Our side of examhall.nursery: starts children that have everything imported already."""

    def __init__(self, modules: Sequence[str], log: Path) -> None:
        self._modules = modules
        self._log = log
        self._is_ready = asyncio.Event()
        self._line: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._unborn: list[asyncio.Future[Process]] = []
        self._children: dict[int, asyncio.Future[int]] = {}

    async def open(self) -> Process:
        """Starts the nursery's own process."""
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = [sys.executable, "-m", "examhall.nursery", str(theirs.fileno()), *self._modules]
            launch = Launch(arguments, self._is_ready.is_set, keep=(theirs.fileno(),))
            process = spawn(launch, self._log)
        reader, self._line = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(reader, self._line))
        return process

    async def is_ready(self) -> bool:
        """Whether it has imported everything."""
        return self._is_ready.is_set()

    async def start(self, wanted: Wanted) -> Process:
        """A new child; waits for the nursery when that is away."""
        await self._is_ready.wait()
        assert self._line is not None
        unborn: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._unborn.append(unborn)
        self._line.write(wanted.line())
        return await unborn

    async def _read(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while answer := await reader.readline():
            match json.loads(answer):
                case {"ready": _}:
                    self._is_ready.set()
                case {"started": pid}:
                    ended = self._children[pid] = loop.create_future()
                    self._unborn.pop(0).set_result(Process(pid, ended))
                case {"ended": pid, "status": status}:
                    self._children.pop(pid).set_result(status)
        self._is_ready.clear()
        line.close()
        for ended in self._children.values():  # the kernel killed them with their parent
            ended.set_result(-signal.SIGKILL)
        self._children.clear()
        for unborn in self._unborn:
            unborn.set_exception(ServerFailed("the nursery died"))
        self._unborn.clear()


def spawn(launch: Launch, log: Path) -> Process:
    """Starts a program as a child of this process; call it from the main thread, with whose death the child's is bound up."""
    child = launch.spawn(log)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    handle = os.pidfd_open(child.pid)

    def reap(process: "subprocess.Popen[bytes]" = child) -> None:
        loop.remove_reader(handle)
        os.close(handle)
        ended.set_result(process.wait())

    loop.add_reader(handle, reap)
    return Process(child.pid, ended, launch.stop_signal)


async def answers_ready(port: int) -> bool:
    """Whether a service or the gateway on that port says that it is ready."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def pause_seconds(deaths_in_a_row: int) -> float:
    """How long to wait before the next start: none after the first death, then twice as long each time."""
    return 0.0 if deaths_in_a_row <= 1 else min(0.25 * 2.0 ** (deaths_in_a_row - 2), LONGEST_PAUSE_SECONDS)


def ending(status: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def last_words(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
