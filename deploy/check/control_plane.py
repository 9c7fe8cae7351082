"""A control plane of Kubernetes on loopback ports: etcd, the API server, the controller manager. Stopped by their own processes."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.check.api import Api, Manifest
from examhall.servers import HOST, Launch, ServerFailed, accepts_connections, free_port, start

_START_SECONDS, _STOP_SECONDS = 180.0, 20.0
# Without nodes nobody renews a lease, and the pods of a node that seems dead would be evicted.
_CONTROLLERS = "*,-node-lifecycle-controller,-nodelifecycle,-ttl-controller"


@dataclass(frozen=True)
class Cluster:
    """A control plane that answers; `kubeconfig` lets clients in as its master."""

    version: str
    api: Api
    kubeconfig: Path
    folder: Path


@contextmanager
def control_plane(programs: Path, folder: Path, address: str = HOST) -> Iterator[Cluster]:
    """Starts one with its data in `folder`, and stops it. An address that is not loopback's is one that nodes and pods reach: then the
    service `kubernetes` leads there, and nodes are looked after. Raises ServerFailed."""
    folder.mkdir(parents=True)
    with ExitStack() as running:
        etcd, peers, port = free_port(), free_port(), free_port()
        arguments = ["--data-dir", str(folder / "etcd"), "--listen-client-urls", f"http://{HOST}:{etcd}"]
        arguments += [
            "--advertise-client-urls",
            f"http://{HOST}:{etcd}",
            "--listen-peer-urls",
            f"http://{HOST}:{peers}",
        ]
        arguments += ["--initial-advertise-peer-urls", f"http://{HOST}:{peers}"]
        arguments += ["--initial-cluster", f"default=http://{HOST}:{peers}", "--unsafe-no-fsync"]
        _run(running, [str(programs / "etcd"), *arguments], lambda: accepts_connections(etcd), folder)

        token, key = secrets.token_hex(16), folder / "accounts.key"
        (folder / "tokens.csv").write_text(f"{token},deploy-check,deploy-check,system:masters\n")
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        arguments = [f"--etcd-servers=http://{HOST}:{etcd}", f"--bind-address={address}", f"--secure-port={port}"]
        arguments += [f"--cert-dir={folder}", f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"]
        arguments += ["--service-account-issuer=https://kubernetes.default.svc"]
        arguments += [f"--endpoint-reconciler-type={'none' if address == HOST else 'lease'}"]
        arguments += ["--kubelet-preferred-address-types=InternalIP"]
        arguments += [f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"]
        arguments += ["--service-cluster-ip-range=10.96.0.0/16", "--profiling=false"]
        authority, at = folder / "apiserver.crt", f"https://{address}:{port}"
        _run(running, [str(programs / "kube-apiserver"), *arguments], authority.exists, folder)
        api = Api(at, token, authority)
        running.callback(api.close)
        wait_until(api.is_ready, "the API server is ready", _START_SECONDS)

        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(at, token, authority)))
        arguments = [f"--kubeconfig={kubeconfig}", f"--service-account-private-key-file={key}", "--leader-elect=false"]
        arguments += [f"--root-ca-file={authority}", f"--cert-dir={folder}"]
        arguments += [f"--controllers={_CONTROLLERS if address == HOST else '*'}"]
        arguments += [f"--bind-address={HOST}", f"--secure-port={free_port()}", "--kube-api-qps=200"]
        arguments += ["--kube-api-burst=400"]
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        _run(
            running, [str(programs / "kube-controller-manager"), *arguments], lambda: bool(api.items(accounts)), folder
        )
        yield Cluster(api.get("/version")["gitVersion"], api, kubeconfig, folder)


def wait_until(is_so: Callable[[], bool], what: str, seconds: float) -> None:
    """Raises ServerFailed when it is not so in time."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise ServerFailed(f"within {seconds:.0f} s it did not come to pass that {what}")
        time.sleep(0.1)


def _run(running: ExitStack, arguments: Sequence[str], is_ready: Callable[[], bool], folder: Path) -> None:
    log = folder / f"{Path(arguments[0]).name}.log"
    running.callback(start(Launch(arguments, is_ready), log, _START_SECONDS).stop, _STOP_SECONDS)


def _kubeconfig(address: str, token: str, authority: Path) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "check", "cluster": {"server": address, "certificate-authority": str(authority)}}],
        "users": [{"name": "check", "user": {"token": token}}],
        "contexts": [{"name": "check", "context": {"cluster": "check", "user": "check"}}],
        "current-context": "check",
    }
