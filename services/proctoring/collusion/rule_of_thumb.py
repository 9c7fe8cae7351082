"""The rule of thumb many know: answers more than 85 % alike, finished within five minutes of each other. Shown as what it is, never decided on.

It knows neither chance nor ability: of two who both know nearly everything it says the same as of two who share their mistakes.
"""

from dataclasses import dataclass

import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED, Floats, Options, Whole, one_hot

SIMILAR = 0.85
FINISHED_WITHIN_SECONDS = 300.0
LABEL = "rule of thumb, not a test: answers more than 85 % alike and finished within 300 s; says nothing of chance"
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class AlikePairs:
    """Unordered pairs (pairs, 2) that meet the rule, with the share of answers alike and the seconds between their submissions, (pairs,)."""

    pairs: Whole
    similarity: Floats
    seconds_apart: Floats


def alike_pairs(chosen: Options, options: int, finished_at: Floats) -> AlikePairs:
    """All pairs of an exam that meet the rule. `finished_at` (candidates,): seconds, nan for who has not; only items both answered count."""
    held = one_hot(chosen, options).astype(np.float32)
    answered = (chosen != UNANSWERED).astype(np.float32)
    found: list[Whole] = []
    similar: list[Floats] = []
    for start in range(0, len(chosen), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        share = held[rows] @ held.T / np.maximum(1.0, answered[rows] @ answered.T)
        apart = np.abs(finished_at[rows, None] - finished_at[None, :])
        one, other = np.nonzero((share > SIMILAR) & (apart < FINISHED_WITHIN_SECONDS))
        once = one + start < other
        found.append(np.column_stack([one + start, other])[once])
        similar.append(share[one, other][once].astype(np.float64))
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    apart_seconds = np.abs(finished_at[pairs[:, 0]] - finished_at[pairs[:, 1]])
    return AlikePairs(pairs, np.concatenate(similar) if similar else np.empty(0), apart_seconds)
