"""A second opinion: how unusual the statistics of an attempt are as a whole, beside the risk score and never alone the cause of an alert.

The distance is the scaled Manhattan distance (Killourhy & Maxion 2009: the best of fourteen on keystroke timings) with median and MAD in place of
mean and deviation. Its p-value is conformal (Vovk, Gammerman & Shafer 2005): the attempt and the samples are measured alike, each against all of them,
so if the attempt is exchangeable with the samples, P(p ≤ α) ≤ α for every α, whatever the distribution and however few the samples.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median

import msgspec

from services.proctoring.baselines import SAMPLES_NEEDED, Comparison, Figure, Source

METHOD = "scaled Manhattan distance with median and MAD, conformal p-value"
# Samples that are all alike would make the smallest difference infinite: a spread is never taken below 2 % of the median.
LEAST_SPREAD = 0.02
_TINY = 1e-9
_PLACES = Decimal("0.0001")


class SecondOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """How far off, how rarely one is so far off among the samples, and what contributes most."""

    distance: Decimal
    p_value: Decimal
    compared_with: Source
    samples: int
    strongest: tuple[Figure, ...]
    text: str


def second_opinion(figures: Mapping[Figure, Decimal], comparison: Comparison) -> SecondOpinion | None:
    """The opinion on an attempt's figures, or None when there are fewer than five samples or no figure that all of them have."""
    samples = comparison.samples
    shared = [figure for figure in Figure if figure in figures and all(figure in sample for sample in samples)]
    if len(samples) < SAMPLES_NEEDED or not shared:
        return None
    points = [[float(point[figure]) for figure in shared] for point in (*samples, figures)]
    parts = _scaled(points)
    distances = [sum(part) / len(shared) for part in parts]
    own = distances[-1]
    as_far = sum(distance >= own - _TINY for distance in distances)
    p_value = as_far / len(distances)
    strongest = tuple(figure for _, figure in sorted(zip(parts[-1], shared, strict=True), reverse=True)[:3])
    whose = "this student's own" if comparison.samples_source is Source.OWN else "other students'"
    return SecondOpinion(
        distance=Decimal(own).quantize(_PLACES),
        p_value=Decimal(p_value).quantize(_PLACES),
        compared_with=comparison.samples_source,
        samples=len(samples),
        strongest=strongest,
        text=(
            f"At least as far off as {len(distances) - as_far} of {whose} {len(samples)} samples (p = {p_value:.3f}, no less than"
            f" {1 / len(distances):.3f} with so many); most by {', '.join(figure.value for figure in strongest)}."
        ),
    )


def _scaled(points: Sequence[Sequence[float]]) -> list[list[float]]:
    """Every point's distance from the median of all, figure by figure, in units of the spread."""
    columns = list(zip(*points, strict=True))
    middles = [median(column) for column in columns]
    spreads = [
        max(median(abs(value - middle) for value in column), LEAST_SPREAD * abs(middle), _TINY)
        for column, middle in zip(columns, middles, strict=True)
    ]
    return [
        [abs(value - middle) / spread for value, middle, spread in zip(point, middles, spreads, strict=True)]
        for point in points
    ]
