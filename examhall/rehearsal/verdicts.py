"""Who was planted as what, and who was found: by what, when, and who was accused wrongly. Pure; a rehearsal's compressed time is not held against it.

Finding a cheat is not a promise: thresholds are set so that slips raise nothing, and a short exam has little evidence. So what was missed is
reported with its reason, and does not make a rehearsal fail; an honest student accused, or a pair shown that did not copy, does (see watch_audit).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from examhall.rehearsal.conduct import ACTS_TO_THE_LIMIT, Part, Role
from examhall.rehearsal.gateway import percentile
from examhall.rehearsal.holdings import HeldAlert, Holdings, WatchedAttempt
from examhall.rehearsal.ledger import Account
from examhall.rehearsal.observed import Browsers, Observations
from examhall.rehearsal.watch import LOG_INS_OVERLAP_SECONDS

# Answers in under three seconds are rapid: whoever sits a rehearsal is hasty, unless the usual time a question is well above.
RAPID_SECONDS = 3.0


@dataclass(frozen=True)
class Tell:
    """The alert that tells a part, and the act that decides it: the so-manieth of its kind."""

    alert: str
    act: str
    which: int


TELLS: Mapping[Part, Tell] = {
    Part.TAB_SWITCHER: Tell("violation_limit", "tab_switch", ACTS_TO_THE_LIMIT),
    Part.PASTER: Tell("paste_attempt", "paste_attempt", 2),
    Part.TOOL_USER: Tell("devtools_open", "devtools_open", 1),
    Part.SHARER: Tell("multiple_logins", "multiple_logins", 1),
    Part.ROAMING: Tell("ip_change", "ip_change", 1),
    Part.FOREKNOWER: Tell("rapid_answers", "rapid_answers", 3),
}


@dataclass(frozen=True)
class Verdict:
    """One student who was planted. `seconds` from the deciding act to the alert on the proctor's socket."""

    login: str
    part: str
    attempt_id: str
    is_found: bool
    by: str
    seconds: float | None = None
    why_not: str = ""

    @property
    def is_honest(self) -> bool:
        """Planted to see what is made of it, not as a cheat."""
        return Part(self.part).is_honest


@dataclass(frozen=True)
class PairVerdict:
    """Two students: whether one copied from the other, and whether that is shown."""

    logins: tuple[str, str]
    is_planted: bool
    is_flagged: bool


@dataclass(frozen=True)
class Verdicts:
    """All of them. `alerts` counts alerts of the honest by kind and severity."""

    planted: tuple[Verdict, ...]
    pairs: tuple[PairVerdict, ...]
    collusion: str
    honest: int
    honest_alerts: Mapping[str, int]
    accused_wrongly: tuple[str, ...]
    seconds_p50: float | None
    seconds_p99: float | None


def verdicts(
    observed: Observations, account: Account, holdings: Holdings, roles: Mapping[str, Role], seconds_a_question: float
) -> Verdicts:
    """Judges a rehearsal. `seconds_a_question`: how long the honest take in the median, by the rehearsal's pace."""
    attempts = {held.attempt_id: held for held in holdings.attempts}
    told_at = first_told(observed)
    planted = []
    alerts: dict[str, list[HeldAlert]] = {}
    for alert in holdings.alerts:
        alerts.setdefault(alert.attempt_id, []).append(alert)
    honest_alerts: dict[str, int] = {}
    accused = set()
    honest = 0
    for attempt_id, journey in account.journeys.items():
        part = roles.get(journey.login, Role()).part
        held, own = attempts.get(attempt_id), alerts.get(attempt_id, [])
        browsers = observed.browsers.get(attempt_id, Browsers(attempt_id))
        if part.is_honest:
            honest += 1
            for alert in own:
                name = f"{alert.kind}, {alert.severity}"
                honest_alerts[name] = honest_alerts.get(name, 0) + 1
                if alert.severity in ("high", "critical"):
                    accused.add(journey.login)
        if part in TELLS:
            planted.append(_by_alert(journey.login, part, attempt_id, browsers, own, told_at, seconds_a_question))
        elif part is Part.IMPOSTOR:
            planted.append(_by_style(journey.login, attempt_id, held))
    pairs = tuple(pair_verdicts(account, holdings, roles))
    copiers = {attempt_id: journey for attempt_id, journey in account.journeys.items() if _copies(roles, journey.login)}
    why_not = why_no_pair(holdings.collusion.progress)
    planted += [
        _by_answers(roles[each.login].part, each.login, each.attempt_id, pairs, why_not) for each in copiers.values()
    ]
    waits = sorted(each.seconds for each in planted if each.seconds is not None)
    return Verdicts(
        planted=tuple(sorted(planted, key=lambda each: (each.part, each.login))),
        pairs=pairs,
        collusion=in_words(holdings.collusion.progress),
        honest=honest,
        honest_alerts=dict(sorted(honest_alerts.items())),
        accused_wrongly=tuple(sorted(accused)),
        seconds_p50=percentile(waits, 0.5) if waits else None,
        seconds_p99=percentile(waits, 0.99) if waits else None,
    )


