"""Inside the node's own namespaces, before anything is started: its network, and what of the machine it is not to change."""

import subprocess
from pathlib import Path

ADDRESS = "10.244.0.1"  # of the node, and of the servers beside the cluster; the bridge has it
PODS = "10.244.0.0/24"
BRIDGE = "examhall0"
# Where containerd and the kubelet keep files whatever they are told: empty, and gone with the namespace.
_OWN_FOLDERS = ("/var/log", "/var/lib/cni", "/var/lib/kubelet", "/run/containerd")
# The kubelet sets these for the whole machine: it shall set copies of them.
_KERNEL = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def prepare(folder: Path) -> None:
    """Prepares them; copies of the kernel's settings are kept in `folder`."""
    _run("mount", "--make-rshared", "/")
    for own in _OWN_FOLDERS:
        Path(own).mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "node", own)
    for setting in _KERNEL:
        real = Path("/proc/sys") / setting
        copy = folder / "kernel" / setting
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(real.read_text())
        _run("mount", "--bind", str(copy), str(real))
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{ADDRESS}/{PODS.partition('/')[2]}", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    _run("ip", "route", "add", "default", "dev", BRIDGE)  # nothing is behind it; addresses of services need a route
    network = Path("/proc/sys/net")
    (network / "ipv4" / "ip_forward").write_text("1")
    (network / "bridge" / "bridge-nf-call-iptables").write_text("1")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
