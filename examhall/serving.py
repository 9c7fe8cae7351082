"""Runs one service, one worker, or the gateway, in this process."""

import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from chassis.settings import (
    ServiceSettings,
    WrongSetting,
    refuse_unknown_variables,
    refuse_wrong_url,
    variables_of,
)
from examhall.places import SERVICES, WORKERS
from proto.catalogue import STREAM

GATEWAY = "gateway"

_ROOT = Path(__file__).resolve().parent.parent
_WORKERS = {STREAM: "services.proctoring.stream"}


def installed_services() -> list[str]:
    """The services that are here, in the order of SERVICES; an image may carry a single one."""
    return [name for name in SERVICES if _path(f"services.{name}.app").exists()]


def workers_of(services: Iterable[str]) -> list[str]:
    """The workers that belong to these services and are here."""
    chosen = set(services)
    return [
        name for name, service in WORKERS.items() if service in chosen and _path(f"{_WORKERS[name]}.worker").exists()
    ]


def modules_of(services: Sequence[str]) -> list[str]:
    """The modules that these services, their workers and the gateway are built from."""
    workers = [f"{_WORKERS[worker]}.worker" for worker in workers_of(services)]
    return [*(f"services.{name}.app" for name in services), *workers, "gateway.app"]


def settings_of(process: str) -> type[ServiceSettings]:
    """What a service, a worker or the gateway can be told by environment."""
    if process in _WORKERS:
        worker: type[ServiceSettings] = importlib.import_module(f"{_WORKERS[process]}.settings").StreamSettings
        return worker
    module = "gateway.settings" if process == GATEWAY else f"services.{process}.settings"
    settings: type[ServiceSettings] = importlib.import_module(module).Settings
    return settings


def known_variables() -> set[str]:
    """The variables with our prefix that any process of the installation reads: one environment serves them all."""
    services = installed_services()
    processes = [*services, *workers_of(services)]
    if _path("gateway.settings").exists():
        processes.append(GATEWAY)
    return {variable for process in processes for variable in variables_of(settings_of(process))}


def refuse_wrong_settings(environment: Mapping[str, str]) -> None:
    """Raises WrongSetting for a variable with our prefix that no process reads, and for settings that nothing could start with."""
    from chassis.kafka import access

    refuse_unknown_variables(known_variables(), environment)
    if access().protocol != "PLAINTEXT" and not environment.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise WrongSetting("EXAMHALL_KAFKA_SECURITY_PROTOCOL is set, but KAFKA_BOOTSTRAP_SERVERS names no brokers")
    refuse_wrong_url(environment.get("DATABASE_URL", ""))


def serve(name: str) -> None:
    """Runs a service, a worker or the gateway until SIGTERM or SIGINT. Raises WrongSetting when the environment is no good."""
    refuse_wrong_settings(os.environ)
    if name == GATEWAY:
        from gateway.app import run as run_gateway

        run_gateway(known=known_variables())
        return
    if name in _WORKERS:
        importlib.import_module(f"{_WORKERS[name]}.worker").run()
        return
    from chassis.service import run

    run(importlib.import_module(f"services.{name}.app").build())


def _path(module: str) -> Path:
    return _ROOT.joinpath(*module.split(".")).with_suffix(".py")
