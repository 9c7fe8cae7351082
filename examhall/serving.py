"""Runs one service, or the gateway, in this process."""

import importlib
from collections.abc import Iterable
from pathlib import Path

from chassis.settings import refuse_unknown_variables, variables_of
from examhall.places import SERVICES

_ROOT = Path(__file__).resolve().parent.parent


def installed_services() -> list[str]:
    """The services that are here, in the order of SERVICES; an image may carry a single one."""
    return [name for name in SERVICES if (_ROOT / "services" / name / "app.py").exists()]


def modules_of(services: Iterable[str]) -> list[str]:
    """The modules that these services and the gateway are built from."""
    return [*(f"services.{name}.app" for name in services), "gateway.app"]


def known_variables() -> set[str]:
    """The variables with our prefix that any process of the installation reads: one environment serves them all."""
    settings = [f"services.{name}.settings" for name in installed_services()]
    if (_ROOT / "gateway" / "settings.py").exists():
        settings.append("gateway.settings")
    return {variable for module in settings for variable in variables_of(importlib.import_module(module).Settings)}


def refuse_misspelt_variables() -> None:
    """Raises UnknownSetting for a variable with our prefix that no process reads."""
    refuse_unknown_variables(known_variables())


def serve(name: str) -> None:
    """Runs a service or the gateway until SIGTERM or SIGINT. Raises UnknownSetting for a variable that nobody knows."""
    refuse_misspelt_variables()
    if name == "gateway":
        from gateway.app import run as run_gateway

        run_gateway(known=known_variables())
        return
    from chassis.service import run

    run(importlib.import_module(f"services.{name}.app").build())
