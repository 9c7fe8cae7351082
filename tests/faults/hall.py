"""An installation with a rehearsal going on in it: what a scenario does to it, and what has to hold whatever was done.

Scenarios hurt in the middle, which is told by the answers that are saved, never by a clock. What has to hold afterwards is the
rehearsal's own audit, no dead letters, and that all services say the same of every attempt (tests/faults/agreement.py).
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from examhall.tests.machine import Machine, clean_environment, examhall, machine, wait_for
from tests.faults.agreement import disagreements, saved_revisions

NO_DEAD_LETTERS = "No dead letters."
_READY_SECONDS = 120.0  # other programs may want the machine too
_BACK_SECONDS = 60.0
_GOES_ON_SECONDS = 60.0
_ENDS_SECONDS = 300.0  # the sitting, a minute's outage, and the patience of whoever waits for the grades
_AGREE_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@contextmanager
def hall(folder: Path, port: int | None = None, **variables: str) -> Iterator[Machine]:
    """A whole installation, ready, with the demonstration's people."""
    with machine(folder / "data", services=(), port=port, EXAMHALL_DEMO="true", **variables) as up:
        wait_for(lambda: up.is_ready() or up.process.poll() is not None, _READY_SECONDS)
        yield up.wait_until_ready()


@dataclass(frozen=True)
class Rehearsal:
    """`examhall rehearse` in a process of its own."""

    up: Machine
    process: "subprocess.Popen[bytes]"
    output: Path
    report: Path

    def wait_for_saves(self, more: int) -> None:
        """Waits until so many more revisions of answers are saved. Fails when the rehearsal ends before: then nothing is hurt in its middle."""
        wanted: int | None = None
        end = time.monotonic() + _GOES_ON_SECONDS
        while True:
            saved = saved_revisions(self.up)  # None while PostgreSQL is away
            if saved is not None:
                wanted = saved + more if wanted is None else wanted
                if saved >= wanted:
                    return
            assert self.process.poll() is None, f"the rehearsal was over too early:\n{self.output.read_text()}"
            assert time.monotonic() < end, f"{saved} revisions saved and no more"
            time.sleep(_LOOK_SECONDS)

    def must_end_clean(self) -> None:
        """Waits for its end; its audit found nothing that differs from what was promised."""
        status = self.process.wait(_ENDS_SECONDS)
        assert status == 0, self.output.read_text()

    def steps(self) -> dict[str, Any]:
        """What it measured of each step: requests, errors, latencies in milliseconds."""
        steps: dict[str, Any] = json.loads(self.report.read_bytes())["steps"]
        return steps

    def proctoring(self) -> dict[str, Any]:
        """What its report says of the proctoring."""
        told: dict[str, Any] = json.loads(self.report.read_bytes())["proctoring"]
        return told


@contextmanager
def rehearsal(up: Machine, students: int, pace: float) -> Iterator[Rehearsal]:
    """Lets so many students sit, `pace` times as fast as people; a sitting takes 75 s divided by it."""
    output = up.folder.parent / f"rehearsal-{time.monotonic_ns()}.output"
    report = output.with_suffix(".json")
    arguments = ["rehearse", "--gateway", f"http://localhost:{up.port}", "--json", str(report)]
    arguments += ["--count", str(students), "--pace", str(pace)]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "examhall.main", *arguments],
            env=clean_environment(TMPDIR=str(up.folder.parent), COLUMNS="160"),
            stdout=file,
            stderr=file,
        )
    try:
        yield Rehearsal(up, process, output, report)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def kill(up: Machine, part: str) -> None:
    """kill -9; returns when the supervisor has it ready again."""
    restarts = up.record.parts[part].restarts
    psutil.Process(up.pid(part)).kill()
    wait_for(
        lambda: up.record.parts[part].restarts > restarts and up.record.parts[part].state == "ready", _BACK_SECONDS
    )


def strike(up: Machine, part: str) -> None:
    """kill -9; does not wait for the supervisor."""
    psutil.Process(up.pid(part)).kill()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that neither answers nor ends: what a network that loses everything looks like from outside."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def saves_go_on(sitting: Rehearsal, seconds: float) -> None:
    """Watches answers being saved for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sitting.wait_for_saves(10)


def must_have_kept_every_promise(up: Machine, *rehearsals: Rehearsal) -> None:
    """Clean audits, every event taken in by everybody, none given up."""
    for each in rehearsals:
        each.must_end_clean()
    must_agree(up)
    assert dead_letters(up) == NO_DEAD_LETTERS


def must_agree(up: Machine) -> None:
    """Waits until all services say the same of every attempt, answer and grade, and no event waits."""
    end = time.monotonic() + _AGREE_SECONDS
    while (different := disagreements(up)) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    assert not different, "\n".join(different)


def dead_letters(up: Machine) -> str:
    """What `examhall dead-letters list` prints."""
    listed = examhall("dead-letters", "list", "--data", str(up.folder), COLUMNS="250")
    assert listed.returncode == 0, listed.stderr
    return listed.stdout.strip()
