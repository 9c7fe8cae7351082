"""Who follows which feed, and the way of a live event to them: decoded only when somebody listens, made a frame once, sent to all."""

import time
from typing import NamedTuple, Protocol

from prometheus_client import Counter, Histogram

from gateway.wire import text_frame
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

LIVE_EVENTS = Counter(
    "examhall_live_events_total",
    "Live events read from the broker: pushed, stale (too old to push), or nobody (followed here)",
    ["outcome"],
)
PUSH_SECONDS = Histogram(
    "examhall_live_push_seconds",
    "From a live event's publication to its being pushed to the sockets of this gateway",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
_PUSHED, _STALE, _NOBODY = (LIVE_EVENTS.labels(outcome) for outcome in ("pushed", "stale", "nobody"))
_PASSING_SECONDS = 60.0  # what is passing and older tells nothing; more than the clocks of two machines differ by


class Pushed(NamedTuple):
    """An event as it goes to every follower of its feed; number 0: passing, kept nowhere."""

    number: int
    frame: bytes


class Follows(Protocol):
    """One who follows a feed."""

    def take(self, event: Pushed) -> None:
        """An event of the feed."""

    def look_again(self) -> None:
        """Events may have been missed."""


class Feeds:
    """The followers of each feed, in this process."""

    def __init__(self) -> None:
        self._followers: dict[bytes, set[Follows]] = {}

    def follow(self, feed: str, follower: Follows) -> None:
        """From now on the follower gets what is pushed."""
        self._followers.setdefault(feed.encode(), set()).add(follower)

    def leave(self, feed: str, follower: Follows) -> None:
        """No more."""
        followers = self._followers.get(feed.encode(), set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(feed.encode(), None)

    def hand_out(self, key: bytes, value: bytes, published_at: float) -> None:
        """Pushes the event in a message to who follows its feed, the message's key. `published_at` is in seconds since the epoch.

        Raises google.protobuf.message.DecodeError for a message that is none.
        """
        followers = self._followers.get(key)
        if not followers:
            _NOBODY.inc()
            return
        event = LiveEvent.FromString(value)
        now = time.time()
        if not event.number and event.at.seconds < now - _PASSING_SECONDS:
            _STALE.inc()
            return
        pushed = Pushed(event.number, text_frame(event.body.encode()))
        for follower in list(followers):
            follower.take(pushed)
        _PUSHED.inc()
        PUSH_SECONDS.observe(max(now - published_at, 0))

    def look_again(self) -> None:
        """Events of any feed may have been missed: everybody looks."""
        for followers in list(self._followers.values()):
            for follower in list(followers):
                follower.look_again()
