"""`python -m deploy.check` where none of the programs that it needs can be found."""

import os
import subprocess
import sys
from pathlib import Path

from tests.deploy.chart import ROOT

_BARE = """
from pathlib import Path
from deploy.check import programs
from deploy.check.node import machine
programs._USUAL_GO, machine._SBIN, machine.CNI = {folder!r} + "/go", (), Path({folder!r})
from deploy.check.__main__ import main
main({arguments!r})
"""


def check_without_programs(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs it to its end; `folder` is the whole search path, and stands for the folders beside it where programs usually are."""
    return subprocess.run(
        [sys.executable, "-c", _BARE.format(folder=str(folder), arguments=list(arguments))],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
