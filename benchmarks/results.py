"""How a figure is written down."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured, the ratio to its yardstick (or the figure itself where there is none), what is wanted, and the numbers behind it."""

    name: str
    value: str
    wanted: str
    behind: str

    def line(self) -> str:
        """For the screen."""
        return f"{self.name}: {self.value} (wanted: {self.wanted}; {self.behind})"


def table(figures: Sequence[Figure]) -> str:
    """For the document."""
    rows = [f"| {each.name} | {each.value} | {each.wanted} | {each.behind} |" for each in figures]
    return "\n".join(["| what | measured | wanted | from |", "|---|---|---|---|", *rows]) + "\n"
