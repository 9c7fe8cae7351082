"""Which metrics there are, and Prometheus's own tools, for the tests of rules and dashboards."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.chart import ROOT

RULES = sorted((ROOT / "deploy" / "prometheus").glob("*.rules.yaml"))
# Of other programs (see the head of services.rules.yaml), and of every Python process with Prometheus's client.
FOREIGN = ("kube_", "node_", "kubelet_", "container_", "kafka_", "redis_", "cnpg_", "process_", "python_", "up")
_METRIC = re.compile(
    r"(?<![\w.])((?:examhall|kube|node|kubelet|container|kafka|redis|cnpg|process|python)[_:][\w:]+|up)\b"
)


def program(name: str) -> str:
    """Where Prometheus's program is: named in the environment, beside our Python, or on the path. Skips the test without it."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    found = os.environ.get(name.upper()) or shutil.which(name, path=path)
    if found is None:
        pytest.skip(
            f"{name} is not installed: make prometheus gets it on Debian and Ubuntu; else name it in {name.upper()}"
        )
    return found


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs promtool to its end."""
    return subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False)


def metrics_in(expression: str) -> set[str]:
    """The metrics that a query names."""
    return set(_METRIC.findall(re.sub(r"\{[^}]*\}|\"[^\"]*\"|\b(by|on|group_left) ?\([^)]*\)", "", expression)))


def metrics_of_the_code() -> set[str]:
    """The names of the metrics that the code makes."""
    found: set[str] = set()
    for folder in ("chassis", "gateway", "services"):
        for file in (ROOT / folder).rglob("*.py"):
            if "tests" not in file.parts:
                found |= _names(file)
    return found


def _names(file: Path) -> set[str]:
    made = re.findall(r"\b(Counter|Gauge|Histogram)\(\s*\"(examhall_\w+)\"", file.read_text())
    return {f"{name.removesuffix('_total')}_total" if kind == "Counter" else name for kind, name in made}


def recorded() -> set[str]:
    """The names of what the rules record."""
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
