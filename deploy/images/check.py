"""Runs every image as the pods of the chart would, on servers of this machine, until all of them are ready and a class has sat an exam.

python -m deploy.images.check [--prefix REGISTRY/] [--tag TAG] [SERVICE]…     all services by default; DOCKER names the client

No container is root, can write but to /tmp, has capabilities or more memory than its pod. PostgreSQL, Redis and the broker are those of
`examhall up`. With all services, twenty invented students sit an exam from proctoring's image, as `helm test` does.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.images.contents import IMAGES
from deploy.images.pods import Running, Unfit, docker, pod_of
from examhall.places import SERVICES, database_of
from examhall.preparing import make_databases
from examhall.servers import HOST, broker, free_port, start, start_postgres, start_redis

_FORBIDDEN = ("gcc", "cc", "make", "pip", "pip3", "uv")
_ADMIN = {"EXAMHALL_ADMIN_EMAIL": "admin@school.example", "EXAMHALL_ADMIN_PASSWORD": "only-for-this-check"}
_SECRET = "only-for-this-check"
_REHEARSAL_SECONDS = 600


def look(image: str) -> None:
    """Raises Unfit for an image that is root, has tools to build with, or carries no labels."""
    described = json.loads(docker("image", "inspect", image))[0]["Config"]
    if described["User"] != "10001:10001":
        raise Unfit(f"{image} runs as {described['User'] or 'root'}")
    if "org.opencontainers.image.version" not in (described["Labels"] or {}):
        raise Unfit(f"{image} has no labels")
    found = f"import shutil; print(*filter(shutil.which, {_FORBIDDEN!r}))"
    if tools := docker("run", "--rm", "--network=host", "--read-only", "--entrypoint=python", image, "-c", found):
        raise Unfit(f"{image} carries {tools}")


class Hall:
    """Containers of some services, and what they are told of each other and of the servers."""

    def __init__(self, image: str, folder: Path, closing: ExitStack) -> None:
        """`image` is an image's name with {} for the service."""
        self._image, self._closing = image, closing
        ports = [free_port() for _ in range(3)]
        servers = [start_postgres(folder / "postgres", ports[0]), start_redis(folder / "redis", ports[1])]
        servers.append(start(broker(ports[2]), folder / "broker.log"))
        for server in servers:
            closing.callback(server.stop)
        self._postgres = f"postgresql://postgres@{HOST}:{ports[0]}/postgres"
        self._told = {
            "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports[2]}",
            "EXAMHALL_HTTP_HOST": HOST,
            "EXAMHALL_OUTBOX_WINDOW_BYTES": "2000000",  # this broker keeps little
        }
        self._redis = f"redis://{HOST}:{ports[1]}/0"
        self._ports: dict[tuple[str, str], int] = {}

    def begin(self, service: str) -> Running:
        """Brings its database up to date, and starts it. Those it calls have begun before it."""
        pod, image = pod_of(service), self._image.format(service)
        database = database_of(self._postgres, service)
        if service in SERVICES:
            asyncio.run(make_databases(self._postgres, [service]))
            docker("run", "--rm", *pod.security, f"--env=DATABASE_URL={database}", image, "migrate", service)
        # Chosen late: whoever else runs on this machine may take what is free now.
        self._ports |= {(service, kind): free_port() for kind in ("http", "grpc")}
        told = {**self._told, "EXAMHALL_HTTP_PORT": str(self._ports[service, "http"])}
        if service in SERVICES:
            told |= {"EXAMHALL_GRPC_HOST": HOST, "EXAMHALL_GRPC_PORT": str(self._ports[service, "grpc"])}
            told["DATABASE_URL"] = database
        if service in SERVICES or service == "gateway":
            told["EXAMHALL_SERVICE_SECRET"] = _SECRET
        if service == "identity":
            told |= _ADMIN
        if service == "gateway":
            told["REDIS_URL"] = self._redis
        for variable in pod.environment:
            peer, _, kind = variable.removeprefix("EXAMHALL_").rpartition("_")
            if (peer.lower(), kind.lower()) in self._ports:
                told[variable] = f"{HOST}:{self._ports[peer.lower(), kind.lower()]}"
        if service not in SERVICES:
            told.pop("EXAMHALL_OUTBOX_WINDOW_BYTES")
        # A pod's container is started again when it ends: a worker of the stream ends when the broker's log has become another.
        container = docker("run", "--detach", "--restart=always", *pod.options(**told), image, "serve", service)
        running = Running(service, container, self._ports[service, "http"], pod.grace_seconds)
        self._closing.callback(running.remove)
        return running

    def rehearse(self) -> str:
        """Lets a class sit an exam from the image that `helm test` takes; what the rehearsal says at its end."""
        pod, image = pod_of("proctoring"), self._image.format("proctoring")
        address = f"http://{HOST}:{self._ports['gateway', 'http']}"
        password = f"--env=REHEARSAL_PASSWORD={_ADMIN['EXAMHALL_ADMIN_PASSWORD']}"
        login = ["--login", _ADMIN["EXAMHALL_ADMIN_EMAIL"], "--data", "/tmp/examhall"]  # noqa: S108, the container's own
        arguments = ["rehearse", "--quick", "--gateway", address, *login]
        return docker("run", "--rm", *pod.security, password, image, *arguments, seconds=_REHEARSAL_SECONDS)


def check(image: str, services: Sequence[str]) -> None:
    """Looks at the images, runs them together, and stops them in order. Raises Unfit for the first that is not as it should be."""
    for service in services:
        look(image.format(service))
    with ExitStack() as closing:
        folder = closing.enter_context(
            tempfile.TemporaryDirectory(prefix="examhall-images-", ignore_cleanup_errors=True)
        )
        hall = Hall(image, Path(folder), closing)
        # Whoever checks tokens has the keys of identity, so it is always among them.
        running = [hall.begin(service) for service in sorted({"identity", *services}, key=list(IMAGES).index)]
        for each in running:
            parts = json.dumps(each.parts())
            sys.stdout.write(f"{image.format(each.service)} is ready: {parts}, started again {each.restarts()} times\n")
            sys.stdout.flush()
        if set(IMAGES) <= set(services):
            sys.stdout.write(f"{hall.rehearse()}\n")
        for each in reversed(running):
            each.stop()
    sys.stdout.write(f"All {len(running)} ended in order.\n")


def main(arguments: Sequence[str]) -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--tag", default="0.1.0")
    parser.add_argument("services", nargs="*", metavar="SERVICE", choices=[[], *IMAGES], default=[])
    chosen = parser.parse_args(arguments)
    try:
        check(f"{chosen.prefix}examhall-{{}}:{chosen.tag}", chosen.services or list(IMAGES))
    except Unfit as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
