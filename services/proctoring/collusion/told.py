"""What has been told of an exam's pairs and groups, so that what no longer holds can be taken back, also by another worker."""

from collections.abc import Callable, Collection, Mapping
from math import log
from typing import Self

import msgspec

from services.proctoring.collusion.seating import Pair

# A flag's evidence is told again when it has changed by this factor (its logarithm); smaller changes once the exam is quiet.
TENFOLD = log(10)


class Told(msgspec.Struct):
    """`pairs`: told as flagged, with the log e-value told last (None: by an earlier worker); `groups`: likely source and members by id; `answered`:
    requests; `concluded`: the pairs that were flagged when the exam was last analysed for good."""

    pairs: dict[Pair, float | None] = {}
    groups: dict[str, tuple[str, ...]] = {}
    answered: set[str] = set()
    concluded: set[Pair] = set()

    @classmethod
    def decoded(cls, row: bytes) -> Self:
        """From a stored row; evidence told by whoever stored it is told anew."""
        stored = _ROW.decode(row)
        return cls(dict.fromkeys(stored.pairs), stored.groups, set(stored.answered), set(stored.concluded))

    def encoded(self) -> bytes:
        """The row to store: what may have to be taken back."""
        groups = dict(sorted(self.groups.items()))
        return msgspec.msgpack.encode(_Row(sorted(self.pairs), groups, sorted(self.answered), sorted(self.concluded)))

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

    def apart(self, is_followed: Callable[[str, str], bool]) -> set[Pair]:
        """Flagged pairs of the last analysis for good that a running exam does not follow: they stand as they were told until the next."""
        return {pair for pair in self.concluded & self.pairs.keys() if not is_followed(*pair)}

    def groups_of(self, apart: Collection[Pair]) -> dict[str, tuple[str, ...]]:
        """The groups that such pairs hang together in, as they were told."""
        return {
            name: group for name, group in self.groups.items() if any(set(pair) <= set(group[1:]) for pair in apart)
        }

    def groups_changed(self, now: Mapping[str, tuple[str, ...]], is_quiet: bool) -> list[str]:
        """Groups that are new, other than they were told, or no more; all, when all is quiet."""
        known = sorted(self.groups.keys() | now.keys())
        return [name for name in known if is_quiet or self.groups.get(name) != now.get(name)]


class _Row(msgspec.Struct, array_like=True):
    """As it is stored, in lists so that the same is always the same bytes. A row of before an upgrade may end earlier."""

    pairs: list[Pair]
    groups: dict[str, tuple[str, ...]]
    answered: list[str]
    concluded: list[Pair] = []


_ROW = msgspec.msgpack.Decoder(_Row)
