"""What the stream tells of attempts is kept in its newest state, and what changes is pushed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message import Message

from chassis.clock import now
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.outbox import timestamp
from chassis.testing import eventually
from proto.examhall.attempts.v1.events_pb2 import AttemptState
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.findings import UnknownAttempt, new_violations, violation_text
from services.proctoring.metrics import ALERT_SECONDS, ALERTS, VIOLATIONS
from services.proctoring.signals import ExamRules
from services.proctoring.tests.taking_in.builders import API, Attempt, Hall, an_assessment

REVIEWS = "proctoring.reviews.v1"
OVER: dict[str, Any] = {"is_over": True, "figures": {"typing_wpm": "44.5"}}


async def sampled(hall: Hall, attempt: Attempt) -> bool:
    """Whether the attempt counts in its student's baseline."""
    rows = await hall.sql("SELECT samples FROM baselines WHERE student_id = $1", UUID(attempt.state.student_id))
    return any(attempt.id.encode() in row["samples"] for row in rows)


async def test_an_assessment_is_kept_whole_and_an_older_one_is_not(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    values = {
        "level": "medium", "behaviour_score": 50, "risk_score": "0.4125", "integrity_score": "58.75", "violations": 1, "answered_count": 12,
        "position": 13,
    }  # fmt: skip
    event = an_assessment(attempt, 7, **values)
    await hall.taken(await hall.tell_assessment(event))
    for stale in (an_assessment(attempt, 6), an_assessment(attempt, 7, level="critical")):
        await hall.taken(await hall.tell_assessment(stale))
    row = (await hall.sql("SELECT * FROM attempts WHERE id = $1", attempt.uuid))[0]
    assert {name: str(row[name]) for name in values} == {
        name: str(value) for name, value in {**values, "integrity_score": "58.7500"}.items()
    }
    assert row["risk_revision"] == 7
    assert bytes(row["assessment"]) == event.SerializeToString()


async def test_proctors_hear_of_a_level_only_when_it_changes(hall: Hall) -> None:
    exam = await hall.published()
    attempt = await hall.started(exam)
    for revision, level in enumerate(("low", "medium", "medium", "low"), start=1):
        await hall.assessed(attempt, revision, level=level, risk_score="0.35", behaviour_score=20)
    shown = await hall.told_of(exam, "risk")
    assert [(body["previous_level"], body["level"]) for body in shown] == [("low", "medium"), ("medium", "low")]
    assert (shown[0]["attempt_id"], shown[0]["risk_score"], shown[0]["behaviour_score"]) == (attempt.id, "0.35", 20)
    assert await hall.told_to(attempt, "risk") == []  # a score is not for the student


async def test_of_assessments_that_come_together_the_newest_of_each_attempt_counts(hall: Hall) -> None:
    exam = await hall.published()
    ada, grace = await hall.started(exam), await hall.started(exam)
    consumer = hall.service.runtime.consumer
    assert consumer is not None
    heard = [
        an_assessment(ada, 1, level="high"),
        an_assessment(grace, 4, level="medium", answered_count=2),
        an_assessment(ada, 3, level="medium", violations=2, answered_count=5),
        an_assessment(ada, 2, level="critical", violations=1),
    ]
    await consumer.handle([an_event("proctoring.risk.v1", event.attempt_id, event) for event in heard])
    rows = await hall.sql("SELECT * FROM attempts WHERE exam_id = $1 ORDER BY risk_revision", exam.uuid)
    assert [(row["id"], row["risk_revision"], row["level"], row["violations"], row["answered_count"]) for row in rows] == [
        (ada.uuid, 3, "medium", 2, 5), (grace.uuid, 4, "medium", 0, 2),
    ]  # fmt: skip
    shown = await hall.told_of(exam, "risk")
    assert {(body["attempt_id"], body["previous_level"], body["level"]) for body in shown} == {
        (ada.id, "low", "medium"), (grace.id, "low", "medium"),
    }  # fmt: skip
    assert [body["total_violations"] for body in await hall.told_of(exam, "violation")] == [2]


async def test_each_new_violation_is_told_to_proctors_and_to_the_student(hall: Hall) -> None:
    exam = await hall.published(settings={"violation_limit": 3, "copy_paste_allowed": True})
    attempt = await hall.started(exam)
    await hall.assessed(attempt, 1, counts={"focus_lost": 0, "copy_attempt": 1})
    await hall.assessed(attempt, 2, violations=1, counts={"focus_lost": 1, "copy_attempt": 9})
    await hall.assessed(attempt, 3, violations=1, answered_count=1)
    await hall.assessed(attempt, 4, violations=2, counts={"tab_switch": 1, "focus_lost": 1})

    shown = await hall.told_of(exam, "violation")
    assert [(body["total_violations"], body["limit"]) for body in shown] == [(1, 3), (2, 3)]
    assert (shown[0]["violation_type"], shown[0]["attempt_id"]) == ("focus_lost", attempt.id)
    own = await hall.told_to(attempt, "violation")
    assert [(body["count"], body["limit"]) for body in own] == [(1, 3), (2, 3)]
    assert "that makes 2. At 3 the attempt is submitted" in own[1]["text"]


def test_what_the_student_is_told_names_no_limit_where_there_is_none() -> None:
    assert "submitted" not in violation_text(4, ExamRules(violation_limit=0))


def test_only_forbidden_kinds_that_were_observed_since_make_a_new_violation() -> None:
    attempt = Attempt(AttemptState(), None)  # type: ignore[arg-type]
    before = an_assessment(attempt, 1, counts={"tab_switch": 2, "right_click": 1})
    after = an_assessment(attempt, 2, counts={"tab_switch": 3, "right_click": 1, "ip_change": 1, "devtools_open": 1})
    assert new_violations(after, before, ExamRules()) == ["tab_switch"]
    assert new_violations(after, before, ExamRules(browser_lockdown=True)) == ["tab_switch", "devtools_open"]
    assert new_violations(after, before, ExamRules(tab_switch_allowed=True)) == []


async def test_an_attempt_that_is_over_has_an_integrity_score_for_the_results(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    await hall.assessed(attempt, 1)
    await hall.submitted(attempt)
    await hall.assessed(attempt, 3, is_over=True, integrity_score="61.5", level="medium")
    await hall.taken(await hall.tell_assessment(an_assessment(attempt, 2, is_over=True)))
    await hall.assessed(attempt, 4, is_over=True, integrity_score="60", level="medium")
    assessed = await hall.events(REVIEWS, "IntegrityAssessed")
    assert [(event.attempt_id, event.revision, event.integrity_score, event.level) for event in assessed] == [
        (attempt.id, 3, "61.5", "medium"),
        (attempt.id, 4, "60", "medium"),
    ]


async def test_an_unflagged_attempt_becomes_a_sample_when_it_is_over(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(kind="practice"))
    await hall.assessed(attempt, 1, figures=OVER["figures"])
    assert not await sampled(hall, attempt)
    await hall.submitted(attempt)
    await hall.assessed(attempt, 2, **OVER)
    assert await sampled(hall, attempt)
    await hall.assessed(attempt, 3, **{**OVER, "figures": {"typing_wpm": "45"}})  # a late batch of signals
    (row,) = await hall.sql("SELECT version, typical, samples FROM baselines")
    assert (row["version"], row["typical"]) == (2, '{"typing_wpm": "45.00"}')
    assert row["samples"].count(attempt.id.encode()) == 1
    await hall.assessed(attempt, 4, **{**OVER, "figures": {"typing_wpm": "45"}})
    assert (await hall.sql("SELECT version FROM baselines"))[0]["version"] == 2


async def test_a_flagged_attempt_is_no_sample_and_one_flagged_later_is_taken_out(hall: Hall) -> None:
    exam = await hall.published()
    high, alerted = await hall.started(exam), await hall.started(exam)
    for attempt in (high, alerted):
        await hall.submitted(attempt)
    await hall.assessed(high, 1, **OVER, level="high")
    await hall.assessed(alerted, 1, **OVER)
    assert not await sampled(hall, high)
    assert await sampled(hall, alerted)

    await hall.tell_alert(alerted, new_id(), severity="medium")
    assert await sampled(hall, alerted)
    grave = new_id()
    await hall.tell_alert(alerted, grave, severity="high")
    assert not await sampled(hall, alerted)
    instructor = hall.service.as_("instructor", UUID(exam.state.instructor_id))
    for step, version in (("acknowledge", 1), ("dismiss", 2)):
        reply = await instructor.post(
            f"{API}/alerts/{grave}/{step}", json={"reason": "a fire alarm"}, headers={"If-Match": f'"v{version}"'}
        )
        assert reply.status_code == 200, reply.text
        assert await sampled(hall, alerted) == (step == "dismiss")


async def test_an_invalidated_attempt_is_no_sample_until_it_is_reinstated(hall: Hall) -> None:
    exam = await hall.published()
    attempt = await hall.started(exam)
    await hall.submitted(attempt)
    await hall.assessed(attempt, 1, **OVER)
    instructor = hall.service.as_("instructor", UUID(exam.state.instructor_id))
    for step, counts in (("invalidate", False), ("reinstate", True)):
        reply = await instructor.post(f"{API}/attempts/{attempt.id}/{step}", json={"reason": "seen"})
        assert reply.status_code == 200, reply.text
        assert await sampled(hall, attempt) == counts


async def test_an_assessment_of_an_attempt_that_is_not_known_is_parked_and_the_next_is_kept(hall: Hall) -> None:
    exam = await hall.published()
    unknown, attempt = hall.attempt(exam), await hall.started(exam)
    await hall.tell_assessment(an_assessment(unknown, 1))
    await hall.assessed(attempt, 1)
    letter = await hall.one("SELECT key, reason FROM dead_letters")
    assert letter["key"] == unknown.id
    assert "not known here" in letter["reason"]


async def test_an_alert_grows_and_what_people_did_with_it_stays(hall: Hall) -> None:
    exam = await hall.published()
    student = new_id()
    await hall.tell_person(student, "Grace Hopper")
    attempt = await hall.started(exam, student)
    alert_id, at = new_id(), timestamp(now() - timedelta(minutes=1))
    await hall.tell_alert(attempt, alert_id, 3, at=at)
    proctor = hall.service.as_("admin")
    reply = await proctor.post(f"{API}/alerts/{alert_id}/acknowledge", headers={"If-Match": '"v1"'})
    assert reply.status_code == 200, reply.text
    await hall.tell_alert(attempt, alert_id, 5, at=at, severity="high", text="Left the page often.")
    await hall.tell_alert(attempt, alert_id, 4, at=at, text="An older state")

    row = (await hall.sql("SELECT revision, severity, text, count, status, version FROM alerts"))[0]
    assert tuple(row) == (5, "high", "Left the page often.", 5, "acknowledged", 2)
    shown = [body["alert"] for body in await hall.told_of(exam, "alert")]
    assert [(alert["revision"], alert["status"]) for alert in shown] == [
        (3, "open"),
        (3, "acknowledged"),
        (5, "acknowledged"),
    ]
    assert {alert["student_name"] for alert in shown} == {"Grace Hopper"}
    assert shown[-1]["count"] == 5


async def test_the_time_from_observation_to_alert_is_measured_once_for_each_alert(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    alert_id, seen_at = new_id(), now() - timedelta(seconds=40)
    evidence = [told.Evidence(at=timestamp(at)) for at in (seen_at, seen_at - timedelta(hours=1))]
    before = ALERT_SECONDS._sum.get()
    await hall.tell_alert(attempt, alert_id, 1, evidence=evidence, kind="devtools_open")
    await hall.tell_alert(attempt, alert_id, 2, evidence=evidence, kind="devtools_open")
    await eventually(lambda: 40 <= ALERT_SECONDS._sum.get() - before < 60)
    metrics = (await hall.service.http.get("/metrics")).text
    assert 'examhall_alerts_total{kind="devtools_open",severity="medium"} 1.0' in metrics


async def test_an_alert_that_comes_before_its_attempt_is_kept(hall: Hall) -> None:
    attempt = hall.attempt(await hall.published())
    await hall.tell_alert(attempt, new_id(), severity="critical")
    assert not await hall.sql("SELECT 1 FROM dead_letters")


async def test_what_is_rolled_back_with_events_beside_it_counts_once(hall: Hall) -> None:
    """Events that come together are one transaction; when one of them fails, the others are taken in again."""
    exam = await hall.published()
    attempt, unknown = await hall.started(exam), hall.attempt(exam)
    consumer = hall.service.runtime.consumer
    assert consumer is not None
    raised = ALERTS.labels("devtools_open", "high")
    before = raised._value.get(), ALERT_SECONDS._sum.get(), VIOLATIONS._value.get()
    alert = told.Alert(
        alert_id=str(new_id()), revision=1, attempt_id=attempt.id, exam_id=exam.id, student_id=attempt.state.student_id,
        kind="devtools_open", severity="high", at=timestamp(now() - timedelta(seconds=30)), text="Opened the tools.", count=1,
    )  # fmt: skip
    good = [
        an_event("proctoring.risk.v1", attempt.id, an_assessment(attempt, 1, violations=2)),
        an_event("proctoring.alerts.v1", attempt.id, told.AlertRaised(alert=alert)),
    ]
    with pytest.raises(UnknownAttempt):
        await consumer.handle([*good, an_event("proctoring.risk.v1", unknown.id, an_assessment(unknown, 1))])
    assert (raised._value.get(), ALERT_SECONDS._sum.get(), VIOLATIONS._value.get()) == before
    await consumer.handle(good)
    assert (raised._value.get(), VIOLATIONS._value.get()) == (before[0] + 1, before[2] + 2)
    assert 30 <= ALERT_SECONDS._sum.get() - before[1] < 60


def an_event(topic: str, key: str, message: Message) -> Event:
    """As it comes from the broker."""
    type_name = message.DESCRIPTOR.full_name
    return Event(new_id(), topic, key, type_name, now(), message.SerializeToString(), None)
