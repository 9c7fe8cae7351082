"""Runs an image as Kubernetes would, on a PostgreSQL of its own, and asks it how it is.

python -m deploy.images.check [IMAGE]     examhall-identity:0.1.0 by default; DOCKER names the client

The container is not root, can't write but to /tmp, has no capabilities, and meets the database over the machine's own network.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from examhall.preparing import make_databases
from examhall.servers import HOST, free_port, start_postgres

_DOCKER = os.environ.get("DOCKER", "docker")
_READY_SECONDS = 60.0
_STOP_SECONDS = 30
_RESTRICTED = [
    "--network=host",
    "--read-only",
    "--tmpfs=/tmp:mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
]
_FORBIDDEN = ("gcc", "cc", "make", "pip", "pip3", "uv")


class Unfit(Exception):
    """An image that is not as it should be."""


def _docker(*arguments: str) -> str:
    done = subprocess.run([_DOCKER, *arguments], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Unfit(f"docker {' '.join(arguments[:3])} …: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout.strip()


def look(image: str) -> None:
    """Raises Unfit for an image that is root, has tools to build with, or carries no labels."""
    described = json.loads(_docker("image", "inspect", image))[0]["Config"]
    if described["User"] != "10001:10001":
        raise Unfit(f"{image} runs as {described['User'] or 'root'}")
    if "org.opencontainers.image.version" not in (described["Labels"] or {}):
        raise Unfit(f"{image} has no labels")
    found = f"import shutil; print(*filter(shutil.which, {_FORBIDDEN!r}))"
    if tools := _docker("run", "--rm", "--entrypoint=python", *_RESTRICTED, image, "-c", found):
        raise Unfit(f"{image} carries {tools}")


def run(image: str, service: str, database_url: str) -> dict[str, str]:
    """Migrates, serves, asks /health/ready until it says so, and stops in order; the parts as they answered. Raises Unfit."""
    port, grpc_port = free_port(), free_port()
    environment = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:1",  # nobody listens: a service is ready without Kafka
        "EXAMHALL_SERVICE_SECRET": "only-for-this-check",
        "EXAMHALL_HTTP_HOST": HOST,
        "EXAMHALL_HTTP_PORT": str(port),
        "EXAMHALL_GRPC_HOST": HOST,
        "EXAMHALL_GRPC_PORT": str(grpc_port),
    }
    given = [f"--env={name}={value}" for name, value in environment.items()]
    _docker("run", "--rm", *_RESTRICTED, *given, image, "migrate", service)
    container = _docker("run", "--detach", *_RESTRICTED, *given, image, "serve", service)
    try:
        parts = _wait_until_ready(port)
        _docker("stop", f"--time={_STOP_SECONDS}", container)
        if status := _docker("inspect", "--format={{.State.ExitCode}}", container).removeprefix("0"):
            raise Unfit(f"it ended with status {status} when told to stop")
    except Unfit as error:
        logs = subprocess.run([_DOCKER, "logs", container], capture_output=True, text=True, check=False)
        raise Unfit(f"{error}\n{(logs.stdout + logs.stderr)[-4000:]}") from error
    finally:
        _docker("rm", "--force", container)
    return parts


def _wait_until_ready(port: int) -> dict[str, str]:
    end = time.monotonic() + _READY_SECONDS
    last = ""
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=3) as reply:
                parts: dict[str, str] = json.loads(reply.read())["parts"]
                return parts
        except urllib.error.HTTPError as error:
            last = error.read().decode()
        except OSError as error:
            last = str(error)
        time.sleep(0.2)
    raise Unfit(f"not ready within {_READY_SECONDS:.0f} s: {last}")


def main(arguments: list[str]) -> None:
    """The command line of this module."""
    image = arguments[0] if arguments else "examhall-identity:0.1.0"
    service = image.rpartition("/")[2].partition(":")[0].removeprefix("examhall-")
    with tempfile.TemporaryDirectory(prefix="examhall-image-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        server = start_postgres(Path(folder), port)
        try:
            url = f"postgresql://postgres@{HOST}:{port}"
            asyncio.run(make_databases(f"{url}/postgres", [service]))
            look(image)
            parts = run(image, service, f"{url}/examhall_{service}")
        except Unfit as error:
            sys.exit(str(error))
        finally:
            server.stop()
    sys.stdout.write(f"{image} is ready: {parts}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
