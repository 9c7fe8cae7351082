"""What was observed while nothing counts against a student: in a pause of the attempt, and after its submission.

The intake leaves out what it knows to be such. But a pause, or the submission, may be heard of only after a signal, and of several pauses the intake
knows the last; here all that was ever heard decides, whenever it came.
"""

from collections.abc import Iterable, Sequence
from math import inf

from services.proctoring.evidence import KEPT_EVIDENCE, Evidence, Tally
from services.proctoring.pauses import pauses_of
from services.proctoring.state import Watch

# An act that made attempts submit lies before the submission, though two machines' clocks may differ by so much; our choice.
CLOCKS_DIFFER_MS = 1_000

Spans = Sequence[tuple[int, float]]
"""From when to when, in milliseconds; the end is not part of it, and may be infinite."""


def excused_spans(watch: Watch) -> Spans:
    """When nothing counts, in order, as far as is known."""
    spans: list[tuple[int, float]] = [*pauses_of(watch.steps, watch.as_of_ms + 1)]
    if watch.submitted_at_ms is not None:
        spans.append((watch.submitted_at_ms + CLOCKS_DIFFER_MS, inf))
    return spans


def counting(observed: Iterable[Evidence], spans: Spans) -> tuple[Evidence, ...]:
    """The observations that count."""
    return tuple(item for item in observed if not _is_excused(item, spans))


def counting_tally(tally: Tally, known: Sequence[Evidence], spans: Spans) -> Tally:
    """The tally of those that count. `known`: the observations behind it, sorted, as far as they are kept one by one; others count.

    The total stays: how much each of them was is not kept.
    """
    left = counting(known, spans)
    if len(left) == len(known):
        return tally
    return Tally(
        count=tally.count - len(known) + len(left),
        total=tally.total,
        first_ms=left[0].at_ms if left else tally.last_ms,
        last_ms=tally.last_ms,
        evidence=left[:KEPT_EVIDENCE],
    )


def _is_excused(item: Evidence, spans: Spans) -> bool:
    return any(begin <= item.at_ms < end for begin, end in spans)
