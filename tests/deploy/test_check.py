"""The pure parts of `make deploy-check`, and that it says plainly what it lacks."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.check import __main__ as command_line
from deploy.check import judging, lacking, programs, upgrading
from deploy.check.api import Refused
from deploy.check.definitions import SCHEMAS, sources, strimzi
from deploy.check.helm import HelmFailed, complaints
from deploy.check.judging import differences, leftovers, substance, unready, warnings_of
from deploy.check.lacking import NOT_TRIED, lacks_for_control_planes
from deploy.check.lifecycle import CASES, Wrong
from deploy.check.programs import DEFINITIONS, RECIPES, release_of, versions
from deploy.check.standin import expanded
from tests.deploy.bare_machine import check_without_programs
from tests.deploy.chart import CASES as CI_VALUES
from tests.deploy.chart import CHART, NEWEST, OLDEST, READY_MADE, ROOT

_NAMES = st.sets(st.tuples(st.sampled_from(["pods", "jobs", "kafkatopics"]), st.text("abc", min_size=1, max_size=3)))


def test_the_recipes_build_the_oldest_and_the_newest_kubernetes_that_the_chart_is_for() -> None:
    assert versions() == [version.rpartition(".")[0] for version in (OLDEST, NEWEST)]
    for version in versions():
        assert release_of((RECIPES / version / "go.mod").read_text()).startswith(f"v{version}.")


def test_every_module_of_kubernetes_in_a_recipe_is_of_the_same_release() -> None:
    """Staging modules have no version of their own in Kubernetes' go.mod; a mixture compiles, and is no Kubernetes."""
    for version in versions():
        recipe = (RECIPES / version / "go.mod").read_text()
        patch = release_of(recipe).removeprefix("v1.")
        replaced = dict(re.findall(r"^\t(k8s\.io/\S+) => (\S+ \S+)$", recipe, re.MULTILINE))
        assert len(replaced) > 20
        assert replaced == {module: f"{module} v0.{patch}" for module in replaced}


def test_a_recipe_that_names_no_kubernetes_is_refused() -> None:
    with pytest.raises(ValueError, match="names no version"):
        release_of("module x\n\nrequire k8s.io/api v0.37.1\n")


def test_definitions_are_of_the_versions_that_the_schemas_of_the_tests_are_taken_from() -> None:
    required = dict(re.findall(r"^\t(\S+) (v\S+)$", (DEFINITIONS / "go.mod").read_text(), re.MULTILINE))
    assert {each.module: each.version for each in sources()} == required
    summed = (DEFINITIONS / "go.sum").read_text()
    assert all(f"{module} {version} h1:" in summed for module, version in required.items())


def test_no_recipe_names_a_host_or_a_folder_of_a_machine() -> None:
    for file in [*RECIPES.rglob("go.mod"), *DEFINITIONS.glob("go.mod")]:
        assert "://" not in file.read_text()
        assert not re.search(r"=> [./]", file.read_text())


def test_the_definitions_of_strimzi_hold_what_its_schemas_say() -> None:
    made = {each["spec"]["names"]["kind"]: each["spec"] for each in strimzi()}
    assert sorted(made) == ["Kafka", "KafkaNodePool", "KafkaTopic"]
    for kind, spec in made.items():
        (version,) = spec["versions"]
        schema = json.loads((SCHEMAS / f"{kind}.json").read_text())
        assert f"{spec['group']}/{version['name']} {kind}," in schema.pop("$comment")
        assert version["schema"]["openAPIV3Schema"] == schema


def test_every_custom_resource_with_a_schema_is_defined_in_the_control_planes() -> None:
    resources = {file.stem for file in SCHEMAS.glob("*.json")} - {"skaffold"}
    assert len(sources()) + len(strimzi()) == len(resources)


def test_every_values_file_has_its_case() -> None:
    files = {str(CHART / file) for case in CASES for file in case.files}
    assert files == {str(file) for file in (*READY_MADE, *CI_VALUES)}
    beside = {file for case in CASES for file in case.beside}
    assert beside == {file.name for file in (ROOT / "deploy" / "dependencies").glob("*.yaml")}


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ("postgresql://$(USER):$(PASSWORD)@host/db", "postgresql://me:s$cret@host/db"),
        ("$(LATER)", "$(LATER)"),
        ("$$(USER)", "$(USER)"),
        ("$USER $ ()", "$USER $ ()"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(value: str, becomes: str) -> None:
    assert expanded(value, {"USER": "me", "PASSWORD": "s$cret"}) == becomes


@given(st.text(), st.dictionaries(st.text("AB", min_size=1), st.text()))
def test_what_names_no_variable_stays(value: str, known: dict[str, str]) -> None:
    plain = value.replace("$", "")
    assert expanded(plain, known) == plain


@given(_NAMES, _NAMES, _NAMES)
def test_what_was_there_before_and_what_is_to_stay_are_no_leftovers(
    before: set[tuple[str, str]], made: set[tuple[str, str]], kept: set[tuple[str, str]]
) -> None:
    assert leftovers(before, before | kept, kept) == []
    found = leftovers(before, before | made | kept, kept)
    assert len(found) == len(made - before - kept)
    assert len(leftovers(before, before - kept, kept)) == len(kept)


def test_only_what_somebody_meant_is_the_substance_of_an_object() -> None:
    found = {
        "kind": "Deployment",
        "metadata": {
            "name": "a",
            "uid": "1",
            "generation": 3,
            "labels": {"x": "y"},
            "annotations": {"deployment.kubernetes.io/revision": "2", "example.com/owner": "office"},
        },
        "spec": {"replicas": 2},
        "status": {"replicas": 1},
    }
    is_left = substance(found)
    assert is_left["spec"] == {"replicas": 2}
    assert is_left["labels"] == {"x": "y"}
    assert is_left["annotations"] == {"example.com/owner": "office"}
    assert "status" not in is_left


def test_differences_name_what_changed_came_and_went() -> None:
    before = {("Service", "a"): {"spec": 1}, ("Service", "b"): {"spec": 1}}
    after = {("Service", "a"): {"spec": 2}, ("Service", "c"): {"spec": 1}}
    assert differences(before, after) == ["Service a differs", "Service b is gone", "Service c is new"]
    assert differences(before, before) == []


def _deployment(replicas: int, ready: int, *failures: str, seen: int = 2) -> judging.Manifest:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), ready)
    conditions = [{"type": "ReplicaFailure", "message": message} for message in failures]
    status = {**counts, "conditions": conditions, "observedGeneration": seen}
    return {"metadata": {"name": "a", "generation": 2}, "spec": {"replicas": replicas}, "status": status}


