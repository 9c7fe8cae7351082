"""The life of a release on a node: installed, tested from within, disturbed while a class sits, upgraded while another one does, and removed."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg

from deploy.check.api import Manifest, Refused
from deploy.check.control_plane import Cluster, wait_until
from deploy.check.databases import Databases
from deploy.check.helm import Helm, HelmFailed
from deploy.check.judging import leftovers
from deploy.check.lifecycle import RELEASE, Wrong, inventory, namespace
from deploy.check.node import judging
from deploy.check.node.beside import KAFKA_PORT, POSTGRES_PORT, REDIS_PORT
from deploy.check.node.policies import Enforcing
from deploy.check.node.surroundings import ADDRESS
from deploy.check.node.watching import Watching
from examhall.servers import ServerFailed

_WHERE = "check-node"
_VALUES = Path(__file__).parent / "values.yaml"
_PARTITIONS = 4
_POD_SECONDS, _CLASS_SECONDS, _BEGIN_SECONDS, _SETTLE_SECONDS = 120.0, 600.0, 180.0, 180.0
_DISTURBED = ("attempts", "gateway")


@dataclass(frozen=True)
class Life:
    """What it takes: a cluster with a node, the databases, a helm, and what the images' names are."""

    cluster: Cluster
    databases: Databases
    helm: Helm
    registry: str
    tag: str

    def live(self) -> None:
        """Goes through all of it. Raises Wrong with the last words of pods that are not well, Refused."""
        self.databases.make_empty()
        with namespace(self.cluster.api, _WHERE, self.databases):
            try:
                self._live()
            except (Wrong, HelmFailed, ServerFailed) as error:
                raise Wrong("\n".join([str(error), *self._last_words()])) from error

    def _live(self) -> None:
        api, where = self.cluster.api, _WHERE
        watching, policies = Watching(api, where), Enforcing(api)
        manifests = self.helm.render(RELEASE, where, self._values(), self.cluster.version)
        sitting = _class(manifests)
        before = inventory(api, where)
        with watching.at_work(), policies.at_work():
            self._run("makes-topics", _topics(manifests))
            with _told("install"):
                self.helm.install(RELEASE, where, self._values())
            self._judge("install", watching)
            with _told("helm test: a class sat"):
                self.helm.test(RELEASE, where)
            self._judge("helm test", watching)
            with _told("network policies: whoever may not come in stays outside"):
                for name, labels, reached in _KNOCKING:
                    self._run(name, _knocking(manifests, labels, reached))
            with _told(f"a pod of {' and of '.join(_DISTURBED)} was deleted while a class sat"):
                self._begin("sits-through-deletions", sitting)
                for service in _DISTURBED:
                    self._delete_one(service)
                self._end("sits-through-deletions")
            self._judge("deletions", watching)
            with _told("upgrade, pod by pod, while classes sat"):
                self._upgrade(sitting)
            self._judge("upgrade", watching)
            with _told("uninstall"):
                self.helm.uninstall(RELEASE, where)
                left: list[str] = []

                def is_clean() -> bool:
                    left[:] = leftovers(before, inventory(api, where), set())
                    return not left

                self._settle(is_clean, lambda: f"uninstall: {left}")
        if failed := [*policies.failed, *watching.failed]:
            raise Wrong(f"not everything was looked at: {failed}")
        self._judge_ends(watching.pods())

    def _upgrade(self, sitting: Manifest) -> None:
        """Replaces every pod. One class after another sits until the last is replaced."""
        with ThreadPoolExecutor(1, "upgrade") as worker:
            changed = self._values("--set", "settings.logLevel=warning")
            upgrading = worker.submit(self.helm.upgrade, RELEASE, _WHERE, changed)
            for number in count(1):
                self._run(f"sits-through-upgrade-{number}", sitting)
                if upgrading.done():
                    break
            upgrading.result()

    def _values(self, *more: str) -> list[str]:
        told = {
            "kafka.bootstrapServers": f"{ADDRESS}:{KAFKA_PORT}",
            "redis.url": f"redis://{ADDRESS}:{REDIS_PORT}/0",
            "image.registry": self.registry,
            "image.tag": self.tag,
        }
        return ["-f", str(_VALUES), *(part for each in told.items() for part in ("--set", "=".join(each))), *more]

    def _judge(self, step: str, watching: Watching) -> None:
        api, found = self.cluster.api, [""]

        def is_ready() -> bool:
            pods = api.items(f"/api/v1/namespaces/{_WHERE}/pods")
            found[:] = judging.unready([each for each in pods if "ownerReferences" in each["metadata"]])
            return not found

        self._settle(is_ready, lambda: f"{step}: {found}")
        if again := judging.restarts(watching.pods()):
            raise Wrong(f"{step}: {again}")
        if warned := judging.warnings_of(api.items(f"/api/v1/namespaces/{_WHERE}/events")):
            raise Wrong(f"{step}: {warned}")

    def _judge_ends(self, pods: Sequence[Manifest]) -> None:
        if bad := [*judging.restarts(pods), *judging.bad_ends(pods)]:
            raise Wrong(f"pods did not end in order: {bad}")
        _say(f"  {len(pods)} pods ran; none was started again, and all that were told to go went with status 0")

    def _last_words(self) -> Iterator[str]:
        api, path = self.cluster.api, f"/api/v1/namespaces/{_WHERE}/pods"
        for pod in api.items(path):
            again = judging.restarts([pod])
            if again or judging.unready([pod]):
                asked = f"{path}/{pod['metadata']['name']}/log?tailLines=20{'&previous=true' if again else ''}"
                try:
                    said = api.text(asked)
                except Refused as error:  # one that never started has no log
                    said = str(error)
                yield f"{pod['metadata']['name']}: {said[-2000:]}"

    def _run(self, name: str, pod: Manifest) -> None:
        self._begin(name, pod)
        self._end(name)

    def _begin(self, name: str, pod: Manifest) -> None:
        made = {**pod, "metadata": {**pod["metadata"], "name": name, "annotations": {}}}
        self.cluster.api.create(made, namespace=_WHERE)

    def _end(self, name: str) -> None:
        """Waits for the pod's own end, tells its last line, and removes it. Raises Wrong with what it said when it failed."""
        api, path = self.cluster.api, f"/api/v1/namespaces/{_WHERE}/pods/{name}"

        def has_ended() -> bool:
            return api.get(path)["status"].get("phase") in ("Succeeded", "Failed")

        wait_until(has_ended, f"{name} ends", _CLASS_SECONDS)
        said = api.text(f"{path}/log").strip()
        if api.get(path)["status"]["phase"] == "Failed":
            raise Wrong(f"{name}: {said[-6000:]}")
        _say(f"  {name}: {said.splitlines()[-1]}")
        api.end(path)

    def _delete_one(self, service: str) -> None:
        """Deletes a pod of a service once somebody sits, and waits until there are as many ready ones again."""
        api = self.cluster.api
        wait_until(lambda: asyncio.run(_sitting(self.databases)) > 0, "somebody sits", _BEGIN_SECONDS)
        path = f"/apis/apps/v1/namespaces/{_WHERE}/deployments/{RELEASE}-{service}"
        pods = f"/api/v1/namespaces/{_WHERE}/pods?labelSelector=app.kubernetes.io/component={service}"
        gone = api.items(pods)[0]["metadata"]
        api.end(f"/api/v1/namespaces/{_WHERE}/pods/{gone['name']}")
        _say(f"  {gone['name']} is deleted while {asyncio.run(_sitting(self.databases))} sit")

        def is_replaced() -> bool:
            status, names = api.get(path)["status"], [each["metadata"]["name"] for each in api.items(pods)]
            return gone["name"] not in names and status.get("availableReplicas") == status["replicas"] == len(names)

        wait_until(is_replaced, f"{gone['name']} is replaced", _POD_SECONDS)

    def _settle(self, is_so: Callable[[], bool], what: Callable[[], str]) -> None:
        try:
            wait_until(is_so, "it settles", _SETTLE_SECONDS)
        except ServerFailed as error:
            raise Wrong(what()) from error


