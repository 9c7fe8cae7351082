"""The audit of proctoring: what browsers were promised, what the socket said and what the rules make of it, against what is held. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from examhall.rehearsal.audit import Finding, Kind
from examhall.rehearsal.conduct import Role, rooms_of
from examhall.rehearsal.holdings import Assessed, HeldAlert, HeldBatch, Holdings, Json, WatchedAttempt
from examhall.rehearsal.ledger import Account
from examhall.rehearsal.observed import Browsers, Observations
from examhall.rehearsal.recount import Recount, recounts, rules_of
from examhall.rehearsal.told_audit import differing_told
from examhall.rehearsal.verdicts import PairVerdict, pair_verdicts
from services.proctoring.evidence import moment
from services.proctoring.signals import SignalKind

GRAVE = ("high", "critical")
VIOLATION_LIMIT = "violation_limit"
# Who reached the limit so long before the end by another cause should have been stopped by the limit; below, either may have been first.
LIMIT_ACTS_WITHIN = timedelta(seconds=20)
# What comes of the moments of answers is known here to some milliseconds only; and an alert for a level stays when the level falls again.
_BY_ANSWERS = frozenset({"rapid_answers", "answer_modification"})
_LASTING = "risk"
_BATCH = "batch "
_BY_ABSENCE = frozenset({"window_focus", "risk score", "level"})


@dataclass(frozen=True)
class WatchAudit:
    """What was compared, and what differed."""

    attempts: int
    batches_taken: int
    batches_found: int
    alerts_listed: int
    alerts_told: int
    assessments_as_recounted: int
    ended_by_limit: int
    limit_told: int
    resumed: int
    sockets: int
    sockets_as_kept: int
    sockets_dropped: int
    findings: tuple[Finding, ...]


def audit_watch(
    observed: Observations,
    account: Account,
    holdings: Holdings,
    roles: Mapping[str, Role],
    resumed: int = 0,
    dropped: int = 0,
    slowest_alert: float = 0.0,
) -> WatchAudit:
    """Compares everything. `roles` by log-in; `resumed`, `dropped`: how often the sockets of the proctor and of students broke and went on by cursor;
    `slowest_alert`: seconds that the proctor waited for one, and the limit may have taken as long, as when the broker was away.
    """
    limit_within = LIMIT_ACTS_WITHIN + timedelta(seconds=slowest_alert)
    rules = rules_of(holdings.rules)
    findings: list[Finding] = [
        *socket_faults(observed, holdings.alerts),
        *_settled_lost(observed, holdings.alerts),
        *paired_wrongly(pair_verdicts(account, holdings, roles)),
    ]
    home, rooms = _home(holdings.attempts), rooms_of(roles)
    found = agreeing = as_kept = 0
    for held in holdings.attempts:
        journey = account.journeys[held.attempt_id]
        browsers = observed.browsers.get(held.attempt_id, Browsers(held.attempt_id))
        differences = list(differing_batches(browsers, held.batches))
        found += len(browsers.taken) - len(_lost(differences))
        counted = recounts(held, rules, journey, home)
        of_attempt = [alert for alert in holdings.alerts if alert.attempt_id == held.attempt_id]
        assessing = list(differing_assessment(held, counted))
        agreeing += not assessing
        differences += assessing
        differences += differing_alerts(of_attempt, counted)
        differences += wrong_ends(held, counted, limit_within)
        if (kept := holdings.feeds.get(held.attempt_id)) is not None:
            told = observed.told.get(held.attempt_id, ())
            heard = list(differing_told(told, kept, held, observed.extended.get(held.attempt_id)))
            as_kept += not heard
            differences += heard
        if held.room != (planned := rooms.get(journey.login)):
            differences.append(Finding(Kind.SEATED_WRONGLY, f"{held.room}, by the plan {planned}"))
        if roles.get(journey.login, Role()).part.is_honest:
            differences += accusations(of_attempt)
        findings += [replace(each, attempt_id=held.attempt_id, login=journey.login) for each in differences]
    missing = account.journeys.keys() - {held.attempt_id for held in holdings.attempts}
    findings += [
        Finding(Kind.ATTEMPT_MISSING, "proctoring does not know it", attempt_id) for attempt_id in sorted(missing)
    ]
    return WatchAudit(
        attempts=len(holdings.attempts),
        batches_taken=sum(len(browsers.taken) for browsers in observed.browsers.values()),
        batches_found=found,
        alerts_listed=len(holdings.alerts),
        alerts_told=len({message["alert"]["alert_id"] for _, message in observed.of_type("alert")}),
        assessments_as_recounted=agreeing,
        ended_by_limit=sum(held.submit_reason == VIOLATION_LIMIT for held in holdings.attempts),
        limit_told=sum(
            each["type"] == "submitted" and each["reason"] == VIOLATION_LIMIT
            for messages in observed.told.values()
            for each in messages
        ),
        resumed=resumed,
        sockets=len(holdings.feeds),
        sockets_as_kept=as_kept,
        sockets_dropped=dropped,
        findings=tuple(findings),
    )


def differing_batches(browsers: Browsers, stored: Sequence[HeldBatch]) -> Iterator[Finding]:
    """Every acknowledged batch is stored once, as it was sent and under its number; what is stored was sent; no number is missing."""
    by_number = {batch.number: batch for batch in stored}
    for number, count in Counter(batch.number for batch in stored).items():
        if count > 1:
            yield Finding(Kind.SIGNALS_TWICE, f"batch {number} stands {count} times")
    for number in set(range(1, max(by_number, default=0) + 1)) - by_number.keys():
        yield Finding(Kind.SIGNALS_LOST, f"there is no batch {number}")
    contents = Counter(_content(batch.signals) for batch in by_number.values())
    for batch_id, numbers in browsers.taken.items():
        if len(set(numbers)) > 1:
            yield Finding(Kind.SIGNALS_TWICE, f"batch {batch_id} is known as {sorted(set(numbers))}")
        held = by_number.get(numbers[0])
        if held is None:
            yield Finding(Kind.SIGNALS_LOST, f"{_BATCH}{batch_id}, acknowledged as {numbers[0]}")
        elif _content(held.signals) != _content(browsers.reported[batch_id].signals):
            yield Finding(Kind.SIGNALS_DIFFER, f"batch {numbers[0]}")
    sent = Counter(_content(each.signals) for each in browsers.reported.values())
    for content, count in contents.items():
        if count > sent[content]:
            yield Finding(Kind.SIGNALS_UNKNOWN, f"{count} batches of {len(content)} signals, {sent[content]} sent")


def socket_faults(observed: Observations, alerts: Sequence[HeldAlert]) -> Iterator[Finding]:
    """Numbers of the feed follow each other whatever happened to the socket; alerts told and listed are the same, each state told once."""
    numbers = [each.message["number"] for each in observed.heard if each.message.get("number")]
    for number, count in Counter(numbers).items():
        if count > 1:
            yield Finding(Kind.NUMBER_TWICE, f"number {number}, {count} times")
    for number in sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)):
        yield Finding(Kind.NUMBER_MISSING, f"number {number}")
    told: dict[str, Counter[tuple[int, int]]] = {}
    attempts: dict[str, str] = {}
    for _, message in observed.of_type("alert"):
        alert = message["alert"]
        told.setdefault(alert["alert_id"], Counter())[alert["revision"], alert["version"]] += 1
        attempts[alert["alert_id"]] = alert["attempt_id"]
    listed = {alert.alert_id: alert for alert in alerts}
    for alert_id, states in told.items():
        if alert_id not in listed:
            yield Finding(Kind.ALERT_NOT_LISTED, alert_id, attempts[alert_id])
        for (revision, version), count in states.items():
            if count > 1:
                detail = f"{alert_id}: revision {revision} with version {version}, {count} times"
                yield Finding(Kind.ALERT_TWICE, detail, attempts[alert_id])
    for alert in alerts:
        revisions = {revision for revision, _ in told.get(alert.alert_id, ())}
        if alert.revision not in revisions:
            detail = f"{alert.kind}: revision {alert.revision} is listed, {sorted(revisions) or 'nothing'} was told"
            yield Finding(Kind.ALERT_NOT_TOLD, detail, alert.attempt_id)


def differing_assessment(held: WatchedAttempt, counted: Sequence[Recount]) -> Iterator[Finding]:
    """The board's numbers are those of a recount; where the moments of answers decide, of any of them."""
    if held.assessed is None:
        yield Finding(Kind.NOT_ASSESSED, f"it has {len(held.batches)} batches of signals")
        return
    shown = _figures(held.assessed)
    possible = [_figures_of(each) for each in counted]
    for name, value in shown.items():
        values = {each[name] for each in possible}
        if name in _BY_ABSENCE and any(_is_still_away(each) for each in counted):
            continue
        if value not in values:
            wanted = " or ".join(sorted(map(str, values)))
            yield Finding(Kind.ASSESSED_WRONGLY, f"{name} is {value}, by what was sent {wanted}")


