"""The supervisor's own log: what it started, what died, when. One JSON object a line, in the shape of the services' logs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LARGEST_BYTES = 10_000_000


class Journal:
    """Appends to a file."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file

    def write(self, event: str, **fields: Any) -> None:
        """Adds one line."""
        line = {"event": event, **fields, "timestamp": datetime.now(UTC).isoformat(), "service": "up"}
        with self._file.open("a") as output:
            output.write(json.dumps(line) + "\n")


def turn_over(logs: Path) -> None:
    """Puts logs that have grown large aside as `.1`, in place of the one put aside before. For a start, when nobody writes them."""
    for log in logs.glob("*.log"):
        if log.stat().st_size > LARGEST_BYTES:
            log.replace(log.with_suffix(".log.1"))
