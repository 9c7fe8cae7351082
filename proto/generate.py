"""Builds the Python of every contract beside its .proto file (`make proto`); with --check, fails when a committed file is stale."""

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def generate(into: Path) -> None:
    """Writes `*_pb2.py`, `*_pb2.pyi` and, for services, `*_pb2_grpc.py` below `into`."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "proto").rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    arguments = [f"-I{ROOT}", f"-I{include}", f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main(["protoc", *arguments, *sources]) != 0:
        sys.exit("proto: the contracts do not compile; see the message above")
    services = [source for source in sources if "\nservice " in (ROOT / source).read_text()]
    if protoc.main(["protoc", *arguments[:2], f"--grpc_python_out={into}", *services]) != 0:
        sys.exit("proto: the services do not compile; see the message above")


def stale_files() -> list[str]:
    """Names the generated files that differ from what the contracts give now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        made = {str(path.relative_to(fresh)): path.read_bytes() for path in fresh.rglob("*.py*")}
    committed = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for pattern in ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")
        for path in (ROOT / "proto").rglob(pattern)
    }
    return sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))


if __name__ == "__main__":
    if "--check" in sys.argv:
        if stale := stale_files():
            sys.exit("proto: stale, run `make proto`: " + ", ".join(stale))
    else:
        generate(ROOT)
