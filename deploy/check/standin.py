"""A stand-in for the nodes that there are none of. It runs no container. What it does instead:

- a migration (of a Job, or before a service's own container) really runs: Examhall's own program on this machine, with the arguments, the
  environment, the secrets and the mounted files of its pod, on a real PostgreSQL; its exit status becomes that of the pod;
- every other pod is bound to a node that is a name alone, and reported as running and ready, so that what waits for pods goes on;
- a pod that is to go is let go at once.
"""

import base64
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from deploy.check.api import Api, Manifest, Refused

ROOT = Path(__file__).resolve().parents[2]
_NODE = "stand-in"
_LOOK_SECONDS = 0.2
_COMMAND_SECONDS = 180
PROGRAM = "from examhall.main import app; app()"  # the image's entry point


class CannotStart(Exception):
    """A container can't be made as its pod wants it; the message is one line."""


class StandIn:
    """Attends to all pods of a cluster. `addresses` says where a service's name and port lead to on this machine; `trees` where the
    program of an image's tag lies, when it is not this one. `said` collects what failed commands said."""

    def __init__(self, api: Api, folder: Path, addresses: Mapping[str, str]) -> None:
        self.trees: dict[str, Path] = {}
        self.said: list[str] = []
        self.commands = 0
        self._api, self._folder, self._addresses = api, folder, dict(addresses)
        self._attended: set[str] = set()
        self._numbers = count(1)
        self._ends = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Attends until the block ends."""
        self._api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": _NODE}})
        with ThreadPoolExecutor(max_workers=3) as workers:
            watch = threading.Thread(target=self._look, args=[workers], name="stand-in")
            watch.start()
            try:
                yield
            finally:
                self._ends.set()
                watch.join()

    def _look(self, workers: ThreadPoolExecutor) -> None:
        while not self._ends.wait(_LOOK_SECONDS):
            try:
                pods = self._api.items("/api/v1/pods")
            except Refused as error:
                self.said.append(str(error))
                continue
            for pod in pods:
                uid = pod["metadata"]["uid"]
                if "deletionTimestamp" in pod["metadata"]:
                    workers.submit(self._let_go, pod)
                elif uid not in self._attended:
                    self._attended.add(uid)
                    workers.submit(self._attend, pod)

    def _let_go(self, pod: Manifest) -> None:
        try:
            self._api.delete(_path(pod))
        except Refused as error:
            if ": 404:" not in str(error):
                self.said.append(str(error))

    def _attend(self, pod: Manifest) -> None:
        try:
            target = {"apiVersion": "v1", "kind": "Node", "name": _NODE}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]}}
            self._api.post(f"{_path(pod)}/binding", {**binding, "target": target})
            spec = pod["spec"]
            for container in spec.get("initContainers", ()):
                if self._run(pod, container):
                    self._report(pod, "Failed", 1)
                    return
            if spec["restartPolicy"] == "Never":
                statuses = [self._run(pod, container) for container in spec["containers"]]
                self._report(pod, "Failed" if any(statuses) else "Succeeded", max(statuses))
            else:
                self._report(pod, "Running", None)
        except (Refused, OSError, subprocess.TimeoutExpired) as error:
            if ": 404:" not in str(error):  # it was taken away meanwhile
                self.said.append(f"{pod['metadata']['name']}: {error}")

    def _run(self, pod: Manifest, container: Manifest) -> int:
        """The exit status of a container's command, run here."""
        tag = container["image"].rpartition("/")[2].rpartition(":")[2]
        folder = self._folder / pod["metadata"]["uid"]
        try:
            environment = self._environment(pod, container, folder)
        except (CannotStart, Refused) as error:
            self.said.append(f"{pod['metadata']['name']}: {error}")
            return 1
        self.commands += 1
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *container.get("args", ())],
            cwd=self.trees.get(tag, ROOT),
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            self.said.append(f"{pod['metadata']['name']}: {(done.stderr or done.stdout).strip()[-1500:]}")
        return done.returncode

    def _environment(self, pod: Manifest, container: Manifest, folder: Path) -> dict[str, str]:
        """The variables of a container, where names of servers and mounted folders lead to what there is here."""
        namespace = pod["metadata"]["namespace"]

        def secret(name: str) -> dict[str, bytes]:
            data = self._api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}").get("data") or {}
            return {key: base64.b64decode(value) for key, value in data.items()}

        mounts = {}
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            here = mounts[mount["mountPath"]] = folder / mount["name"]
            here.mkdir(parents=True, exist_ok=True)
            if "secret" in (volume := volumes[mount["name"]]):
                there = secret(volume["secret"]["secretName"])
                for item in volume["secret"]["items"]:
                    (here / item["path"]).write_bytes(_of(there, item["key"], volume["secret"]["secretName"]))
        variables: dict[str, str] = {}
        for each in container.get("env", ()):
            if "valueFrom" in each:
                asked = each["valueFrom"]["secretKeyRef"]
                variables[each["name"]] = _of(secret(asked["name"]), asked["key"], asked["name"]).decode()
            else:
                variables[each["name"]] = expanded(each.get("value", ""), variables)
        return {name: self._led(value, mounts) for name, value in variables.items()}

    def _led(self, value: str, mounts: Mapping[str, Path]) -> str:
        for place, here in mounts.items():
            if value == place or value.startswith(f"{place}/"):
                return f"{here}{value.removeprefix(place)}"
        for name, address in self._addresses.items():
            value = value.replace(f"@{name}/", f"@{address}/")
        return value

    def _report(self, pod: Manifest, phase: str, status: int | None) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        is_ready = phase == "Running"
        conditions: Sequence[str] = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        state: Manifest = {"running": {"startedAt": now}}
        if status is not None:
            state = {"terminated": {"exitCode": status, "startedAt": now, "finishedAt": now, "reason": phase}}
        address = f"10.88.{(number := next(self._numbers)) // 250}.{number % 250 + 1}"
        told = {
            "phase": phase,
            "startTime": now,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": each, "status": str(is_ready or each == "PodScheduled"), "lastTransitionTime": now}
                for each in conditions
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": is_ready,
                    "started": is_ready,
                    "restartCount": 0,
                    "state": state,
                }
                for container in pod["spec"]["containers"]
            ],
        }
        self._api.patch(f"{_path(pod)}/status", {"status": told})


def expanded(value: str, known: Mapping[str, str]) -> str:
    """As Kubernetes does: $(NAME) is the variable when it was said before, and stays as it is otherwise; $$ is one dollar."""
    return re.sub(
        r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)",
        lambda found: "$" if found[1] is None else known.get(found[1], found[0]),
        value,
    )


def _of(secret: Mapping[str, bytes], key: str, name: str) -> bytes:
    if key not in secret:
        raise CannotStart(f"the secret {name} has no key {key}")
    return secret[key]


def _path(pod: Manifest) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
