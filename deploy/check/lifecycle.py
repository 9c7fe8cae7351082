"""The life of a release, from installation to uninstallation, under one set of values: what an operator does in a year."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.check import judging
from deploy.check.api import Api, Manifest, Refused, manifests_in
from deploy.check.control_plane import Cluster, wait_until
from deploy.check.databases import PASSWORD, Databases
from deploy.check.helm import CHART, Helm
from deploy.check.judging import Name
from deploy.check.standin import StandIn
from examhall.places import SERVICES
from examhall.servers import ServerFailed

RELEASE = "examhall"
_DEPENDENCIES = CHART.parents[1] / "dependencies"
_SETTLE_SECONDS = 60.0
_SCALED = 5  # replicas that an autoscaler is taken to have set; within the bounds of every case
_NOT_OURS = {"events", "leases"}  # written by controllers, and left to expire


class Wrong(Exception):
    """The chart did not do what it should; the message says at which step, and what."""


@dataclass(frozen=True)
class Case:
    """Values under which a release lives. `migrates`: whether its migrations run, too; they take most of the time. `beside`: files of
    deploy/dependencies that are applied before."""

    name: str
    files: tuple[str, ...]
    migrates: bool = True
    beside: tuple[str, ...] = ()


# Pods are those of the defaults; and a service that is only an example has no program that could migrate.
_WITHOUT_MIGRATIONS = ("autoscaled", "gateway-api", "another-service")
CASES = (
    Case("defaults", ()),
    Case(
        "operators",
        ("values-cloudnativepg.yaml", "values-strimzi.yaml", "values-valkey.yaml"),
        beside=("cloudnativepg.yaml", "strimzi.yaml", "valkey.yaml"),
    ),
    Case("development", ("values-dev.yaml",)),
    *(
        Case(name, (f"ci/{file.name}",), name not in _WITHOUT_MIGRATIONS)
        for file in sorted((CHART / "ci").glob("*-values.yaml"))
        for name in [file.name.removesuffix("-values.yaml")]
    ),
)


@dataclass(frozen=True)
class Life:
    """One release under one case; installed by one helm, and changed by another or the same."""

    cluster: Cluster
    stand_in: StandIn
    databases: Databases
    case: Case
    installing: Helm
    changing: Helm

    def live(self) -> None:
        """Goes through all of it. Raises Wrong, helm.HelmFailed, api.Refused."""
        self.databases.make_empty()
        api, said = self.cluster.api, len(self.stand_in.said)
        with namespace(api, f"check-{self.case.name}", self.databases) as where:
            manifests = self.installing.render(RELEASE, where, self._values(), self.cluster.version)
            _create_each(api, self._beside(), where)
            _create_each(api, manifests, where, is_trial=True)
            before = inventory(api, where)
            self.installing.install(RELEASE, where, [*self._values(), *self._hooks()])
            self._judge("install", where, manifests)
            self._judge_migrations(manifests)
            self._act_as_autoscaler(where, manifests)
            first = self._objects(manifests, where)

            changed = self._values("--set", "settings.logLevel=error")
            self.changing.upgrade(RELEASE, where, [*changed, *self._hooks()])
            self._judge("upgrade", where, manifests)
            second, pods = self._objects(manifests, where), _pods(api, where)
            changes = judging.differences(first, second)
            if changes != sorted(f"Deployment {name} differs" for name in self._services(manifests)):
                raise Wrong(f"upgrade with another log level changed: {changes}")

            self.changing.upgrade(RELEASE, where, [*changed, "--no-hooks"])
            self._judge("upgrade with nothing new", where, manifests)
            changes = judging.differences(second, self._objects(manifests, where))
            if changes or _pods(api, where) != pods:
                raise Wrong(f"upgrade with nothing new changed something: {changes or 'pods were replaced'}")

            if topics := [each for each in manifests if each["kind"] == "KafkaTopic"]:
                self._make_room_for_a_restore(where, manifests, topics)
                self.changing.upgrade(RELEASE, where, [*changed, *self._hooks()])
                self._judge("upgrade after a restore", where, manifests)
                if changes := judging.differences(second, self._objects(manifests, where)):
                    raise Wrong(f"after a restore it is not as it was before: {changes}")

            self.changing.rollback(RELEASE, where, 1)
            self._judge("rollback", where, manifests)
            if changes := judging.differences(first, self._objects(manifests, where)):
                raise Wrong(f"after the rollback it is not as it was installed: {changes}")

            self.changing.uninstall(RELEASE, where)
            kept = {(api.kind_of(each).plural, each["metadata"]["name"]) for each in manifests if judging.is_kept(each)}
            left: list[str] = []

            def is_clean() -> bool:
                left[:] = judging.leftovers(before, inventory(api, where), kept)
                return not left

            _settle(is_clean, lambda: f"uninstall: {left}")
        if told := self.stand_in.said[said:]:
            raise Wrong(f"a command failed or the stand-in was refused: {told}")

    def _values(self, *more: str) -> list[str]:
        files = [argument for file in self.case.files for argument in ("-f", str(CHART / file))]
        return [*files, *more]

    def _beside(self) -> list[Manifest]:
        return [each for file in self.case.beside for each in manifests_in((_DEPENDENCIES / file).read_text())]

    def _hooks(self) -> list[str]:
        return [] if self.case.migrates else ["--no-hooks"]

    def _make_room_for_a_restore(self, where: str, manifests: Sequence[Manifest], topics: Sequence[Manifest]) -> None:
        """As docs/operations.md says: nobody runs, and no topic tells of what came after the backup."""
        api = self.cluster.api
        for name in self._services(manifests):
            api.patch(f"/apis/apps/v1/namespaces/{where}/deployments/{name}/scale", {"spec": {"replicas": 0}})
        ours = f"/api/v1/namespaces/{where}/pods?labelSelector=app.kubernetes.io/instance={RELEASE}"
        _settle(lambda: not api.items(ours), lambda: "restore: pods stay at size 0")
        for each in topics:
            api.end(api.kind_of(each).path(where, each["metadata"]["name"]))

    def _judge(self, step: str, where: str, manifests: Sequence[Manifest]) -> None:
        api = self.cluster.api
        wanted = dict.fromkeys(_scaled(manifests), _SCALED) if step != "install" else {}
        found: list[str] = []

        def is_ready() -> bool:
            found[:] = judging.unready(api.items(f"/apis/apps/v1/namespaces/{where}/deployments"), wanted)
            return not found

        _settle(is_ready, lambda: f"{step}: {found}")
        if warned := judging.warnings_of(api.items(f"/api/v1/namespaces/{where}/events")):
            raise Wrong(f"{step}: {warned}")

    def _judge_migrations(self, manifests: Sequence[Manifest]) -> None:
        behind = [service for service, revision in self.databases.revisions().items() if revision is None]
        runs = {service for each in manifests for service in SERVICES if _migrates(each, service)}
        if self.case.migrates and (forgotten := runs & set(behind)):
            raise Wrong(f"install: no migration ran for {sorted(forgotten)}")

    def _objects(self, manifests: Sequence[Manifest], where: str) -> dict[Name, Manifest]:
        api = self.cluster.api
        lasting = [each for each in manifests if not judging.is_hook(each)]
        found = (api.get(api.kind_of(each).path(where, each["metadata"]["name"])) for each in lasting)
        return {name_of(each): judging.substance(each) for each in found}

    def _services(self, manifests: Sequence[Manifest]) -> list[str]:
        """The deployments that run Examhall's own images."""
        deployments = [each for each in manifests if each["kind"] == "Deployment"]
        ours = [each for each in deployments if "examhall-" in _image(each).rpartition("/")[2]]
        return [each["metadata"]["name"] for each in ours]

    def _act_as_autoscaler(self, where: str, manifests: Sequence[Manifest]) -> None:
        """Sets the replicas that an upgrade must not set back."""
        for name in _scaled(manifests):
            path = f"/apis/apps/v1/namespaces/{where}/deployments/{name}/scale"
            self.cluster.api.patch(path, {"spec": {"replicas": _SCALED}})


