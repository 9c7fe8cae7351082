"""A machine for tests: runs `examhall up` as people do, in a process of its own on a folder of the test."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from chassis.testing import environment_without_ours
from examhall.demo.content import ADMIN, DEMO_PASSWORD
from examhall.running import Record, running
from examhall.servers import free_port

READY_SECONDS = 40.0
_SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything that tells Examhall what to do, but for `more`."""
    environment = environment_without_ours()
    for name in _SERVER_VARIABLES:
        environment.pop(name, None)
    return {**environment, **more}


def examhall(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "examhall.main", *arguments],
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_examhall(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Starts a command; what it says can be read while it runs."""
    return subprocess.Popen(
        [sys.executable, "-m", "examhall.main", *arguments],
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass
class Machine:
    """A running `examhall up`."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def record(self) -> Record:
        """What it says of itself."""
        record = running(self.folder)
        assert record is not None, self.output.read_text()
        return record

    def pid(self, part: str) -> int:
        """The number of a part's process."""
        pid = self.record.parts[part].pid
        assert pid is not None
        return pid

    def is_ready(self) -> bool:
        """Whether every part is."""
        record = running(self.folder)
        return bool(record and record.parts) and all(part.state == "ready" for part in record.parts.values())

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> "Machine":
        """Waits until it has said that it is ready and what to do next; fails with what it printed when it ends before."""
        wait_for(lambda: "the data stays" in self.output.read_text() or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.output.read_text()
        return self

    def all_processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; the exit status."""
        self.process.send_signal(how)
        return self.process.wait(READY_SECONDS)

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """A request through the gateway. Raises urllib.error.HTTPError, or OSError when nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310, the address is of this machine
            return json.loads(response.read())

    def log_in(self) -> str:
        """The demonstration's administrator's token."""
        body = {"login": ADMIN.email, "password": DEMO_PASSWORD}
        token: str = self.call("POST", "/api/v1/auth/login", body)["access_token"]
        return token


@contextmanager
def machine(
    folder: Path,
    *,
    services: Sequence[str] = ("identity",),
    options: Sequence[str] = (),
    port: int | None = None,
    **variables: str,
) -> Iterator[Machine]:
    """Starts `examhall up` with these services (all when empty); whatever the test did, nothing of it is left afterwards."""
    port = port or free_port()
    output = folder.with_suffix(".output")
    chosen = [argument for service in services for argument in ("--service", service)]
    arguments = ["up", "--data", str(folder), "--port", str(port), *chosen, *options]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "examhall.main", *arguments],
            env=clean_environment(**variables),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield Machine(folder, port, process, output)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is gone; one that nobody has reaped yet is."""
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Waits until the condition holds; fails when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
