"""Which pairs could have copied by what is known of where and when they sat: they are tested as a family of their own.

Half a million pairs of a thousand candidates need evidence of one in ten million each; four thousand plausible ones need a hundred times less.
What makes a pair plausible is fixed before any answer is looked at, or the error bounds would not hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import numpy as np
from numpy.typing import NDArray

from services.proctoring.collusion.arrays import Floats, Whole

# Beyond so many neighbours the nearest count: a hall of hundreds has neighbours too. Bounds memory and the family.
MOST_NEIGHBOURS = 64
_ROOM, _ADDRESS, _CENTRE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Seat:
    """Where and when a candidate sits the exam; empty where unknown. Seconds since the exam opened; `ends` may be the deadline still.

    `room`: by the seating plan, in which a name is one room whatever centres its students are of.
    """

    room: str = ""
    centre: str = ""
    address: str = ""
    starts: float = 0.0
    ends: float = float("inf")


def address_block(address: str) -> str:
    """The network that addresses of one building usually share: /24 of IPv4, /56 of IPv6; empty for what is no public or private host address."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if known.is_loopback or known.is_unspecified:
        return ""
    return str(ip_network(f"{known}/{24 if known.version == 4 else 56}", strict=False))


def plausible_sources(seats: Sequence[Seat], most: int = MOST_NEIGHBOURS) -> list[NDArray[np.int32]]:
    """For each candidate the others of the same room or, where none is known, of the same address block, then centre, whose sittings overlap; nearest
    first, then who started closest.

    Plausible is mutual, so a pair is kept only where each is among the other's `most` nearest.
    """
    blocks = [address_block(seat.address) for seat in seats]
    # A known room says more than the building and the centre around it: a school behind one address would be one room again.
    keys = [
        (seat.room, "", "") if seat.room else ("", block, seat.centre)
        for seat, block in zip(seats, blocks, strict=True)
    ]
    starts = np.array([seat.starts for seat in seats])
    ends = np.array([seat.ends for seat in seats])
    groups: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list), defaultdict(list)]
    for candidate, named in enumerate(keys):
        for kind, key in enumerate(named):
            if key:
                groups[kind][key].append(candidate)
    by_start = [
        {key: np.array(sorted(members, key=lambda each: (starts[each], each))) for key, members in group.items()}
        for group in groups
    ]
    nearest = []
    for candidate, named in enumerate(keys):
        found: dict[int, None] = {}
        for kind in (_ROOM, _ADDRESS, _CENTRE):
            if named[kind] and len(found) < most:
                # So many more are asked for as are known already: some of the next kind may be among them.
                near = _closest(candidate, by_start[kind][named[kind]], starts, ends, most + len(found))
                found.update(dict.fromkeys(other for other in near if other not in found))
        nearest.append(list(found)[:most])
    held = [set(row) for row in nearest]
    return [
        np.array([other for other in row if candidate in held[other]], np.int32)
        for candidate, row in enumerate(nearest)
    ]


def pairs_of(sources: Iterable[NDArray[np.int32]]) -> Whole:
    """The unordered pairs, each once with the smaller place first, (pairs, 2)."""
    pairs = [(candidate, int(other)) for candidate, row in enumerate(sources) for other in row if candidate < other]
    return np.array(pairs, np.int64).reshape(-1, 2)


def pair_codes(pairs: Whole, candidates: int) -> Whole:
    """One number per unordered pair, whichever way round it is written: to look pairs up in a family."""
    codes: Whole = pairs.min(axis=1) * candidates + pairs.max(axis=1)
    return codes


def distinct_pairs(pairs: Whole, candidates: int) -> Whole:
    """The unordered pairs among these, each once with the smaller place first, in order; nobody is a pair with himself.

    By numbers, since numpy sorts rows by comparing them one by one, and lets no other thread run meanwhile.
    """
    codes = np.unique(pair_codes(pairs[pairs[:, 0] != pairs[:, 1]], candidates))
    return np.column_stack(np.divmod(codes, max(1, candidates)))


def _closest(candidate: int, group: Whole, starts: Floats, ends: Floats, most: int) -> list[int]:
    """The `most` of a group, sorted by start, whose sittings overlap the candidate's and who started closest to it, the closest first.

    Looks around the candidate's place in the group, as far as it must: a centre of thousands is not gone through for each of them.
    """
    own, size = starts[candidate], len(group)
    place = int(np.searchsorted(starts[group], own))
    reach = most
    while True:
        low, high = max(0, place - reach), min(size, place + reach)
        window = group[low:high]
        apart = np.abs(starts[window] - own)
        overlap = (starts[window] < ends[candidate]) & (own < ends[window]) & (window != candidate)
        near, apart = window[overlap], apart[overlap]
        order = np.lexsort((near, apart))[:most]
        unseen = min(
            own - starts[group[low - 1]] if low else np.inf, starts[group[high]] - own if high < size else np.inf
        )
        if (len(order) == most and apart[order[-1]] < unseen) or (low == 0 and high == size):
            closest: list[int] = near[order].tolist()
            return closest
        reach *= 2
