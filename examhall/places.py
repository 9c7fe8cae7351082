"""Where everything of a single machine lies: the folder with its data, ports that stay the same, the secret, and each process's environment."""

import json
import os
import random
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from examhall.servers import HOST
from proto.catalogue import STREAM

DATA = Path(".examhall")
GATEWAY_PORT = 8080
SERVICES = ("identity", "exams", "attempts", "proctoring", "grading", "analytics")
WORKERS = {
    STREAM: "proctoring"
}  # what works on topics alone, without routes or a database, and the service it belongs to

# Below the ports that the kernel gives to outgoing connections (32768 and up): a port of ours stays free while its process is away.
_PORTS = range(20_000, 32_000)
_PORTS_FILE = "ports.json"
_SERVER_VARIABLES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "broker": "KAFKA_BOOTSTRAP_SERVERS"}
_OUTBOX_WINDOW_BYTES = (
    "2000000"  # the broker keeps about 5 MB of each partition in memory; what waits beyond it stays in the outbox
)


class PortTaken(Exception):
    """Another program listens on the port that people are to use."""


@dataclass(frozen=True)
class Servers:
    """The addresses of PostgreSQL, Redis and the Kafka broker; `named` are those that the environment names, which are not started here."""

    postgres: str
    redis: str
    broker: str
    named: Mapping[str, str]

    def database(self, service: str) -> str:
        """The URL of a service's own database."""
        return database_of(self.postgres, service)


@dataclass(frozen=True)
class Places:
    """The folder of an installation and the ports it keeps."""

    folder: Path
    gateway_port: int
    ports: Mapping[str, int]

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.folder / "logs"

    @property
    def address(self) -> str:
        """Where people find the gateway."""
        return f"http://localhost:{self.gateway_port}"

    def port_of(self, name: str) -> int | None:
        """The port of a process, a service's being its REST port; None for what listens nowhere."""
        if name == "gateway":
            return self.gateway_port
        return self.ports.get(name) or self.ports.get(f"{name}_http")

    def servers(self, environment: Mapping[str, str]) -> Servers:
        """The servers that the environment names; for the others those of this machine."""
        own = {
            "postgres": f"postgresql://postgres@{HOST}:{self.ports['postgres']}/postgres",
            "redis": f"redis://{HOST}:{self.ports['redis']}/0",
            "broker": f"{HOST}:{self.ports['broker']}",
        }
        named = {server: environment[name] for server, name in _SERVER_VARIABLES.items() if environment.get(name)}
        return Servers(**{**own, **named}, named=named)

    def environment_of(self, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """The environment of a service, a worker or the gateway: what was `given` to the whole, and what is this one's own."""
        servers = self.servers(given)
        environment = {
            **given,
            "EXAMHALL_SERVICE_SECRET": given.get("EXAMHALL_SERVICE_SECRET") or self.secret(),
            "EXAMHALL_DATA": str(self.folder),
            "REDIS_URL": servers.redis,
            "KAFKA_BOOTSTRAP_SERVERS": servers.broker,
            "EXAMHALL_HTTP_PORT": str(self.port_of(name)),
        }
        for service in SERVICES:
            environment[f"EXAMHALL_{service.upper()}_HTTP"] = f"{HOST}:{self.ports[f'{service}_http']}"
            environment[f"EXAMHALL_{service.upper()}_GRPC"] = f"{HOST}:{self.ports[f'{service}_grpc']}"
        environment.pop("DATABASE_URL", None)
        if name in SERVICES:
            environment |= {
                "DATABASE_URL": servers.database(name),
                "EXAMHALL_HTTP_HOST": HOST,  # only the gateway is to be reached from outside
                "EXAMHALL_GRPC_HOST": HOST,
                "EXAMHALL_GRPC_PORT": str(self.ports[f"{name}_grpc"]),
            }
        if name in WORKERS:
            environment["EXAMHALL_HTTP_HOST"] = HOST
        if "broker" not in servers.named:
            environment.setdefault("EXAMHALL_OUTBOX_WINDOW_BYTES", _OUTBOX_WINDOW_BYTES)
        return environment

    def secret(self) -> str:
        """The secret that the services of this installation know each other by; made at the first call, for the owner's eyes only."""
        file = self.folder / "secret"
        if not file.exists():
            self.keep_secret(secrets.token_urlsafe(32))
        return file.read_text()

    def keep_secret(self, secret: str) -> None:
        """Makes this the installation's secret; its processes must not run."""
        file = self.folder / "secret"
        making = file.with_suffix(".new")
        making.unlink(missing_ok=True)
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(secret)
        making.rename(file)


def database_of(postgres_url: str, service: str) -> str:
    """The URL of a service's own database on a PostgreSQL server."""
    parts = urlsplit(postgres_url)
    return urlunsplit(parts._replace(path=f"/examhall_{service}"))


def naming(servers: Mapping[str, str]) -> dict[str, str]:
    """The environment that names these servers, as `Servers.named` tells them."""
    return {_SERVER_VARIABLES[server]: address for server, address in servers.items()}


def kept(folder: Path, gateway_port: int) -> Places:
    """The places of an installation that runs."""
    return Places(folder, gateway_port, json.loads((folder / _PORTS_FILE).read_text()))


def settle(folder: Path, gateway_port: int) -> Places:
    """The places of an installation whose processes do not run: ports of the last time as far as nobody else took them, else new ones.

    Raises PortTaken when another program listens on the gateway's port.
    """
    if not _is_free(gateway_port):
        raise PortTaken(
            f"Port {gateway_port} is in use by another program. Choose another: examhall up --port {gateway_port + 1}"
        )
    file = folder / _PORTS_FILE
    last: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    ports = settle_ports(last, _names(), {port for port in last.values() if not _is_free(port)} | {gateway_port})
    if ports != last:
        making = file.with_suffix(".new")
        making.write_text(json.dumps(ports, indent=2))
        making.rename(file)
    return Places(folder, gateway_port, ports)


def settle_ports(kept: Mapping[str, int], names: Iterable[str], taken: set[int]) -> dict[str, int]:
    """A port for each name: the kept one unless it is taken, else a free one that no other name has."""
    ports = {name: kept[name] for name in names if name in kept and kept[name] not in taken}
    for name in names:
        if name not in ports:
            candidates = random.sample(_PORTS, 1000)
            excluded = taken | set(ports.values())
            ports[name] = next(port for port in candidates if port not in excluded and _is_free(port))
    return ports


def _names() -> list[str]:
    of_services = [f"{service}_{kind}" for service in SERVICES for kind in ("http", "grpc")]
    return ["postgres", "redis", "broker", *of_services, *WORKERS]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
