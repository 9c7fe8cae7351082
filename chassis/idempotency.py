"""`Idempotency-Key` on creating posts: the same key and request gives the same reply and the effect once.

The key's row and the reply are written in the transaction of the effect, so neither exists without the other. A second request
with the same key waits for the first one's commit, then gets its reply. It is kept sealed: some replies are shown this once and hold a secret.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import Header, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import credentials
from chassis.errors import Conflict, InvalidInput
from chassis.sealing import seal, unseal

if TYPE_CHECKING:
    from chassis.service import Runtime

M = TypeVar("M", bound=BaseModel)

KEPT = timedelta(hours=48)  # longer than any client goes on trying
_CLEANING_SECONDS = 3600.0
_SEALED_AS = "idempotency replies"

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="repeat a request safely: the same key gives the same reply",
    ),
]


class OnceOnly:
    """Runs a creating use case once for each idempotency key of an actor and route. `secret` is the installation's."""

    def __init__(
        self, tx: AsyncSession, actor: str, route: str, key: str | None, prints: Sequence[bytes], secret: str
    ) -> None:
        self._tx = tx
        self._actor = actor
        self._route = route
        self._key = key
        self._prints = prints
        self._secret = secret
        self._place = json.dumps([actor, route, key])

    async def __call__(self, model: type[M], create: Callable[[], Awaitable[M]]) -> M:
        """The reply of `create()`, or the stored reply of an earlier request with the same key.

        Raises InvalidInput when the key was used for a different request.
        """
        if self._key is None:
            return await create()
        identity = {"actor": self._actor, "route": self._route, "key": self._key}
        fresh = await self._tx.execute(
            sa.text(
                "INSERT INTO idempotency_keys (actor, route, key, fingerprint) VALUES (:actor, :route, :key, :fingerprint)"
                " ON CONFLICT DO NOTHING RETURNING 1"
            ),
            {**identity, "fingerprint": self._prints[0]},
        )
        if fresh.scalar() is None:
            return self._opened(model, await self._stored(identity))
        reply = await create()
        await self._tx.flush()
        await self._tx.execute(
            sa.text(
                "UPDATE idempotency_keys SET reply = CAST(:reply AS jsonb) WHERE actor = :actor AND route = :route AND key = :key"
            ),
            {**identity, "reply": json.dumps(self._sealed(reply))},
        )
        return reply

    async def _stored(self, identity: dict[str, Any]) -> Any:
        row = (
            await self._tx.execute(
                sa.text(
                    "SELECT fingerprint, reply FROM idempotency_keys WHERE actor = :actor AND route = :route AND key = :key"
                ),
                identity,
            )
        ).one_or_none()
        if row is None or row.reply is None:
            raise Conflict("A request with this Idempotency-Key is being worked on; try again in a moment.")
        if bytes(row.fingerprint) not in self._prints:
            raise InvalidInput(
                "Idempotency-Key", "reused", "This Idempotency-Key was used for a different request; take a new one."
            )
        return row.reply

    def _sealed(self, reply: BaseModel) -> str:
        sealed = seal(self._secret, _SEALED_AS, reply.model_dump_json(), self._place)
        return base64.b64encode(sealed).decode()

    def _opened(self, model: type[M], stored: Any) -> M:
        if not isinstance(stored, str):  # by the version before, which stored replies as they are
            return model.model_validate(stored)
        return model.model_validate_json(unseal(self._secret, _SEALED_AS, base64.b64decode(stored), self._place))


async def forget_old_keys(runtime: "Runtime") -> None:
    """Deletes keys and their stored replies when they are too old to be asked for, for ever."""
    while True:
        await runtime.database.pool.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval", KEPT
        )
        await asyncio.sleep(_CLEANING_SECONDS)


async def fingerprints(request: Request, secret: str) -> list[bytes]:
    """What makes a request the same request (method, path, query, body), by each of the installation's secrets, the one that is shown first.

    HMAC and no plain hash: a body may hold a password, which must not be found out by trying from what the database keeps. Last stands the hash by which
    the version before knew a request, which is not kept any more: who sent one before the upgrade may repeat it after.
    """
    content = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    keyed = [hmac.digest(each.encode(), content, "sha256") for each in credentials.accepted(secret)]
    return [*keyed, hashlib.sha256(content).digest()]
