"""What a number rests on: references to stored signals and answers, and tallies that keep the first of them."""

from bisect import insort
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

# A tally counts everything and names this many of the earliest; all others are found in the store by kind and time.
KEPT_EVIDENCE = 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def epoch_ms(at: datetime) -> int:
    """Whole milliseconds since 1970 in UTC: state counts in integers, whose sums do not depend on their order."""
    return (at - _EPOCH) // _MILLISECOND


def moment(at_ms: int) -> datetime:
    """The time of so many milliseconds since 1970."""
    return _EPOCH + at_ms * _MILLISECOND


class Evidence(msgspec.Struct, frozen=True, order=True, array_like=True):
    """One observation that speaks for something. Sorted by time, then by what it is: no two observations are equal."""

    at_ms: int
    source: str  # signal, answer, address, login
    reference: str  # "12.3" is the third signal of batch 12; of an answer its question and revision


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """How often something was observed, how much in all, and the earliest observations. Adding is commutative, so no order matters."""

    count: int = 0
    total: int = 0
    first_ms: int = 0
    last_ms: int = 0
    evidence: tuple[Evidence, ...] = ()

    def with_(self, evidence: Evidence, amount: int = 0) -> "Tally":
        """The tally with one more observation of `amount` (milliseconds, characters; 0 for what is only counted)."""
        return Tally(
            count=self.count + 1,
            total=self.total + amount,
            first_ms=min(self.first_ms, evidence.at_ms) if self.count else evidence.at_ms,
            last_ms=max(self.last_ms, evidence.at_ms) if self.count else evidence.at_ms,
            evidence=earliest(self.evidence, evidence),
        )


def earliest(kept: tuple[Evidence, ...], another: Evidence, limit: int = KEPT_EVIDENCE) -> tuple[Evidence, ...]:
    """The `limit` smallest of what is kept and one more: whatever the order of arrival, the same ones remain."""
    if len(kept) == limit and another > kept[-1]:
        return kept
    grown = list(kept)
    insort(grown, another)
    return tuple(grown[:limit])


def together(tallies: Iterable[Tally]) -> Tally:
    """Several tallies as one."""
    found = [tally for tally in tallies if tally.count]
    if not found:
        return Tally()
    return Tally(
        count=sum(tally.count for tally in found),
        total=sum(tally.total for tally in found),
        first_ms=min(tally.first_ms for tally in found),
        last_ms=max(tally.last_ms for tally in found),
        evidence=tuple(sorted(item for tally in found for item in tally.evidence)[:KEPT_EVIDENCE]),
    )