def differing_alerts(alerts: Sequence[HeldAlert], counted: Sequence[Recount]) -> Iterator[Finding]:
    """The alerts are those that there is cause for, with as many observations behind each."""
    causes = [{alert.alert_id: alert for alert in each.alerts} for each in counted]
    certain = set.intersection(*(set(each) for each in causes))
    held = {alert.alert_id: alert for alert in alerts}
    for alert_id in certain - held.keys():
        cause = causes[0][alert_id]
        if cause.kind not in _BY_ANSWERS:
            yield Finding(Kind.ALERT_MISSING, f"{cause.kind}: {cause.text}")
    for alert in alerts:
        if alert.kind in _BY_ANSWERS or alert.kind == _LASTING:
            continue
        revisions = {each[alert.alert_id].revision for each in causes if alert.alert_id in each}
        if not revisions:
            yield Finding(Kind.ALERT_WRONG, f"{alert.kind}: {alert.text}")
        elif alert.revision not in revisions:
            wanted = " or ".join(map(str, sorted(revisions)))
            yield Finding(Kind.ALERT_WRONG, f"{alert.kind} stands at {alert.revision}, by what was sent at {wanted}")


def wrong_ends(held: WatchedAttempt, counted: Sequence[Recount], limit_within: timedelta) -> Iterator[Finding]:
    """An attempt that the limit ended had reached it, and one that reached it in time was ended by it."""
    limit = counted[0].assessment.limit
    if held.submit_reason == VIOLATION_LIMIT:
        if limit is None:
            yield Finding(Kind.ENDED_WRONGLY, f"by the limit, after {len(counted[0].assessment.violations)} violations")
    elif limit is not None and held.submitted_at and held.submitted_at - moment(limit.at_ms) > limit_within:
        detail = f"by {held.submit_reason}, {held.submitted_at - moment(limit.at_ms)} after the last violation allowed"
        yield Finding(Kind.ENDED_WRONGLY, detail)


