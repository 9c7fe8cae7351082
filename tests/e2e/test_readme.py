"""A newcomer follows the README."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from examhall.tests.machine import Machine

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
def test_the_first_exam_by_curl_goes_as_the_readme_says(installation: Machine) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    commands = next(block for block in blocks if "curl" in block).replace(
        "localhost:8080", f"localhost:{installation.port}"
    )
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TOKEN": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shell.returncode == 0, shell.stderr
    result = json.loads(shell.stdout.splitlines()[-1])
    assert (result["status"], result["score"], result["max_score"]) == ("released", "1.00", "1.00")
    assert (result["percentage"], result["has_passed"]) == ("100.00", True)
