"""Passes a request on to its service and the reply back, in parts when they are large, and waits for a service that restarts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import structlog
from yarl import URL

from chassis.errors import DependencyUnavailable
from chassis.rpc import CREDENTIAL
from gateway.arrivals import Arrival, Headers
from gateway.bodies import BodyStream, ClientGone, read_whole, too_large
from gateway.replies import NO_STORE, SECURITY_HEADERS, STRICT_TRANSPORT, BadUpstream, Receive, Send, UpstreamTooSlow
from gateway.routes import SERVICES
from gateway.settings import Settings

log = structlog.get_logger()

_WHOLE_BYTES = (
    256 * 1024
)  # up to here bodies and replies are passed on whole: slow clients then hold no connection to a service
_CONNECT_SECONDS = 2.0
_RETRY_SECONDS = 0.1
_IDLE_SECONDS = 30.0  # less than a service's keep-alive, so that it never closes a connection as we use it
_CREDENTIAL = CREDENTIAL.encode()
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
) | {b"x-request-id", b"traceparent", _CREDENTIAL}
_NOT_PASSED_ON = _HOP_BY_HOP | _OURS
_NOT_PASSED_BACK = _HOP_BY_HOP | {b"server", b"date", b"x-request-id", *(name for name, _ in SECURITY_HEADERS)}
_SKIPPED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONNECT_FAILED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Proxy:
    """Connections to the services, kept open between requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = {service: f"http://{settings.upstream(service)}" for service in SERVICES}
        self._secret = settings.service_secret.get_secret_value()
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP client, opened at its first use."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=self._settings.upstream_connections,
                    keepalive_timeout=_IDLE_SECONDS,
                    ttl_dns_cache=5,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=self._settings.upstream_seconds,
                    sock_connect=_CONNECT_SECONDS,
                    sock_read=self._settings.upstream_seconds,
                ),
                skip_auto_headers=_SKIPPED,
                max_line_size=32 * 1024,
                max_field_size=32 * 1024,
            )
        return self._session

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def forward(self, arrival: Arrival, service: str, scope: Any, receive: Receive, send: Send) -> int:
        """Answers a request by its service; gives the status.

        Raises BodyTooLarge, DependencyUnavailable, BadUpstream, UpstreamTooSlow before anything is sent, and ClientGone.
        """
        body = await self._body(arrival, receive)
        query = scope["query_string"]
        target = scope["raw_path"].decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
        url = URL(self._base[service] + target, encoded=True)
        response = await self._request(arrival, service, url, self._headers(arrival, scope["headers"]), body)
        try:
            return await self._pass_back(arrival, response, receive, send)
        finally:
            response.release()

    async def read(self, arrival: Arrival, service: str, target: str, token: str) -> tuple[int, bytes]:
        """Status and body of what a service gives to who brought the token, asked on behalf of an arrival that is no request by itself.

        Raises DependencyUnavailable, BadUpstream, UpstreamTooSlow.
        """
        headers = [("authorization", f"Bearer {token}"), *self._own_headers(arrival)]
        url = URL(self._base[service] + target, encoded=True)
        response = await self._request(arrival, service, url, headers, None)
        try:
            return response.status, await response.read()
        except TimeoutError as error:
            raise UpstreamTooSlow(f"The {service} service did not answer in time.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BadUpstream("The service broke off in the middle of its reply.") from error
        finally:
            response.release()

    async def _body(self, arrival: Arrival, receive: Receive) -> bytes | BodyStream | None:
        limit = self._settings.max_body_bytes
        length = arrival.headers.get(b"content-length")
        if length is None:
            return BodyStream(receive, limit) if b"transfer-encoding" in arrival.headers else None
        if int(length) > limit:
            raise too_large(limit)
        return await read_whole(receive, _WHOLE_BYTES) if int(length) <= _WHOLE_BYTES else BodyStream(receive, limit)

    def _headers(self, arrival: Arrival, sent: Headers) -> list[tuple[str, str]]:
        dropped = _NOT_PASSED_ON
        if b"connection" in arrival.headers:
            lines = [value for name, value in sent if name == b"connection"]
            dropped = dropped | {name.strip().lower() for line in lines for name in line.split(b",")}
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent if name not in dropped]
        if (length := arrival.headers.get(b"content-length")) is not None:
            headers.append(("content-length", length.decode()))
        return headers + self._own_headers(arrival)

    def _own_headers(self, arrival: Arrival) -> list[tuple[str, str]]:
        return [
            ("x-forwarded-for", arrival.client),
            ("x-forwarded-proto", "https" if arrival.is_secure else "http"),
            ("x-request-id", arrival.request_id.decode()),
            ("traceparent", arrival.traceparent),
            (CREDENTIAL, self._secret),
        ]

    async def _request(
        self,
        arrival: Arrival,
        service: str,
        url: URL,
        headers: list[tuple[str, str]],
        body: bytes | BodyStream | None,
    ) -> aiohttp.ClientResponse:
        give_up = time.monotonic() + self._settings.upstream_hold_seconds
        is_stream = isinstance(body, BodyStream)
        while True:
            try:
                data = body.parts() if isinstance(body, BodyStream) else body
                return await self.session.request(
                    arrival.method, url, headers=headers, data=data, allow_redirects=False
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if isinstance(body, BodyStream) and body.failure is not None:
                    raise body.failure from error
                was_sent = not isinstance(error, _CONNECT_FAILED)
                if isinstance(error, TimeoutError) and was_sent:
                    raise UpstreamTooSlow(f"The {service} service did not answer in time.") from error
                may_repeat = arrival.method in _REPEATABLE and not is_stream if was_sent else True
                if not may_repeat:
                    log.warning("upstream_broke_off", upstream=service, error=type(error).__name__)
                    raise BadUpstream(
                        f"The {service} service broke off; look whether your change was made before you repeat it."
                    ) from error
                if time.monotonic() >= give_up:
                    log.warning("upstream_away", upstream=service, error=type(error).__name__)
                    raise DependencyUnavailable(
                        f"The {service} service does not answer at the moment; try again shortly."
                    ) from error
            await asyncio.sleep(_RETRY_SECONDS)

    async def _pass_back(self, arrival: Arrival, response: aiohttp.ClientResponse, receive: Receive, send: Send) -> int:
        status = response.status
        headers = [(name, value) for name, value in response.raw_headers if name.lower() not in _NOT_PASSED_BACK]
        headers += arrival.reply_headers
        headers += SECURITY_HEADERS
        if "Cache-Control" not in response.headers:
            headers.append(NO_STORE)
        if arrival.is_secure:
            headers.append(STRICT_TRANSPORT)
        start = {"type": "http.response.start", "status": status, "headers": headers}
        length = response.content_length
        if arrival.method == "HEAD" or status in (204, 304):
            await send(start)
            await send({"type": "http.response.body", "body": b""})
        elif length is not None and length <= _WHOLE_BYTES:
            try:
                body = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise BadUpstream("The service broke off in the middle of its reply.") from error
            await send(start)
            await send({"type": "http.response.body", "body": body})
        else:
            await send(start)
            await _stream(response, receive, send)
        return status


async def _stream(response: aiohttp.ClientResponse, receive: Receive, send: Send) -> None:
    """Passes on what comes, until the reply ends or the client leaves. A reply that breaks off is broken off here too."""
    gone = asyncio.create_task(_client_left(receive))
    parts: AsyncIterator[bytes] = response.content.iter_any()
    try:
        while True:
            part = asyncio.ensure_future(anext(parts, None))
            await asyncio.wait((part, gone), return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                with suppress(asyncio.CancelledError, aiohttp.ClientError):
                    await part
                response.close()
                raise ClientGone
            content = part.result()
            await send({"type": "http.response.body", "body": content or b"", "more_body": content is not None})
            if content is None:
                return
    finally:
        gone.cancel()


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
