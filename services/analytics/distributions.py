"""How scores are spread: mean, median, extremes, standard deviation, and ten bins of 10 %. Pure; scores stay decimals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

BINS = 10
_WHOLE = Decimal(100)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Summary:
    """Percentages, rounded to two places. `standard_deviation` is the sample's (n − 1); None for a single score."""

    count: int
    mean: Decimal
    median: Decimal
    highest: Decimal
    lowest: Decimal
    standard_deviation: Decimal | None


@dataclass(frozen=True, slots=True)
class Bin:
    """How many scores lie from `start` up to, but not including, `end`; the last bin includes 100 %."""

    start: int
    end: int
    count: int


def summarize(percentages: Sequence[Decimal]) -> Summary | None:
    """The summary of some scores; None when there are none."""
    if not percentages:
        return None
    ordered = sorted(percentages)
    count = len(ordered)
    mean = sum(ordered, Decimal(0)) / count
    middle = ordered[(count - 1) // 2], ordered[count // 2]
    return Summary(
        count,
        mean=rounded(mean),
        median=rounded(sum(middle, Decimal(0)) / 2),
        highest=rounded(ordered[-1]),
        lowest=rounded(ordered[0]),
        standard_deviation=_standard_deviation(ordered, mean),
    )


def distribution(percentages: Sequence[Decimal]) -> list[Bin]:
    """Ten bins of 10 %. What penalties took below nothing is in the first bin, what lies above all points in the last."""
    width = 100 // BINS
    counts = [0] * BINS
    for percentage in percentages:
        counts[max(0, min(BINS - 1, int(percentage // width)))] += 1
    edges = pairwise(range(0, 101, width))
    return [Bin(start, end, count) for (start, end), count in zip(edges, counts, strict=True)]


def share(part: int, whole: int) -> Decimal | None:
    """`part` of `whole` in percent; None of nothing."""
    return rounded(_WHOLE * part / whole) if whole else None


def rounded(value: Decimal) -> Decimal:
    """Two places, half to even."""
    return value.quantize(_CENT, rounding=ROUND_HALF_EVEN)


def _standard_deviation(percentages: Sequence[Decimal], mean: Decimal) -> Decimal | None:
    if len(percentages) < 2:
        return None
    squares = sum(((percentage - mean) ** 2 for percentage in percentages), Decimal(0))
    return rounded((squares / (len(percentages) - 1)).sqrt())
