"""Runs a command and starts it again whenever a Python file of this folder changes: python reloading.py examhall serve attempts."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_LOOK_SECONDS = 0.5
_STOP_SECONDS = 20
_HERE = Path(__file__).resolve().parent


def newest() -> tuple[int, float]:
    """How many files there are and when one was changed last: differs after each change."""
    times = [file.stat().st_mtime for file in _HERE.rglob("*.py")]
    return len(times), max(times)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(command: list[str]) -> None:
    """Runs the command until SIGTERM. One that ended by itself waits for a change: most likely a fault that is being mended."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        _stop(process)
        sys.exit(0)

    seen = newest()
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, end)
    while True:
        time.sleep(_LOOK_SECONDS)
        if (now := newest()) != seen:
            seen = now
            _stop(process)
            process = subprocess.Popen(command)


if __name__ == "__main__":
    main(sys.argv[1:])