def test_a_deployment_is_ready_when_it_has_the_pods_that_are_wanted() -> None:
    assert unready([_deployment(2, 2)], {}) == []
    assert unready([_deployment(2, 1)], {})
    assert unready([_deployment(2, 2, seen=1)], {}), "the status still speaks of what was there before"
    assert unready([_deployment(1, 1)], {"a": 3}), "an upgrade that sets an autoscaler's size back would be noticed"
    assert "violates PodSecurity" in unready([_deployment(1, 0, "pod is forbidden: violates PodSecurity")], {})[0]


def test_warnings_are_told_but_for_the_metrics_that_no_server_gives_and_what_an_api_server_mends_by_itself() -> None:
    def event(kind: str, reason: str) -> judging.Manifest:
        return {"type": kind, "reason": reason, "message": "why", "involvedObject": {"kind": "Job", "name": "a"}}

    events = [
        event("Warning", "BackoffLimitExceeded"),
        event("Warning", "FailedGetResourceMetric"),
        event("Warning", "ClusterIPNotAllocated"),
        event("Normal", "x"),
    ]
    assert warnings_of(events) == ["Job a: BackoffLimitExceeded: why"]


def test_a_warning_beside_helms_result_is_a_complaint_and_information_is_none() -> None:
    warning = 'W1121 10:00:00.000000    1 warnings.go:70] would violate PodSecurity "restricted:latest"'
    information = 'I1121 10:00:00.000000    1 request.go:754] "Waited before sending request"'
    assert complaints(f"{information}\n{warning}\n\n") == warning
    assert complaints(f"{information}\n") == ""


def test_where_programs_are_missing_it_says_which_and_that_nothing_was_tried(tmp_path: Path) -> None:
    done = check_without_programs(tmp_path)
    assert done.returncode == NOT_TRIED
    assert done.stderr.startswith("The chart was not checked against a cluster, since something is missing.")
    assert "\n- openssl is missing: apt-get install openssl\n" in done.stderr
    assert "\n- git is missing: apt-get install git\n" in done.stderr
    assert "\n- Go is missing: 1.26 or newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_what_was_asked_for_can_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, nowhere = os.environ["PATH"], tmp_path / "helm"
    monkeypatch.setattr(lacking, "HELM_3", nowhere)
    monkeypatch.setattr(lacking, "lacks_go", list)
    monkeypatch.setattr(upgrading, "PREVIOUS", "0" * 40)
    assert lacks_for_control_planes(path, ["4"], is_upgrading=False) == []
    (helm,) = lacks_for_control_planes(path, ["3-4"], is_upgrading=False)
    assert helm.startswith("Helm 3 is missing")
    (history,) = lacks_for_control_planes(path, ["4"], is_upgrading=True)
    assert "git fetch --unshallow" in history


@pytest.mark.parametrize("wrong", [Wrong("a pod stays"), HelmFailed("it timed out"), Refused("404")])
def test_a_check_that_failed_is_not_taken_for_one_that_was_not_tried(
    wrong: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise wrong

    monkeypatch.setattr(command_line, "lacks_for_control_planes", lambda *_: [])
    monkeypatch.setattr(command_line, "programs", Path)
    monkeypatch.setattr(command_line, "definitions", list)
    monkeypatch.setattr(command_line, "_check", fail)
    with pytest.raises(SystemExit) as end:
        command_line.main(["defaults"])
    assert end.value.code == f"WRONG: {wrong}", "a text ends Python with status 1"


def test_what_can_not_be_downloaded_is_missing_before_anything_is_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable() -> list[judging.Manifest]:
        raise programs.Missing("no module proxy answers")

    tried: list[object] = []
    monkeypatch.setattr(command_line, "lacks_for_control_planes", lambda *_: [])
    monkeypatch.setattr(command_line, "programs", Path)
    monkeypatch.setattr(command_line, "definitions", unreachable)
    monkeypatch.setattr(command_line, "_check", lambda *given: tried.append(given))
    with pytest.raises(SystemExit) as end:
        command_line.main([])
    assert end.value.code == NOT_TRIED
    assert "no module proxy answers" in capsys.readouterr().err
    assert tried == []


def test_what_go_says_when_it_can_not_build_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go1.21.0; exit; }\necho "go: go.mod requires go >= 1.26.0" >&2\nexit 1\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(programs.Missing, match=r"requires go >= 1\.26\.0"):
        programs.programs(versions()[-1])
    assert not [folder for folder in programs.cache().iterdir() if not folder.name.endswith(".new")]
