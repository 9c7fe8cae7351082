"""The audit of what students heard on their own sockets, against what is kept for them and what happened to them. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from examhall.rehearsal.audit import Finding, Kind
from examhall.rehearsal.holdings import Json, WatchedAttempt


def differing_told(
    told: Sequence[Json], kept: Sequence[Json], held: WatchedAttempt, extended_seconds: int | None
) -> Iterator[Finding]:
    """`told`: what the socket said, in order; `kept`: the feed of the attempt; `extended_seconds`: what staff added, None for nothing."""
    yield from _unlike(told, kept)
    yield from _ends(told, held)
    yield from _violations(told, held)
    if extended_seconds is not None and not any(
        each["type"] == "time_changed" and each["added_seconds"] == extended_seconds for each in told
    ):
        yield Finding(Kind.TIME_NOT_TOLD, f"{extended_seconds} s more")


def _unlike(told: Sequence[Json], kept: Sequence[Json]) -> Iterator[Finding]:
    """All that is kept was told once, as it is kept and in its order; nothing else was."""
    by_number = {each["number"]: each for each in kept}
    numbers = [each["number"] for each in told]
    for number, count in Counter(numbers).items():
        if count > 1:
            yield Finding(Kind.FEED_TWICE, f"number {number}, {count} times")
    for number in sorted(by_number.keys() - set(numbers)):
        yield Finding(Kind.FEED_NOT_TOLD, f"number {number}: {by_number[number]['type']}")
    for each in told:
        if by_number.get(each["number"]) != each:
            yield Finding(Kind.FEED_UNKNOWN, f"number {each['number']}: {each['type']}")
    if numbers != sorted(numbers):
        yield Finding(Kind.FEED_UNKNOWN, f"numbers in the order {numbers}")


def _ends(told: Sequence[Json], held: WatchedAttempt) -> Iterator[Finding]:
    """That it is over, once, with the reason that the institution holds, in words."""
    reasons = [each["reason"] if each["text"] else "no words" for each in told if each["type"] == "submitted"]
    if reasons != [held.submit_reason]:
        yield Finding(Kind.END_TOLD_WRONGLY, f"ended by {held.submit_reason}, told: {', '.join(reasons) or 'nothing'}")


def _violations(told: Sequence[Json], held: WatchedAttempt) -> Iterator[Finding]:
    """The number grows, and ends as the board counts it."""
    counts = [each["count"] for each in told if each["type"] == "violation"]
    counted = held.assessed.violations if held.assessed else 0
    if (counts[-1] if counts else 0) != counted or counts != sorted(set(counts)):
        yield Finding(Kind.VIOLATIONS_TOLD_WRONGLY, f"{counted} are counted, told: {counts}")
