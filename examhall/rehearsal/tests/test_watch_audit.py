"""What the audit of proctoring finds, in an institution that keeps its promises and in ones that break one each."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from chassis.ids import new_id
from examhall.rehearsal.audit import Kind
from examhall.rehearsal.browser import Page, batch, style_of
from examhall.rehearsal.conduct import Part, Role, rooms_of
from examhall.rehearsal.holdings import Collusion, FlaggedPair, Holdings
from examhall.rehearsal.invigilation import _alert, _attempt
from examhall.rehearsal.ledger import (
    Acknowledged,
    Acted,
    Entry,
    Heard,
    Reported,
    Sent,
    Settled,
    Started,
    Taken,
    account,
)
from examhall.rehearsal.observed import observations
from examhall.rehearsal.tests.desk import Desk
from examhall.rehearsal.verdicts import Verdicts, verdicts, why_no_pair
from examhall.rehearsal.watch_audit import WatchAudit, audit_watch

SETTINGS = {
    "proctoring": True,
    "camera": False,
    "browser_lockdown": False,
    "tab_switch_allowed": False,
    "copy_paste_allowed": False,
    "monitoring_sensitivity": "medium",
    "violation_limit": 3,
}
Json = dict[str, Any]


@dataclass
class Class:
    """Some students under watch, what was written down of them, and the desk that watches."""

    desk: Desk = field(default_factory=Desk)
    entries: list[Entry] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    collusion: Collusion = field(default_factory=Collusion)

    def sits(self, login: str, part: Part = Part.HONEST, source: str = "") -> None:
        """A student begins; the attempt has the student's name."""
        self.roles[login] = Role(part, source)
        self.desk.begin(login, login, seconds_ago=30)
        self.entries.append(Started(login, login, ("q1", "q2")))

    def tells(self, login: str, *kinds: str, session: str = "log-in", **amounts: int) -> str:
        """A browser tells of these, one second apart from each other; the id of the batch."""
        now = datetime.now(UTC)
        page = Page(style_of(login), Random(login), now - timedelta(seconds=10))
        page.sum_up(now)
        signals = page.take()
        for kind in kinds:
            page.note(kind, now, **amounts)
            self.entries.append(Acted(login, kind, time.time()))
        signals += page.take()
        whole = batch(new_id(), signals, now)
        self.entries.append(Reported(login, whole["batch_id"], signals, time.time()))
        number = self.desk.take(login, whole, session)
        self.entries.append(Taken(login, whole["batch_id"], number, time.time()))
        return str(whole["batch_id"])

    def answers(self, login: str, question_id: str = "q1") -> None:
        """A saved answer."""
        self.desk.save(login, question_id, 1, {"option_id": "a"})
        self.entries.append(Sent(login, question_id, 1, {"option_id": "a"}, False, time.time()))
        self.entries.append(Acknowledged(login, question_id, 1, 1, time.time()))

    def heard(self) -> list[Entry]:
        """What the proctor's socket said."""
        return [Heard(time.time(), message) for message in self.desk.feed]

    def holdings(self) -> Holdings:
        """What staff read."""
        self.desk.rooms = rooms_of(self.roles)
        attempts = tuple(
            _attempt(self.desk.row(each), self.desk.unfolded(each), self.desk.signals(each))
            for each in self.desk.attempts
        )
        return Holdings(SETTINGS, attempts, tuple(map(_alert, self.desk.alerts.values())), self.collusion)

    def audit(
        self,
        change: Callable[[Holdings], Holdings] = lambda held: held,
        heard: list[Entry] | None = None,
        slowest_alert: float = 0.0,
    ) -> WatchAudit:
        """The audit, of holdings that a test may change."""
        entries = [*self.entries, *(self.heard() if heard is None else heard)]
        held = change(self.holdings())
        return audit_watch(observations(entries), account(entries), held, self.roles, slowest_alert=slowest_alert)

    def judged(self, seconds_a_question: float = 1.0) -> Verdicts:
        """Who was found."""
        entries = [*self.entries, *self.heard()]
        return verdicts(observations(entries), account(entries), self.holdings(), self.roles, seconds_a_question)


@pytest.fixture
def watched() -> Class:
    """An honest student, one with the developer tools open, and one who left the page three times."""
    seated = Class()
    for login, part in (("ana", Part.HONEST), ("ben", Part.TOOL_USER), ("cem", Part.TAB_SWITCHER)):
        seated.sits(login, part)
        seated.tells(login)
        seated.answers(login)
    seated.tells("ben", "devtools_open")
    leave_three_times(seated, "cem")
    seated.desk.end("ana", "student")
    seated.desk.end("ben", "student")
    return seated


def leave_three_times(seated: Class, login: str) -> None:
    """Three acts, by a browser that was offline for ten seconds."""
    now = datetime.now(UTC)
    signals = [
        {"kind": kind, "at": (now - timedelta(seconds=10 - 4 * number)).isoformat(), "question_id": ""} | amounts
        for number in range(3)
        for kind, amounts in (("tab_switch", {}), ("focus_lost", {}), ("focus_regained", {"away_milliseconds": 900}))
    ]
    whole = batch(new_id(), signals, now)
    for number in range(3):
        seated.entries.append(Acted(login, "tab_switch", time.time() - 10 + 4 * number))
    seated.entries.append(Reported(login, whole["batch_id"], signals, time.time()))
    seated.entries.append(Taken(login, whole["batch_id"], seated.desk.take(login, whole), time.time()))


