"""The pure parts of `make deploy-check-node`, and that it says plainly what it lacks."""

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.check.api import Manifest
from deploy.check.lacking import NOT_TRIED
from deploy.check.node import judging
from deploy.check.node.policies import Allowed, Unknown, allowed, filters, selects
from deploy.check.node.runtime import archive_of
from deploy.check.programs import NODE_RECIPES, RECIPES, release_of, versions
from tests.deploy.bare_machine import check_without_programs
from tests.deploy.chart import EVERY_VALUES, name_of, of_kind, rendered

_LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))


def _pod(name: str, address: str = "", namespace: str = "hall", **ports: int) -> dict[str, Any]:
    named = [{"name": port, "containerPort": number} for port, number in ports.items()]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"name": name, "ports": named, "readinessProbe": {}}]},
        "status": {"phase": "Running", "podIP": address},
    }


def _policy(of: str | None, **rules: list[dict[str, Any]]) -> dict[str, Any]:
    types = [direction.title() for direction in rules]
    selector = {"matchLabels": {"app": of}} if of else {}
    spec = {"podSelector": selector, "policyTypes": types, **{name: each for name, each in rules.items() if each}}
    return {"metadata": {"namespace": "hall"}, "spec": spec}


GATEWAY, MARKING = _pod("gateway", "10.0.0.1", http=8080), _pod("marking", "10.0.0.2", http=8000, grpc=9000)
_TO_MARKING = {"podSelector": {"matchLabels": {"app": "marking"}}}


def test_a_pod_that_no_policy_is_for_may_do_everything() -> None:
    policy = _policy("marking", ingress=[])
    assert allowed(GATEWAY, "Ingress", [policy], [GATEWAY, MARKING], []) is None
    assert allowed(MARKING, "Egress", [policy], [GATEWAY, MARKING], []) is None
    elsewhere = _pod("marking", "10.0.0.3", namespace="other")
    assert allowed(elsewhere, "Ingress", [policy], [elsewhere], []) is None


def test_a_policy_without_rules_lets_nothing_through() -> None:
    assert allowed(MARKING, "Ingress", [_policy(None, ingress=[])], [MARKING], []) == []


def test_the_name_of_a_port_is_that_of_whoever_is_spoken_to() -> None:
    coming = _policy("marking", ingress=[{"ports": [{"port": "grpc"}], "from": [{"podSelector": {}}]}])
    assert allowed(MARKING, "Ingress", [coming], [GATEWAY, MARKING], []) == [
        Allowed(("10.0.0.1", "10.0.0.2"), "tcp", 9000)
    ]
    going = _policy("gateway", egress=[{"ports": [{"port": "http"}], "to": [_TO_MARKING]}])
    assert allowed(GATEWAY, "Egress", [going], [GATEWAY, MARKING], []) == [Allowed(("10.0.0.2",), "tcp", 8000)]


def test_a_rule_without_peers_is_for_everybody() -> None:
    policy = _policy("gateway", egress=[{"ports": [{"port": 5432, "protocol": "TCP"}]}])
    assert allowed(GATEWAY, "Egress", [policy], [GATEWAY], []) == [Allowed(None, "tcp", 5432)]


def test_a_peer_of_another_namespace_is_found_by_the_labels_of_the_namespace() -> None:
    names, same = _pod("names", "10.0.0.9", namespace="kube-system"), _pod("names", "10.0.0.8")
    peer = {"namespaceSelector": {"matchLabels": {"name": "kube-system"}}}
    policy = _policy("gateway", egress=[{"ports": [{"port": 53, "protocol": "UDP"}], "to": [peer]}])
    known = [{"metadata": {"name": "kube-system", "labels": {"name": "kube-system"}}}]
    assert allowed(GATEWAY, "Egress", [policy], [names, same], known) == [Allowed(("10.0.0.9",), "udp", 53)]


