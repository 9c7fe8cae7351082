"""What a REST route asks of the chassis: the transaction, the caller, idempotency, pages, ETags."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import credentials
from chassis.actors import Actor
from chassis.errors import InvalidInput, PreconditionFailed, PreconditionRequired, Unauthenticated
from chassis.idempotency import KeyHeader, OnceOnly, fingerprints
from chassis.paging import Page, PageQuery, PageRequest

if TYPE_CHECKING:
    from chassis.service import Runtime

__all__ = [
    "Body",
    "Caller",
    "IfMatch",
    "Moment",
    "Once",
    "Page",
    "PageQuery",
    "PageRequest",
    "RuntimeOf",
    "Text",
    "Tx",
    "caller_address",
    "etag",
    "name_ids",
    "require_match",
]

CREDENTIAL_HEADER = "x-examhall-credential"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_bearer = HTTPBearer(auto_error=False, description="access token from POST /api/v1/auth/login", bearerFormat="JWT")


async def name_ids(request: Request) -> None:
    """What is logged within a request carries the ids in its path, `attempt_id` for one. Anything else in their place is the client's and stays out."""
    ids = {name: text for name, text in request.path_params.items() if name.endswith("_id") and _ID.fullmatch(text)}
    structlog.contextvars.bind_contextvars(**ids)


def _storable(value: Any) -> Any:
    if isinstance(value, str) and "\0" in value:
        raise ValueError("Text can't hold a NUL character.")  # PostgreSQL keeps none
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("This is before the year 1 or after 9999 in UTC.") from error


Text = Annotated[str, AfterValidator(_storable)]
"""Text in a query, as the database can compare it."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A date and time with its offset, as the database can hold it."""


class Body(BaseModel):
    """Base of request models: a field that is not in the model is refused, strings are stripped, and hold no NUL character."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _hold_no_nul(cls, value: Any) -> Any:
        return _storable(value)


def runtime_of(request: Request) -> "Runtime":
    """The runtime of the service that answers this request."""
    return request.app.state.runtime  # type: ignore[no-any-return]


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).database.session() as session:
        yield session


def caller_address(request: Request) -> str:
    """The client's address: the gateway's word for it when the gateway proves itself, otherwise the peer's."""
    forwarded = request.headers.get("x-forwarded-for")
    secret = runtime_of(request).settings.service_secret.get_secret_value()
    if forwarded and credentials.admits(secret, request.headers.get(CREDENTIAL_HEADER, "")):
        return forwarded.split(",")[0].strip()
    return request.client.host if request.client else ""


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    if credentials is None:
        raise Unauthenticated("This needs an access token; sign in with POST /api/v1/auth/login.")
    claims = runtime_of(request).security.check(credentials.credentials)
    return Actor(
        claims.person_id,
        claims.role,
        claims.session_id,
        claims.centre_id,
        caller_address(request),
        request.headers.get("user-agent", "")[:400],
    )


Tx = Annotated[AsyncSession, Depends(_transaction, scope="function")]
Caller = Annotated[Actor, Depends(_caller)]


async def _once(
    request: Request,
    tx: Tx,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    key: KeyHeader = None,
) -> OnceOnly:
    actor = str(runtime_of(request).security.check(credentials.credentials).person_id) if credentials else ""
    secret = runtime_of(request).settings.service_secret.get_secret_value()
    prints = await fingerprints(request, secret) if key else ()
    return OnceOnly(tx, actor, f"{request.method} {request.url.path}", key, prints, secret)


Once = Annotated[OnceOnly, Depends(_once, scope="function")]


async def _runtime(request: Request) -> Any:
    return runtime_of(request)


RuntimeOf = Annotated[Any, Depends(_runtime)]

_ETAG = re.compile(r'(?:W/)?"v([0-9]{1,18})"')


def etag(version: int) -> str:
    """The entity tag of a row's version."""
    return f'"v{version}"'


def _if_match(
    if_match: Annotated[str | None, Header(alias="If-Match", description='the ETag you read, such as "v3"')] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    if not (found := _ETAG.fullmatch(if_match.strip())):
        raise InvalidInput("If-Match", "format", 'If-Match holds one ETag as it was read, such as "v3".')
    return int(found[1])


IfMatch = Annotated[int | None, Depends(_if_match)]


def require_match(if_match: int | None, version: int, *, required: bool = False) -> None:
    """Raises PreconditionFailed when the caller read another version than the stored one, PreconditionRequired when it must say and did not."""
    if if_match is None and required:
        raise PreconditionRequired(
            "Send If-Match with the ETag that you read, so that nobody else's change is overwritten."
        )
    if if_match is not None and if_match != version:
        raise PreconditionFailed(
            "Somebody changed this since you read it; read it again and repeat your change.", current_etag=etag(version)
        )
