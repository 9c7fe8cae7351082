"""Access codes: what is said aloud in the room so that only those present can start."""

import hashlib
import secrets

# No I, L, O, U, 0, 1: nothing that is misread from a board or misheard.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 8
_SALT_BYTES = 16


def new_access_code() -> str:
    """A code of 8 characters, 39 bits: out of reach of guessing at the tries that a student has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_salt() -> str:
    """A fresh salt, in hex."""
    return secrets.token_hex(_SALT_BYTES)


def digest(salt: str, code: str) -> str:
    """What other services know of a code: the hex SHA-256 of salt and code."""
    return hashlib.sha256((salt + code).encode()).hexdigest()
