"""Passes a request on to its service and the reply back, in parts when they are large, and waits for a service that restarts."""

import asyncio
import time
from typing import Any

import structlog

from chassis import credentials
from chassis.errors import DependencyUnavailable
from chassis.rpc import CREDENTIAL
from gateway.arrivals import Arrival, Headers
from gateway.bodies import BodyStream, ClientGone, read_whole, too_large
from gateway.exchange import WHOLE_BYTES
from gateway.replies import (
    NO_STORE,
    SECURITY_HEADERS,
    STRICT_TRANSPORT,
    BadUpstream,
    BodyTooLarge,
    Receive,
    Send,
    UpstreamTooSlow,
)
from gateway.routes import SERVICES
from gateway.settings import Settings
from gateway.upstream import Upstream
from gateway.upstream_reply import Abandoned, BrokenOff, InvalidReply, NotReached, Silent, UpstreamReply

log = structlog.get_logger()

_RETRY_SECONDS = 0.1
_CREDENTIAL = CREDENTIAL.encode()
_AUTHORIZATION = b"authorization"
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOP_BY_HOP = frozenset(
    (
        b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade"
    ).split()
)  # RFC 9110, section 7.6.1
_OURS = frozenset(
    (
        b"host content-length expect forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip"
    ).split()
) | {b"x-request-id", b"traceparent", _CREDENTIAL, _AUTHORIZATION}
_NOT_PASSED_ON = _HOP_BY_HOP | _OURS
_NOT_PASSED_BACK = _HOP_BY_HOP | {b"server", b"date", b"x-request-id", *(name for name, _ in SECURITY_HEADERS)}
_WITHOUT_BODY = (204, 304)
_NOT_PASSED_BACK_EMPTY = _NOT_PASSED_BACK | {b"content-length"}  # here it tells of a body that is not sent


