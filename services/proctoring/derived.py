"""What the server finds out itself, from the times and addresses it has seen: nothing here is believed from a client.

No key is known here, so a change of an answer is a change, never "from right to wrong": only grading can say that, afterwards.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from decimal import Decimal
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import groupby, pairwise
from statistics import median_low

import msgspec

from services.proctoring.evidence import Evidence, Tally
from services.proctoring.pauses import Span

# Nobody reads a question and its options in less.
RAPID_BELOW_MS = 3_000
# Against one's own usual time a question: faster than 30 % or slower than 300 % of it.
FAST_BELOW_PERCENT, SLOW_ABOVE_PERCENT = 30, 300
# A median over fewer answers says nothing of a person's pace.
ANSWERS_NEEDED = 5
# An old log-in that is used for so long after a new one began may be a page left behind, whose last batch was on the way.
LOGIN_OVERLAP_MS = 10_000
# Five answers changed within a minute is more than looking through an exam once more does; our choice.
BURST_QUESTIONS, BURST_MS = 5, 60_000
# Saves that follow each other so closely were made before and sent together, one by one: nobody reads, chooses and clicks in that time.
SENDING_GAP_MS = 500
# Of each question the first 64 saves and the newest one are kept: typed text is saved again and again.
KEPT_SAVES = 64

Change = tuple[int, str, int]
"""Time, question and revision of a save."""


class Save(msgspec.Struct, frozen=True, order=True, array_like=True):
    """One save of an answer. The digest tells answers apart; 0 is a cleared answer."""

    revision: int
    at_ms: int
    digest: int


class Trail(msgspec.Struct, frozen=True, array_like=True):
    """The saves of one question in order of revision. The same saves give the same trail in whatever order they come."""

    saves: tuple[Save, ...] = ()
    is_text: bool = False

    @property
    def weight(self) -> int:
        """Grows with every new save that the trail takes in."""
        return len(self.saves) if len(self.saves) <= KEPT_SAVES else KEPT_SAVES + self.saves[-1].revision

    def with_(self, save: Save, is_text: bool) -> "Trail":
        """The trail with one more save; unchanged when the revision is known."""
        place = bisect_left(self.saves, save.revision, key=lambda known: known.revision)
        known = self.saves[place] if place < len(self.saves) else None
        if known is not None and known.revision == save.revision:
            saves = (*self.saves[:place], min(known, save), *self.saves[place + 1 :])
        else:
            saves = (*self.saves[:place], save, *self.saves[place:])
        if len(saves) > KEPT_SAVES + 1:
            saves = (*saves[:KEPT_SAVES], saves[-1])
        return Trail(saves, self.is_text or is_text)


class AnswerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers of an attempt show."""

    rapid: Tally = Tally()
    changes: Tally = Tally()
    bursts: Tally = Tally()
    times_ms: tuple[int, ...] = ()  # of each question chosen, sorted
    median: tuple[Evidence, ...] = ()  # the answer that took the median time

    @property
    def seconds_per_question(self) -> Decimal | None:
        """The median time a question, or None before five of them."""
        if len(self.times_ms) < ANSWERS_NEEDED:
            return None
        return (Decimal(median_low(self.times_ms)) / 1000).quantize(Decimal("0.01"))

    def off_pace(self, usual_seconds: Decimal) -> tuple[int, int]:
        """How many questions were answered faster than 30 %, and slower than 300 %, of the usual time."""
        usual_ms = usual_seconds * 1000
        fast = bisect_left(self.times_ms, usual_ms * FAST_BELOW_PERCENT / 100)
        slow = len(self.times_ms) - bisect_right(self.times_ms, usual_ms * SLOW_ABOVE_PERCENT / 100)
        return fast, slow


