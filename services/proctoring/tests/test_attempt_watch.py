"""An attempt step by step: what is stored and told, whatever the order of events and wherever it was resumed."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.alerts import WINDOW_THRESHOLDS
from services.proctoring.attempt_watch import PROGRESS_EVERY_MS, STATISTICS_EVERY_MS, Step, catch_up, step, watch_in
from services.proctoring.signals import DevtoolsOpen, ExamRules, QuestionShown, TabSwitch
from services.proctoring.state import AttemptChanged, Happening, encoded
from services.proctoring.telling import Telling
from services.proctoring.tests.builders import (
    START_MS,
    answers_kept,
    at,
    attempt_started,
    mouse,
    signals_taken,
    typing,
    watch_began,
)
from services.proctoring.tests.test_state import tapes


def submitted(version: int = 9, seconds: int = 4_000) -> Happening:
    at_ms = START_MS + seconds * 1000
    return attempt_started(version, network="", at_ms=at_ms, status="submitted", submitted_at_ms=at_ms)


def taken_in(tape: list[Happening], cuts: list[int], stored: bytes | None = None) -> tuple[bytes | None, list[Telling]]:
    """All of a tape in pieces that end at `cuts`, each from the bytes that the one before has stored."""
    tellings: list[Telling] = []
    places = sorted({min(cut, len(tape)) for cut in cuts} | {0, len(tape)})
    for begin, end in pairwise(places):
        stored, tell, _ = step(stored, tape[begin:end])
        tellings += tell
    return stored, tellings


def has_pause(tape: list[Happening]) -> bool:
    return any(isinstance(event, AttemptChanged) and event.status == "paused" for event in tape)


def last_risk(tellings: list[Telling]) -> told.RiskAssessed:
    """The assessment with the highest revision."""
    risks = (each.message for each in tellings if isinstance(each.message, told.RiskAssessed))
    return max(risks, key=lambda risk: risk.revision)


def last_alerts(tellings: list[Telling]) -> dict[str, told.Alert]:
    """Of every alert the highest revision."""
    alerts = [each.message.alert for each in tellings if isinstance(each.message, told.AlertRaised)]
    return {alert.alert_id: alert for alert in sorted(alerts, key=lambda alert: alert.revision)}


@settings(deadline=None)
@given(
    tape=tapes(),
    shuffled=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 40), max_size=8),
)
def test_any_order_repetition_and_resumption_end_in_the_same_state_and_the_same_last_words(
    tape: list[Happening], shuffled: random.Random, cuts: list[int]
) -> None:
    whole = [*tape, submitted()]
    expected_state, expected = taken_in(whole, list(range(len(whole))))
    other = whole + shuffled.choices(whole, k=len(whole) // 2)
    shuffled.shuffle(other)
    state, tellings = taken_in(other, cuts)
    assert expected_state is not None
    assert state is not None
    assert encoded(watch_in(state)) == encoded(watch_in(expected_state))
    assert last_risk(tellings) == last_risk(expected)
    final, alerts = last_alerts(taken_in(whole, [])[1]), last_alerts(tellings)
    assert {alert_id for alert_id in final if alert_id not in alerts} == set()
    # What is found by looking at all of an attempt may have looked worse while something was missing; it was told then, and stays. So may what lay in
    # a pause that nobody had heard of.
    by_window = set() if has_pause(tape) else {kind.value for kind in WINDOW_THRESHOLDS}
    for alert_id, alert in final.items():
        assert alerts[alert_id].revision >= alert.revision
        if alert.kind in by_window:
            assert alerts[alert_id] == alert
    assert not {alert.kind for alert_id, alert in alerts.items() if alert_id not in final} & by_window


@settings(deadline=None)
@given(tape=tapes(), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_no_id_is_told_twice_and_what_is_known_is_not_told_again(tape: list[Happening], cuts: list[int]) -> None:
    stored, tellings = taken_in([*tape, submitted()], cuts)
    assert len({telling.event_id for telling in tellings}) == len(tellings)
    again = step(stored, [*tape, submitted()])
    assert again.tell == []
    assert again.stored is stored


@settings(deadline=None)
@given(tape=tapes(), shuffled=st.randoms(use_true_random=False))
def test_a_limit_reached_has_one_id_after_lost_state_too(tape: list[Happening], shuffled: random.Random) -> None:
    def limits(events: list[Happening]) -> list[Telling]:
        _, tellings = taken_in(events, list(range(len(events))))
        return [each for each in tellings if isinstance(each.message, told.ViolationLimitReached)]

    first = limits(tape)
    other = list(tape)
    shuffled.shuffle(other)
    found = [[each.event_id for each in told_of] for told_of in (first, limits(other))]
    assert all(len(ids) <= 1 for ids in found)
    # Acts may reach it before it is heard that they lay in a pause.
    assert found[0] == found[1] or (has_pause(tape) and [] in found)


def begun() -> bytes | None:
    return step(None, [watch_began(), attempt_started()]).stored


def risks(taken: Step) -> list[told.RiskAssessed]:
    return [each.message for each in taken.tell if isinstance(each.message, told.RiskAssessed)]


def test_nothing_is_told_of_an_attempt_that_is_not_proctored_and_all_of_it_when_it_turns_out_to_be() -> None:
    stored, tell, _ = step(None, [attempt_started(), signals_taken(1, DevtoolsOpen(at=at(5)))])
    assert tell == []
    kinds = {each.message.DESCRIPTOR.name for each in step(stored, [watch_began()]).tell}
    assert kinds == {"RiskAssessed", "AlertRaised"}
    assert step(stored, [watch_began(ExamRules(proctoring=False))]).tell == []


def test_statistics_alone_are_told_every_ten_seconds_of_the_attempt() -> None:
    stored = begun()
    (first,) = risks(taken := step(stored, [signals_taken(1, typing(20, 40))]))
    assert first.figures["typing_wpm"] == "40"
    soon = step(taken.stored, [signals_taken(2, typing(20.5 + STATISTICS_EVERY_MS / 2000, 41))])
    assert risks(soon) == []
    later = step(soon.stored, [signals_taken(3, mouse(20 + STATISTICS_EVERY_MS / 1000, 150))])
    assert len(risks(later)) == 1


def test_what_matters_is_told_at_once_and_progress_with_it() -> None:
    stored = step(begun(), [signals_taken(1, typing(20, 40))]).stored
    for number, event in enumerate(
        (
            signals_taken(2, TabSwitch(at=at(20.3))),
            attempt_started(2, network="", at_ms=START_MS + 20_400, status="paused"),
        )
    ):
        stored = step(
            stored,
            [
                answers_kept(20.2, ("q1", 1 + number, 7)),
                signals_taken(9 + number, QuestionShown(at=at(20.1), position=2)),
            ],
        ).stored
        taken = step(stored, [event])
        assert len(risks(taken)) == 1, event
        stored = taken.stored
    (risk,) = risks(taken)
    assert (risk.position, risk.answered_count, risk.attempt_status, risk.counts["tab_switch"]) == (2, 1, "paused", 1)
    assert not risk.is_over


def test_progress_is_told_every_three_seconds_of_the_attempt_and_so_at_once_at_a_students_pace() -> None:
    pause = PROGRESS_EVERY_MS / 1000
    stored, told_of = begun(), []
    for place, seconds in enumerate((30, 30.5, 31, 30 + pause, 31 + pause, 60, 60 + pause / 2, 90), start=1):
        taken = step(stored, [signals_taken(place, QuestionShown(at=at(seconds), position=place))])
        told_of += [(seconds, risk.position) for risk in risks(taken)]
        stored = taken.stored
    assert told_of == [(30, 1), (30 + pause, 4), (60, 6), (90, 8)]


def test_progress_that_no_event_tells_is_told_when_the_pause_is_over_and_then_no_more() -> None:
    first = step(begun(), [signals_taken(1, QuestionShown(at=at(30), position=1))])
    assert not first.is_behind
    second = step(first.stored, [signals_taken(2, QuestionShown(at=at(31), position=2))])
    assert (second.tell, second.is_behind) == ([], True)
    assert second.stored is not None
    third = catch_up(second.stored)
    assert ([risk.position for risk in risks(third)], third.is_behind) == ([2], False)
    assert third.stored is not None
    assert catch_up(third.stored).tell == []
    typed = step(third.stored, [signals_taken(3, typing(32, 40))])
    assert typed.stored is not None
    assert not typed.is_behind


def test_an_attempt_that_is_over_is_told_with_everything_that_still_comes_in() -> None:
    over = step(begun(), [submitted(2, 100)])
    (risk,) = risks(over)
    assert risk.is_over
    late = step(over.stored, [signals_taken(1, typing(99, 40))])
    assert risks(late)[0].figures["typing_wpm"] == "40"


def test_an_answer_that_is_cleared_counts_no_more() -> None:
    answered = step(begun(), [answers_kept(10, ("q1", 1, 7), ("q2", 1, 8))])
    assert risks(answered)[0].answered_count == 2
    assert risks(step(answered.stored, [answers_kept(30, ("q1", 2, 0))]))[0].answered_count == 1
