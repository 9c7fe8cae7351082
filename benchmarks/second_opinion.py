"""Is a forest a better second opinion than the scaled Manhattan distance? Needs `river`, which Examhall itself does not.

    python -m benchmarks.second_opinion

Simulated students differ in seven figures (log-normal; between students the standard deviations below, within one student's attempts a third to a half
of that, with Student's t of three degrees for odd days). Half of the attempts scored are the student's own, half those of another student. What is
reported is the area under the curve: how often an impostor's attempt gets a higher score than an own one. Fixed seed.
"""

import math
import random
from decimal import Decimal

from river.anomaly import HalfSpaceTrees

from services.proctoring.anomaly import second_opinion
from services.proctoring.baselines import Comparison, Figure, Source

BETWEEN = (0.30, 0.45, 0.40, 0.60, 0.20, 0.30, 0.40)
WITHIN = (0.12, 0.25, 0.20, 0.50, 0.08, 0.12, 0.18)
CENTRES = (38, 150, 40, 3, 95, 140, 400)
STUDENTS = 300
SEED = 20260601

Point = dict[Figure, Decimal]


def main() -> None:
    """Prints one line for each number of samples."""
    source = random.Random(SEED)
    for samples in (5, 10, 20):
        people = [_person(source) for _ in range(STUDENTS)]
        own: dict[str, list[float]] = {"manhattan": [], "forest": []}
        other: dict[str, list[float]] = {"manhattan": [], "forest": []}
        for index, person in enumerate(people):
            baseline = [_attempt(person, source) for _ in range(samples)]
            for scores, sitter in ((own, person), (other, people[index - 1])):
                attempt = _attempt(sitter, source)
                scores["manhattan"].append(_manhattan(attempt, baseline))
                scores["forest"].append(_forest(attempt, baseline))
        figures = "  ".join(f"{name} {_area(own[name], other[name]):.3f}" for name in own)
        print(f"{samples:2} samples: {figures}")


def _person(source: random.Random) -> list[float]:
    return [math.log(centre) + source.gauss(0, between) for centre, between in zip(CENTRES, BETWEEN, strict=True)]


def _attempt(person: list[float], source: random.Random) -> Point:
    values = (math.exp(mean + within * _t3(source) / math.sqrt(3)) for mean, within in zip(person, WITHIN, strict=True))
    return {figure: Decimal(str(round(value, 2))) for figure, value in zip(Figure, values, strict=True)}


def _t3(source: random.Random) -> float:
    return source.gauss(0, 1) / math.sqrt(sum(source.gauss(0, 1) ** 2 for _ in range(3)) / 3)


def _manhattan(attempt: Point, baseline: list[Point]) -> float:
    opinion = second_opinion(attempt, Comparison(samples=tuple(baseline), samples_source=Source.OWN))
    return float(opinion.distance) if opinion else 0.0


def _forest(attempt: Point, baseline: list[Point]) -> float:
    """Half-space trees over the logarithms, within twice the range that the baseline spans; learnt three times over, since samples are few."""
    points = [
        {figure.value: math.log(max(float(value), 0.01)) for figure, value in p.items()} for p in (*baseline, attempt)
    ]
    limits = {}
    for name in points[0]:
        low, high = min(p[name] for p in points[:-1]), max(p[name] for p in points[:-1])
        room = (high - low) / 2 + 0.05
        limits[name] = (low - room, high + room)
    forest = HalfSpaceTrees(n_trees=25, height=5, window_size=len(baseline), limits=limits, seed=1)
    for _ in range(3):
        for known in points[:-1]:
            forest.learn_one(known)
    return float(forest.score_one(points[-1]))


def _area(own: list[float], other: list[float]) -> float:
    """The share of pairs in which the impostor's score is higher; ties count half."""
    wins = sum((theirs > mine) + (theirs == mine) / 2 for theirs in other for mine in own)
    return wins / (len(own) * len(other))


if __name__ == "__main__":
    main()