def answer_facts(started_at_ms: int | None, trails: Mapping[str, Trail]) -> AnswerFacts:
    """Times, quick answers and changes of an attempt, from all its saves.

    The time of an answer runs from whatever was saved before it. Answers that were sent together, in one request or one right after the other, share the
    time since then, so that a browser that saves every half minute, or comes back on the line, makes nobody quick. Typed answers have changes of text
    with every pause and a first save at any letter: neither counts.
    """
    sendings = _sendings(save.at_ms for trail in trails.values() for save in trail.saves)
    chosen: dict[int, list[Change]] = {}
    for question_id, trail in trails.items():
        first = next((save for save in trail.saves if save.digest), None)
        if first is not None and not trail.is_text:
            chosen.setdefault(_sending_of(sendings, first.at_ms), []).append((first.at_ms, question_id, first.revision))
    rapid, timed = Tally(), []
    for place, answers in chosen.items():
        before = sendings[place - 1][1] if place else started_at_ms
        if before is None:
            continue
        each = max(sendings[place][1] - before, 0) // len(answers)
        for at_ms, question_id, revision in answers:
            answer = Evidence(at_ms, "answer", f"{question_id} r{revision}")
            timed.append((each, answer))
            if each < RAPID_BELOW_MS:
                rapid = rapid.with_(answer)
    timed.sort()
    changed = sorted(change for question_id, trail in trails.items() for change in _changes(question_id, trail))
    changes = Tally()
    for at_ms, question_id, revision in changed:
        changes = changes.with_(Evidence(at_ms, "answer", f"{question_id} r{revision}"))
    return AnswerFacts(
        rapid=rapid,
        changes=changes,
        bursts=_bursts(changed, _made_at(changed, sendings, started_at_ms)),
        times_ms=tuple(each for each, _ in timed),
        median=(median_low(timed)[1],) if timed else (),
    )


def network_of(address: str) -> str:
    """What is compared of a client's address: all of an IPv4 address, the first 64 bits of an IPv6 address, whose rest a machine changes by itself.

    Empty for what is no address.
    """
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed.packed[:8] + bytes(8), 64)))


def address_changes(first_seen_ms: Mapping[str, int]) -> Tally:
    """Networks beyond the first. IPv4 and IPv6 are counted apart, since one machine may use both by turns."""
    tally = Tally()
    for family in (
        {network: at for network, at in first_seen_ms.items() if ":" not in network},
        {network: at for network, at in first_seen_ms.items() if ":" in network},
    ):
        for network, at_ms in sorted(family.items(), key=lambda seen: (seen[1], seen[0]))[1:]:
            tally = tally.with_(Evidence(at_ms, "address", network))
    return tally


def simultaneous_logins(spans_ms: Mapping[str, tuple[int, int]]) -> Tally:
    """Log-ins that began while an earlier one went on in use for more than ten seconds; one after another is no fault."""
    tally, latest_end = Tally(), None
    for session_id, (first, last) in sorted(spans_ms.items(), key=lambda span: (span[1], span[0])):
        if latest_end is not None and latest_end - first > LOGIN_OVERLAP_MS:
            tally = tally.with_(Evidence(first, "login", session_id))
        latest_end = last if latest_end is None else max(latest_end, last)
    return tally


def _sendings(moments: Iterable[int]) -> list[Span]:
    """The first and last moment of each stretch of saves that were sent together, in order."""
    found: list[Span] = []
    for at_ms in sorted(set(moments)):
        if found and at_ms - found[-1][1] < SENDING_GAP_MS:
            found[-1] = found[-1][0], at_ms
        else:
            found.append((at_ms, at_ms))
    return found


def _sending_of(sendings: list[Span], at_ms: int) -> int:
    """The place of the stretch that a save belongs to."""
    return bisect_right(sendings, at_ms, key=lambda sending: sending[0]) - 1


def _changes(question_id: str, trail: Trail) -> Iterable[Change]:
    """Each change from one answer to another: time, question, revision. Clearing in between is part of the change."""
    if trail.is_text:
        return
    given = [save for save in trail.saves if save.digest]
    for before, after in pairwise(given):
        if before.digest != after.digest:
            yield after.at_ms, question_id, after.revision


def _made_at(changed: list[Change], sendings: list[Span], started_at_ms: int | None) -> list[int]:
    """When each change was made, as far as can be known: several that were sent together are spread over the time since the save before."""
    found: list[int] = []
    for place, sent_together in groupby(changed, key=lambda change: _sending_of(sendings, change[0])):
        moments = [at_ms for at_ms, _, _ in sent_together]
        before, last = sendings[place - 1][1] if place else started_at_ms, sendings[place][1]
        if before is not None and len(moments) > 1:
            moments = [before + (last - before) * number // len(moments) for number in range(1, len(moments) + 1)]
        found += moments
    return found


def _bursts(changed: list[Change], made_at: list[int]) -> Tally:
    """Stretches of a minute in which five questions or more were changed; they do not overlap."""
    tally, start = Tally(), 0
    while start < len(changed):
        end = bisect_right(made_at, made_at[start] + BURST_MS)
        if len({question_id for _, question_id, _ in changed[start:end]}) >= BURST_QUESTIONS:
            at_ms, question_id, revision = changed[start]
            tally = tally.with_(Evidence(at_ms, "answer", f"{question_id} r{revision}"))
            start = end
        else:
            start += 1
    return tally
