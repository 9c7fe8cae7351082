"""The keys that sign access tokens: made ahead, published before they sign, kept until the last token they signed has run out."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.ids import new_id
from chassis.sealing import seal, sealed_anew, unseal
from chassis.security import AUDIENCE, ISSUER, MAX_TOKEN_SECONDS, TOKEN_TYPE
from services.identity.tables import Person, SigningKey

_ALGORITHM = "ES256"
# A key is published so long before it signs that every process and every cache of the JWKS has it (and so long after, that no token needs it).
PUBLISHED_AHEAD = timedelta(hours=2)
_LONGEST_TOKEN = timedelta(seconds=MAX_TOKEN_SECONDS)
_ROTATION_LOCK = 0x6B657973
SEALED_AS = "signing keys"


def signing_key(keys: list[SigningKey], at: datetime) -> SigningKey | None:
    """The newest key that may sign now."""
    return max((key for key in keys if key.signs_from <= at), key=lambda key: key.signs_from, default=None)


def next_signs_from(keys: list[SigningKey], at: datetime, key_life: timedelta) -> datetime | None:
    """When a key that has to be made now shall begin to sign; None when none is due."""
    newest = max((key.signs_from for key in keys), default=None)
    if newest is None:
        return at
    due = newest + key_life
    return max(due, at + PUBLISHED_AHEAD) if at >= due - PUBLISHED_AHEAD else None


def retired(keys: list[SigningKey], at: datetime) -> list[SigningKey]:
    """The keys whose last token has run out: a newer one has been signing for longer than a token can live."""
    signing = signing_key(keys, at)
    if signing is None or at < signing.signs_from + _LONGEST_TOKEN + PUBLISHED_AHEAD:
        return []
    return [key for key in keys if key.signs_from < signing.signs_from]


async def rotate_keys(tx: AsyncSession, secret: str, at: datetime, key_life: timedelta) -> bool:
    """Makes the key that is due, drops those that retired, and seals the others with the secret that is shown; whether there are other keys now."""
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_ROTATION_LOCK)))
    keys = list((await tx.execute(sa.select(SigningKey))).scalars())
    old = retired(keys, at)
    for key in keys:
        if key in old:
            await tx.delete(key)
        elif sealed := sealed_anew(secret, SEALED_AS, key.sealed_private_jwk):
            key.sealed_private_jwk = sealed
    signs_from = next_signs_from(keys, at, key_life)
    if signs_from is not None:
        made = ECKey.generate_key("P-256", {"kid": str(new_id()), "use": "sig", "alg": _ALGORITHM})
        public: dict[str, Any] = made.as_dict(private=False)
        private = seal(secret, SEALED_AS, json.dumps(made.as_dict(private=True)))
        tx.add(SigningKey(kid=public["kid"], public_jwk=public, sealed_private_jwk=private, signs_from=signs_from))
    return bool(old) or signs_from is not None


async def public_keys(tx: AsyncSession) -> dict[str, Any]:
    """The JWK Set (RFC 7517) of all keys that a valid token may carry, now or soon."""
    keys = (await tx.execute(sa.select(col(SigningKey.public_jwk)).order_by(col(SigningKey.signs_from)))).scalars()
    return {"keys": list(keys)}


class Signer:
    """Signs access tokens; reads the key again when another should be signing."""

    def __init__(self, secret: str, token_life: timedelta) -> None:
        self._secret = secret
        self.token_life = token_life
        self._keys: list[tuple[datetime, str, ECKey]] = []

    async def load(self, tx: AsyncSession) -> None:
        """Reads the keys."""
        rows = (await tx.execute(sa.select(SigningKey).order_by(col(SigningKey.signs_from)))).scalars()
        self._keys = [
            (
                row.signs_from,
                row.kid,
                ECKey.import_key(json.loads(unseal(self._secret, SEALED_AS, row.sealed_private_jwk))),
            )
            for row in rows
        ]

    def access_token(self, person: Person, session_id: UUID, at: datetime) -> str:
        """An access token (RFC 9068) for a session of a person, valid from `at` for `token_life`."""
        kid, key = next((kid, key) for signs_from, kid, key in reversed(self._keys) if signs_from <= at)
        issued = int(at.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(person.id),
            "role": person.role,
            "sid": str(session_id),
            "jti": str(new_id()),
            "iat": issued,
            "exp": issued + int(self.token_life.total_seconds()),
        }
        if person.centre_id is not None:
            claims["centre"] = str(person.centre_id)
        return jwt.encode({"alg": _ALGORITHM, "kid": kid, "typ": TOKEN_TYPE}, claims, key, algorithms=[_ALGORITHM])
