"""The command line. Each command imports what it needs when it runs, so that `examhall --help` is there at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from examhall import keeping_commands
from examhall.places import DATA, GATEWAY_PORT, SERVICES, WORKERS
from examhall.rehearsing import FEWEST_QUESTIONS, MOST_QUESTIONS, QUESTIONS

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Examhall, an examination platform. `examhall up` runs all of it on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dead_letters = typer.Typer(help="Events that a service could not take in.", no_args_is_help=True)
rebuild = typer.Typer(no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(rebuild, name="rebuild")
keeping_commands.add_to(app)

Folder = Annotated[Path, typer.Option("--data", envvar="EXAMHALL_DATA", help="Folder of the installation's data.")]
ServiceName = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.", metavar="SERVICE")]
Services = Annotated[list[str] | None, typer.Argument(help="Services; all by default.", metavar="[SERVICE]...")]
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
    from chassis.settings import WrongSetting
    from examhall.installation import Wish
    from examhall.places import PortTaken
    from examhall.serving import refuse_wrong_settings
    from examhall.up import up as run

    try:
        refuse_wrong_settings(os.environ)
        raise typer.Exit(run(Wish(data, port, _services(service), demo), dict(os.environ), _console()))
    except (WrongSetting, PortTaken) as error:
        raise _refusal(error) from error


@app.command()
def serve(
    name: Annotated[str, typer.Argument(help="A service, proctoring-stream, or gateway.", metavar="NAME")],
) -> None:
    """Run one service, the worker of proctoring's stream, or the gateway, with the settings of the environment."""
    from chassis.settings import WrongSetting
    from examhall.serving import serve as run

    if name != "gateway":
        _services([WORKERS.get(name, name)])
    try:
        run(name)
    except WrongSetting as error:
        raise _refusal(error) from error


