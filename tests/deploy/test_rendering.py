"""What helm makes of the chart: it renders with every values file, and every API server from the oldest to the newest takes it."""

import tarfile
from pathlib import Path

import pytest
import yaml

from tests.deploy.chart import CHART, EVERY_VALUES, NEWEST, OLDEST, ROOT, Manifest, helm, name_of, of_kind, rendered
from tests.deploy.schemas import faults_of

GOLDEN = Path(__file__).parent / "golden.yaml"
every_values = pytest.mark.parametrize("values", EVERY_VALUES, ids=name_of)


@every_values
def test_helm_finds_nothing_to_say_against_the_chart(values: tuple[Path, ...]) -> None:
    files = [argument for file in values for argument in ("-f", str(file))]
    done = helm("lint", "--strict", str(CHART), *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr


@every_values
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_what_kubernetes_and_the_operators_know(values: tuple[Path, ...], version: str) -> None:
    faults = {
        f"{each['kind']} {each['metadata']['name']}": found
        for each in rendered(values, version)
        if (found := faults_of(each, version))
    }
    assert not faults


@every_values
def test_no_two_objects_have_one_name(values: tuple[Path, ...]) -> None:
    names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in rendered(values)]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 or kind == "KafkaTopic" for _, kind, name in names)


def test_a_field_that_kubernetes_does_not_know_would_be_noticed() -> None:
    deployment = next(iter(of_kind(rendered(), "Deployment").values()))
    misspelt: Manifest = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    assert faults_of(misspelt, NEWEST)
    scaled = next(iter(of_kind(rendered((CHART / "ci" / "autoscaled-values.yaml",)), "ScaledObject").values()))
    misspelt = {**scaled, "spec": {**scaled["spec"], "minReplicas": 2}}
    assert faults_of(misspelt, NEWEST)
    topic = next(iter(of_kind(rendered((CHART / "values-strimzi.yaml",)), "KafkaTopic").values()))
    assert faults_of({**topic, "spec": {**topic["spec"], "partition": 2}}, NEWEST)
    assert faults_of({**topic, "spec": {**topic["spec"], "partitions": 0}}, NEWEST)


def test_the_defaults_render_as_they_did() -> None:
    """What an upgrade changes in a cluster is seen in review. After a change that is meant: python -m tests.deploy.test_rendering"""
    assert list(rendered()) == list(yaml.load_all(GOLDEN.read_text(), Loader=yaml.CSafeLoader)), (
        "not as in golden.yaml; if that is meant: python -m tests.deploy.test_rendering"
    )


def test_a_cluster_that_is_too_old_is_refused() -> None:
    done = helm("template", "examhall", str(CHART), "--kube-version", "1.29.0")
    assert done.returncode != 0
    assert "1.30" in done.stderr


def test_the_package_carries_dashboards_rules_and_topics(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as package:
        inside = set(package.getnames())
    wanted = {f"examhall/files/{file.relative_to(CHART / 'files')}" for file in (CHART / "files").rglob("*.*")}
    assert wanted <= inside
    assert not [name for name in inside if "/ci/" in name]


@pytest.mark.parametrize("file", sorted((ROOT / "deploy" / "dependencies").glob("*.yaml")), ids=lambda file: file.stem)
def test_what_the_chart_needs_beside_it_is_what_kubernetes_and_the_operators_know(file: Path) -> None:
    faults = {
        (each["kind"], each["metadata"]["name"]): faults_of(each, OLDEST) + faults_of(each, NEWEST)
        for each in yaml.safe_load_all(file.read_text())
    }
    assert not {name: found for name, found in faults.items() if found}


if __name__ == "__main__":
    GOLDEN.write_text(yaml.safe_dump_all(list(rendered()), sort_keys=False, width=160))
