"""What a machine must have to be a node, and namespaces of their own for it: whatever runs there ends with the check, even when it is killed."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.check.lacking import lacks_go, lacks_programs
from examhall.servers import die_with_parent

CNI = Path("/usr/lib/cni")
CGROUPS = Path("/sys/fs/cgroup")
DOCKER = os.environ.get("DOCKER", "docker")
# Program by the Debian package that has it.
_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
    "openssl": "openssl",
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
}
_POD_CGROUP = "kubepods"
_SBIN = ("/usr/sbin", "/sbin")
_END_SECONDS = 30.0


def search_path() -> str:
    """Where programs are looked for: Debian keeps a node's where only root looks."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])


def lacks(path: str) -> list[str]:
    """What this machine lacks, one line each with what to do about it."""
    found = [*lacks_programs(_PACKAGES, path), *lacks_go()]
    if not (CNI / "bridge").exists():
        found.append("the plugins of the container network are missing: apt-get install containernetworking-plugins")
    if os.geteuid() != 0:
        found.append("it must be root: a node makes namespaces, mounts and cgroups")
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        found.append("the kernel has no overlayfs: modprobe overlay")
    if not Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists():
        found.append("the kernel does not show a bridge's packets to its filters: modprobe br_netfilter")
    if not list(_hierarchies()):
        found.append(f"no cgroups are mounted at {CGROUPS}")
    if any((hierarchy / _POD_CGROUP).exists() for hierarchy in _hierarchies()):
        removing = f"find {CGROUPS} -depth -type d -path '*/{_POD_CGROUP}*' -exec rmdir {{}} +"
        found.append(
            f"there are cgroups called {_POD_CGROUP}: another kubelet runs here, or left them behind ({removing})"
        )
    return found


def has_unified_cgroups() -> bool:
    """Whether there is cgroup v2 alone. The kubelet of 1.37 takes v1 when it is told to."""
    return (CGROUPS / "cgroup.controllers").exists()


def run_apart(module: str, *arguments: str) -> int:
    """Runs a module of ours in namespaces of its own, with a folder as its first argument that is gone afterwards; its exit status."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with tempfile.TemporaryDirectory(prefix="examhall-node-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        try:
            return subprocess.run(
                [*command, sys.executable, "-m", module, folder, *arguments],
                env={**os.environ, "PATH": search_path()},
                preexec_fn=die_with_parent,
                check=False,
            ).returncode
        finally:
            for hierarchy in _hierarchies():
                _remove(hierarchy / _POD_CGROUP)


def lacks_images(names: Sequence[str]) -> list[str]:
    """One line unless Docker's engine has all of them."""
    if shutil.which(DOCKER) is None:
        return [f"{DOCKER} is missing: apt-get install docker.io"]
    done = subprocess.run([DOCKER, "image", "inspect", *names], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    said = done.stderr.strip().splitlines()
    return [
        f"the images are missing: start Docker's engine, and `make images`. It said: {said[-1] if said else 'nothing'}"
    ]


def _hierarchies() -> list[Path]:
    if has_unified_cgroups():
        return [CGROUPS]
    return [folder for folder in CGROUPS.glob("*") if folder.is_dir() and not folder.is_symlink()]


def _remove(group: Path) -> None:
    """A cgroup and those below it, as soon as the last of their processes has ended."""
    if not group.exists():
        return
    for child in group.iterdir():
        if child.is_dir():
            _remove(child)
    end = time.monotonic() + _END_SECONDS
    while True:
        try:
            group.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
