"""What holds for every object of the chart, whatever the values: restricted pods, probes, selectors that match, secrets that are named."""

import re
from pathlib import Path
from typing import Any

import pytest

from proto.catalogue import STREAM
from tests.deploy.chart import (
    CHART,
    EVERY_VALUES,
    WORKLOADS,
    Manifest,
    containers,
    environment_of,
    name_of,
    of_kind,
    pod_of,
    rendered,
)

every_values = pytest.mark.parametrize("values", EVERY_VALUES, ids=name_of)
_CASES = CHART / "ci"
_SCRATCH = "/tmp"  # noqa: S108 - the folder of a pod of its own
# Secrets that the default values and the cases name: nothing else may be asked for.
_DECLARED = {
    "examhall-service",
    "examhall-database",
    "examhall-first-admin",
    "examhall-mail",
    "examhall-redis",
    "examhall-database-ca",
    "examhall-postgres-ca",
    "examhall-development",
    "examhall-push",
    "examhall-kafka",
    "examhall-kafka-ca",
    *(f"examhall-{s}-database" for s in ("identity", "exams", "attempts", "proctoring", "grading", "analytics")),
}


@every_values
def test_every_pod_is_restricted(values: tuple[Path, ...]) -> None:
    """The restricted Pod Security Standard, for hooks and tests too; and nobody is given a token of the cluster."""
    for container in containers(rendered(values)):
        pod, spec = container.pod["spec"], container.spec
        assert pod["automountServiceAccountToken"] is False, container.owner
        assert pod["securityContext"]["runAsNonRoot"] is True, container.owner
        assert pod["securityContext"]["runAsUser"] > 0, container.owner
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, container.owner
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), container.owner
        assert spec["securityContext"]["allowPrivilegeEscalation"] is False, container.owner
        assert spec["securityContext"]["capabilities"] == {"drop": ["ALL"]}, container.owner
        assert all(volume.keys() <= {"name", "emptyDir", "secret", "configMap"} for volume in pod["volumes"])
        assert not any("hostPort" in port for port in spec.get("ports", ())), container.owner


@every_values
def test_our_own_programs_write_to_one_bounded_folder_alone(values: tuple[Path, ...]) -> None:
    for container in containers(rendered(values)):
        if container.is_ours:
            assert container.spec["securityContext"]["readOnlyRootFilesystem"] is True, container.owner
            writable = [mount["mountPath"] for mount in container.spec["volumeMounts"] if not mount.get("readOnly")]
            assert writable == [_SCRATCH], container.owner
            scratch = next(each for each in container.pod["spec"]["volumes"] if each["name"] == "scratch")
            assert "sizeLimit" in scratch["emptyDir"], container.owner


@every_values
def test_kubernetes_adds_no_variables_of_its_own(values: tuple[Path, ...]) -> None:
    """A Service called examhall-identity would become EXAMHALL_IDENTITY_PORT, which a process refuses as a misspelt setting."""
    for container in containers(rendered(values)):
        assert container.pod["spec"]["enableServiceLinks"] is False, container.owner


@every_values
def test_no_variable_is_said_twice(values: tuple[Path, ...]) -> None:
    for container in containers(rendered(values)):
        names = [each["name"] for each in container.spec.get("env", ())]
        assert len(names) == len(set(names)), container.owner


@every_values
def test_every_container_says_what_it_needs_and_how_much_memory_it_may_have(values: tuple[Path, ...]) -> None:
    for container in containers(rendered(values)):
        resources = container.spec["resources"]
        assert resources["requests"].keys() >= {"cpu", "memory"}, container.owner
        assert "memory" in resources["limits"], container.owner
        assert "cpu" not in resources["limits"], f"{container.owner}: a CPU limit throttles saves in the submit storm"


@every_values
def test_every_image_has_a_version(values: tuple[Path, ...]) -> None:
    for container in containers(rendered(values)):
        assert re.search(r"(:[^:/]+|@sha256:[0-9a-f]{64})$", container.spec["image"]), container.owner
        assert not container.spec["image"].endswith(":latest"), container.owner


