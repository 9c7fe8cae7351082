"""What is seen while a rehearsal runs, and the latencies at its end."""

import time
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from examhall.rehearsal.gateway import Measured, percentile
from examhall.rehearsal.seats import Progress


def latencies(steps: Mapping[str, Measured]) -> Table:
    """Requests, errors and p50 / p95 / p99 in milliseconds of each step."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("step")
    for title in ("requests", "p50 ms", "p95 ms", "p99 ms", "errors"):
        table.add_column(title, justify="right")
    for name, measured in steps.items():
        values = sorted(measured.seconds)
        marks = [f"{percentile(values, share) * 1000:.1f}" for share in (0.5, 0.95, 0.99)] if values else ["", "", ""]
        table.add_row(name, str(len(values)), *marks, str(measured.errors) if measured.errors else "")
    return table


class LiveTable:
    """Draws itself anew whenever rich asks."""

    def __init__(self, title: str, count: int, progress: Progress, steps: Mapping[str, Measured]) -> None:
        self._title = title
        self._count = count
        self._progress = progress
        self._steps = steps
        self._began_at = time.monotonic()
        self.phase = ""

    def __rich__(self) -> RenderableType:
        progress = self._progress
        line = (
            f"{self._title} · {time.monotonic() - self._began_at:.0f} s · {self.phase}\n"
            f"{progress.signed_in} of {self._count} signed in · {progress.started} started · {progress.offline} without network"
            f" · {progress.finished} finished · {progress.acknowledged} saves acknowledged"
            + (f" · {progress.alerts} alerts" if progress.alerts else "")
            + "\n"
        )
        return Group(Text(line), latencies(dict(self._steps)))