def accusations(alerts: Sequence[HeldAlert]) -> Iterator[Finding]:
    """Grave alerts about a student who did nothing of the kind."""
    for alert in alerts:
        if alert.severity in GRAVE:
            yield Finding(Kind.ACCUSED_WRONGLY, f"{alert.kind}, {alert.severity}: {alert.text}")


def paired_wrongly(pairs: Iterable[PairVerdict]) -> Iterator[Finding]:
    """Pairs that are shown as flagged, of students who belong to no group that copied."""
    for pair in pairs:
        if pair.is_flagged and not pair.is_planted:
            yield Finding(Kind.PAIRED_WRONGLY, " and ".join(pair.logins))


def _settled_lost(observed: Observations, alerts: Sequence[HeldAlert]) -> Iterator[Finding]:
    listed = {alert.alert_id: alert for alert in alerts}
    for each in observed.settled:
        held = listed.get(each.alert_id)
        if held is None or held.status != each.status:
            yield Finding(Kind.SETTLED_LOST, f"{each.alert_id}: {each.status}, shown as {held and held.status}")


def _home(attempts: Sequence[WatchedAttempt]) -> str:
    """The network of the class, from which everybody begins: the one that most batches come from."""
    networks = Counter(batch.network for held in attempts for batch in held.batches)
    return networks.most_common(1)[0][0] if networks else ""


def _lost(differences: Sequence[Finding]) -> set[str]:
    return {each.detail for each in differences if each.kind is Kind.SIGNALS_LOST and each.detail.startswith(_BATCH)}


def _content(signals: Sequence[Json]) -> tuple[Any, ...]:
    """What was told: kinds, questions and amounts in their order. Times are the server's once it is stored, and zeros may be left out."""
    return tuple(
        (each["kind"], each.get("question_id", ""), tuple(sorted((name, value) for name, value in each.items() if _is_amount(name, value))))
        for each in signals
    )  # fmt: skip


def _is_amount(name: str, value: object) -> bool:
    return name not in ("kind", "at", "question_id") and value != 0


def _figures(shown: Assessed) -> dict[str, Any]:
    """What the board shows, name by name."""
    return {
        "level": shown.level,
        "behaviour score": shown.behaviour_score,
        "risk score": shown.risk_score.normalize(),
        "violations": shown.violations,
        **{name: _decimal(component["score"]) for name, component in shown.components.items()},
    }


def _figures_of(recount: Recount) -> dict[str, Any]:
    assessment = recount.assessment
    return {
        "level": assessment.level.value,
        "behaviour score": assessment.behaviour.score,
        "risk score": assessment.risk.score.normalize(),
        "violations": len(assessment.violations),
        **{component.name: component.score.normalize() for component in assessment.risk.components},
    }


def _decimal(text: object) -> Any:
    return Decimal(str(text)).normalize()


def _is_still_away(recount: Recount) -> bool:
    """The page was left and not seen again: how long that was depends on the moments of answers."""
    tallies = recount.watch.tallies
    lost, back = tallies.get(SignalKind.FOCUS_LOST), tallies.get(SignalKind.FOCUS_REGAINED)
    return lost is not None and (back is None or back.last_ms < lost.last_ms)
