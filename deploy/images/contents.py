"""What goes into the image of a process: its own code, what all share, and the packages of its dependency group alone.

python -m deploy.images.contents code SERVICE FOLDER     copies the code (runs inside the Dockerfile, with a bare Python)
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SHARED = ("chassis", "examhall", "proto")
_NEVER = shutil.ignore_patterns("tests", "__pycache__", "*.proto", "*.pyi")


@dataclass(frozen=True)
class Image:
    """The image examhall-<name>: its folders of code, and its dependency groups in pyproject.toml."""

    name: str
    folders: tuple[str, ...]
    groups: tuple[str, ...]
    files: tuple[str, ...] = ()


IMAGES = {
    image.name: image
    for image in (
        Image("identity", ("services/identity",), ("identity",)),
        Image("exams", ("services/exams",), ("exams",)),
        Image("attempts", ("services/attempts",), ("attempts",)),
        # `helm test` lets a class sit an exam from this image: its audit recounts by proctoring's own rules what proctors were told.
        Image("proctoring", ("services/proctoring",), ("proctoring", "rehearsal")),
        Image("proctoring-stream", ("services/proctoring",), ("proctoring",)),
        Image("grading", ("services/grading",), ("grading",)),
        Image("analytics", ("services/analytics",), ("analytics",)),
        Image("gateway", ("gateway",), ("gateway",), ("docs/openapi.json",)),
    )
}


def copied(image: Image) -> Iterator[tuple[Path, Path]]:
    """Each folder or file of an image: where it is here, and its place relative to the image's folder of code."""
    for path in (*_SHARED, *image.folders, *image.files):
        yield ROOT / path, Path(path)


def copy_code(image: Image, folder: Path) -> None:
    """Copies an image's code, without tests."""
    for source, place in copied(image):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_NEVER)
        else:
            shutil.copyfile(source, target)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["code", name, folder] if name in IMAGES:
            copy_code(IMAGES[name], Path(folder))
        case _:
            sys.exit(f"{__doc__}\nSERVICE is one of {', '.join(IMAGES)}")
