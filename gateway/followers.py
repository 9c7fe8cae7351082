"""One socket from its token to its end: it follows a feed, without loss or repetition, and passes on what its client sends."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter

from chassis.errors import DomainError, Forbidden, InvalidInput, NotFound, TooManyRequests, Unauthenticated
from chassis.security import Claims
from gateway.admission import Admission
from gateway.arrivals import Arrival, new_traceparent
from gateway.feed_pages import FeedPages, Page
from gateway.feeds import Feeds, Pushed
from gateway.hot import Done
from gateway.limits import take
from gateway.messages import Authenticate, Heard, answered, authenticated, incomplete, pong, read_message, refused
from gateway.places import Place
from gateway.replies import Receive
from gateway.routes import Channel, Forward
from gateway.settings import Settings
from gateway.wire import RESTARTING, Wire, text_frame
from proto.examhall.chassis.v1.hot_pb2 import HotCall, HotReply

log = structlog.get_logger()

PUSHED = Counter("examhall_socket_messages_total", "Messages sent on sockets, by channel", ["channel"])
CLOSED = Counter(
    "examhall_sockets_closed_total", "Sockets closed by the gateway, by code (4408: slow readers)", ["channel", "code"]
)

BAD_MESSAGE = 4400
BAD_TOKEN, FORBIDDEN, NOT_FOUND, TOO_SLOW, TOO_MANY = 4401, 4403, 4404, 4408, 4429
TRY_LATER = 1013  # RFC 6455's registry
_CODES: dict[type[DomainError], int] = {
    InvalidInput: BAD_MESSAGE,
    Unauthenticated: BAD_TOKEN,
    Forbidden: FORBIDDEN,
    NotFound: NOT_FOUND,
    TooManyRequests: TOO_MANY,
}
_RESUME = "connect again with the last number you have as after"
_FORWARDED_AT_ONCE = 4
_NOT_THERE_YET_SECONDS = (0.2, 0.4, 0.8)  # what was made a moment ago is not known to every service yet
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class _Numbered(msgspec.Struct):
    number: int


_number_of = msgspec.json.Decoder(_Numbered).decode


class Follower:
    """Knows its place in the feed, and its person by a token that may be renewed. `arrival` is the handshake."""

    def __init__(
        self,
        wire: Wire,
        channel: Channel,
        arrival: Arrival,
        settings: Settings,
        admission: Admission,
        feeds: Feeds,
        pages: FeedPages,
        call: Callable[[str, HotCall, Done], None],
    ) -> None:
        self.channel = channel
        self.arrival = arrival
        self.claims: Claims | None = None
        self.token = ""
        self._wire = wire
        self._settings = settings
        self._admission = admission
        self._feeds = feeds
        self._pages = pages
        self._call = call
        self._place = Place()
        self._begins_after: int | None = None
        self._has_begun = False
        self._wants_look = False
        self._catching_up: asyncio.Task[None] | None = None
        self._forwarded = 0
        self._may_send_at = 0.0
        self._asked_at = 0.0
        self._pushed = PUSHED.labels(channel.name)

    async def wait_for_token(self, receive: Receive, offered: str, after: int | None) -> bool:
        """Takes the token `offered` with the handshake, or that of the first message. False when the socket is to end."""
        self._begins_after = after
        try:
            if offered:
                self.token, self.claims = offered, self._admission.admit_socket(offered, self.arrival.client)
                return True
            async with asyncio.timeout(self._settings.socket_authenticate_seconds):
                message = await receive()
            return message["type"] == "websocket.receive" and self._take_first(message)
        except TimeoutError:
            self.close(BAD_TOKEN, f"no token came within {self._settings.socket_authenticate_seconds:g} s")
        except DomainError as error:
            self.refuse(error)
        return False

    def _take_first(self, message: dict[str, Any]) -> bool:
        heard = read_message(message)
        if not isinstance(heard.content, Authenticate):
            raise Unauthenticated('the first message brings the token: {"type":"authenticate","token":"…","after":0}')
        self.token = heard.content.token
        self.claims = self._admission.admit_socket(self.token, self.arrival.client)
        if heard.content.after is not None:
            self._begins_after = heard.content.after
        return True

    async def follow(self, receive: Receive) -> None:
        """Follows the feed and answers the client until the socket ends."""
        self._feeds.follow(self.channel.feed, self)
        try:
            self.look_again()
            while (message := await receive())["type"] == "websocket.receive":
                self._hear(message)
        finally:
            self._feeds.leave(self.channel.feed, self)
            if self._catching_up is not None:
                self._catching_up.cancel()

    def take(self, event: Pushed) -> None:
        """Sends a pushed event when it is the next one; looks into the feed when one is missing. What is passing does not wait for slow readers."""
        if not event.number:
            if self._has_begun and self._wire.is_reading:
                self._send(event.frame)
        elif self._place.take(event.number, event.frame):
            self._send(event.frame)
        elif not self._place.is_live:
            self._catch_up_soon()

    def look_again(self) -> None:
        """Fetches what may have been missed, even by a fetch that is under way."""
        self._wants_look = True
        self._catch_up_soon()

    def check_token(self, check: Callable[[str], Claims]) -> None:
        """Closes the socket when its token is not valid any more."""
        try:
            check(self.token)
        except Unauthenticated as error:
            self.refuse(error)

    def check_rights(self) -> None:
        """Fetches, when that was long ago, and so asks whether this person may still follow: a proctor may have been taken off the exam."""
        is_due = time.monotonic() - self._asked_at >= self._settings.socket_rights_seconds
        if self.channel.asks_again and self._has_begun and is_due:
            self.look_again()

    def refuse(self, error: DomainError) -> None:
        """Closes the socket for a reason."""
        self.close(next((code for kind, code in _CODES.items() if isinstance(error, kind)), TRY_LATER), error.detail)

    def send_away(self) -> None:
        """The gateway stops: the client should connect to another, or to this one in a moment."""
        self.close(RESTARTING, f"the gateway restarts; {_RESUME}")

    def close(self, code: int, reason: str) -> None:
        """Closes the socket, once."""
        if self._wire.is_open:
            CLOSED.labels(self.channel.name, str(code)).inc()
            self._wire.close(code, reason)

    def _send(self, frame: bytes) -> None:
        if self._wire.push(frame):
            self._pushed.inc()
        else:
            self.close(TOO_SLOW, f"you read too slowly; {_RESUME}")

    def _catch_up_soon(self) -> None:
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Fetches until live. A service that is away is waited for, except at the beginning, when nobody knows yet whether this person may follow."""
        failures = 0
        while (self._wants_look or not self._place.is_live) and self._wire.is_open:
            try:
                self._wants_look = False
                await self._fetch()
                failures = 0
            except (Unauthenticated, Forbidden, NotFound) as error:
                if isinstance(error, NotFound) and not self._has_begun and failures < len(_NOT_THERE_YET_SECONDS):
                    await asyncio.sleep(_NOT_THERE_YET_SECONDS[failures])
                    failures += 1
                else:
                    self.refuse(error)
            except DomainError as error:
                if not self._has_begun:
                    self.close(TRY_LATER, f"{error.detail} Then {_RESUME}.")
                    return
                pause = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
                failures += 1
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only so that not all ask at once
            except Exception:
                log.exception("socket_failed", channel=self.channel.name, request_id=self.arrival.request_id.decode())
                self.close(1011, f"something went wrong on our side; {_RESUME}")

    async def _fetch(self) -> None:
        """Page by page what follows the place, as fast as the client reads."""
        self._asked_at = time.monotonic()
        page = await self._next_page() if self._has_begun else await self._begin()
        while page.entries:
            for entry in page.entries:
                if self._place.take_fetched(_number_of(entry).number):
                    await self._send_when_read(text_frame(bytes(entry)))
            if self._place.last >= page.last:
                break
            page = await self._next_page()
        for frame in self._place.catch_up(max(page.last, self._place.last) if page.entries else page.last):
            await self._send_when_read(frame)

    async def _begin(self) -> Page:
        """The first look into the feed, which shows whether this person may. Without `after`, the feed is followed from its end."""
        self._place.begin_fetch()
        after = self._begins_after
        if after is None:
            page = await self._pages.read(self.arrival, self.channel, self.token, after=0, most=1)
            page = Page([], page.last)
        else:
            page = await self._pages.read(self.arrival, self.channel, self.token, after)
        self._place.begin_after(page.last if after is None else min(after, page.last))
        self._has_begun = True
        self._welcome()
        self._say_what_is_gone(page)
        return page

    async def _next_page(self) -> Page:
        self._place.begin_fetch()
        page = await self._pages.read(self.arrival, self.channel, self.token, self._place.last)
        self._say_what_is_gone(page)
        return page

    def _welcome(self) -> None:
        assert self.claims is not None
        self._send(authenticated(self.channel.feed, self._place.last, self.claims.expires_at))

    def _say_what_is_gone(self, page: Page) -> None:
        if not page.is_complete:
            self._send(incomplete())

    async def _send_when_read(self, frame: bytes) -> None:
        await self._wire.drained()
        self._send(frame)

    def _hear(self, message: dict[str, Any]) -> None:
        rate, burst = self._settings.socket_messages_per_second, self._settings.socket_messages_burst
        self._may_send_at, left = take(self._may_send_at, time.monotonic(), rate, burst)
        if left < 0:
            self.close(TOO_MANY, f"at most {rate:g} messages a second, {burst} at once; {_RESUME}")
            return
        heard: Heard | None = None
        try:
            heard = read_message(message)
            if heard.kind == "ping":
                self._send(pong())
            elif isinstance(heard.content, Authenticate):
                self._renew(heard.content.token)
            elif heard.kind in self.channel.forwards:
                self._forward(heard, self.channel.forwards[heard.kind])
            else:
                raise InvalidInput(
                    "type", "unknown", f"Here nothing is done with a message of type {heard.kind[:40]!r}."
                )
        except DomainError as error:
            self._send(self._refusal(error, heard))

    def _renew(self, token: str) -> None:
        claims = self._admission.admit_socket(token, self.arrival.client)
        if self.claims is None or claims.person_id != self.claims.person_id:
            raise Unauthenticated("This socket belongs to somebody else; open another one for this token.")
        self.token, self.claims = token, claims
        if self._has_begun:
            self._welcome()
        self.look_again()

    def _forward(self, heard: Heard, forward: Forward) -> None:
        assert self.claims is not None
        if self._forwarded >= _FORWARDED_AT_ONCE:
            raise TooManyRequests(
                f"Wait for an answer: at most {_FORWARDED_AT_ONCE} messages are under way at once.", 1
            )
        self._admission.admit_message(self.claims)
        call = HotCall(
            method=forward.method,
            path=forward.path,
            token=self.token,
            body=heard.body(),
            traceparent=new_traceparent(),
            client_address=self.arrival.client,
        )

        def done(outcome: HotReply | DomainError) -> None:
            self._forwarded -= 1
            if isinstance(outcome, DomainError):
                self._send(self._refusal(outcome, heard))
            else:
                self._send(answered(outcome, heard, forward))

        self._forwarded += 1
        try:
            self._call(self.channel.service, call, done)
        except DomainError:
            self._forwarded -= 1
            raise

    def _refusal(self, error: DomainError, heard: Heard | None) -> bytes:
        forward = self.channel.forwards.get(heard.kind) if heard is not None else None
        return refused(error, heard, forward.repeated if forward is not None else ())
