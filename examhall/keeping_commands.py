"""The commands that keep an installation: backup, backups, restore, doctor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from examhall.places import DATA

Folder = Annotated[Path, typer.Option("--data", envvar="EXAMHALL_DATA", help="Folder of the installation's data.")]
Place = Annotated[Path | None, typer.Option("--in", help="Folder of the backups; by default `backups` in the data.")]
Key = Annotated[Path | None, typer.Option("--key", help="File of the age key; by default the installation's own.")]
KEEP_DAYS = 30


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (backup, backups, restore, doctor):
        app.command()(command)


def backup(
    data: Folder = DATA,
    place: Place = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(help="An age key (age1…) that shall open it; may be given again. By default the own key alone."),
    ] = None,
    keep_days: Annotated[
        int, typer.Option(min=1, help="Backups older than this are removed; the newest stays.")
    ] = KEEP_DAYS,
) -> None:
    """Back up all databases as they stand at one instant, encrypted, while everything runs.

    What runs on the data's folder is backed up, else the databases on the server that DATABASE_URL names.
    """
    from examhall import keeping

    with _refusing():
        made = keeping.backup(data, os.environ, place, recipient or [], keep_days)
    typer.echo(f"{made.backup.folder}: {_size(made.backup.manifest.bytes)}, as of {made.backup.manifest.made_at}")
    if made.new_key:
        typer.echo(f"Only the key in {made.new_key} opens it. Keep a copy of that file where this machine is not.")
    if made.gone:
        typer.echo(f"Removed, older than {keep_days} days: {', '.join(made.gone)}")


def backups(data: Folder = DATA, place: Place = None) -> None:
    """List the backups, newest first, and check that each is as it was written. Exit status 1 when one is not."""
    from examhall.backup.archives import NotABackup, check, listed
    from examhall.keeping import BACKUPS

    damaged = 0
    with _refusing():
        found = listed(place or data / BACKUPS)
    for each in found:
        try:
            check(each)
            how = "whole"
        except NotABackup as error:
            damaged, how = damaged + 1, str(error)
        typer.echo(f"{each.name}  {_size(each.manifest.bytes):>10}  {', '.join(each.manifest.databases)}  {how}")
    if not found:
        typer.echo("No backups.")
    raise typer.Exit(1 if damaged else 0)


def restore(
    name: Annotated[str, typer.Argument(help="The name of a backup, as `examhall backups` lists it, or its folder.")],
    data: Folder = DATA,
    place: Place = None,
    key: Key = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in place of the databases that are there.")
    ] = False,
) -> None:
    """Put a backup back, into the data's folder (Examhall must not run on it) or onto the server that DATABASE_URL names.

    Nothing that is there is touched before all of the backup has been restored beside it. With a Kafka of your own, empty the topics first:
    they may tell of what came after the backup.
    """
    from examhall import keeping

    folder = Path(name) if Path(name).is_dir() else (place or data / keeping.BACKUPS) / name
    with _refusing():
        restored = keeping.bring_back(data, os.environ, folder, key, replace=replace)
    for each in restored:
        typer.echo(f"{each.service}: restored; {each.events} events will be published again")
    typer.echo("Start with `examhall up`: it brings the databases up to date.")


def doctor(
    data: Folder = DATA,
    url: Annotated[str, typer.Option(help="The public https address, whose certificate is looked at too.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show what is fine, too.")] = False,
) -> None:
    """Look at everything the installation stands on, and say what is wrong and what to do. Exit status 0: all fine; 1: to watch; 2: wrong.

    Looks at what runs on the data's folder, else at the servers that DATABASE_URL, REDIS_URL and KAFKA_BOOTSTRAP_SERVERS name.
    """
    from rich.console import Console

    from examhall.checkup.doctor import doctor as run

    raise typer.Exit(run(data, os.environ, url, Console(highlight=False), show_all=everything))


@contextmanager
def _refusing() -> Iterator[None]:
    """Ends the command with the message of an error that its user can do something about."""
    from examhall.backup.archives import NotABackup
    from examhall.backup.keys import NoKey
    from examhall.backup.making import DumpFailed
    from examhall.backup.programs import NoProgram
    from examhall.backup.restoring import CannotRestore
    from examhall.backup.snapshots import NoSnapshot
    from examhall.operating import NoDatabase

    try:
        yield
    except (NotABackup, NoKey, DumpFailed, NoProgram, CannotRestore, NoSnapshot, NoDatabase, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
