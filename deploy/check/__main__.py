"""The command line of the check."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.check.api import Manifest, Refused
from deploy.check.control_plane import Cluster, control_plane, wait_until
from deploy.check.databases import Databases, databases
from deploy.check.definitions import definitions
from deploy.check.helm import Helm, HelmFailed
from deploy.check.lacking import HELM_3, lacks_for_control_planes, or_not_tried, require
from deploy.check.lifecycle import CASES, Case, Life, Wrong
from deploy.check.node.__main__ import main as on_a_node
from deploy.check.programs import programs, versions
from deploy.check.standin import StandIn
from deploy.check.upgrading import Upgrade
from examhall.servers import ServerFailed

# By which helm a release is installed, and by which it is changed from then on.
HELMS = ("3", "4", "3-4")
# A release that changes its helm is only looked at where it matters: with plain sizes, and with an autoscaler's.
UPGRADE = "upgrade-with-data"
_CHANGING_HELM = ("defaults", "autoscaled")


def main(arguments: list[str]) -> None:
    """Exits with 1 when something is wrong, and with lacking.NOT_TRIED when something is missing; the message says what."""
    if arguments[:1] == ["node"]:
        return on_a_node(arguments[1:])
    parser = argparse.ArgumentParser(
        "python -m deploy.check",
        description="Installs the chart into control planes without nodes; `node` runs it on one.",
    )
    names = [*(case.name for case in CASES), UPGRADE]
    parser.add_argument("case", nargs="*", help=", ".join(names))
    parser.add_argument("--kubernetes", action="append", choices=versions(), help="every one unless said otherwise")
    parser.add_argument("--helm", action="append", choices=HELMS, help="every one unless said otherwise")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.case) - set(names):
        parser.error(f"no case is called {', '.join(sorted(unknown))}: {', '.join(names)}")
    cases = [case for case in CASES if not chosen.case or case.name in chosen.case]
    kubernetes, helms = chosen.kubernetes or [*reversed(versions())], chosen.helm or HELMS
    upgrading = {version for version in kubernetes if _is_upgraded(version, chosen.case)}
    with or_not_tried("The chart was not checked against a cluster"):
        require(lacks_for_control_planes(os.environ.get("PATH", os.defpath), helms, bool(upgrading)))
        compiled = [*kubernetes, *(versions()[-1:] if any("4" in helm for helm in helms) else ())]
        built = {version: programs(version) for version in compiled}
        known = definitions()
    try:
        for version in kubernetes:
            _check(version, built, known, cases, helms, version in upgrading)
    except (Wrong, HelmFailed, Refused, ServerFailed) as error:
        sys.exit(f"WRONG: {error}")


def _is_upgraded(version: str, chosen: Sequence[str]) -> bool:
    return UPGRADE in chosen or (not chosen and version == versions()[-1])


def _check(
    version: str,
    built: Mapping[str, Path],
    known: Sequence[Manifest],
    cases: Sequence[Case],
    helms: Sequence[str],
    is_upgraded: bool,
) -> None:
    with ExitStack() as running:
        folder = Path(
            running.enter_context(tempfile.TemporaryDirectory(prefix="examhall-deploy-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own when this is root
        servers = running.enter_context(databases(folder))
        cluster = running.enter_context(control_plane(built[version], folder / "kubernetes"))
        for definition in known:
            cluster.api.create(definition)
        priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "exams"}}
        cluster.api.create({**priority, "value": 1000})
        wait_until(lambda: _are_served(cluster, len(known)), "the custom resources are served", 60)
        stand_in = StandIn(cluster.api, folder / "pods", _addresses(servers))
        running.enter_context(stand_in.at_work())
        running.callback(_tell, stand_in)
        by = {major: _helm(major, built, cluster) for major in sorted({*"".join(helms)} - {"-"})}
        named = ", ".join(f"Helm {helm.version()}" for helm in by.values())
        _say(f"Kubernetes {cluster.version}, {named}, {len(known)} kinds of custom resources")
        for case in cases:
            for helm in helms:
                if helm == "3-4" and case.name not in _CHANGING_HELM:
                    continue
                begun, commands = time.monotonic(), stand_in.commands
                first, _, then = helm.partition("-")
                Life(cluster, stand_in, servers, case, by[first], by[then or first]).live()
                took, ran = time.monotonic() - begun, stand_in.commands - commands
                _say(f"  {case.name}, Helm {helm}: lived and left nothing behind; {ran} migrations ran ({took:.0f} s)")
        if is_upgraded:
            begun = time.monotonic()
            kept = Upgrade(cluster, stand_in, servers, list(by.values())[-1], folder).happen()
            _say(
                f"  {UPGRADE}: classes sat before, during and after it; {kept} rows kept ({time.monotonic() - begun:.0f} s)"
            )


def _helm(major: str, built: Mapping[str, Path], cluster: Cluster) -> Helm:
    """Helm 3 comes with the development environment, Helm 4 is compiled with the newest Kubernetes."""
    program = HELM_3 if major == "3" else built[versions()[-1]] / "helm"
    return Helm(program, cluster.kubeconfig, cluster.folder / f"helm-{major}")


def _are_served(cluster: Cluster, wanted: int) -> bool:
    listed = cluster.api.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    conditions = [{c["type"]: c["status"] for c in (each.get("status", {}).get("conditions") or ())} for each in listed]
    return [each.get("Established") for each in conditions] == ["True"] * wanted


def _addresses(servers: Databases) -> dict[str, str]:
    """Where the names of PostgreSQL in values-cloudnativepg.yaml and values-dev.yaml lead to."""
    return dict.fromkeys(["examhall-postgres-rw:5432", "examhall-postgres:5432"], servers.address)


def _tell(stand_in: StandIn) -> None:
    """What failed commands said, beside what Helm makes of it."""
    for said in stand_in.said:
        _say(f"  stand-in: {said}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
