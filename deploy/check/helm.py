"""Helm of one major version against one cluster. What it says beside its result is judged, too."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.check.api import Manifest, manifests_in

CHART = Path(__file__).resolve().parents[1] / "helm" / "examhall"
_TOLD_CHARACTERS = 6000  # of what a test's pods said
_INFORMATION = re.compile(r"I\d{4} ")  # as client-go logs


class HelmFailed(Exception):
    """Helm ended with an error, or warned; the message is its own."""


def complaints(stderr: str) -> str:
    """What Helm says beside its result, without what is there for information alone, such as that it waited before a request."""
    return "\n".join(line for line in stderr.splitlines() if line.strip() and not _INFORMATION.match(line))


@dataclass(frozen=True)
class Helm:
    """A helm, which cluster it speaks to, and where it keeps its own files."""

    program: Path
    kubeconfig: Path
    home: Path
    minutes: int = 5  # until everything is to be ready

    def version(self) -> str:
        """Such as v3.17.3."""
        return re.split(r"[+\s]", self._run("version", "--short"))[0]

    def render(self, release: str, namespace: str, values: Sequence[str], version: str) -> list[Manifest]:
        """Every object of a release, hooks and tests too. Raises HelmFailed."""
        said = self._run("template", release, str(CHART), "-n", namespace, "--kube-version", version, *values)
        return manifests_in(said)

    def install(self, release: str, namespace: str, values: Sequence[str]) -> None:
        """And waits until everything is ready. Raises HelmFailed."""
        self._run("install", release, str(CHART), "-n", namespace, *self._wait(), *values)

    def upgrade(self, release: str, namespace: str, values: Sequence[str]) -> None:
        """And waits until everything is ready. Raises HelmFailed."""
        self._run("upgrade", release, str(CHART), "-n", namespace, *self._wait(), *values)

    def rollback(self, release: str, namespace: str, revision: int) -> None:
        """And waits until everything is ready. Raises HelmFailed."""
        self._run("rollback", release, str(revision), "-n", namespace, *self._wait())

    def uninstall(self, release: str, namespace: str) -> str:
        """And waits until everything is gone; what Helm says of what it kept. Raises HelmFailed."""
        return self._run("uninstall", release, "-n", namespace, *self._wait())

    def test(self, release: str, namespace: str) -> str:
        """What the pods of the release's tests said. Raises HelmFailed."""
        return self._run("test", release, "-n", namespace, "--logs", "--timeout", f"{self.minutes}m")

    def _wait(self) -> list[str]:
        return ["--wait", "--timeout", f"{self.minutes}m"]

    def _run(self, *arguments: str) -> str:
        kept = {"HELM_CACHE_HOME": "cache", "HELM_CONFIG_HOME": "config", "HELM_DATA_HOME": "data"}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}
        environment |= {name: str(self.home / folder) for name, folder in kept.items()}
        done = subprocess.run(
            [str(self.program), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=self.minutes * 120,
            check=False,
        )
        said = complaints(done.stderr)
        if done.returncode or said:
            told = done.stdout[-_TOLD_CHARACTERS:] if arguments[0] == "test" else ""
            raise HelmFailed(f"helm {' '.join(arguments[:2])}: {said or done.returncode}\n{told}".rstrip())
        return done.stdout