async def _sitting(databases: Databases) -> int:
    """How many attempts are in progress."""
    database = await asyncpg.connect(f"{databases.superuser_url}/examhall_attempts")
    try:
        counted = await database.fetchval("SELECT count(*) FROM attempts WHERE status = 'in_progress'")
        return int(counted)
    finally:
        await database.close()


def _class(manifests: list[Manifest]) -> Manifest:
    """The pod of `helm test` that lets a class sit."""
    return deepcopy(next(each for each in manifests if each["metadata"]["name"] == f"{RELEASE}-test-rehearsal"))


# Who knocks where, and whether somebody opens. A pod is whoever its labels say, beyond those of a test's pod; None: it has no labels at all.
_KNOCKING: tuple[tuple[str, Mapping[str, str] | None, Mapping[str, bool]], ...] = (
    (
        "a-stranger-knocks",
        None,
        {"examhall-gateway:8080": True, "examhall-identity:8000": False, "examhall-attempts-pods:9000": False},
    ),
    (
        "a-test-knocks",
        {},
        {"examhall-gateway:8080": True, "examhall-identity:8000": False, f"{ADDRESS}:{POSTGRES_PORT}": False},
    ),
    (
        "a-migration-knocks",
        {"app.kubernetes.io/component": "exams-migrate", "examhall/migrates": "true"},
        {f"{ADDRESS}:{POSTGRES_PORT}": True, f"{ADDRESS}:{KAFKA_PORT}": False, "examhall-gateway:8080": False},
    ),
)
# Filters follow the address of a new pod a moment later: it knocks until all is as it should be.
_KNOCK = """
import json, socket, sys, time
wanted, end = json.loads(sys.argv[1]), time.monotonic() + 60
while True:
    found = {}
    for place in wanted:
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            found[place] = True
        except TimeoutError:
            found[place] = False
    if found == wanted or time.monotonic() > end:
        break
    time.sleep(0.2)
print(json.dumps(found))
sys.exit(found != wanted)
"""


def _knocking(manifests: list[Manifest], labels: Mapping[str, str] | None, reached: Mapping[str, bool]) -> Manifest:
    """A pod that ends well when it reaches what it may, and nothing answers it elsewhere."""
    pod = deepcopy(next(each for each in manifests if each["metadata"]["name"] == f"{RELEASE}-test-ready"))
    pod["metadata"]["labels"] = {} if labels is None else {**pod["metadata"]["labels"], **labels}
    pod["spec"]["containers"][0]["args"] = [_KNOCK, json.dumps(reached)]
    return pod


def _topics(manifests: list[Manifest]) -> Manifest:
    """A pod that makes the topics, as the README says where no operator does: a migration's, with the stream's image and another command."""
    specs = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests
        if "template" in each.get("spec", {})
    }
    spec = deepcopy(specs[f"{RELEASE}-proctoring-migrate"])
    container = spec["containers"][0]
    container["image"] = specs[f"{RELEASE}-proctoring-stream"]["containers"][0]["image"]
    container["args"] = ["topics", "--partitions", str(_PARTITIONS), "--replication", "1"]
    container["env"] = [{"name": "KAFKA_BOOTSTRAP_SERVERS", "value": f"{ADDRESS}:{KAFKA_PORT}"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec}


@contextmanager
def _told(step: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    _say(f"  {step}: {time.monotonic() - begun:.0f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