def test_an_institution_that_keeps_its_promises_has_no_findings(watched: Class):
    told = watched.audit()
    assert told.findings == ()
    assert (told.attempts, told.batches_taken, told.batches_found) == (3, 5, 5)
    assert (told.assessments_as_recounted, told.ended_by_limit) == (3, 1)
    assert told.alerts_listed == told.alerts_told >= 2


def kinds(told: WatchAudit) -> set[Kind]:
    return {finding.kind for finding in told.findings}


def in_attempt(login: str, **changes: Any) -> Callable[[Holdings], Holdings]:
    """Holdings in which an attempt is otherwise."""

    def change(held: Holdings) -> Holdings:
        attempts = tuple(replace(each, **changes) if each.attempt_id == login else each for each in held.attempts)
        return replace(held, attempts=attempts)

    return change


def of_assessment(login: str, **changes: Any) -> Callable[[Holdings], Holdings]:
    """Holdings in which an assessment is otherwise."""

    def change(held: Holdings) -> Holdings:
        (shown,) = [each.assessed for each in held.attempts if each.attempt_id == login]
        assert shown is not None
        return in_attempt(login, assessed=replace(shown, **changes))(held)

    return change


@pytest.mark.parametrize("room", [None, "Room 2"])
def test_a_board_that_sends_the_proctor_to_another_room_is_noticed(watched: Class, room: str | None):
    told = watched.audit(in_attempt("ana", room=room))
    assert [(each.kind, each.login, each.detail) for each in told.findings] == [
        (Kind.SEATED_WRONGLY, "ana", f"{room}, by the plan Room 1")
    ]


def without_last_batch(held: Holdings) -> Holdings:
    (ana,) = [each for each in held.attempts if each.attempt_id == "ana"]
    return in_attempt("ana", batches=ana.batches[:-1])(held)


def with_a_batch_twice(held: Holdings) -> Holdings:
    (ana,) = [each for each in held.attempts if each.attempt_id == "ana"]
    return in_attempt("ana", batches=(*ana.batches, replace(ana.batches[0], number=2)))(held)


def with_other_signals(held: Holdings) -> Holdings:
    (ana,) = [each for each in held.attempts if each.attempt_id == "ana"]
    changed = tuple(
        {**signal, "clicks": 99} if signal["kind"] == "mouse" else signal for signal in ana.batches[0].signals
    )
    return in_attempt("ana", batches=(replace(ana.batches[0], signals=changed),))(held)


def without_alerts(held: Holdings) -> Holdings:
    return replace(held, alerts=())


def with_a_grown_alert(held: Holdings) -> Holdings:
    return replace(held, alerts=tuple(replace(each, revision=each.revision + 1) for each in held.alerts))


def test_the_limit_may_act_as_late_as_alerts_came(watched: Class):
    late = timedelta(hours=6)
    changed = in_attempt("cem", submit_reason="deadline", submitted_at=datetime.now(UTC) + late)
    assert {each.kind for each in watched.audit(changed).findings} == {Kind.ENDED_WRONGLY}
    assert watched.audit(changed, slowest_alert=2 * late.total_seconds()).findings == ()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (without_last_batch, {Kind.SIGNALS_LOST}),
        (with_a_batch_twice, {Kind.SIGNALS_UNKNOWN}),
        (with_other_signals, {Kind.SIGNALS_DIFFER, Kind.SIGNALS_UNKNOWN}),
        (without_alerts, {Kind.ALERT_NOT_LISTED, Kind.ALERT_MISSING}),
        (with_a_grown_alert, {Kind.ALERT_NOT_TOLD, Kind.ALERT_WRONG}),
        (in_attempt("ana", assessed=None), {Kind.NOT_ASSESSED}),
        (of_assessment("ana", behaviour_score=30), {Kind.ASSESSED_WRONGLY}),
        (of_assessment("cem", violations=2), {Kind.ASSESSED_WRONGLY}),
        (of_assessment("cem", risk_score=Decimal("0.9")), {Kind.ASSESSED_WRONGLY}),
        (in_attempt("ana", submit_reason="violation_limit"), {Kind.ENDED_WRONGLY}),
        (
            in_attempt("cem", submit_reason="deadline", submitted_at=datetime.now(UTC) + timedelta(hours=6)),
            {Kind.ENDED_WRONGLY},
        ),
    ],
)  # fmt: skip
def test_what_is_held_otherwise_than_promised_is_found(
    watched: Class, change: Callable[[Holdings], Holdings], found: set[Kind]
):
    assert kinds(watched.audit(change)) == found


def test_the_limit_and_another_end_may_meet_in_the_same_moment(watched: Class):
    assert watched.audit(in_attempt("cem", submit_reason="deadline", submitted_at=datetime.now(UTC))).findings == ()


