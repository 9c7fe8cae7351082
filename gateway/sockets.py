"""Open sockets: who may open one, how many there are, and what happens to all of them at once."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from prometheus_client import Gauge

from chassis.errors import DependencyUnavailable, DomainError, Forbidden, InvalidInput, NotFound, TooManyRequests
from chassis.security import Security
from gateway.admission import Admission
from gateway.arrivals import Arrival, Headers, Proxies, household
from gateway.cors import Cors
from gateway.feed_pages import FeedPages
from gateway.feeds import Feeds
from gateway.followers import Follower
from gateway.hot import Done
from gateway.messages import MOST_NUMBER
from gateway.proxy import Proxy
from gateway.replies import SECURITY_HEADERS, Receive, Send, refusal
from gateway.routes import CHANNEL_NAMES, Channel, channel_of
from gateway.settings import Settings
from gateway.wire import WIRE, Wire
from proto.examhall.chassis.v1.hot_pb2 import HotCall

SUBPROTOCOL = "examhall.v1"
BEARER = "bearer."  # before a token among the subprotocols that a browser offers

OPEN = Gauge("examhall_sockets_open", "Open WebSockets, by channel", ["channel"])
_CHECK_SECONDS = 1.0
_DIGITS = re.compile("[0-9]{1,16}").fullmatch


class Sockets:
    """The sockets of this process and what they share."""

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        security: Security,
        proxies: Proxies,
        proxy: Proxy,
        cors: Cors,
        call: Callable[[str, HotCall, Done], None],
    ) -> None:
        self.feeds = Feeds()
        self._settings = settings
        self._admission = admission
        self._security = security
        self._proxies = proxies
        self._cors = cors
        self._call = call
        self._pages = FeedPages(proxy, settings.socket_fetches)
        self._followers: dict[Wire, Follower] = {}
        self._of_person: Counter[UUID] = Counter()
        self._waiting: Counter[str] = Counter()
        for name in CHANNEL_NAMES:
            OPEN.labels(name)

    async def serve(self, scope: Any, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        await receive()
        arrival = _arrival_of(scope, self._proxies)
        try:
            channel = _channel_at(arrival.path)
            after = _after_in(scope["query_string"])
            self._check(arrival)
        except DomainError as error:
            await _refuse(send, error, arrival)
            return
        offered: Sequence[str] = scope["subprotocols"]
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        headers: Headers = [(b"x-request-id", arrival.request_id)]
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": headers})
        token = next((each.removeprefix(BEARER) for each in offered if each.startswith(BEARER)), "")
        wire: Wire = scope["extensions"][WIRE]
        follower = Follower(
            wire, channel, arrival, self._settings, self._admission, self.feeds, self._pages, self._call
        )
        self._followers[wire] = follower
        OPEN.labels(channel.name).inc()
        try:
            if await self._is_admitted(follower, receive, token, after):
                await self._count_and_follow(follower, receive)
        finally:
            del self._followers[wire]
            OPEN.labels(channel.name).dec()

    def check_tokens(self) -> None:
        """Closes the sockets whose tokens have expired or whose sessions have ended."""
        for follower in list(self._followers.values()):
            if follower.claims is not None:
                follower.check_token(self._security.check)

    async def watch_rights(self) -> None:
        """Looks for tokens that have expired and for people who may not follow any more, for ever."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            self.check_tokens()
            for follower in list(self._followers.values()):
                follower.check_rights()

    def send_away(self, wire: Wire) -> None:
        """The server stops."""
        with suppress(KeyError):
            self._followers[wire].send_away()

    def _check(self, arrival: Arrival) -> None:
        origin = arrival.headers.get(b"origin")
        if origin is not None and not self._cors.allows(origin) and not _is_own(origin, arrival):
            raise Forbidden(
                "Pages of this origin may not open sockets here; EXAMHALL_CORS_ORIGINS names those that may."
            )
        if not self._settings.kafka_bootstrap_servers:
            raise DependencyUnavailable("This installation has no broker, so there is nothing live.")
        if len(self._followers) >= self._settings.sockets_most:
            raise DependencyUnavailable("Too many sockets are open here; try again shortly.")
        if self._waiting[household(arrival.client)] >= self._settings.sockets_waiting_per_address:
            raise TooManyRequests("Too many sockets of this address have not brought their tokens yet.", 1)

    async def _is_admitted(self, follower: Follower, receive: Receive, token: str, after: int | None) -> bool:
        address = household(follower.arrival.client)
        self._waiting[address] += 1
        try:
            return await follower.wait_for_token(receive, token, after)
        finally:
            _count_down(self._waiting, address)

    async def _count_and_follow(self, follower: Follower, receive: Receive) -> None:
        assert follower.claims is not None
        person, most = follower.claims.person_id, self._settings.sockets_per_person
        if self._of_person[person] >= most:
            follower.refuse(TooManyRequests(f"one person has at most {most} sockets open here; close another first", 1))
            return
        self._of_person[person] += 1
        try:
            await follower.follow(receive)
        finally:
            _count_down(self._of_person, person)


def _arrival_of(scope: Any, proxies: Proxies) -> Arrival:
    """A handshake is a GET (RFC 6455, section 4.1)."""
    scheme = "https" if scope["scheme"] == "wss" else "http"
    return Arrival({**scope, "method": "GET", "scheme": scheme}, proxies)


def _channel_at(path: str) -> Channel:
    channel = channel_of(path)
    if channel is None:
        raise NotFound("There is no such socket; /ws/exams/{id}/monitor and /ws/attempts/{id} are.")
    return channel


def _after_in(query: bytes) -> int | None:
    """`?after=N`, the only thing that a socket's address may say."""
    if not query:
        return None
    name, _, value = query.decode("latin-1").partition("=")
    if name != "after" or not _DIGITS(value) or int(value) > MOST_NUMBER:
        raise InvalidInput(
            "after", "range", "A socket's address takes ?after=N alone, the number of the last entry you have."
        )
    return int(value)


def _is_own(origin: bytes, arrival: Arrival) -> bool:
    """Whether a page came from the address that it now calls; behind a proxy that ends TLS the scheme does not show."""
    _, _, place = origin.lower().partition(b"://")
    host = arrival.headers.get(b"host", b"").lower()
    return bool(place) and _without_port(place) == _without_port(host)


def _without_port(place: bytes) -> bytes:
    """A place without the port that its scheme has anyway."""
    return re.sub(rb":(80|443)$", b"", place)


async def _refuse(send: Send, error: DomainError, arrival: Arrival) -> None:
    reply = refusal(error, arrival)
    headers = [(b"content-type", reply.content_type), *reply.headers, *arrival.reply_headers, *SECURITY_HEADERS]
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reply.body})


def _count_down(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
