"""Which installation runs on a folder: a lock that ends with its holder, and a record that others may read."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

_TRIES = 5
_BETWEEN_TRIES_SECONDS = 0.05  # who only looks holds the lock for an instant


@dataclass(frozen=True)
class PartRecord:
    """One process; `changed_at` is when it came into its state, in seconds since 1970."""

    state: str
    pid: int | None
    port: int | None
    restarts: int
    changed_at: float


@dataclass(frozen=True)
class Record:
    """A running installation. `named` are the addresses of servers that its environment names."""

    pid: int
    gateway_port: int
    address: str
    started_at: float
    named: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, PartRecord] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Puts the record where `read` finds it; for the owner's eyes, since an address may hold a password."""
        making = folder / "running.new"
        making.touch(mode=0o600)
        making.write_text(json.dumps(asdict(self), indent=2))
        making.rename(folder / "running.json")


class RunsAlready(Exception):
    """The folder is in use; `record` says by whom."""

    def __init__(self, record: Record | None) -> None:
        super().__init__("another process runs on this folder")
        self.record = record


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds the folder's lock. Raises RunsAlready when another process has it. A killed holder leaves nothing that stands in the way."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        for tries_left in reversed(range(_TRIES)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if tries_left == 0:
                    raise RunsAlready(_read(folder)) from None
                time.sleep(_BETWEEN_TRIES_SECONDS)
        (folder / "running.json").unlink(missing_ok=True)
        yield
        (folder / "running.json").unlink(missing_ok=True)


def running(folder: Path) -> Record | None:
    """The installation that runs on a folder now, if any does."""
    lock = folder / "lock"
    if not lock.exists():
        return None
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(folder)
    return None


def _read(folder: Path) -> Record | None:
    try:
        content = json.loads((folder / "running.json").read_text())
    except FileNotFoundError:  # it has begun this very moment
        return None
    parts = {name: PartRecord(**part) for name, part in content.pop("parts").items()}
    return Record(**content, parts=parts)


def this_process(gateway_port: int, address: str, named: Mapping[str, str]) -> Record:
    """The record of an installation that this process begins to run."""
    return Record(os.getpid(), gateway_port, address, time.time(), named)
