"""What runs in the node's own namespaces: `python -m deploy.check.node.inside FOLDER REGISTRY TAG`, started by the check alone."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.check.api import Refused
from deploy.check.control_plane import control_plane
from deploy.check.helm import Helm, HelmFailed
from deploy.check.lifecycle import Wrong
from deploy.check.node import surroundings
from deploy.check.node.beside import kafka_jars, servers
from deploy.check.node.cluster import add_node
from deploy.check.node.life import Life
from deploy.check.node.runtime import Runtime
from deploy.check.programs import programs, programs_of_a_node, programs_of_pods, versions
from deploy.images.contents import IMAGES
from examhall.servers import ServerFailed

_HELM_MINUTES = 10


def main(folder: Path, registry: str, tag: str) -> None:
    """Starts the node and what stands beside it, and lives the life of a release there."""
    begun = time.monotonic()
    surroundings.prepare(folder)
    built = programs(versions()[-1])
    with ExitStack() as running:
        runtime = Runtime(folder / "containerd")
        runtime.start(running)
        before = f"{registry}/" if registry else ""
        runtime.load([f"{before}examhall-{name}:{tag}" for name in IMAGES], programs_of_pods())
        cluster = running.enter_context(control_plane(built, folder / "kubernetes", surroundings.ADDRESS))
        add_node(cluster, programs_of_a_node(), runtime.socket, folder / "node", running)
        beside = servers(folder, kafka_jars(), running)
        helm = Helm(built / "helm", cluster.kubeconfig, folder / "helm", _HELM_MINUTES)
        sys.stdout.write(
            f"Kubernetes {cluster.version}, one node, Helm {helm.version()} ({time.monotonic() - begun:.0f} s)\n"
        )
        sys.stdout.flush()
        Life(cluster, beside, helm, registry, tag).live()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except (Wrong, HelmFailed, Refused, ServerFailed) as error:
        sys.exit(f"WRONG: {error}")