def test_an_event_that_the_socket_left_out_or_said_twice_is_found(watched: Class):
    heard = watched.heard()
    assert Kind.NUMBER_TWICE in kinds(watched.audit(heard=[*heard, heard[0]]))
    assert Kind.ALERT_TWICE in kinds(watched.audit(heard=[*heard, heard[0]]))
    assert kinds(watched.audit(heard=heard[1:])) >= {Kind.NUMBER_MISSING, Kind.ALERT_NOT_TOLD}


def test_an_alert_that_a_proctor_acknowledged_and_that_is_open_again_is_found(watched: Class):
    alert_id = next(iter(watched.desk.alerts))
    watched.desk.acknowledge(alert_id)
    watched.entries.append(Settled(alert_id, "acknowledged", time.time()))
    assert watched.audit().findings == ()
    watched.desk.alerts[alert_id]["status"] = "open"
    assert kinds(watched.audit()) == {Kind.SETTLED_LOST}


def test_a_grave_alert_about_an_honest_student_is_found_and_named(watched: Class):
    watched.roles["ben"] = Role(Part.HONEST)
    (finding,) = watched.audit().findings
    assert (finding.kind, finding.login, finding.attempt_id) == (Kind.ACCUSED_WRONGLY, "ben", "ben")
    assert watched.judged().accused_wrongly == ("ben",)


def test_a_pair_that_did_not_copy_is_found_and_named_and_pairs_of_one_group_are_right(watched: Class):
    for login, part in (("eva", Part.COPIED_FROM), ("fay", Part.RING), ("gus", Part.RING)):
        watched.sits(login, part, source="" if part is Part.COPIED_FROM else "eva")
        watched.tells(login)
        watched.answers(login)
    watched.collusion = Collusion((FlaggedPair("fay", "eva"), FlaggedPair("gus", "fay")))
    assert watched.audit().findings == ()
    watched.collusion = Collusion((*watched.collusion.pairs, FlaggedPair("fay", "ana"), FlaggedPair("gus", "stranger")))
    assert [(finding.kind, finding.detail) for finding in watched.audit().findings] == [
        (Kind.PAIRED_WRONGLY, "ana and fay"),
        (Kind.PAIRED_WRONGLY, "gus and stranger"),
    ]


def test_who_was_planted_is_found_with_the_time_that_it_took(watched: Class):
    told = watched.judged()
    by_login = {each.login: each for each in told.planted}
    assert {login: (each.is_found, each.by) for login, each in by_login.items()} == {
        "ben": (True, "devtools_open"),
        "cem": (True, "violation_limit"),
    }
    assert all(each.seconds is not None and 0 <= each.seconds < 15 for each in by_login.values())
    assert (told.honest, told.honest_alerts, told.accused_wrongly) == (1, {}, ())
    assert told.seconds_p50 is not None
    assert told.seconds_p99 is not None
    assert told.seconds_p50 <= told.seconds_p99


def test_who_was_not_found_is_told_with_the_reason():
    seated = Class()
    for login, part in (
        ("ana", Part.PASTER),
        ("ben", Part.SHARER),
        ("cem", Part.FOREKNOWER),
        ("eva", Part.IMPOSTOR),
        ("fay", Part.ROAMING),
    ):
        seated.sits(login, part)
        seated.tells(login)
    seated.tells("ana", "paste_attempt", characters=40)
    why = {each.login: (each.is_found, each.why_not) for each in seated.judged(seconds_a_question=1.4).planted}
    assert why == {
        "ana": (False, "the attempt ended before it came to that (2 × paste_attempt)"),
        "ben": (False, "the two log-ins were not in use together for over 10 s"),
        "cem": (False, "everybody takes 1.4 s a question here"),
        "eva": (False, "too little practice to compare with"),
        "fay": (False, "there is no other network to go to"),
    }


def test_pairs_are_found_missed_or_shown_wrongly():
    seated = Class()
    seated.sits("ana", Part.COPIED_FROM)
    for login in ("ben", "cem"):
        seated.sits(login, Part.RING, source="ana")
    seated.sits("eva")
    seated.collusion = Collusion(
        (FlaggedPair("ben", "ana"), FlaggedPair("eva", "ana")), {"text": "So far 6 pairs were compared."}
    )
    told = seated.judged()
    assert {each.logins: (each.is_planted, each.is_flagged) for each in told.pairs} == {
        ("ana", "ben"): (True, True),
        ("ana", "cem"): (True, False),
        ("ben", "cem"): (True, False),
        ("ana", "eva"): (False, True),
    }
    assert {each.login: each.is_found for each in told.planted} == {"ben": True, "cem": False}
    assert told.collusion == "So far 6 pairs were compared."


@pytest.mark.parametrize(
    ("progress", "why"),
    [
        ({"text": "not analysed: 503"}, "the answers were not analysed"),
        (
            {"items_believed": 0, "candidates": 20},
            "no question has answers enough",
        ),
        ({"items_believed": 57, "candidates": 100}, "too little in 57 questions of 100 students"),
    ],
)
def test_why_copying_is_not_shown_is_said_plainly(progress: Json, why: str):
    assert why_no_pair(progress) == why
