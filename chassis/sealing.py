"""What a database keeps but must not tell: sealed with a key derived from the installation's secret (HKDF-SHA256, RFC 5869; AES-256-GCM)."""

import os
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis import credentials

_NONCE_BYTES = 12


def seal(secret: str, purpose: str, text: str, place: str = "") -> bytes:
    """The text, sealed with the secret that is shown. It opens for the same purpose and in the same place alone: not in another row's column."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(credentials.shown(secret), purpose).encrypt(nonce, text.encode(), place.encode())


def unseal(secret: str, purpose: str, sealed: bytes, place: str = "") -> str:
    """The text of `seal`, by any secret that is accepted. Raises cryptography.exceptions.InvalidTag when it was sealed with another one."""
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for each in credentials.accepted(secret):
        with suppress(InvalidTag):
            return _cipher(each, purpose).decrypt(nonce, content, place.encode()).decode()
    raise InvalidTag("sealed with a secret that is not in EXAMHALL_SERVICE_SECRET")


def sealed_anew(secret: str, purpose: str, sealed: bytes) -> bytes | None:
    """The same text sealed with the secret that is shown; None when it is already. Raises cryptography.exceptions.InvalidTag as `unseal` does."""
    try:
        unseal(credentials.shown(secret), purpose, sealed)
    except InvalidTag:
        return seal(secret, purpose, unseal(secret, purpose, sealed))
    return None


def _cipher(secret: str, purpose: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=f"examhall {purpose}".encode()).derive(secret.encode()))
