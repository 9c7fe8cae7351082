"""The command line. Each command imports what it needs when it runs, so that `examhall --help` is there at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from examhall.places import DATA, GATEWAY_PORT, SERVICES

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Examhall, an examination platform. `examhall up` runs all of it on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dead_letters = typer.Typer(help="Events that a service could not take in.", no_args_is_help=True)
rebuild = typer.Typer(help="Build read models anew from the events.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(rebuild, name="rebuild")

Folder = Annotated[Path, typer.Option("--data", envvar="EXAMHALL_DATA", help="Folder of the installation's data.")]
ServiceName = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.", metavar="SERVICE")]
Chosen = Annotated[
    list[str] | None, typer.Option("--service", help="Only this service; may be given again. All by default.")
]


@app.command()
def up(
    data: Folder = DATA,
    port: Annotated[int, typer.Option(envvar="EXAMHALL_PORT", help="Port of the gateway.")] = GATEWAY_PORT,
    demo: Annotated[
        bool, typer.Option(envvar="EXAMHALL_DEMO", help="Load the demonstration at the first start.")
    ] = True,
    service: Chosen = None,
) -> None:
    """Run Examhall on this machine until Ctrl-C.

    PostgreSQL, Redis and the Kafka broker are started too, unless DATABASE_URL, REDIS_URL or KAFKA_BOOTSTRAP_SERVERS name others.
    """
    from chassis.settings import UnknownSetting
    from examhall.installation import Wish
    from examhall.places import PortTaken
    from examhall.serving import refuse_misspelt_variables
    from examhall.up import up as run

    try:
        refuse_misspelt_variables()
        raise typer.Exit(run(Wish(data, port, _services(service), demo), dict(os.environ), _console()))
    except (UnknownSetting, PortTaken) as error:
        raise _refusal(error) from error


@app.command()
def serve(name: Annotated[str, typer.Argument(help="A service, or gateway.", metavar="SERVICE")]) -> None:
    """Run one service, or the gateway, with the settings of the environment."""
    from chassis.settings import UnknownSetting
    from examhall.serving import serve as run

    if name != "gateway":
        _services([name])
    try:
        run(name)
    except UnknownSetting as error:
        raise _refusal(error) from error


def _services(chosen: list[str] | None) -> list[str]:
    """The chosen services in the order of SERVICES; all that are installed when none is chosen. A wrong name ends the command."""
    from examhall.serving import installed_services

    installed = installed_services()
    for name in chosen or ():
        if name not in installed:
            raise typer.BadParameter(f"there is no service {name!r}; there are {', '.join(installed)}")
    return [name for name in installed if not chosen or name in chosen]


def _refusal(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(2)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


if __name__ == "__main__":
    app()