class Proxy:
    """The services, and what is told to them with every request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._upstreams = {
            service: Upstream(
                settings.upstream(service),
                connections=settings.upstream_connections,
                seconds=settings.upstream_seconds,
            )
            for service in SERVICES
        }
        self._credential = (_CREDENTIAL, credentials.shown(settings.service_secret.get_secret_value()).encode())

    def close(self) -> None:
        """Closes the connections."""
        for upstream in self._upstreams.values():
            upstream.close()

    async def forward(self, arrival: Arrival, service: str, scope: Any, receive: Receive, send: Send) -> int:
        """Answers a request by its service; gives the status.

        Raises BodyTooLarge, DependencyUnavailable, BadUpstream, UpstreamTooSlow before anything is sent, and ClientGone.
        """
        body = await self._body(arrival, receive)
        target, query = scope["raw_path"], scope["query_string"]
        if query:
            target = b"%b?%b" % (target, query)
        reply = await self._ask(arrival, service, target, self._headers(arrival, scope["headers"]), body)
        try:
            await self._pass_back(arrival, reply, receive, send)
        finally:
            reply.abandon()
        return reply.status

    async def read(self, arrival: Arrival, service: str, target: str, token: str) -> tuple[int, bytes]:
        """Status and body of what a service gives to who brought the token, asked on behalf of an arrival that is no request by itself.

        Raises DependencyUnavailable, BadUpstream, UpstreamTooSlow.
        """
        headers = [(b"authorization", f"Bearer {token}".encode()), *self._own_headers(arrival)]
        reply = await self._ask(arrival, service, target.encode(), headers, None)
        try:
            return reply.status, await reply.whole()
        except Silent as error:
            raise _too_slow(service) from error
        except (BrokenOff, InvalidReply) as error:
            raise BadUpstream("The service broke off in the middle of its reply.") from error
        finally:
            reply.abandon()

    async def status(self, service: str, path: str) -> int:
        """What a service answers at a path, asked once and in the gateway's own name. Raises UpstreamError."""
        reply = await self._upstreams[service].request("GET", path.encode(), [])
        reply.abandon()
        return reply.status

    async def _body(self, arrival: Arrival, receive: Receive) -> bytes | BodyStream | None:
        limit = self._settings.max_body_bytes
        told = arrival.headers.get(b"content-length")
        if told is None:
            return BodyStream(receive, limit) if b"transfer-encoding" in arrival.headers else None
        length = int(told)
        if length > limit:
            raise too_large(limit)
        return await read_whole(receive, WHOLE_BYTES) if length <= WHOLE_BYTES else BodyStream(receive, limit, length)

    def _headers(self, arrival: Arrival, sent: Headers) -> Headers:
        dropped = _NOT_PASSED_ON
        if b"connection" in arrival.headers:
            lines = [value for name, value in sent if name == b"connection"]
            dropped = dropped | {name.strip().lower() for line in lines for name in line.split(b",")}
        headers = [header for header in sent if header[0] not in dropped]
        headers += self._own_headers(arrival)
        authorization = arrival.headers.get(_AUTHORIZATION)
        if authorization is not None:  # once: of several, the one that was admitted
            headers.append((_AUTHORIZATION, authorization))
        return headers

    def _own_headers(self, arrival: Arrival) -> Headers:
        return [
            (b"x-forwarded-for", arrival.client.encode()),
            (b"x-forwarded-proto", b"https" if arrival.is_secure else b"http"),
            (b"x-request-id", arrival.request_id),
            (b"traceparent", arrival.traceparent.encode()),
            self._credential,
        ]

    async def _ask(
        self, arrival: Arrival, service: str, target: bytes, headers: Headers, body: bytes | BodyStream | None
    ) -> UpstreamReply:
        """The service's reply. A request that did not reach it, or may be made twice, waits for it to come back."""
        give_up = time.monotonic() + self._settings.upstream_hold_seconds
        upstream = self._upstreams[service]
        failure: BrokenOff | NotReached
        while True:
            try:
                return await upstream.request(arrival.method, target, headers, body)
            except Silent as error:
                raise _too_slow(service) from error
            except InvalidReply as error:
                log.warning("upstream_invalid", upstream=service, reason=str(error))
                raise BadUpstream(f"The {service} service gave something that is no valid reply.") from error
            except BrokenOff as error:
                may_repeat = arrival.method in _REPEATABLE and not isinstance(body, BodyStream)
                if not may_repeat or error.has_begun:
                    log.warning("upstream_broke_off", upstream=service, has_begun=error.has_begun)
                if may_repeat and error.has_begun:
                    raise BadUpstream("The service broke off in the middle of its reply.") from error
                if not may_repeat:
                    raise BadUpstream(
                        f"The {service} service broke off; look whether your change was made before you repeat it."
                    ) from error
                failure = error
            except NotReached as error:
                failure = error
            if time.monotonic() >= give_up:
                log.warning("upstream_away", upstream=service, error=type(failure).__name__)
                raise DependencyUnavailable(
                    f"The {service} service does not answer at the moment; try again shortly."
                ) from failure
            await asyncio.sleep(_RETRY_SECONDS)

    async def _pass_back(self, arrival: Arrival, reply: UpstreamReply, receive: Receive, send: Send) -> None:
        status = reply.status
        dropped = _NOT_PASSED_BACK if status not in _WITHOUT_BODY else _NOT_PASSED_BACK_EMPTY
        headers = [header for header in reply.headers if header[0] not in dropped]
        headers += arrival.reply_headers
        headers += SECURITY_HEADERS
        if b"cache-control" not in dict(reply.headers):
            headers.append(NO_STORE)
        if arrival.is_secure:
            headers.append(STRICT_TRANSPORT)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if reply.body is not None:
            await send({"type": "http.response.body", "body": reply.body})
        else:
            await _stream(reply, receive, send)


async def _stream(reply: UpstreamReply, receive: Receive, send: Send) -> None:
    """Passes on what comes, until the reply ends or the client leaves. A reply that breaks off is broken off here too."""
    gone = asyncio.create_task(_client_left(reply, receive))
    try:
        while content := await reply.part():
            await send({"type": "http.response.body", "body": content, "more_body": True})
    except Abandoned as error:
        raise ClientGone from error
    except BodyTooLarge as error:  # too late to say so
        raise BrokenOff(has_begun=True) from error
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _client_left(reply: UpstreamReply, receive: Receive) -> None:
    """Gives the reply up when the client leaves. What is still on its way to the service goes there first: only one may receive."""
    await reply.sent()
    while (await receive())["type"] != "http.disconnect":
        pass
    reply.abandon()


def _too_slow(service: str) -> UpstreamTooSlow:
    return UpstreamTooSlow(f"The {service} service did not answer in time.")
