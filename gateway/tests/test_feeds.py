import time

import pytest
from google.protobuf.message import DecodeError

from gateway.feeds import Feeds, Pushed
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

KEY = b"exam:1"


class Follower:
    def __init__(self) -> None:
        self.taken: list[Pushed] = []
        self.looks = 0

    def take(self, event: Pushed) -> None:
        self.taken.append(event)

    def look_again(self) -> None:
        self.looks += 1


def test_what_nobody_follows_is_not_even_decoded() -> None:
    feeds = Feeds()
    feeds.follow("exam:2", Follower())
    feeds.hand_out(KEY, b"\xff", time.time())
    feeds.follow("exam:1", Follower())
    with pytest.raises(DecodeError):
        feeds.hand_out(KEY, b"\xff", time.time())


def test_all_followers_get_the_same_bytes_and_who_left_gets_nothing() -> None:
    feeds, here, there, gone = Feeds(), Follower(), Follower(), Follower()
    for follower in (here, there, gone):
        feeds.follow("exam:1", follower)
    feeds.leave("exam:1", gone)
    body = '{"number":7,"name":"Zoë"}'
    feeds.hand_out(KEY, LiveEvent(number=7, body=body).SerializeToString(), time.time())
    text = body.encode()
    assert here.taken == [Pushed(7, bytes([0x81, len(text)]) + text)]
    assert here.taken[0].frame is there.taken[0].frame
    assert gone.taken == []


def test_all_look_again_and_nothing_is_kept_of_who_left() -> None:
    feeds, one, other = Feeds(), Follower(), Follower()
    feeds.follow("exam:1", one)
    feeds.follow("attempt:1", other)
    feeds.look_again()
    assert (one.looks, other.looks) == (1, 1)
    feeds.leave("exam:1", one)
    feeds.leave("attempt:1", other)
    feeds.leave("attempt:1", other)
    assert not feeds._followers
