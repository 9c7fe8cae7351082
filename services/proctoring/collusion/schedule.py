"""When the items of a running exam are estimated anew, and when an estimate comes into force: by the number of answers taken in alone.

An estimate takes a while, and is made beside the answers that go on coming. If it came into force when it happens to be ready, the numbers would depend
on how fast the machine is; so it does at a count fixed beforehand, and answers beyond wait for it.
"""

# Before so many answers no item has enough of them but in the smallest exams, which have too few candidates for anything.
FIRST = 250
_GROWTH = 1.2
_AHEAD = 0.05
_LEAST_AHEAD = 25


def next_estimate(count: int) -> int:
    """The first count after `count` at which the items are estimated: FIRST, then always a fifth more."""
    at = FIRST
    while at <= count:
        at = int(at * _GROWTH)
    return at


def in_force(estimated_at: int) -> int:
    """From which count on an estimate is believed: a twentieth later, always before the next one is made."""
    return estimated_at + max(_LEAST_AHEAD, int(estimated_at * _AHEAD))
