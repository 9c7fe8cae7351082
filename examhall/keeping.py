"""What `examhall backup`, `backups` and `restore` do, on the machine where `examhall up` runs or on servers that the environment names."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examhall.backup import archives, keys
from examhall.backup.making import make_backup
from examhall.backup.restoring import CannotRestore, Restored, restore, secret_of
from examhall.operating import NoDatabase
from examhall.places import Places, database_of, kept, naming, settle
from examhall.running import RunsAlready, only_one, running
from examhall.servers import HOST, start_postgres
from examhall.serving import installed_services

BACKUPS = "backups"


@dataclass(frozen=True)
class Made:
    """A backup that was made; `new_key` is the file of the key that opens it when it was made now; `gone` were too old."""

    backup: archives.Backup
    new_key: Path | None
    gone: Sequence[str]


def backup(
    folder: Path, environment: Mapping[str, str], place: Path | None, recipients: Sequence[str], keep_days: int
) -> Made:
    """Backs up what runs, and removes backups older than `keep_days`. Raises NoDatabase when nothing runs here and no server is named."""
    folder = folder.resolve()
    place = place or folder / BACKUPS
    databases, secret = _what_runs(folder, environment)
    new_key = None
    if recipients:
        sealed_for = keys.recipients(recipients)
    else:
        file, is_new = keys.own_key(folder)
        sealed_for = [keys.identity_in(file).to_public()]
        new_key = file if is_new else None
    made = asyncio.run(make_backup(databases, place, sealed_for, secret))
    return Made(made, new_key, archives.prune(place, datetime.now(UTC), timedelta(days=keep_days)))


def bring_back(
    folder: Path, environment: Mapping[str, str], backup_folder: Path, key: Path | None, *, replace: bool
) -> list[Restored]:
    """Restores a backup: into the installation of `folder`, which must not run, or onto the server that DATABASE_URL names.

    Raises NotABackup, NoKey, CannotRestore, DumpFailed; whatever was there is then as it was.
    """
    folder = folder.resolve()
    found = archives.read(backup_folder)
    identity = keys.identity_in(key or folder / keys.KEY_FILE)
    if server := environment.get("DATABASE_URL"):
        return asyncio.run(restore(found, _databases(server), identity, replace=replace))
    try:
        with only_one(folder):
            places = settle(folder, 0)
            secret = asyncio.run(secret_of(found, identity))
            postgres = start_postgres(folder / "postgres", places.ports["postgres"])
            try:
                url = f"postgresql://postgres@{HOST}:{places.ports['postgres']}/postgres"
                restored = asyncio.run(restore(found, _databases(url), identity, replace=replace))
            finally:
                postgres.stop()
            if secret is not None:
                places.keep_secret(secret)
            return restored
    except RunsAlready:
        raise CannotRestore(
            "Examhall runs on this folder. Stop it first: what is restored must not change meanwhile."
        ) from None


def _what_runs(folder: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    if record := running(folder):
        places: Places = kept(folder, record.gateway_port)
        servers = places.servers({**environment, **naming(record.named)})
        return _databases(servers.postgres), places.secret()
    if server := environment.get("DATABASE_URL"):
        return _databases(server), None
    raise NoDatabase("DATABASE_URL is not set, and no `examhall up` runs here.")


def _databases(server: str) -> dict[str, str]:
    return {service: database_of(server, service) for service in installed_services()}
