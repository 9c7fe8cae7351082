"""What has been told of an exam's pairs and groups, so that what no longer holds can be taken back, also by another worker."""

from collections.abc import Collection, Mapping
from math import log
from typing import Self

import msgspec

from services.proctoring.collusion.seating import Pair

# A flag's evidence is told again when it has changed by this factor (its logarithm); smaller changes once the exam is quiet.
TENFOLD = log(10)


class Told(msgspec.Struct):
    """`pairs`: told as flagged, with the log e-value told last (None: by an earlier worker); `groups`: likely source and members by id; `answered`:
    requests."""

    pairs: dict[Pair, float | None] = {}
    groups: dict[str, tuple[str, ...]] = {}
    answered: set[str] = set()

    @classmethod
    def decoded(cls, row: bytes) -> Self:
        """From a stored row; evidence told by whoever stored it is told anew."""
        pairs, groups, answered = _ROW.decode(row)
        return cls(dict.fromkeys(pairs), groups, answered)

    def encoded(self) -> bytes:
        """The row to store: what may have to be taken back."""
        return msgspec.msgpack.encode((sorted(self.pairs), dict(sorted(self.groups.items())), sorted(self.answered)))

    def news(self, now: Mapping[Pair, float], is_quiet: bool) -> list[Pair]:
        """Flagged pairs to tell of: new ones, and those whose evidence changed tenfold; all, when all is quiet."""
        return [
            pair
            for pair, evidence in now.items()
            if is_quiet or (before := self.pairs.get(pair)) is None or abs(evidence - before) >= TENFOLD
        ]

    def taken_back(self, now: Collection[Pair]) -> list[Pair]:
        """Pairs told as flagged that are not any more."""
        return sorted(set(self.pairs) - set(now))

    def groups_changed(self, now: Mapping[str, tuple[str, ...]], is_quiet: bool) -> list[str]:
        """Groups that are new, other than they were told, or no more; all, when all is quiet."""
        known = sorted(self.groups.keys() | now.keys())
        return [name for name in known if is_quiet or self.groups.get(name) != now.get(name)]


_ROW = msgspec.msgpack.Decoder(tuple[list[Pair], dict[str, tuple[str, ...]], set[str]])
