"""skaffold.yaml: what its schema knows, an image for every service of the chart, profiles that change what is there; and what begins it."""

import copy
import json
import shutil
import subprocess
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.deploy.chart import CHART, ROOT, of_kind, rendered
from tests.deploy.schemas import FOLDER

_SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
_SERVICES = list(yaml.safe_load((CHART / "values.yaml").read_text())["services"])
_PROFILES = {profile["name"]: profile for profile in _SKAFFOLD["profiles"]}


def _with(profile: str) -> dict[str, Any]:
    """The configuration with a profile's patches: replacing what is not there is an error, as in Skaffold."""
    changed = copy.deepcopy(_SKAFFOLD)
    for patch in _PROFILES[profile]["patches"]:
        *way, last = [int(part) if part.isdigit() else part for part in patch["path"].split("/")[1:]]
        place: Any = reduce(lambda at, part: at[part], way, changed)
        if patch["op"] == "replace":
            assert last in place
        place[last] = patch["value"]
    return changed


@pytest.mark.parametrize("changed", [_SKAFFOLD, *map(_with, _PROFILES)], ids=["as it is", *_PROFILES])
def test_skaffold_knows_every_field(changed: dict[str, Any]) -> None:
    """By the schema of v4beta13, the newest that can be had from a registry. Skaffold itself takes a file of v4beta13 for one of v4beta14 as it
    stands (its pkg/skaffold/schema/v4beta13/upgrade.go changes the version alone): v4beta14 only adds to it, and what it adds is not used."""
    assert changed["apiVersion"] == "skaffold/v4beta14"
    schema = Draft7Validator(json.loads((FOLDER / "skaffold.json").read_text()))
    assert [f"{fault.json_path}: {fault.message}" for fault in schema.iter_errors(changed)] == []


def test_a_misspelt_field_would_be_noticed() -> None:
    changed = copy.deepcopy(_SKAFFOLD)
    changed["deploy"]["helm"]["releases"][0]["chart"] = "x"
    schema = Draft7Validator(json.loads((FOLDER / "skaffold.json").read_text()))
    assert list(schema.iter_errors(changed))


def test_there_is_an_image_for_every_service_and_the_chart_runs_just_that() -> None:
    artifacts = {each["image"]: each["docker"]["buildArgs"]["SERVICE"] for each in _SKAFFOLD["build"]["artifacts"]}
    assert artifacts == {f"examhall-{service}": service for service in _SERVICES}
    release = _SKAFFOLD["deploy"]["helm"]["releases"][0]
    assert release["setValueTemplates"] == {
        f"services.{service}.image": f"{{{{.IMAGE_FULLY_QUALIFIED_examhall_{service.replace('-', '_')}}}}}"
        for service in _SERVICES
    }
    settings = tuple(f'services.{service}.image="built/{service}:1"' for service in _SERVICES)
    deployments = of_kind(rendered(settings=settings), "Deployment")
    assert {each["spec"]["template"]["spec"]["containers"][0]["image"] for each in deployments.values()} == {
        f"built/{service}:1" for service in _SERVICES
    }


def test_every_file_that_is_copied_in_exists() -> None:
    for artifact in _SKAFFOLD["build"]["artifacts"]:
        for rule in artifact["sync"]["manual"]:
            assert next(ROOT.glob(rule["src"]), None), (artifact["image"], rule["src"])


def test_dev_builds_images_that_start_again_and_may_be_written_to() -> None:
    changed = _with("dev")
    assert {each["docker"]["target"] for each in changed["build"]["artifacts"]} == {"reload"}
    settings = tuple(
        f"{name}={json.dumps(value)}" for name, value in changed["deploy"]["helm"]["releases"][0]["setValues"].items()
    )
    for deployment in of_kind(rendered((CHART / "values-dev.yaml",), settings=settings), "Deployment").values():
        security = deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"]
        assert not security.get("readOnlyRootFilesystem")


def _dev(folder: Path, **programs: str) -> "subprocess.CompletedProcess[str]":
    """Runs `make dev`'s script where there are these programs alone, each a line of shell."""
    folder.mkdir()
    (folder / "dirname").symlink_to(shutil.which("dirname") or "")
    for name, line in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    command = [shutil.which("bash") or "bash", str(ROOT / "deploy" / "dev"), "--tail"]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, timeout=30, check=False)


def test_dev_says_what_is_missing_before_it_begins(tmp_path: Path) -> None:
    here = dict.fromkeys(("skaffold", "helm", "docker", "kubectl"), "exit 0")
    without_programs = _dev(tmp_path / "none", docker="exit 0")
    assert (without_programs.returncode, without_programs.stdout) == (1, "")
    assert without_programs.stderr.startswith("Missing: skaffold kubectl helm. Without a cluster, `make up`")
    without_engine = _dev(tmp_path / "no-engine", **{**here, "docker": "exit 1"})
    assert (without_engine.returncode, without_engine.stderr) == (
        1,
        "No Docker engine answers; images can't be built.\n",
    )
    kubectl = '[ "$1" = config ] && { echo attic; exit; }; exit 1'
    without_cluster = _dev(tmp_path / "no-cluster", **{**here, "kubectl": kubectl})
    assert without_cluster.returncode == 1
    assert without_cluster.stderr.startswith("No cluster answers in the context attic.")


def test_dev_hands_over_to_skaffold_where_nothing_is_missing(tmp_path: Path) -> None:
    here = dict.fromkeys(("helm", "docker", "kubectl"), "exit 0")
    done = _dev(tmp_path / "all", **here, skaffold='echo "$@"')
    assert (done.returncode, done.stdout) == (0, "dev --port-forward --tail\n")