@pytest.mark.parametrize(
    "rule",
    [
        {"ports": [{"port": 1, "endPort": 9}]},
        {"ports": [{"port": "http"}]},
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]},
        {"to": [{"serviceSelector": {}}]},
        {"unless": []},
    ],
)
def test_a_rule_that_the_engine_does_not_know_is_an_error_and_no_hole(rule: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        allowed(GATEWAY, "Egress", [_policy("gateway", egress=[rule])], [GATEWAY], [])


@given(_LABELS, _LABELS)
def test_a_selector_takes_whoever_has_all_of_its_labels(wanted: dict[str, str], labels: dict[str, str]) -> None:
    assert selects({"matchLabels": wanted}, labels) == (wanted.items() <= labels.items())
    for key in "abc":
        exists, absent = ({"matchExpressions": [{"key": key, "operator": o}]} for o in ("Exists", "DoesNotExist"))
        assert selects(exists, labels) != selects(absent, labels)


@given(st.lists(st.sampled_from([5432, 6379, 9092]), max_size=4))
def test_what_one_policy_allows_no_other_forbids(ports: list[int]) -> None:
    policies = [_policy("gateway", egress=[{"ports": [{"port": port}]}]) for port in ports]
    found = allowed(GATEWAY, "Egress", [_policy(None, egress=[]), *policies], [GATEWAY], [])
    assert found == [Allowed(None, "tcp", port) for port in ports]


def test_whoever_has_ended_has_no_filters() -> None:
    over = {**MARKING, "status": {"phase": "Succeeded", "podIP": "10.0.0.2"}}
    text = filters([_policy(None, ingress=[], egress=[])], [GATEWAY, over], [])
    assert "ip daddr 10.0.0.1 jump" in text
    assert "10.0.0.2" not in text


@pytest.mark.parametrize("values", EVERY_VALUES, ids=name_of)
def test_the_engine_knows_every_policy_of_the_chart(values: tuple[Path, ...]) -> None:
    policies = [
        each | {"metadata": {**each["metadata"], "namespace": "hall"}}
        for each in of_kind(rendered(values), "NetworkPolicy").values()
    ]
    pods = []
    for number, each in enumerate(of_kind(rendered(values), "Deployment").values()):
        template = each["spec"]["template"]
        placed = {**template["metadata"], "namespace": "hall", "name": str(number)}
        pods.append({**template, "metadata": placed, "status": {"podIP": f"10.0.1.{number}"}})
    assert filters(policies, pods, []).count("drop") == (2 * len(pods) if policies else 0)


def _seen(restarts: int = 0, is_going: bool = False, **state: Any) -> dict[str, Any]:
    pod = _pod("marking")
    pod["metadata"] |= {"deletionTimestamp": "now"} if is_going else {}
    pod["status"]["containerStatuses"] = [{"name": "marking", "restartCount": restarts, "state": state}]
    return pod


def test_a_container_that_was_started_again_is_told_with_how_it_had_ended() -> None:
    again = _seen(2, running={})
    again["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert judging.restarts([_seen(running={}), again]) == [
        "marking: marking was started again 2 times, ended with status 137 (OOMKilled)"
    ]


def test_a_pod_that_goes_ends_with_status_0_or_is_told() -> None:
    gone = _seen(is_going=True, terminated={"exitCode": 0})
    killed = _seen(is_going=True, terminated={"exitCode": 137, "reason": "Error"})
    assert judging.bad_ends([_seen(running={}), gone]) == []
    assert judging.bad_ends([killed]) == ["marking: marking ended with status 137 (Error)"]
    assert "never told" in judging.bad_ends([_seen(is_going=True, running={})])[0]


def test_a_pod_is_ready_by_its_probes_or_not_at_all() -> None:
    ready, unasked = _seen(running={}), _seen(running={})
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert judging.unready([ready]) == []
    assert "is not ready" in judging.unready([_seen(waiting={"reason": "ImagePullBackOff"})])[0]
    unasked["status"] = ready["status"]
    del unasked["spec"]["containers"][0]["readinessProbe"]
    assert judging.unready([unasked]) == ["marking: nobody asks ['marking'] whether they are ready"]


def test_a_probe_that_waits_for_a_start_is_no_warning_and_one_that_finds_it_dead_is() -> None:
    def event(message: str) -> Manifest:
        told = {"type": "Warning", "reason": "Unhealthy", "message": message}
        return {**told, "involvedObject": {"kind": "Pod", "name": "a"}}

    events = [event("Startup probe failed: connection refused"), event("Liveness probe failed: timeout")]
    assert judging.warnings_of(events) == ["Pod a: Unhealthy: Liveness probe failed: timeout"]


def test_an_image_made_here_holds_its_program_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"a program")
    with tarfile.open(fileobj=io.BytesIO(archive_of("examhall-check/pause:1", program, "65535"))) as image:
        files = {member.name: image.extractfile(member) for member in image}
        content = {name: file.read() for name, file in files.items() if file}
    (manifest,) = json.loads(content["manifest.json"])
    described = json.loads(content[manifest["Config"]])
    assert manifest["RepoTags"] == ["examhall-check/pause:1"]
    assert described["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(content['layer.tar']).hexdigest()}"]
    assert described["config"] == {"Entrypoint": ["/pause"], "User": "65535"}
    with tarfile.open(fileobj=io.BytesIO(content["layer.tar"])) as layer:
        assert [(member.name, member.mode) for member in layer] == [("pause", 0o755)]


def test_the_node_is_of_the_newest_kubernetes_that_the_chart_is_installed_into() -> None:
    node, plane = (
        (folder / "go.mod").read_text() for folder in (NODE_RECIPES / "kubernetes", RECIPES / versions()[-1])
    )
    assert release_of(node) == release_of(plane)
    replaced = [dict(re.findall(r"^\t(k8s\.io/\S+) => (\S+ \S+)$", text, re.MULTILINE)) for text in (node, plane)]
    assert replaced[0] == replaced[1]


def test_no_recipe_of_the_node_names_a_host_or_a_folder_of_a_machine() -> None:
    for file in NODE_RECIPES.rglob("go.mod"):
        assert "://" not in file.read_text()
        assert not re.search(r"=> [./]", file.read_text())


def test_where_a_node_can_not_run_it_says_what_to_install_and_that_nothing_was_tried(tmp_path: Path) -> None:
    done = check_without_programs(tmp_path, "node")
    assert done.returncode == NOT_TRIED
    assert done.stderr.startswith("The chart was not run on a node, since something is missing.")
    assert "- containerd is missing: apt-get install containerd\n" in done.stderr
    assert "apt-get install containernetworking-plugins" in done.stderr
    assert "\n- Go is missing" in done.stderr
    assert "docker is missing: apt-get install docker.io" in done.stderr
    assert "Traceback" not in done.stderr
