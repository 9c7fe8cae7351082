"""Flagged pairs that hang together: who belongs to a group, and from whom its answers likely came.

The source is read off the direction of the evidence: an e-value that b copies from a far above the one that a copies from b. Bets are laid on those
who answer later, so the direction is that of time as well as of likeness. It is an indication for the conversation that follows, not a finding: two
who work side by side have none.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from services.proctoring.collusion.arrays import Floats, Whole

# The source's lead over the next likely one, as a factor of evidence: a hundred to one (Jeffreys' "decisive").
CLEAR_LEAD = float(np.log(100))


@dataclass(frozen=True, slots=True)
class Group:
    """`members` in order of place; `source` is None where no one leads by CLEAR_LEAD; `pairs` are the rows of the flagged pairs among them."""

    members: tuple[int, ...]
    source: int | None
    pairs: tuple[int, ...]


def groups_of(pairs: Whole, log_forth: Floats, log_back: Floats, candidates: int) -> list[Group]:
    """The connected groups of flagged pairs (pairs, 2), largest first.

    `log_forth`: log e-value that a pair's first copies from its second; `log_back`: that the second copies from the first.
    """
    if not len(pairs):
        return []
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(candidates, candidates))
    label = connected_components(links, directed=False)[1]
    given = np.zeros(candidates)
    lead = log_forth - log_back
    np.add.at(given, pairs[:, 1], lead)
    np.add.at(given, pairs[:, 0], -lead)
    groups = []
    for number in np.unique(label[pairs[:, 0]]):
        members = np.flatnonzero(label == number)
        inside = np.flatnonzero(label[pairs[:, 0]] == number)
        ranked = members[np.argsort(-given[members], kind="stable")]
        is_clear = given[ranked[0]] - given[ranked[1]] >= 2 * CLEAR_LEAD
        groups.append(Group(tuple(members.tolist()), int(ranked[0]) if is_clear else None, tuple(inside.tolist())))
    return sorted(groups, key=lambda group: (-len(group.members), group.members))
