"""When an attempt stood still: what happens in a break that staff have given is nobody's fault."""

from collections.abc import Iterable

# Of an attempt's steps so many are kept, the first: far more than anybody pauses and resumes an attempt.
KEPT_STEPS = 64

Steps = tuple[tuple[int, int, bool], ...]
"""An attempt's steps in order: version, time, and whether it stands still from then on."""
Span = tuple[int, int]
"""From when to when, in milliseconds."""


def with_step(steps: Steps, version: int, at_ms: int, *, is_paused: bool) -> Steps:
    """The steps with one more; the same object when it is known, or beyond those kept."""
    if any(known == version for known, _, _ in steps):
        return steps
    kept = tuple(sorted((*steps, (version, at_ms, is_paused)))[:KEPT_STEPS])
    return steps if kept == steps else kept


def pauses_of(steps: Steps, until_ms: int) -> list[Span]:
    """The stretches in which the attempt stood still, in order; one that goes on ends `until_ms`."""
    found: list[Span] = []
    since: int | None = None
    for _, at_ms, is_paused in steps:
        if is_paused and since is None:
            since = at_ms
        elif not is_paused and since is not None:
            found.append((since, at_ms))
            since = None
    if since is not None:
        found.append((since, max(since, until_ms)))
    return found


def overlap(span: Span, pauses: Iterable[Span]) -> int:
    """How much of a stretch lies in pauses."""
    return sum(max(0, min(span[1], end) - max(span[0], begin)) for begin, end in pauses)