@app.command()
def migrate(
    name: Annotated[str | None, typer.Argument(help="A service; all of them by default.", metavar="[SERVICE]")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a database that is not there yet.")] = 60,
    data: Folder = DATA,
) -> None:
    """Bring databases up to date. `examhall up` does it by itself.

    With SERVICE, DATABASE_URL names that service's database. Without, it names a server, on which each service gets the database
    examhall_SERVICE.
    """
    import asyncio

    from chassis.settings import WrongSetting
    from examhall.migrating import DatabaseAway, migrate_server
    from examhall.migrating import migrate as run

    try:
        if name is not None:
            _services([name])
            asyncio.run(run(name, _environment_of(name, data)["DATABASE_URL"], wait, _tell))
        elif server := os.environ.get("DATABASE_URL"):
            asyncio.run(migrate_server(server, _services(None), wait, _tell))
        else:
            raise typer.BadParameter("set DATABASE_URL to the server; `examhall up` migrates its own by itself")
    except (DatabaseAway, WrongSetting) as error:
        raise _refusal(error) from error


@app.command()
def topics(
    partitions: Annotated[int, typer.Option(min=1, help="Of every topic; can't be changed once there is data.")] = 12,
    replication: Annotated[int, typer.Option(min=1, help="How many brokers keep each message.")] = 3,
) -> None:
    """Make every topic on KAFKA_BOOTSTRAP_SERVERS, for a Kafka that does not make them on first use. Twice does no harm.

    Exit status 1 when a topic is there with another number of partitions: what is joined must be cut alike.
    """
    import asyncio

    from aiokafka.errors import KafkaError

    from chassis.settings import WrongSetting
    from examhall.topics import left_out, make_all

    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        raise typer.BadParameter("set KAFKA_BOOTSTRAP_SERVERS to the brokers")
    try:
        told = asyncio.run(make_all(servers, partitions, replication))
    except (KafkaError, WrongSetting, OSError) as error:
        raise _refusal(error) from error
    for name in told.made:
        typer.echo(f"made {name}")
    for name, count in told.cut_otherwise.items():
        typer.echo(f"{name} is there with {count} partitions, not {partitions}")
    typer.echo(f"{len(told.made)} of {len(told.wanted)} topics made; {len(told.wanted) - len(told.made)} were there.")
    if warning := left_out():
        typer.echo(warning, err=True)
    raise typer.Exit(bool(told.cut_otherwise))


@app.command()
def status(data: Folder = DATA) -> None:
    """Show what runs on this machine, where, and how it is. Exit status 0: all is ready; 1: something is not; 3: nothing runs."""
    from examhall.status import status as show

    raise typer.Exit(show(data, _console()))


@dead_letters.command("list")
def list_dead_letters(services: Services = None, data: Folder = DATA) -> None:
    """List the events that wait, oldest first."""
    import asyncio

    from rich.table import Table

    from examhall.operating import dead_letters_of

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("service", "event", "type", "key", "parked at", "reason"):
        table.add_column(title, overflow="fold")
    for name in _services(services):
        for letter in asyncio.run(dead_letters_of(_environment_of(name, data))):
            parked = letter.parked_at.isoformat(" ", "seconds")
            table.add_row(name, str(letter.event_id), letter.type.rpartition(".")[2], letter.key, parked, letter.reason)
    _console().print(table if table.row_count else "No dead letters.")


@dead_letters.command("replay")
def replay_dead_letters(
    service: ServiceName,
    event: Annotated[UUID | None, typer.Option(help="Only the event of this id.")] = None,
    data: Folder = DATA,
) -> None:
    """Take waiting events in again, in order. Exit status 1 when one fails still."""
    import asyncio

    from examhall.operating import replay_letters

    _services([service])
    replayed = asyncio.run(replay_letters(service, _environment_of(service, data), event))
    for each in replayed:
        typer.echo(f"{each.letter.event_id}  {each.letter.type}  {each.error or 'taken in'}")
    typer.echo(f"{sum(each.error is None for each in replayed)} of {len(replayed)} taken in.")
    raise typer.Exit(any(each.error is not None for each in replayed))


@rebuild.callback()
def _rebuild() -> None:
    """Build read models anew from the events."""


@rebuild.command("analytics")
def rebuild_analytics(data: Folder = DATA) -> None:
    """Empty the figures and build them anew from all events; the services may run meanwhile."""
    import asyncio

    from chassis.errors import DependencyUnavailable
    from examhall.operating import rebuild_analytics as run

    try:
        events = asyncio.run(run(_environment_of("analytics", data)))
    except DependencyUnavailable as error:
        raise _refusal(error) from error
    typer.echo(f"{events} events are on their way; the figures are complete when they have been taken in.")


@dead_letters.command("discard")
def discard_dead_letter(
    service: ServiceName,
    event: Annotated[UUID, typer.Option(help="The id of the event.")],
    data: Folder = DATA,
) -> None:
    """Give up an event that can never be taken in; its effect is missing for good. Exit status 1 when no such event waits."""
    import asyncio

    from examhall.operating import discard_letter

    _services([service])
    letter = asyncio.run(discard_letter(_environment_of(service, data), event))
    typer.echo(
        f"{event} waits no more; what waited behind it can be replayed." if letter else f"No event {event} waits."
    )
    raise typer.Exit(letter is None)


@app.command()
def rehearse(
    gateway: Annotated[str, typer.Option(envvar="EXAMHALL_GATEWAY", help="Where; by default what runs here.")] = "",
    exam: Annotated[UUID | None, typer.Option(help="Which exam; by default one is made whose key is known.")] = None,
    students: Annotated[
        Path | None, typer.Option(help="CSV of log-ins and passwords; by default students are made.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many students.")] = 200,
    questions: Annotated[
        int,
        typer.Option(min=FEWEST_QUESTIONS, max=MOST_QUESTIONS, help="How many questions the exam has that is made."),
    ] = QUESTIONS,
    pace: Annotated[float, typer.Option(min=0.01, help="How much faster than people they think.")] = 1.0,
    quick: Annotated[bool, typer.Option("--quick", help="20 students in a hurry.")] = False,
    seed: Annotated[int, typer.Option(help="Decides what everybody does.")] = 1,
    report: Annotated[Path | None, typer.Option("--json", help="File for the result as JSON.")] = None,
    login: Annotated[str, typer.Option(help="Who prepares it and reads the answers back.")] = "",
    password: Annotated[str, typer.Option(envvar="REHEARSAL_PASSWORD", help="That person's password.")] = "",
    data: Folder = DATA,
) -> None:
    """Let a class of invented students sit an exam through the gateway, then audit every promise made to them.

    Exit status 1 when anything differs from what was promised.
    """
    import asyncio

    from examhall.demo.content import ADMIN, DEMO_PASSWORD
    from examhall.rehearsal import rehearse as run
    from examhall.rehearsing import QUICK_COUNT, QUICK_PACE, RehearsalOptions
    from examhall.running import running

    if students is not None and not students.is_file():
        raise typer.BadParameter(f"there is no file {students}")
    here = running(data.resolve())
    options = RehearsalOptions(
        gateway=gateway or (here.address if here else f"http://localhost:{GATEWAY_PORT}"),
        exam=exam,
        students=students,
        count=QUICK_COUNT if quick else count,
        questions=questions,
        pace=QUICK_PACE if quick else pace,
        seed=seed,
        report=report,
        login=login or ADMIN.email,
        password=password or DEMO_PASSWORD,
    )
    raise typer.Exit(asyncio.run(run(options)))


def _environment_of(service: str, data: Path) -> dict[str, str]:
    """The environment that a command on a service's database works in; without one the command ends."""
    from chassis.settings import WrongSetting, refuse_wrong_url
    from examhall.operating import NoDatabase, environment_of

    try:
        environment = environment_of(service, data, os.environ)
        refuse_wrong_url(environment["DATABASE_URL"])
        return environment
    except (NoDatabase, WrongSetting) as error:
        raise _refusal(error) from error


def _services(chosen: list[str] | None) -> list[str]:
    """The chosen services in the order of SERVICES; all that are installed when none is chosen. A wrong name ends the command, and so does an
    image that holds none."""
    from examhall.serving import installed_services

    installed = installed_services()
    if not installed:
        raise typer.BadParameter("no service is installed here: run this in the image of a service")
    for name in chosen or ():
        if name not in installed:
            raise typer.BadParameter(f"there is no service {name!r}; there are {', '.join(installed)}")
    return [name for name in installed if not chosen or name in chosen]


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _refusal(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(2)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


if __name__ == "__main__":
    app()
