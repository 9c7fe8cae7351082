"""The behaviour score: points for what was seen, by fixed weights, each with its reason in words and the signals behind it.

Points only ever grow: one more signal never lowers the score. What the exam allows gives no points.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from services.proctoring.evidence import Evidence, Tally, together
from services.proctoring.levels import Level, level_of
from services.proctoring.signals import ExamRules, SignalKind, is_allowed

# The weights of the behaviour score; docs/proctoring.md says where they come from.
TAB_SWITCH_POINTS, TAB_SWITCHES_EACH = 20, 10  # for every full ten
DEVTOOLS_POINTS = 30  # each time
COPY_PASTE_POINTS, COPY_PASTES_EACH = 25, 5  # for every full five, copies and pastes together
IP_CHANGE_POINTS = 40  # once, however often: a mobile network changes many times for one cause
RAPID_ANSWERS_POINTS = 15  # once, however many


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What gave points: the rule, how often it was seen, in words, and the earliest observations."""

    rule: str
    points: int
    count: int
    text: str
    evidence: tuple[Evidence, ...]


class BehaviourScore(msgspec.Struct, frozen=True, kw_only=True):
    """Points without an upper end; the level reads them as hundredths on the scale of the risk score."""

    score: int
    level: Level
    reasons: tuple[Reason, ...]


def behaviour_score(tallies: Mapping[SignalKind, Tally], rules: ExamRules) -> BehaviourScore:
    """The score of an attempt from the tallies of its signals, sent and derived."""

    def seen(*kinds: SignalKind) -> Tally:
        return together(tallies.get(kind, Tally()) for kind in kinds if not is_allowed(kind, rules))

    tabs = seen(SignalKind.TAB_SWITCH)
    tools = seen(SignalKind.DEVTOOLS_OPEN)
    copies = seen(SignalKind.COPY_ATTEMPT, SignalKind.PASTE_ATTEMPT)
    addresses = seen(SignalKind.IP_CHANGE)
    rapid = seen(SignalKind.RAPID_ANSWERS)
    found = (
        _reason(
            "tab_switches",
            tabs.count // TAB_SWITCHES_EACH * TAB_SWITCH_POINTS,
            tabs,
            f"Left the page {_times(tabs.count)}: {TAB_SWITCH_POINTS} points for every {TAB_SWITCHES_EACH}.",
        ),
        _reason(
            "devtools",
            tools.count * DEVTOOLS_POINTS,
            tools,
            f"Developer tools seemed open {_times(tools.count)}: {DEVTOOLS_POINTS} points each.",
        ),
        _reason(
            "copy_paste",
            copies.count // COPY_PASTES_EACH * COPY_PASTE_POINTS,
            copies,
            f"Copied or pasted {_times(copies.count)}: {COPY_PASTE_POINTS} points for every {COPY_PASTES_EACH}.",
        ),
        _reason(
            "ip_change",
            IP_CHANGE_POINTS if addresses.count else 0,
            addresses,
            f"The network address changed {_times(addresses.count)}: {IP_CHANGE_POINTS} points, however often.",
        ),
        _reason(
            "rapid_answers",
            RAPID_ANSWERS_POINTS if rapid.count else 0,
            rapid,
            f"Answered in under 3 seconds {_times(rapid.count)}: {RAPID_ANSWERS_POINTS} points, however many.",
        ),
    )
    reasons = tuple(reason for reason in found if reason.points)
    score = sum(reason.points for reason in reasons)
    return BehaviourScore(score=score, level=level_of(Decimal(score) / 100), reasons=reasons)


def _reason(rule: str, points: int, tally: Tally, text: str) -> Reason:
    return Reason(rule=rule, points=points, count=tally.count, text=text, evidence=tally.evidence)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
