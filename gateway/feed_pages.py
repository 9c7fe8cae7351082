"""Fetches a feed for a socket, with the token that came on it: what the service gives to this person is what the socket may carry."""

import asyncio

import msgspec
from prometheus_client import Counter

from chassis.errors import DependencyUnavailable, Forbidden, NotFound, Unauthenticated
from gateway.arrivals import Arrival
from gateway.proxy import Proxy
from gateway.replies import BadUpstream
from gateway.routes import Channel

FETCHES = Counter("examhall_feed_fetches_total", "Pages of feeds fetched for sockets, by status", ["channel", "status"])
_PAGE_ENTRIES = 200
_REFUSALS = {401: Unauthenticated, 403: Forbidden, 404: NotFound}


class Page(msgspec.Struct):
    """Entries as they go over the socket, the feed's last number, and whether all that followed the wanted number is still kept."""

    entries: list[msgspec.Raw]
    last: int
    is_complete: bool = True


class _Problem(msgspec.Struct):
    detail: str = ""


_decode_page = msgspec.json.Decoder(Page).decode
_decode_problem = msgspec.json.Decoder(_Problem).decode


class FeedPages:
    """Fetches a few at a time: when a broker comes back, every socket asks at once."""

    def __init__(self, proxy: Proxy, at_once: int) -> None:
        self._proxy = proxy
        self._gate = asyncio.Semaphore(at_once)

    async def read(self, arrival: Arrival, channel: Channel, token: str, after: int, most: int = _PAGE_ENTRIES) -> Page:
        """The entries after a number.

        Raises Unauthenticated, Forbidden, NotFound as the service says it; DependencyUnavailable, BadUpstream, UpstreamTooSlow when it
        can't be asked just now.
        """
        target = f"{channel.feed_path}?after={after}&limit={most}"
        async with self._gate:
            status, body = await self._proxy.read(arrival, channel.service, target, token)
        FETCHES.labels(channel.name, str(status)).inc()
        try:
            if status == 200:
                return _decode_page(body)
            detail = _decode_problem(body).detail
        except msgspec.DecodeError as error:
            raise BadUpstream(f"The {channel.service} service gave something that is no feed.") from error
        if refusal := _REFUSALS.get(status):
            raise refusal(detail)
        if status in (429, 503):
            raise DependencyUnavailable(detail)
        raise BadUpstream(f"The {channel.service} service answered with {status}: {detail}")
