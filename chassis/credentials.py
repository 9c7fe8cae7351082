"""The secret that the services of one installation know each other by.

While it is changed it is two, separated by a comma: the first is shown to others, both are accepted. So every process may be started again on
its own: first all accept the new one, then all show it, then none accepts the old one any more.
"""

import hmac


def accepted(secret: str) -> list[str]:
    """Every secret in EXAMHALL_SERVICE_SECRET, the one that is shown first; none when it is not set."""
    return [part.strip() for part in secret.split(",") if part.strip()]


def shown(secret: str) -> str:
    """The secret that a process shows to others, and seals with; empty when it is not set."""
    return next(iter(accepted(secret)), "")


def admits(secret: str, credential: str) -> bool:
    """Whether somebody who shows `credential` belongs to the installation. How near a wrong one is can't be told from the time."""
    given = credential.encode()
    return any(hmac.compare_digest(given, each.encode()) for each in accepted(secret))
