"""Putting a backup back: every database beside the present ones first, then in their place; events go on where they were."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pyrage
from pyrage.x25519 import Identity

from examhall.backup.archives import Backup, check
from examhall.backup.making import DumpFailed
from examhall.backup.programs import program

# As a relay does when a broker has lost its log (chassis/relay.py): what is not known to be taken in by everybody is published again, in a new
# generation of the log. Inboxes, which are of the same instant, drop what was taken in.
_REPUBLISH = """
WITH logs AS (
    UPDATE outbox_log SET generation = generation + 1, end_offsets = '{}' RETURNING topic, replay_from
)
UPDATE outbox SET published_at = NULL FROM logs
WHERE outbox.topic = logs.topic AND outbox.id >= logs.replay_from AND published_at IS NOT NULL
"""
# Whose a restored database is to be: that of the database in whose place it comes, or of the role that is called as the database.
_OWNER = """
SELECT rolname FROM pg_roles LEFT JOIN pg_database ON datname = $1
WHERE pg_roles.oid = datdba OR (datdba IS NULL AND rolname = $1)
"""
_WRONG_KEY = "The key does not open this backup, or a file of it is damaged."


class CannotRestore(Exception):
    """The backup can't be put there; the message says why and what to do."""


@dataclass(frozen=True)
class Restored:
    """A database that is back; `events` will be published again."""

    service: str
    events: int


async def restore(backup: Backup, databases: Mapping[str, str], key: Identity, *, replace: bool) -> list[Restored]:
    """Restores databases (URLs by service). Nothing else may be connected to them.

    Databases that are there already are replaced only when told so, and only after all of the backup was restored beside them. Each belongs
    to whom it belonged; where none was, to the role that is called as the database, if there is one. Raises NotABackup, CannotRestore,
    DumpFailed; the present databases are then as they were.
    """
    check(backup)
    missing = sorted(set(databases) - set(backup.manifest.databases))
    if missing:
        raise CannotRestore(f"The backup of {backup.manifest.made_at} does not hold: {', '.join(missing)}.")
    present = [service for service, url in databases.items() if await _exists(url)]
    if present and not replace:
        raise CannotRestore(
            f"There are databases already: {', '.join(present)}. --replace puts the backup in their place."
        )
    try:
        restored = [await _beside(backup, service, url, key) for service, url in databases.items()]
    except BaseException:
        for url in databases.values():
            await _drop(url, _name(_beside_url(url)))
        raise
    for url in databases.values():
        await _into_place(url)
    return restored


async def secret_of(backup: Backup, key: Identity) -> str | None:
    """The installation's secret in a backup; None when it holds none. Raises CannotRestore for a wrong key."""
    if backup.manifest.secret is None:
        return None
    try:
        secret: bytes = pyrage.decrypt((backup.folder / backup.manifest.secret.file).read_bytes(), [key])
    except pyrage.DecryptError:
        raise CannotRestore(_WRONG_KEY) from None
    return secret.decode()


async def _beside(backup: Backup, service: str, url: str, key: Identity) -> Restored:
    beside = _beside_url(url)
    await _drop(url, _name(beside))
    async with _Server(url) as server:
        owner = await server.fetchval(_OWNER, _name(url)) or await server.fetchval("SELECT current_user")
        await server.execute(f'CREATE DATABASE "{_name(beside)}" OWNER "{owner}"')
    file = backup.folder / backup.manifest.databases[service].file
    await asyncio.to_thread(_fill, beside, owner, file, [key])
    connection = await asyncpg.connect(beside, timeout=10)
    try:
        marked = await connection.execute(_REPUBLISH)
    finally:
        await connection.close()
    return Restored(service, int(marked.split()[-1]))


def _fill(url: str, owner: str, file: Path, keys: Sequence[Identity]) -> None:
    as_owner = ["--no-owner", "--no-acl", f"--role={owner}"]  # everything in it belongs to whom the service signs in as
    arguments = [program("pg_restore"), "--exit-on-error", *as_owner, f"--dbname={url}"]
    with (
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as filling,
        file.open("rb") as sealed,
    ):
        assert filling.stdin is not None
        assert filling.stderr is not None
        try:
            pyrage.decrypt_io(sealed, filling.stdin, keys)
        except pyrage.DecryptError:
            filling.kill()
            raise CannotRestore(_WRONG_KEY) from None
        except OSError:  # it has ended early, and says why
            filling.kill()
        finally:
            filling.stdin.close()
        said = filling.stderr.read().decode(errors="replace")
    if filling.returncode != 0:
        raise DumpFailed(f"{file.stem}: {said.strip()[-2000:]}")


async def _into_place(url: str) -> None:
    name, beside = _name(url), _name(_beside_url(url))
    await _drop(url, name)
    async with _Server(url) as server:
        await server.execute(f'ALTER DATABASE "{beside}" RENAME TO "{name}"')


async def _drop(url: str, name: str) -> None:
    async with _Server(url) as server:
        await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _exists(url: str) -> bool:
    async with _Server(url) as server:
        return await server.fetchval("SELECT true FROM pg_database WHERE datname = $1", _name(url)) is not None


class _Server:
    """A connection to the server of a database, outside that database."""

    def __init__(self, url: str) -> None:
        self._url = urlunsplit(urlsplit(url)._replace(path="/postgres"))
        self._connection: asyncpg.Connection

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await asyncpg.connect(self._url, timeout=10)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _beside_url(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{_name(url)}_restoring"))
