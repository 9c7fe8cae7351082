"""When too many failed log-ins lock an account or an address: a pure rule.

Five failures in 15 minutes lock. They are counted in three ways, so that a
stranger can't keep the owner out: from an address where the owner signed in before, only the failures from that very address count; elsewhere all
failures at the account do; and an address that fails at many accounts is locked for those it never signed in to. A refused try is not a
failure, so a lock ends by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class LockRule:
    """How many failures lock, and in what time."""

    account_failures: int = 5
    address_failures: int = 100
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True)
class Failures:
    """Times of failed log-ins: at this account from this address (since the last success there), at this account from elsewhere, from this address at all."""

    here: Sequence[datetime] = ()
    elsewhere: Sequence[datetime] = ()
    address: Sequence[datetime] = ()
    is_known_address: bool = False


def locked_until(failures: Failures, at: datetime, rule: LockRule) -> datetime | None:
    """Until when a try is refused without looking at the password; None when it may be made."""
    counted = [(failures.here, rule.account_failures)]
    if not failures.is_known_address:
        counted += [
            ((*failures.here, *failures.elsewhere), rule.account_failures),
            (failures.address, rule.address_failures),
        ]
    ends = [end for times, limit in counted if (end := _end_of_lock(times, limit, rule.window)) and end > at]
    return max(ends, default=None)


def _end_of_lock(times: Sequence[datetime], limit: int, window: timedelta) -> datetime | None:
    """The lock ends when the oldest of the last `limit` failures has left the window."""
    return sorted(times)[-limit] + window if len(times) >= limit else None
