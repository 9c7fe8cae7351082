"""Making a backup."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import pyrage
from pyrage.x25519 import Recipient

from examhall.backup.archives import Backup, Manifest, PartOfBackup, finish, new_folder, part_of
from examhall.backup.programs import program
from examhall.backup.snapshots import fitting_snapshots


class DumpFailed(Exception):
    """PostgreSQL's own program refused; the message is what it said."""


async def make_backup(
    databases: Mapping[str, str], place: Path, sealed_for: Sequence[Recipient], secret: str | None
) -> Backup:
    """Writes the databases (URLs by service) as they stand at one instant, and the installation's secret, sealed, to a new folder of `place`.

    Services go on meanwhile; commits that record events wait for some milliseconds. Raises NoSnapshot, DumpFailed, OSError; what was begun
    is then no backup.
    """
    async with fitting_snapshots(databases) as snapshots:
        made_at = datetime.now(UTC)
        folder = new_folder(place, made_at)
        parts: dict[str, PartOfBackup] = {}
        for service, url in databases.items():
            file = folder / f"{service}.dump.age"
            await asyncio.to_thread(_dump, url, snapshots[service], file, sealed_for)
            parts[service] = await asyncio.to_thread(part_of, file)
    sealed_secret = None
    if secret is not None:
        file = folder / "secret.age"
        with file.open("wb") as output:
            pyrage.encrypt_io(BytesIO(secret.encode()), output, sealed_for)
        sealed_secret = part_of(file)
    names = [str(recipient) for recipient in sealed_for]
    return finish(folder, Manifest(made_at.isoformat(), version("examhall"), names, parts, sealed_secret))


def _dump(url: str, snapshot: str, file: Path, sealed_for: Sequence[Recipient]) -> None:
    """One database, compressed, never in the clear on disk."""
    arguments = [program("pg_dump"), "--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", url]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as dump, file.open("wb") as output:
        assert dump.stdout is not None
        assert dump.stderr is not None
        pyrage.encrypt_io(dump.stdout, output, sealed_for)
        said = dump.stderr.read().decode(errors="replace")
    if dump.returncode != 0:
        raise DumpFailed(f"{file.stem}: {said.strip()[-2000:]}")
