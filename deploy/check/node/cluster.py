"""One node of a control plane: kubelet, scheduler, proxy, and the pods that resolve names."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.check.api import Manifest, manifests_in
from deploy.check.control_plane import Cluster, wait_until
from deploy.check.node.machine import has_unified_cgroups
from deploy.check.node.runtime import NAMES
from deploy.check.node.surroundings import ADDRESS, PODS
from examhall.servers import HOST, Launch, accepts_connections, free_port, start

NODE = "one-node"
_RESOLVER = "10.96.0.10"
_START_SECONDS, _STOP_SECONDS, _READY_SECONDS = 60.0, 20.0, 180.0


def add_node(cluster: Cluster, programs: Path, socket: Path, folder: Path, running: ExitStack) -> None:
    """Starts it on containerd's `socket`, and waits until it is ready and names are resolved. Raises ServerFailed."""
    folder.mkdir(parents=True)
    kubeconfig = f"--kubeconfig={cluster.kubeconfig}"
    ports = {name: free_port() for name in ("scheduler", "proxy", "proxy metrics", "kubelet")}

    own = [str(programs / "kube-scheduler"), kubeconfig, "--leader-elect=false", f"--bind-address={HOST}"]
    _run(running, [*own, f"--secure-port={ports['scheduler']}"], ports["scheduler"], folder)

    kubelet = _written(folder / "kubelet.json", _kubelet(socket, folder, ports["kubelet"]))
    own = [str(programs / "kubelet"), f"--config={kubelet}", kubeconfig, f"--root-dir={folder / 'kubelet'}"]
    own += [f"--cert-dir={folder}", f"--hostname-override={NODE}", f"--node-ip={ADDRESS}"]
    _run(running, own, ports["kubelet"], folder)
    wait_until(lambda: _is_ready(cluster), "the node is ready", _READY_SECONDS)

    # After the node has its address: kube-proxy ends when the address becomes another, and a pod of it would be started again.
    proxy = _written(folder / "proxy.json", _proxy(cluster.kubeconfig, ports["proxy"], ports["proxy metrics"]))
    own = [str(programs / "kube-proxy"), f"--config={proxy}", f"--hostname-override={NODE}"]
    _run(running, own, ports["proxy metrics"], folder)

    for each in manifests_in((Path(__file__).parent / "names.yaml").read_text().replace("IMAGE", NAMES)):
        cluster.api.create(each)
    resolving = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
    wait_until(
        lambda: cluster.api.get(resolving)["status"].get("readyReplicas", 0) == 1, "names are resolved", _READY_SECONDS
    )


def _is_ready(cluster: Cluster) -> bool:
    nodes = cluster.api.items("/api/v1/nodes")
    conditions = [{c["type"]: c["status"] for c in each["status"].get("conditions", ())} for each in nodes]
    return [each.get("Ready") for each in conditions] == ["True"] and not nodes[0]["spec"].get("taints")


def _run(running: ExitStack, arguments: Sequence[str], port: int, folder: Path) -> None:
    log = folder / f"{Path(arguments[0]).name}.log"
    server = start(Launch(arguments, lambda: accepts_connections(port)), log, _START_SECONDS)
    running.callback(server.stop, _STOP_SECONDS)


def _written(file: Path, settings: Manifest) -> Path:
    file.write_text(json.dumps(settings))
    return file


def _proxy(kubeconfig: Path, health: int, metrics: int) -> Manifest:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": PODS,
        "healthzBindAddress": f"{HOST}:{health}",
        "metricsBindAddress": f"{HOST}:{metrics}",
        "conntrack": {"maxPerCore": 0},  # it is the machine's
    }


def _kubelet(socket: Path, folder: Path, health: int) -> Manifest:
    (folder / "resolv.conf").write_text("")  # nothing is known outside the cluster
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": has_unified_cgroups(),
        "failSwapOn": False,
        "clusterDNS": [_RESOLVER],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        "healthzBindAddress": HOST,
        "healthzPort": health,
        "podLogsDir": str(folder / "pods"),
        "volumePluginDir": str(folder / "plugins"),
        # The network is the check's own: nobody else reaches the kubelet, and the API server asks it for logs.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        # The machine may be fuller than a node should be.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }
