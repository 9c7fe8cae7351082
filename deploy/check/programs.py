"""The programs of a control plane, compiled from the Go modules that `kubernetes/*/go.mod` names; kept in the user's cache from run to run."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).parent / "kubernetes"
NODE_RECIPES = Path(__file__).parent / "node" / "recipes"
DEFINITIONS = Path(__file__).parent / "definitions"
NO_GO = "Go is missing: 1.26 or newer compiles Kubernetes (apt-get install golang, or https://go.dev/dl)"
_USUAL_GO = "/usr/local/go/bin/go"
_BUILD_SECONDS = 7200
_DOWNLOAD_SECONDS = 600


class Missing(Exception):
    """Something that the check needs is not on this machine; the message says what, and what to do."""


def versions() -> list[str]:
    """The minor versions of Kubernetes that there are recipes of, oldest first."""
    return sorted((folder.name for folder in RECIPES.iterdir()), key=lambda name: [*map(int, name.split("."))])


def cache() -> Path:
    """Where compiled programs and downloaded definitions are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "examhall" / "deploy-check"


def release_of(recipe: str) -> str:
    """The full version of Kubernetes that a recipe (the text of its go.mod) builds, such as v1.37.1. Raises ValueError."""
    found = re.search(r"^(?:require )?\s*k8s\.io/kubernetes (v\d+\.\d+\.\d+)\b", recipe, re.MULTILINE)
    if found is None:
        raise ValueError("the recipe names no version of k8s.io/kubernetes")
    return found[1]


def programs(version: str) -> Path:
    """The folder with the programs of a minor version; compiles them when they are not in the cache. Raises Missing."""
    return _kept(RECIPES / version, "")


def programs_of_a_node() -> Path:
    """The folder with kubelet, kube-proxy and kube-scheduler. Raises Missing."""
    return _kept(NODE_RECIPES / "kubernetes", "node-")


def programs_of_pods() -> Path:
    """The folder with what a cluster's own pods run: coredns and pause. Raises Missing."""
    recipe, go = NODE_RECIPES / "pods", _go()
    built = cache() / f"pods-{_fingerprint(recipe, _run(go, recipe, 60, 'env', 'GOVERSION'))}"
    if not built.exists():
        _compile(go, recipe, built, "-s -w", "./...")
    return built


def _kept(recipe: Path, prefix: str) -> Path:
    go, release = _go(), release_of((recipe / "go.mod").read_text())
    built = cache() / f"{prefix}{release}-{_fingerprint(recipe, _run(go, recipe, 60, 'env', 'GOVERSION'))}"
    if not built.exists():
        sys.stdout.write(f"Compiling Kubernetes {release}: once, for some ten minutes of two processors …\n")
        sys.stdout.flush()
        _, minor, _ = release.split(".")
        named = {"gitVersion": release, "gitMajor": "1", "gitMinor": minor}
        said = (f"-X k8s.io/component-base/version.{key}={value}" for key, value in named.items())
        _compile(go, recipe, built, " ".join(["-s -w", *said]), "tool")
    return built


def definition(module: str, version: str, path: str) -> str:
    """The text of a file of a Go module, held to the hash in `definitions/go.sum`. Raises Missing."""
    said = _run(_go(), DEFINITIONS, _DOWNLOAD_SECONDS, "mod", "download", "-json", f"{module}@{version}")
    told: dict[str, Any] = json.loads(said)
    return (Path(told["Dir"]) / path).read_text()


def find_go() -> str | None:
    """Where Go is: on the path, or where its own archive is unpacked to."""
    return shutil.which("go") or shutil.which(_USUAL_GO)


def _go() -> str:
    found = find_go()
    if found is None:
        raise Missing(NO_GO)
    return found


def _compile(go: str, recipe: Path, built: Path, flags: str, what: str) -> None:
    """Beside its place, and moved there when it is whole: it may be cut off anywhere."""
    making = built.with_name(f"{built.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    _run(go, recipe, _BUILD_SECONDS, "build", "-trimpath", "-ldflags", flags, "-o", f"{making}/", what)
    for server in making.glob("server"):  # as Go calls go.etcd.io/etcd/server
        server.rename(making / "etcd")
    making.rename(built)


def _fingerprint(recipe: Path, go_version: str) -> str:
    files = [recipe / "go.mod", recipe / "go.sum", *sorted(recipe.glob("*/*.go"))]
    parts = [file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join([*parts, go_version.encode()])).hexdigest()[:12]


def _run(go: str, folder: Path, seconds: int, *arguments: str) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    try:
        done = subprocess.run(
            ["nice", "-n", "10", go, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"`go {' '.join(arguments[:2])}` did not end within {seconds} s") from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise Missing(
            f"`go {' '.join(arguments[:2])}` in {folder.name} needs Go 1.26 and a module proxy. It said:\n{said}"
        )
    return done.stdout.strip()
