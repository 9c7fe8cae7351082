"""What goes over the wire comes back the same."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from proto.examhall.attempts.v1 import events_pb2 as attempts
from services.proctoring import messages
from services.proctoring.alerts import alerts_of
from services.proctoring.assessing import assessed
from services.proctoring.evidence import moment
from services.proctoring.exam_messages import seated
from services.proctoring.signals import DERIVED_KINDS, ExamRules, FocusRegained, SignalKind, TabSwitch
from services.proctoring.state import AnswerKept, Happening, SignalsTaken, WatchBegan
from services.proctoring.tests.builders import START_MS, at, signals_taken, watched
from services.proctoring.tests.test_state import tapes


@settings(deadline=None, max_examples=50)
@given(tape=tapes())
def test_batches_and_rules_come_back_as_they_were(tape: list[Happening]) -> None:
    for event in tape:
        if isinstance(event, SignalsTaken):
            assert messages.signals_taken(messages.signals_received(event)) == event
        if isinstance(event, WatchBegan):
            assert messages.watch_began(messages.watch_message(event)) == event


def test_the_contract_has_a_message_for_every_kind_that_a_client_sends() -> None:
    fields = {field.name for field in messages.heard.Signal.DESCRIPTOR.oneofs_by_name["kind"].fields}
    assert fields == {kind.value for kind in SignalKind} - DERIVED_KINDS


def choice(*options: str) -> attempts.Response:
    return attempts.Response(choice=attempts.Choice(option_ids=options))


def test_answers_are_told_apart_and_no_answer_is_none() -> None:
    digests = [
        messages.response_digest(response)
        for response in (
            choice("a"),
            choice("b"),
            choice("a", "b"),
            attempts.Response(text="a b"),
            attempts.Response(truth=False),
        )
    ]
    assert len(set(digests)) == 5
    assert messages.response_digest(choice("a", "b")) == messages.response_digest(choice("b", "a"))
    for empty in (attempts.Response(), choice(), attempts.Response(text="")):
        assert messages.response_digest(empty) == 0


def test_what_one_commit_saved_is_taken_attempt_by_attempt() -> None:
    saved = attempts.SavedAnswer(question_id="q1", revision=3, response=attempts.Response(text="forty"))
    event = attempts.AnswersSaved(
        exam_id="exam",
        attempts=[
            attempts.AttemptAnswers(attempt_id=name, student_id="student", answers=[saved]) for name in ("a", "b")
        ],
    )
    one, other = messages.answers_kept(event, moment(START_MS))
    assert (one.attempt_id, other.attempt_id, one.exam_id, one.at_ms) == ("a", "b", "exam", START_MS)
    assert one.answers == (AnswerKept("q1", 3, messages.response_digest(saved.response), True),)


def test_an_attempt_is_submitted_when_the_event_says_so() -> None:
    state = attempts.AttemptState(attempt_id="attempt", version=2, status="submitted")
    state.started_at.FromDatetime(moment(START_MS))
    assert messages.attempt_changed(state, moment(START_MS)).submitted_at_ms is None
    state.submitted_at.FromDatetime(moment(START_MS + 1))
    changed = messages.attempt_changed(state, moment(START_MS + 5), "2001:db8::1")
    assert (changed.submitted_at_ms, changed.at_ms, changed.network) == (START_MS + 1, START_MS + 5, "2001:db8::/64")


def test_a_seat_tells_which_version_is_sat() -> None:
    state = attempts.AttemptState(attempt_id="attempt", exam_id="exam", version=2, exam_version=3, status="in_progress")
    seat = messages.candidate_seated(state, "192.0.2.1")
    assert (seat.attempt_id, seat.version, seat.exam_version, seat.address) == ("attempt", 2, 3, "192.0.2.1")
    assert seated(seat).exam_version == 3


def test_an_assessment_is_told_whole_with_its_evidence() -> None:
    watch = watched(
        signals_taken(1, *(TabSwitch(at=at(5 * number)) for number in range(1, 12))),
        signals_taken(2, FocusRegained(at=at(300), away_milliseconds=61_000)),
        rules=ExamRules(sensitivity="high"),
    )
    assessment = assessed(watch)
    told = messages.risk_assessed(assessment)
    assert (told.behaviour_score, told.risk_score, told.unscaled_risk_score) == (20, "0.4875", "0.39")
    assert [component.contribution for component in told.components] == ["0", "0.3", "0", "0", "0.09"]
    assert sum(Decimal(component.weight) for component in told.components) == 1
    assert [item.reference for item in told.reasons[0].evidence][:2] == ["1.1", "1.2"]
    assert not told.HasField("second_opinion")
    limit = messages.violation_limit_reached(assessment)
    assert (limit.limit, [item.reference for item in limit.evidence]) == (3, ["1.1", "1.2", "1.3"])
    first = alerts_of(watch, assessment)[0]
    assert messages.alert_raised(first).alert.alert_id == first.alert_id


@pytest.mark.parametrize(("value", "text"), [("0.8800", "0.88"), ("100", "100"), ("0.00", "0"), ("1E+1", "10")])
def test_decimals_are_written_out_plainly(value: str, text: str) -> None:
    assert messages._decimal(Decimal(value)) == text
