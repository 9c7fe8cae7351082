"""containerd, and the images in it: those of Examhall from Docker's engine, and two that are made here, since none can be pulled."""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.check.node.machine import CNI, DOCKER
from deploy.check.node.surroundings import BRIDGE, PODS
from examhall.servers import Launch, ServerFailed, start

PAUSE, NAMES = "examhall-check/pause:1", "examhall-check/coredns:1"
_START_SECONDS, _IMPORT_SECONDS = 60.0, 1200
_NETWORK = {
    "cniVersion": "1.0.0",
    "name": "examhall",
    "plugins": [
        {
            "type": "bridge",
            "bridge": BRIDGE,
            "isDefaultGateway": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


class Runtime:
    """A running containerd. Its data lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "containerd.sock"

    def start(self, running: ExitStack) -> None:
        """Raises ServerFailed."""
        networks = self._folder / "networks"
        networks.mkdir(parents=True)
        (networks / "examhall.conflist").write_text(json.dumps(_NETWORK))
        settings = self._folder / "containerd.toml"
        settings.write_text(_settings(self._folder, self.socket, networks))
        launch = Launch(["containerd", "--config", str(settings)], self._answers)
        running.callback(start(launch, self._folder / "containerd.log", _START_SECONDS).stop)

    def load(self, images: Sequence[str], programs: Path) -> None:
        """Takes Examhall's images over, and makes the cluster's own of `programs`. Raises ServerFailed."""
        for name, program, user in ((PAUSE, "pause", "65535"), (NAMES, "coredns", "65532")):
            archive = self._folder / f"{program}.tar"
            archive.write_bytes(archive_of(name, programs / program, user))
            self._ctr("image", "import", str(archive))
        saving = subprocess.Popen([DOCKER, "save", *images], stdout=subprocess.PIPE)
        self._ctr("image", "import", "-", source=saving)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        asked = subprocess.run([*self._client(), "version"], capture_output=True, check=False)
        return asked.returncode == 0

    def _client(self) -> list[str]:
        return ["ctr", "--address", str(self.socket), "--namespace", "k8s.io"]

    def _ctr(self, *arguments: str, source: "subprocess.Popen[bytes] | None" = None) -> None:
        done = subprocess.run(
            [*self._client(), *arguments],
            stdin=source.stdout if source else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_IMPORT_SECONDS,
            check=False,
        )
        if done.returncode or (source and source.wait()):
            raise ServerFailed(f"ctr {' '.join(arguments[:2])}: {(done.stderr or done.stdout).strip()[-2000:]}")


def archive_of(name: str, program: Path, user: str) -> bytes:
    """An image, as `docker save` would write it, with a static program and nothing else."""
    layer = _tar({program.name: program.read_bytes()}, 0o755)
    described = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(described).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _tar({"layer.tar": layer, **files}, 0o644)


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _settings(folder: Path, socket: Path, networks: Path) -> str:
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{folder / "content"}"
state = "{folder / "state"}"
[grpc]
address = "{socket}"
[{cri}]
sandbox_image = "{PAUSE}"
netns_mounts_under_state_dir = true
enable_unprivileged_ports = true
restrict_oom_score_adj = true
[{cri}.cni]
bin_dir = "{CNI}"
conf_dir = "{networks}"
[{cri}.containerd]
default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
BinaryName = "{shutil.which("runc")}"
SystemdCgroup = false
"""
