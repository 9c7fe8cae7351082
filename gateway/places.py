"""Where a follower stands in its feed: which entries go to the client, so that each goes once, in order, whatever is pushed or fetched when.

The feed numbers its entries 1, 2, 3, … What is pushed may come twice, late, or not at all; what is fetched is complete. A follower that is
live sends each entry that is the next one. Any other that is new is a sign of a gap: the follower falls behind, keeps what comes, and is live
again when what it fetched and kept reaches the newest number seen meanwhile.
"""

from collections.abc import Iterator

MOST_KEPT = 256


class Place:
    """`last` is the number of the entry that went to the client last. A new place is behind until it has caught up for the first time."""

    def __init__(self) -> None:
        self.last = 0
        self.is_live = False
        self._seen = 0  # the newest number pushed since the fetch under way began
        self._kept: dict[int, bytes] = {}

    def begin_after(self, number: int) -> None:
        """The client has everything up to here, or does not ask for it."""
        self.last = number

    def take(self, number: int, frame: bytes) -> bool:
        """Whether a pushed entry goes to the client now. If not it is known already, or the place is behind, as `is_live` tells."""
        if number <= self.last:
            return False
        if self.is_live and number == self.last + 1:
            self.last = number
            return True
        self.is_live = False
        self._seen = max(self._seen, number)
        if len(self._kept) < MOST_KEPT:
            self._kept[number] = frame
        return False

    def begin_fetch(self) -> None:
        """The feed is asked for what follows `last`: from now on nothing pushed goes to the client before that has come. What was pushed until
        now is in the feed already."""
        self.is_live = False
        self._seen = 0

    def take_fetched(self, number: int) -> bool:
        """Whether a fetched entry goes to the client. What lies between it and the last is not kept any more, or it would have come."""
        if number <= self.last:
            return False
        self.last = number
        return True

    def catch_up(self, end: int) -> Iterator[bytes]:
        """All up to `end`, the feed's last number, was fetched: gives the kept entries that follow. Live again unless there is yet more.

        A feed that ends before what the client has was set back: it is followed from its end.
        """
        self.last = end
        while (frame := self._kept.pop(self.last + 1, None)) is not None:
            self.last += 1
            yield frame
        self._kept = {number: frame for number, frame in self._kept.items() if number > self.last} if self._seen else {}
        self.is_live = self._seen <= self.last