def name_of(manifest: Manifest) -> Name:
    """The name by which an object is known in these checks."""
    return manifest["kind"], manifest["metadata"]["name"]


def inventory(api: Api, where: str) -> set[Name]:
    """Every object in a namespace."""
    found: set[Name] = set()
    for kind in api.kinds():
        if kind.is_namespaced and kind.is_listed and kind.plural not in _NOT_OURS:
            listed = api.items(kind.path(where))
            found |= {(kind.plural, each["metadata"]["name"]) for each in listed}
    return found


@contextmanager
def namespace(api: Api, name: str, databases: Databases) -> Iterator[str]:
    """A namespace that takes restricted pods alone, with the secrets that the README asks for; gone afterwards."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    wait_until(lambda: bool(api.items(f"/api/v1/namespaces/{name}/serviceaccounts")), "the namespace is made", 60)
    for secret, content in _secrets(databases).items():
        api.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": content}, namespace=name
        )
    yield name
    api.delete(f"/api/v1/namespaces/{name}")

    def is_gone() -> bool:
        try:
            api.get(f"/api/v1/namespaces/{name}")
        except Refused as error:
            return ": 404:" in str(error)
        return False

    wait_until(is_gone, f"the namespace {name} is gone", 120)


def _secrets(databases: Databases) -> dict[str, dict[str, str]]:
    roles = {f"examhall-{s}-database": {"username": f"examhall_{s}", "password": PASSWORD} for s in SERVICES}
    return {
        "examhall-service": {"secret": "0" * 64},
        "examhall-first-admin": {"email": "office@school.example", "password": "a-calm-exam-hall"},
        "examhall-database": {service: databases.url(service) for service in (*SERVICES, "messaging")},
        "examhall-database-ca": {"ca.crt": databases.authority},
        "examhall-postgres-ca": {"ca.crt": databases.authority},
        "examhall-kafka": {"user": "examhall", "password": "secret"},
        "examhall-kafka-ca": {"ca.crt": databases.authority},
        "examhall-mail": {"user": "examhall", "password": "secret"},
        "examhall-redis": {"url": "redis://valkey.example:6379/0"},
        "examhall-push": {"key": "secret"},
        **roles,
    }


def _create_each(api: Api, manifests: Sequence[Manifest], where: str, is_trial: bool = False) -> None:
    """Every object alone, hooks and tests too: taken with strict validation, by every admission plugin, and without a warning."""
    for each in manifests:
        if warned := api.create(each, namespace=where, is_trial=is_trial):
            raise Wrong(f"the API server warns of {' '.join(name_of(each))}: {warned}")


def _settle(is_so: Callable[[], bool], what: Callable[[], str]) -> None:
    try:
        wait_until(is_so, "it settles", _SETTLE_SECONDS)
    except ServerFailed as error:
        raise Wrong(what()) from error


def _scaled(manifests: Sequence[Manifest]) -> list[str]:
    """The deployments whose size belongs to an autoscaler."""
    return [
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Deployment" and "replicas" not in each["spec"]
    ]


def _migrates(manifest: Manifest, service: str) -> bool:
    pod = manifest["spec"].get("template", {}).get("spec", {}) if manifest["kind"] in ("Job", "Deployment") else {}
    containers = (*pod.get("initContainers", ()), *pod.get("containers", ()))
    return any(container.get("args") == ["migrate", service] for container in containers)


def _image(deployment: Manifest) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def _pods(api: Api, where: str) -> set[str]:
    """The pods that stay: one that is told to go may still be there for a while."""
    pods = (each["metadata"] for each in api.items(f"/api/v1/namespaces/{where}/pods"))
    return {pod["uid"] for pod in pods if "deletionTimestamp" not in pod}
