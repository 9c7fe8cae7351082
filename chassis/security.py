"""Access tokens: checked by every process itself, from keys and ended sessions that identity pushes over one stream.

A token costs one signature check; after that a look-up, until it expires or its session ends. A log-out is answered by identity
only when the processes connected to it have confirmed the session as ended, so the token is refused everywhere from then on.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from chassis.errors import DependencyUnavailable, Unauthenticated
from proto.examhall.identity.v1 import identity_pb2
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub

log = structlog.get_logger()

ISSUER = "examhall"
AUDIENCE = "examhall"
ALGORITHMS = ["ES256"]
TOKEN_TYPE = "at+jwt"  # RFC 9068, section 2.1: a refresh token or anything else can't pass for an access token
MAX_TOKEN_SECONDS = 3600
_MAX_TOKEN_CHARACTERS = 2048
_CACHED_TOKENS = 200_000
# Between identity's machine and this one. A token ends by this one's clock to the second all the same.
_CLOCKS_DIFFER_SECONDS = 60
_EXPIRED = "The access token has expired; get a new one with POST /api/v1/auth/refresh."


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says. `expires_at` is in seconds since the epoch."""

    person_id: UUID
    role: str
    session_id: UUID
    centre_id: UUID | None
    expires_at: float


class Security:
    """The keys and ended sessions known to this process, and the tokens it has already checked."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rules = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=_CLOCKS_DIFFER_SECONDS,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            sid={"essential": True},
            role={"essential": True},
        )
        self._keys: KeySet | None = None
        self._ended: dict[UUID, float] = {}
        self._checked: dict[str, Claims] = {}
        self.is_ready = asyncio.Event()

    def apply(self, state: identity_pb2.SecurityState) -> None:
        """Takes in what identity says: keys replace those known, ended sessions are added.

        Also those of a snapshot: a session that ended while it was made may be missing in it, and none ever begins again.
        """
        forget_at = self._clock() + MAX_TOKEN_SECONDS
        self._ended = {session: until for session, until in self._ended.items() if until > self._clock()}
        self._ended.update({UUID(session): forget_at for session in state.ended_session_ids})
        if state.jwks_json:
            self._keys = KeySet.import_key_set(json.loads(state.jwks_json))
            self._checked.clear()
            self.is_ready.set()

    def check(self, token: str) -> Claims:
        """The claims of a valid access token. Raises Unauthenticated, saying no more than a client needs, and DependencyUnavailable before identity has told
        the keys: who has just started knows nothing against anybody.
        """
        claims = self._checked.get(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._checked) >= _CACHED_TOKENS:
                self._checked.pop(next(iter(self._checked)))
            self._checked[token] = claims
        if claims.expires_at <= self._clock():
            self._checked.pop(token, None)
            raise Unauthenticated(_EXPIRED)
        if claims.session_id in self._ended:
            raise Unauthenticated("This session has ended; sign in again.")
        return claims

    def _verify(self, token: str) -> Claims:
        if self._keys is None:
            raise DependencyUnavailable("Tokens can't be checked yet; try again in a moment.")
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("The access token is not valid.")
        try:
            decoded = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            if decoded.header.get("typ") != TOKEN_TYPE or "kid" not in decoded.header:
                raise Unauthenticated("The access token is not valid.")
            self._rules.validate(decoded.claims)
            centre = decoded.claims.get("centre")
            return Claims(
                UUID(decoded.claims["sub"]),
                str(decoded.claims["role"]),
                UUID(decoded.claims["sid"]),
                UUID(centre) if centre else None,
                float(decoded.claims["exp"]),
            )
        except ExpiredTokenError as error:
            raise Unauthenticated(_EXPIRED) from error
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unauthenticated("The access token is not valid.") from error


async def watch_security(
    security: Security, stub: IdentityStub, credential: tuple[tuple[str, str], ...], name: str
) -> None:
    """Follows identity's stream for ever, connecting again after a break; what is known stays valid meanwhile."""
    delay = 0.05
    while True:
        acknowledgements: asyncio.Queue[int] = asyncio.Queue()
        acknowledgements.put_nowait(0)
        try:
            async for state in stub.WatchSecurity(
                _acks(acknowledgements, f"{name}/{os.getpid()}"), metadata=credential
            ):
                security.apply(state)
                acknowledgements.put_nowait(state.sequence)
                delay = 0.05
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.debug("security_watch_broken", error=str(error)[:200])
        await asyncio.sleep(delay)
        delay = min(delay * 2, 1.0)


async def _acks(sequences: asyncio.Queue[int], watcher: str) -> AsyncIterator[identity_pb2.SecurityAck]:
    while True:
        yield identity_pb2.SecurityAck(sequence=await sequences.get(), watcher=watcher)