def pair_verdicts(account: Account, holdings: Holdings, roles: Mapping[str, Role]) -> Iterator[PairVerdict]:
    """Who belongs to one group by copying (who copied, from whom, and who else from the same), and who is shown as a pair."""
    logins = {journey.attempt_id: journey.login for journey in account.journeys.values()}
    flagged = {
        _in_order(logins.get(pair.copier, pair.copier), logins.get(pair.source, pair.source))
        for pair in holdings.collusion.pairs
    }
    groups: dict[str, set[str]] = {}
    for login in logins.values():
        if source := roles.get(login, Role()).source:
            groups.setdefault(source, {source}).add(login)
    planted = {_in_order(*pair) for members in groups.values() for pair in combinations(members, 2)}
    for pair in sorted(planted | flagged):
        yield PairVerdict(pair, pair in planted, pair in flagged)


def first_told(observed: Observations) -> dict[tuple[str, str], float]:
    """When the socket first told of an alert, by attempt and kind."""
    told: dict[tuple[str, str], float] = {}
    for at, message in observed.of_type("alert"):
        alert = message["alert"]
        told.setdefault((alert["attempt_id"], alert["kind"]), at)
    return told


def in_words(progress: Mapping[str, Any]) -> str:
    """How far the analysis of the answers is, as the institution puts it."""
    return str(progress.get("text") or "no progress was told")


def why_no_pair(progress: Mapping[str, Any]) -> str:
    """Why copying can't be shown, as far as the institution tells: too few answers to any question, or too little in common."""
    if "items_believed" not in progress:
        return "the answers were not analysed"
    if not progress["items_believed"]:
        return "no question has answers enough"
    believed, candidates = progress["items_believed"], progress["candidates"]
    return f"too little in {believed} questions of {candidates} students"


def _by_alert(
    login: str,
    part: Part,
    attempt_id: str,
    browsers: Browsers,
    alerts: Sequence[HeldAlert],
    told_at: Mapping[tuple[str, str], float],
    seconds_a_question: float,
) -> Verdict:
    tell = TELLS[part]
    is_found = any(alert.kind == tell.alert for alert in alerts)
    if part is Part.FOREKNOWER and seconds_a_question < 2 * RAPID_SECONDS:
        why = f"everybody takes {seconds_a_question:.1f} s a question here"
        return Verdict(login, part, attempt_id, False, "", why_not=why)
    decided, heard = browsers.moment_of(tell.act, tell.which), told_at.get((attempt_id, tell.alert))
    seconds = heard - decided if heard is not None and decided is not None else None
    why = "" if is_found else _why_not(part, decided, tell)
    return Verdict(login, part, attempt_id, is_found, tell.alert if is_found else "", seconds, why)


def _why_not(part: Part, decided: float | None, tell: Tell) -> str:
    if decided is not None:
        return "the alert was not raised"
    if part is Part.SHARER:
        return f"the two log-ins were not in use together for over {LOG_INS_OVERLAP_SECONDS:.0f} s"
    if part is Part.ROAMING:
        return "there is no other network to go to"
    return f"the attempt ended before it came to that ({tell.which} × {tell.act})"


def _by_style(login: str, attempt_id: str, held: WatchedAttempt | None) -> Verdict:
    """Keyboard and mouse never raise an alert by themselves: whoever is somebody else shows in the assessment alone."""
    part = Part.IMPOSTOR
    shown = held.assessed if held else None
    if shown is None:
        return Verdict(login, part, attempt_id, False, "", why_not="nothing is told of the attempt")
    off = [
        name
        for name in ("typing", "mouse")
        if shown.components[name]["compared_with"] == "own" and float(shown.components[name]["score"]) > 0
    ]
    opinion = shown.second_opinion
    if opinion and opinion["compared_with"] == "own" and float(opinion["p_value"]) * (opinion["samples"] + 1) <= 1:
        off.append("second opinion")
    if off:
        return Verdict(login, part, attempt_id, True, f"assessment ({', '.join(off)}), level {shown.level}")
    why = "too little practice to compare with" if shown.baseline_version == 0 else "not far enough from the usual"
    return Verdict(login, part, attempt_id, False, "", why_not=why)


def _copies(roles: Mapping[str, Role], login: str) -> bool:
    return roles.get(login, Role()).part in (Part.COPIER, Part.RING)


def _by_answers(part: Part, login: str, attempt_id: str, pairs: Sequence[PairVerdict], why_not: str) -> Verdict:
    is_found = any(pair.is_planted and pair.is_flagged and login in pair.logins for pair in pairs)
    by, why = ("collusion", "") if is_found else ("", why_not)
    return Verdict(login, part, attempt_id, is_found, by, why_not=why)


def _in_order(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
