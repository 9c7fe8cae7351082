"""`examhall status`: what runs on this machine, where, and how it is."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from examhall.children import State, answers_ready
from examhall.places import SERVICES, WORKERS
from examhall.running import PartRecord, Record, running
from examhall.serving import GATEWAY

READY, NOT_READY, NOT_RUNNING = 0, 1, 3  # exit statuses; 3 is systemctl's for what does not run
_MEGABYTE = 1024 * 1024


def status(folder: Path, console: Console) -> int:
    """Shows every process and gives the exit status: READY when each of them is, else NOT_READY or NOT_RUNNING."""
    record = running(folder.resolve())
    if record is None:
        console.print(f"Examhall does not run on {folder.resolve()}. Start it with: examhall up", soft_wrap=True)
        return NOT_RUNNING
    health = asyncio.run(_health(record.parts))
    console.print(f"Examhall: {record.address} (process {record.pid})")
    console.print(_table(record, health))
    return READY if health and all(how == State.READY for how in health.values()) else NOT_READY


async def _health(parts: Mapping[str, PartRecord]) -> dict[str, str]:
    """How each part is: who speaks HTTP is asked now, of the others the supervisor knows."""
    hows = await asyncio.gather(*[_how(name, part) for name, part in parts.items()])
    return dict(zip(parts, hows, strict=True))


async def _how(name: str, part: PartRecord) -> str:
    if part.state != State.READY or part.port is None or name not in (*SERVICES, *WORKERS, GATEWAY):
        return part.state
    return State.READY if await answers_ready(part.port) else "not ready"


def _table(record: Record, health: Mapping[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("part", "how", "process", "port", "memory", "for", "restarts"):
        table.add_column(title, justify="left" if title in ("part", "how") else "right")
    for name, part in record.parts.items():
        how = health[name]
        colour = "green" if how == State.READY else "red"
        table.add_row(
            name,
            f"[{colour}]{how}[/]",
            str(part.pid or ""),
            str(part.port or ""),
            _memory(name, part.pid),
            _duration(time.time() - part.changed_at),
            str(part.restarts),
        )
    return table


def _memory(name: str, pid: int | None) -> str:
    """What a process takes, with pages that several share counted in parts; PostgreSQL's with its children. Empty when it has gone."""
    if pid is None:
        return ""
    try:
        process = psutil.Process(pid)
        counted = [process, *process.children()] if name == "postgres" else [process]
        return f"{sum(each.memory_full_info().pss for each in counted) / _MEGABYTE:.0f} MB"
    except psutil.Error:
        return ""


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
