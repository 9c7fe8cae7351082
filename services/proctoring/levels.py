"""How grave something is: one scale for scores, signals and alerts."""

from decimal import Decimal
from enum import StrEnum

# A risk below 0.3 is low, from 0.7 on it is high; the steps come with the components of the risk score.
MEDIUM_FROM = Decimal("0.3")
HIGH_FROM = Decimal("0.7")


class Level(StrEnum):
    """From harmless to grave. `critical` is given only where two independent scores agree."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical; text does not sort that way."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


def level_of(share: Decimal) -> Level:
    """The level of a score between 0 and 1."""
    if share >= HIGH_FROM:
        return Level.HIGH
    return Level.MEDIUM if share >= MEDIUM_FROM else Level.LOW
