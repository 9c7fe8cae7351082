from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.places import MOST_KEPT, Place

NAMES = {number: b"%d" % number for number in range(1, 1000)}


@dataclass
class Client:
    """A place with a client behind it, and fetches in two steps: what the service reads, and its arrival."""

    place: Place = field(default_factory=Place)
    got: list[bytes] = field(default_factory=list)
    read: list[int] | None = None

    def push(self, number: int) -> None:
        if self.place.take(number, NAMES[number]):
            self.got.append(NAMES[number])

    def fetch(self, feed: int) -> None:
        self.place.begin_fetch()
        self.read = list(range(self.place.last + 1, feed + 1))

    def arrive(self, feed_at_read: int) -> None:
        for number in self.read or ():
            if self.place.take_fetched(number):
                self.got.append(NAMES[number])
        self.got.extend(self.place.catch_up(feed_at_read))
        self.read = None


moves = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.booleans()),  # an entry; whether its push arrives
        st.tuples(st.just("again"), st.integers(1, 40)),  # a push that comes once more, late
        st.tuples(st.just("fetch"), st.booleans()),  # a fetch reads or arrives
    ),
    max_size=60,
)


@given(st.integers(0, 3), moves)
def test_whatever_is_lost_late_or_twice_each_entry_goes_once_and_in_order(begin: int, steps: list) -> None:
    client, feed, feed_at_read = Client(), begin, 0
    client.place.begin_after(begin)
    for step, value in [*steps, ("settle", True)]:
        if step == "tell":
            feed += 1
            if value:
                client.push(feed)
        elif step == "again":
            if value <= feed:
                client.push(value)
        elif client.read is None and not client.place.is_live:
            client.fetch(feed)
            feed_at_read = feed
        elif client.read is not None:
            client.arrive(feed_at_read)
        assert client.got == [NAMES[number] for number in range(begin + 1, client.place.last + 1)]
    if client.read is not None:
        client.arrive(feed_at_read)
    client.push(feed) if feed else None
    while not client.place.is_live:
        client.fetch(feed)
        client.arrive(feed)
    assert client.got == [NAMES[number] for number in range(begin + 1, max(feed, begin) + 1)]


def a_live_place(last: int) -> Place:
    place = Place()
    assert list(place.catch_up(last)) == []
    assert place.is_live
    return place


def test_the_next_entry_goes_at_once_and_a_known_one_never() -> None:
    place = a_live_place(2)
    assert [place.take(3, b"3"), place.take(3, b"3"), place.take(1, b"1")] == [True, False, False]
    assert (place.last, place.is_live) == (3, True)


def test_a_gap_makes_it_fall_behind_until_the_missing_one_is_fetched() -> None:
    place = a_live_place(2)
    assert not place.take(4, b"4")
    assert not place.is_live
    place.begin_fetch()
    assert not place.take(5, b"5")
    assert [place.take_fetched(3), place.take_fetched(4)] == [True, True]
    assert list(place.catch_up(4)) == [b"5"]
    assert (place.last, place.is_live) == (5, True)


def test_what_was_pushed_beyond_the_fetch_and_not_kept_is_fetched_again() -> None:
    place = a_live_place(0)
    place.begin_fetch()
    for number in range(2, MOST_KEPT + 10):
        place.take(number, b"")
    assert len(list(place.catch_up(1))) == MOST_KEPT
    assert not place.is_live


def test_a_feed_that_was_set_back_is_followed_from_its_end() -> None:
    place = a_live_place(100)
    place.begin_fetch()
    assert list(place.catch_up(10)) == []
    assert place.take(11, b"11")


def test_entries_that_are_not_kept_any_more_are_passed_over() -> None:
    place = a_live_place(0)
    place.begin_fetch()
    assert place.take_fetched(8)
    list(place.catch_up(8))
    assert place.take(9, b"9")
