"""The age keys of backups (age-encryption.org): a public one seals, the private one opens and need not lie where backups are made."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyrage
from pyrage.x25519 import Identity, Recipient

KEY_FILE = "backup.key"


class NoKey(Exception):
    """A key is missing, or is none."""


def own_key(folder: Path) -> tuple[Path, bool]:
    """The installation's key file, made at the first call, for the owner's eyes only; and whether it was made now."""
    file = folder / KEY_FILE
    if file.exists():
        return file, False
    folder.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(f"{Identity.generate()}\n")
    return file, True


def identity_in(file: Path) -> Identity:
    """The private key in a file. Raises NoKey."""
    try:
        lines = file.read_text().splitlines()
        [line] = [line for line in lines if line.strip() and not line.startswith("#")]
        return Identity.from_str(line.strip())
    except FileNotFoundError:
        raise NoKey(f"There is no key at {file}; name the file with --key.") from None
    except (ValueError, pyrage.IdentityError):
        raise NoKey(f"{file} holds no age key (AGE-SECRET-KEY-1…).") from None


def recipients(named: Sequence[str]) -> list[Recipient]:
    """The public keys of this name. Raises NoKey naming the one that is none."""
    found = []
    for text in named:
        try:
            found.append(Recipient.from_str(text))
        except pyrage.RecipientError:
            raise NoKey(f"{text} is no age key to seal with (age1…).") from None
    return found
