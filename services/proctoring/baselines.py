"""What is usual: for one student over earlier attempts, or for all together, as medians that a few odd attempts do not move.

The spread is the median absolute deviation (MAD), which half of all samples could not falsify. A student with fewer than five samples of a figure
is compared with the population, and every comparison says with whom it was made.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from statistics import median

import msgspec

# Fewer attempts than this say little of a person: the median of four can still be moved by two.
SAMPLES_NEEDED = 5
# Older samples fall out, so that a baseline follows a person who learns to type or changes a device.
SAMPLES_KEPT = 20
# MAD times this estimates the standard deviation of normally distributed values (Rousseeuw & Croux 1993).
MAD_TO_SD = Decimal("1.4826")
_HUNDREDTH = Decimal("0.01")


class Figure(StrEnum):
    """What is measured in every attempt. Decimals with two places."""

    TYPING_WPM = "typing_wpm"  # words of five strokes a minute of typing
    MOUSE_SPEED_PXS = "mouse_speed_pxs"  # pixels a second, rests included: stillness shows
    SECONDS_PER_QUESTION = "seconds_per_question"  # median over the attempt's answers
    TAB_SWITCHES_PER_HOUR = "tab_switches_per_hour"
    DWELL_MS = "dwell_ms"  # a key is held down
    FLIGHT_MS = "flight_ms"  # from one key to the next
    MOVING_SPEED_PXS = "moving_speed_pxs"  # pixels a second while the pointer moves


class Source(StrEnum):
    """Whose usual values these are."""

    OWN = "own"
    POPULATION = "population"
    NOTHING = "nothing"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one attempt; what was not measured is missing."""

    attempt_id: str
    taken_at_ms: int
    figures: dict[Figure, Decimal]


class Norm(msgspec.Struct, frozen=True):
    """Median and spread of one figure, and over how many samples."""

    median: Decimal
    mad: Decimal
    samples: int
    source: Source

    def deviation(self, value: Decimal) -> Decimal | None:
        """How many robust standard deviations `value` lies off the median; None when all samples were alike."""
        if self.mad == 0:
            return None
        return ((value - self.median) / (self.mad * MAD_TO_SD)).quantize(_HUNDREDTH)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A student's samples, the newest twenty. The version grows with every change of them."""

    version: int = 0
    samples: tuple[Sample, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt is compared with, frozen when it begins: usual values and, for the second opinion, the samples themselves."""

    baseline_version: int = 0
    norms: dict[Figure, Norm] = {}
    samples: tuple[dict[Figure, Decimal], ...] = ()
    samples_source: Source = Source.NOTHING


def with_sample(baseline: Baseline, sample: Sample, *, is_flagged: bool) -> Baseline:
    """The baseline after an attempt. Unchanged by a flagged attempt, by one known already, and by one older than all that are kept."""
    if is_flagged or not sample.figures or any(known.attempt_id == sample.attempt_id for known in baseline.samples):
        return baseline
    samples = _newest((*baseline.samples, sample))
    return baseline if samples == baseline.samples else Baseline(version=baseline.version + 1, samples=samples)


def without_sample(baseline: Baseline, attempt_id: str) -> Baseline:
    """The baseline when an attempt is flagged afterwards: what may not be the student's own work is no measure of the student."""
    samples = tuple(sample for sample in baseline.samples if sample.attempt_id != attempt_id)
    return baseline if samples == baseline.samples else Baseline(version=baseline.version + 1, samples=samples)


def merged(one: Baseline, other: Baseline) -> Baseline:
    """Two baselines of one person as one: every attempt once, the newest kept, the version above both. Which comes first does not matter."""
    known = {sample.attempt_id: sample for sample in sorted((*one.samples, *other.samples), key=_order)}
    return Baseline(version=max(one.version, other.version) + 1, samples=_newest(known.values()))


def own_norms(baseline: Baseline) -> dict[Figure, Norm]:
    """The student's usual values, of figures with enough samples."""
    return _norms([sample.figures for sample in baseline.samples], Source.OWN)


def typical(baseline: Baseline) -> dict[Figure, Decimal]:
    """A student as one member of the population: the medians of all their samples, however few."""
    return {figure: norm[0] for figure, norm in _columns([sample.figures for sample in baseline.samples]).items()}


def population_norms(students: Iterable[Mapping[Figure, Decimal]]) -> dict[Figure, Norm]:
    """Usual values over students: one point each, so nobody counts more for having sat more often."""
    return _norms(list(students), Source.POPULATION)


def comparison(
    baseline: Baseline, population: Mapping[Figure, Norm], population_points: Iterable[Mapping[Figure, Decimal]] = ()
) -> Comparison:
    """What this student's attempt is compared with: own values where there are enough, the population's elsewhere."""
    has_own = len(baseline.samples) >= SAMPLES_NEEDED
    points = [sample.figures for sample in baseline.samples] if has_own else list(population_points)
    return Comparison(
        baseline_version=baseline.version,
        norms={**population, **own_norms(baseline)},
        samples=tuple(dict(point) for point in points),
        samples_source=Source.OWN if has_own else Source.POPULATION if points else Source.NOTHING,
    )


def _order(sample: Sample) -> tuple[int, str, list[tuple[Figure, Decimal]]]:
    return sample.taken_at_ms, sample.attempt_id, sorted(sample.figures.items())


def _newest(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(sorted(samples, key=_order)[-SAMPLES_KEPT:])


def _columns(points: list[Mapping[Figure, Decimal]]) -> dict[Figure, tuple[Decimal, Decimal, int]]:
    """Median, MAD and count of each figure that any point has."""
    columns = {}
    for figure in Figure:
        values = [point[figure] for point in points if figure in point]
        if values:
            middle = median(values)
            spread = median(abs(value - middle) for value in values)
            columns[figure] = (middle.quantize(_HUNDREDTH), spread.quantize(_HUNDREDTH), len(values))
    return columns


def _norms(points: list[Mapping[Figure, Decimal]], source: Source) -> dict[Figure, Norm]:
    return {
        figure: Norm(middle, spread, count, source)
        for figure, (middle, spread, count) in _columns(points).items()
        if count >= SAMPLES_NEEDED
    }
