"""Backups on disk: a folder each, with a manifest that is written last, so that one that was cut off is not taken for a backup."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

_MANIFEST = "manifest.json"
_NAME = "%Y%m%dT%H%M%SZ"
_CHUNK = 1 << 20


class NotABackup(Exception):
    """A folder holds no backup, or one that is damaged; the message says which file and why."""


@dataclass(frozen=True)
class PartOfBackup:
    """One encrypted file: its size, and the SHA-256 of what lies on disk."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: the dump of each service's database at one instant, and the installation's secret."""

    made_at: str  # ISO 8601, UTC
    version: str  # of Examhall
    recipients: Sequence[str]  # the age keys that open it
    databases: Mapping[str, PartOfBackup]
    secret: PartOfBackup | None

    @property
    def bytes(self) -> int:
        """The size of all parts."""
        return sum(part.bytes for part in [*self.databases.values(), *([self.secret] if self.secret else [])])


@dataclass(frozen=True)
class Backup:
    """A whole backup."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """By which it is asked for."""
        return self.folder.name

    @property
    def made_at(self) -> datetime:
        """The instant that its databases stood at."""
        return datetime.fromisoformat(self.manifest.made_at)


def new_folder(place: Path, moment: datetime) -> Path:
    """The folder of a backup that begins now, for its owner's eyes only."""
    folder = place / moment.astimezone(UTC).strftime(_NAME)
    folder.mkdir(mode=0o700, parents=True)
    return folder


def finish(folder: Path, manifest: Manifest) -> Backup:
    """Makes the folder a backup."""
    making = folder / f"{_MANIFEST}.new"
    making.write_text(json.dumps(asdict(manifest), indent=2))
    making.rename(folder / _MANIFEST)
    return Backup(folder, manifest)


def read(folder: Path) -> Backup:
    """The backup in a folder. Raises NotABackup."""
    try:
        content = json.loads((folder / _MANIFEST).read_text())
        databases = {name: PartOfBackup(**part) for name, part in content.pop("databases").items()}
        secret = content.pop("secret")
        return Backup(folder, Manifest(**content, databases=databases, secret=secret and PartOfBackup(**secret)))
    except FileNotFoundError:
        raise NotABackup(f"{folder} holds no backup, or one that was cut off.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NotABackup(f"{folder / _MANIFEST} is damaged: {error}") from error


def listed(place: Path) -> list[Backup]:
    """All whole backups of a place, newest first."""
    found = [read(manifest.parent) for manifest in place.glob(f"*/{_MANIFEST}")]
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def prune(place: Path, moment: datetime, keep: timedelta) -> list[str]:
    """Removes what is older than `keep`, but never the newest whole backup; also what was cut off so long ago. The names of what is gone."""
    whole = {backup.folder: backup.made_at for backup in listed(place)}
    newest = max(whole.values(), default=None)
    gone = []
    for folder in sorted(path for path in place.iterdir() if path.is_dir()) if place.exists() else []:
        made_at = whole.get(folder) or datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        if made_at < moment - keep and made_at != newest and _is_ours(folder):
            shutil.rmtree(folder)
            gone.append(folder.name)
    return gone


def part_of(file: Path) -> PartOfBackup:
    """What the manifest says of a file."""
    with file.open("rb") as content:
        return PartOfBackup(file.name, file.stat().st_size, _digest(content))


def check(backup: Backup) -> None:
    """Raises NotABackup naming the first part that is missing or not what was written."""
    manifest = backup.manifest
    for part in [*manifest.databases.values(), *([manifest.secret] if manifest.secret else [])]:
        file = backup.folder / part.file
        if not file.exists():
            raise NotABackup(f"{file} is missing.")
        if part_of(file) != part:
            raise NotABackup(f"{file} is damaged: it is not what was written on {manifest.made_at}.")


def _is_ours(folder: Path) -> bool:
    try:
        datetime.strptime(folder.name, _NAME)
    except ValueError:
        return False
    return True


def _digest(content: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