@every_values
def test_probes_ask_for_what_they_mean(values: tuple[Path, ...]) -> None:
    for name, deployment in of_kind(rendered(values), "Deployment").items():
        spec = pod_of(deployment)["spec"]["containers"][0]
        if "examhall-" not in spec["image"].rsplit("/", 1)[-1]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= spec.keys(), name
            continue
        assert spec["startupProbe"]["httpGet"]["path"] == "/health/live", name
        assert spec["livenessProbe"]["httpGet"]["path"] == "/health/live", (
            f"{name}: a lost database must not restart what an exam runs on"
        )
        assert spec["readinessProbe"]["httpGet"]["path"] == "/health/ready", name
        assert spec["startupProbe"]["periodSeconds"] * spec["startupProbe"]["failureThreshold"] >= 300, name


@every_values
def test_a_pod_has_time_to_end_in_order(values: tuple[Path, ...]) -> None:
    for name, deployment in of_kind(rendered(values), "Deployment").items():
        pod = pod_of(deployment)["spec"]
        if "lifecycle" in pod["containers"][0]:
            waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert pod["terminationGracePeriodSeconds"] >= waits + 25, name


@every_values
def test_selectors_find_their_pods_and_no_others(values: tuple[Path, ...]) -> None:
    manifests = rendered(values)
    pods = {
        f"{each['kind']} {each['metadata']['name']}": pod_of(each)["metadata"]["labels"]
        for each in manifests
        if each["kind"] in WORKLOADS
    }

    def found(selector: dict[str, str]) -> list[str]:
        return [name for name, labels in pods.items() if selector.items() <= labels.items()]

    for name, deployment in of_kind(manifests, "Deployment").items():
        assert found(deployment["spec"]["selector"]["matchLabels"]) == [f"Deployment {name}"]
    for name, service in of_kind(manifests, "Service").items():
        owner = name.removesuffix("-pods")
        assert found(service["spec"]["selector"]) == [f"Deployment {owner}"]
        ports = pod_of(of_kind(manifests, "Deployment")[owner])["spec"]["containers"][0]["ports"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= {port["name"] for port in ports}
    for name, budget in of_kind(manifests, "PodDisruptionBudget").items():
        assert found(budget["spec"]["selector"]["matchLabels"]) == [f"Deployment {name}"]
    for policy in of_kind(manifests, "NetworkPolicy").values():
        assert found(policy["spec"]["podSelector"]["matchLabels"]) or policy["metadata"]["name"].endswith(
            ("-migrations", "-tests")
        )


@every_values
def test_every_secret_is_one_that_the_values_name(values: tuple[Path, ...]) -> None:
    manifests = rendered(values)
    made = set(of_kind(manifests, "Secret"))
    for container in containers(manifests):
        wanted = {
            value["secretKeyRef"]["name"]
            for value in environment_of(container.spec).values()
            if isinstance(value, dict)
        } | {volume["secret"]["secretName"] for volume in container.pod["spec"]["volumes"] if "secret" in volume}
        assert wanted <= _DECLARED | made, container.owner
    assert made <= {"examhall-development"}, "the chart keeps no secrets; only the servers for development have one"


@every_values
def test_no_secret_stands_in_clear(values: tuple[Path, ...]) -> None:
    for container in containers(rendered(values)):
        for variable, value in environment_of(container.spec).items():
            is_development = isinstance(value, str) and "development" in value
            if re.search(r"PASSWORD|SECRET|DATABASE_URL", variable) and isinstance(value, str) and not is_development:
                assert "$(DATABASE_PASSWORD)" in value, (container.owner, variable)


@every_values
def test_who_scales_a_deployment_is_alone_in_saying_how_many_pods(values: tuple[Path, ...]) -> None:
    manifests = rendered(values)
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for each in manifests
        if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    for name, deployment in of_kind(manifests, "Deployment").items():
        assert ("replicas" in deployment["spec"]) is (name not in scaled), name


def test_the_stream_is_replaced_in_place() -> None:
    """A pod more would move partitions twice, and their state would be read again twice."""
    deployment = of_kind(rendered(), "Deployment")[f"examhall-{STREAM}"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert pod_of(deployment)["spec"]["terminationGracePeriodSeconds"] >= 60


def test_databases_are_brought_up_to_date_before_the_pods_of_a_version_start() -> None:
    jobs = of_kind(rendered(), "Job")
    databases = {
        name.removesuffix("-migrate"): job["spec"]["template"]["spec"]["containers"][0] for name, job in jobs.items()
    }
    for name, deployment in of_kind(rendered(), "Deployment").items():
        has_database = "DATABASE_URL" in environment_of(pod_of(deployment)["spec"]["containers"][0])
        assert has_database is (name in databases), name
    for name, job in jobs.items():
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        service = name.removeprefix("examhall-").removesuffix("-migrate")
        container = databases[f"examhall-{service}"]
        assert container["args"] == ["migrate", service]
        assert environment_of(container).keys() == {"DATABASE_URL", "PGSSLMODE"}, "a migration needs nothing else"


def test_a_first_start_with_servers_of_its_own_migrates_in_each_pod() -> None:
    manifests = rendered((CHART / "values-dev.yaml",))
    assert not of_kind(manifests, "Job")
    for name, deployment in of_kind(manifests, "Deployment").items():
        pod: Manifest = pod_of(deployment)["spec"]
        has_database = "DATABASE_URL" in environment_of(pod["containers"][0])
        assert has_database is ("initContainers" in pod), name


def test_calls_find_every_replica_and_are_shared_out_among_them() -> None:
    """A Service with an address of its own would bind all calls of one channel to one pod."""
    services = of_kind(rendered(), "Service")
    for deployment in of_kind(rendered(), "Deployment").values():
        for variable, value in environment_of(pod_of(deployment)["spec"]["containers"][0]).items():
            if variable.startswith("EXAMHALL_") and variable.endswith("_GRPC"):
                host, port = value.removeprefix("dns:///").split(":")
                assert value.startswith("dns:///"), variable
                assert services[host]["spec"]["clusterIP"] == "None", variable
                assert services[host]["spec"]["ports"][0]["port"] == int(port), variable


def test_nothing_of_the_inside_is_shown_outside() -> None:
    ingress = of_kind(rendered((_CASES / "ingress-values.yaml",)), "Ingress")["examhall"]
    route = of_kind(rendered((_CASES / "gateway-api-values.yaml",)), "HTTPRoute")["hall"]
    paths = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    paths += [match["path"]["value"] for rule in route["spec"]["rules"] for match in rule["matches"]]
    assert set(paths) == {"/api", "/ws", "/docs", "/.well-known/jwks.json"}
    assert not [each for each in of_kind(rendered(), "Service").values() if "type" in each["spec"]], "inside alone"


def _tests_of(values: tuple[Path, ...]) -> dict[str, Any]:
    return {name: pod["spec"]["containers"][0] for name, pod in of_kind(rendered(values), "Pod").items()}


def test_helm_test_asks_every_service_and_sits_an_exam_when_it_can_sign_in() -> None:
    assert _tests_of(()).keys() == {"examhall-test-ready"}
    tests = _tests_of((_CASES / "ingress-values.yaml",))
    assert tests.keys() == {"examhall-test-ready", "examhall-test-rehearsal"}
    rehearsal = tests["examhall-test-rehearsal"]
    assert rehearsal["args"][:4] == ["rehearse", "--quick", "--gateway", "http://examhall-gateway:8080"]
    assert environment_of(rehearsal).keys() == {"ADMIN_EMAIL", "REHEARSAL_PASSWORD"}
