"""Exams and attempts are taken in, and the stream is told which are watched, and by which rules."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.clock import now
from chassis.ids import new_id
from chassis.outbox import moment_of, timestamp
from chassis.testing import eventually
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.exams.v1 import papers_pb2 as papers
from proto.examhall.identity.v1 import people_pb2 as people
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.tests.taking_in.builders import Hall, a_batch, a_question

EXAMS, SIGNALS = "proctoring.exams.v1", "proctoring.signals.v1"


async def watched(hall: Hall) -> list[Any]:
    return await hall.events(EXAMS, "ExamWatched")


async def begun(hall: Hall) -> list[Any]:
    return await hall.events(SIGNALS, "WatchBegan")


def options_of(question: papers.Question) -> list[str]:
    return [option.option_id for option in question.options]


async def test_a_proctored_exam_is_watched_in_the_questions_answered_by_choosing_one_option(hall: Hall) -> None:
    kinds = (papers.SINGLE_CHOICE, papers.ESSAY, papers.TRUE_FALSE, papers.MULTIPLE_SELECT, papers.NUMERIC)
    choice, _, truth, *_ = questions = [a_question(kind) for kind in kinds]
    settings = {
        "browser_lockdown": True,
        "randomize_questions": True,
        "violation_limit": 5,
        "monitoring_sensitivity": "high",
    }
    exam = await hall.published(*questions, settings=settings, opens_at=now() + timedelta(days=1))

    (event,) = await watched(hall)
    assert event.exam_id == exam.id
    assert {item.question_id: list(item.option_ids) for item in event.items} == {
        choice.question_id: options_of(choice),
        truth.question_id: ["true", "false"],
    }
    assert (event.rules.proctoring, event.rules.browser_lockdown, event.rules.sensitivity) == (True, True, "high")
    assert (event.rules.violation_limit, event.rules.camera, event.is_order_shuffled) == (5, False, True)
    assert event.opened_at == exam.state.schedule.opens_at
    (row,) = await hall.sql("SELECT rules_version, watch_revision FROM exams")
    assert tuple(row) == (1, event.revision)


async def test_an_exam_without_proctoring_is_not_told_to_the_stream(hall: Hall) -> None:
    exam = await hall.published(settings={"proctoring": False})
    attempt = await hall.started(exam)
    await hall.submitted(attempt)
    assert await watched(hall) == await begun(hall) == []
    assert [body["type"] for body in await hall.feed(f"exam:{exam.id}")] == ["attempt_started", "attempt_submitted"]


async def test_a_later_version_adds_questions_and_takes_none_away(hall: Hall) -> None:
    kept, dropped, added = a_question(), a_question(), a_question()
    exam = await hall.published(kept, dropped, settings={"randomize_questions": True})
    await hall.published(added, kept, version=2, exam_id=exam.id, settings={"violation_limit": 7})
    first, second = await watched(hall)
    assert second.revision > first.revision
    assert (list(first.versions), list(second.versions)) == ([1], [1, 2])
    assert [item.question_id for item in second.items] == [q.question_id for q in (kept, dropped, added)]
    assert second.rules.violation_limit == 7
    assert not second.is_order_shuffled  # not everybody had an order of their own
    assert second.opened_at == first.opened_at


async def test_a_version_without_proctoring_is_not_among_those_that_are_compared(hall: Hall) -> None:
    exam = await hall.published(a_question())
    await hall.published(a_question(), version=2, exam_id=exam.id, settings={"proctoring": False})
    last = await hall.published(a_question(), version=3, exam_id=exam.id)
    await hall.started(last)
    assert [list(event.versions) for event in await watched(hall)] == [[1], [1, 3]]


async def test_an_attempt_is_watched_by_the_rules_of_the_version_it_sits_however_late_that_is_heard_of(
    hall: Hall,
) -> None:
    old, new = a_question(), a_question()
    first = hall.exam(old, settings={"violation_limit": 2})
    second = await hall.published(new, version=2, exam_id=first.id, settings={"violation_limit": 9})
    attempt = await hall.started(first)

    (event,) = await begun(hall)
    assert (event.attempt_id, event.revision, event.rules.violation_limit) == (attempt.id, 1, 2)
    told_before, told_after = await watched(hall)
    assert [item.question_id for item in told_before.items] == [new.question_id]
    assert [item.question_id for item in told_after.items] == [new.question_id, old.question_id]
    assert told_after.rules.violation_limit == 9
    assert second.state.version == (await hall.sql("SELECT rules_version FROM exams"))[0]["rules_version"]


async def test_what_an_earlier_exam_told_of_an_option_goes_along_as_it_was_then(hall: Hall) -> None:
    question = a_question(options=2)
    calibration = told.ItemCalibration(
        question_id=question.question_id, option_ids=reversed(options_of(question)), slopes=["0.5", "-0.5"], intercepts=["0.1", "0"], answers=400
    )  # fmt: skip
    await hall.tell_collusion(told.ItemsCalibrated(exam_id=str(new_id()), revision=1, items=[calibration]))
    await hall.one("SELECT 1 FROM item_calibrations")
    exam = await hall.published(question, a_question())
    calibration.answers, calibration.slopes[0] = 900, "3"
    await hall.tell_collusion(told.ItemsCalibrated(exam_id=str(new_id()), revision=1, items=[calibration]))
    await hall.one("SELECT 1 FROM item_calibrations WHERE answers = 900")
    await hall.published(question, a_question(), version=2, exam_id=exam.id)

    for event in await watched(hall):
        item, other = event.items[0], event.items[1]
        assert [(Decimal(prior.slope), Decimal(prior.intercept)) for prior in item.priors] == [
            (Decimal("-0.5"), Decimal(0)),
            (Decimal("0.5"), Decimal("0.1")),
        ]
        assert (item.prior_answers, other.prior_answers, len(other.priors)) == (400, 0, 0)


async def test_an_attempt_of_an_exam_never_heard_of_asks_for_it(hall: Hall) -> None:
    attempt = await hall.started(hall.exam(instructor_id=str(new_id()), status="archived"))
    (event,), (exam_event,) = await begun(hall), await watched(hall)
    assert (event.attempt_id, exam_event.exam_id) == (attempt.id, attempt.state.exam_id)
    (row,) = await hall.sql("SELECT status, title FROM exams")
    assert tuple(row) == ("archived", "Statics")
    assert (await attempt.client.post(attempt.path, json=a_batch())).status_code == 200


async def test_a_publication_waits_until_exams_answers(hall: Hall) -> None:
    hall.peers.is_away = True
    exam = hall.exam()
    await hall.tell_exam(exams.ExamPublished(exam=exam.state))
    consumer = hall.service.runtime.consumer
    await eventually(lambda: "waiting for a dependency" in consumer.status)
    assert not await hall.sql("SELECT 1 FROM exams")
    hall.peers.is_away = False
    await hall.one("SELECT 1 FROM exam_versions WHERE exam_id = $1", exam.uuid)
    assert not await hall.sql("SELECT 1 FROM dead_letters")


async def test_an_older_state_of_an_exam_changes_nothing(hall: Hall) -> None:
    exam = await hall.published(revision=5, proctor_ids=[str(new_id())])
    stale = exams.ExamState()
    stale.CopyFrom(exam.state)
    stale.revision, stale.title = 4, "An old title"
    newer = exams.ExamState()
    newer.CopyFrom(exam.state)
    newer.revision, newer.subject = 6, "Mechanics"
    await hall.taken(await hall.tell_exam(exams.ExamScheduleChanged(exam=stale)))
    await hall.tell_exam(exams.ExamScheduleChanged(exam=newer))
    row = await hall.one("SELECT title, subject, proctor_ids FROM exams WHERE revision = 6")
    assert tuple(row) == ("Statics", "Mechanics", [UUID(proctor) for proctor in exam.state.proctor_ids])


async def test_a_students_attempt_is_compared_with_all_students_until_there_are_enough_own_samples(hall: Hall) -> None:
    exam = await hall.published()
    for number in range(5):
        attempt = await hall.started(exam)
        await hall.submitted(attempt)
        await hall.assessed(attempt, 3, is_over=True, figures={"typing_wpm": f"{40 + number}", "dwell_ms": "80"})
    student = new_id()
    for number in range(6):
        attempt = await hall.started(exam, student, number=number + 1)
        await hall.submitted(attempt)
        await hall.assessed(attempt, 3, is_over=True, figures={"typing_wpm": f"{70 + number}"})

    compared = {event.attempt_id: event.comparison for event in await begun(hall) if event.student_id == str(student)}
    *first, last = compared.values()
    for number, comparison in enumerate(first):
        norm = next(norm for norm in comparison.norms if norm.figure == "typing_wpm")
        assert (norm.source, comparison.samples_source, comparison.baseline_version) == (
            "population",
            "population",
            number,
        )
        assert len(comparison.samples) == 5  # the others: one's own point says nothing of what is usual among others
    norms = {norm.figure: (norm.median, norm.source, norm.samples) for norm in last.norms}
    assert norms == {"typing_wpm": ("72.00", "own", 5), "dwell_ms": ("80.00", "population", 5)}
    assert (last.samples_source, len(last.samples), last.baseline_version) == ("own", 5, 5)


async def test_proctors_and_the_student_are_told_of_every_step_once(hall: Hall) -> None:
    exam = await hall.published()
    student = new_id()
    await hall.tell_person(student, "Grace Hopper")
    attempt = await hall.started(exam, student)
    deadline = moment_of(attempt.state, "deadline_at")
    assert deadline is not None
    paused_at = now() - timedelta(minutes=1)
    attempt.state.version += 1
    attempt.state.status = "paused"
    paused = attempts.AttemptPaused(attempt=attempt.state, reason="Fire alarm")
    event_id = await hall.tell_attempt(paused, occurred_at=paused_at)
    row = await hall.one("SELECT paused_at FROM attempts WHERE status = 'paused'")
    assert row["paused_at"] == paused_at
    await hall.tell_attempt(paused, event_id=event_id)
    await hall.change(
        attempt, attempts.AttemptResumed, status="in_progress", deadline_at=deadline + timedelta(minutes=1)
    )
    more = {"added_seconds": 600, "reason": "Fire alarm"}
    await hall.change(attempt, attempts.AttemptExtended, more, deadline_at=deadline + timedelta(minutes=11))
    await hall.submitted(attempt, "violation_limit")
    stale = attempts.AttemptState()
    stale.CopyFrom(attempt.state)
    stale.version, stale.status = 2, "paused"
    await hall.taken(await hall.tell_attempt(attempts.AttemptPaused(attempt=stale)))
    other = await hall.started(exam)  # of the same exam, after all of these

    shown = await hall.feed(f"exam:{exam.id}")
    assert [body["type"] for body in shown] == [
        "attempt_started", "attempt_paused", "attempt_resumed", "time_changed", "attempt_submitted", "attempt_started",
    ]  # fmt: skip
    assert [body["number"] for body in shown] == [1, 2, 3, 4, 5, 6]
    assert {(body["attempt_id"], body["student_name"]) for body in shown} == {
        (attempt.id, "Grace Hopper"),
        (other.id, None),
    }
    assert (shown[4]["submit_reason"], shown[4]["status"]) == ("violation_limit", "submitted")
    own = await hall.feed(f"attempt:{attempt.id}")
    assert [body["type"] for body in own] == ["paused", "resumed", "time_changed", "submitted"]
    assert own[0]["reason"] == "Fire alarm"
    assert 3600 <= own[1]["seconds_left"] <= 3660
    assert (own[2]["reason"], own[2]["added_seconds"]) == ("Fire alarm", 600)
    assert (own[3]["reason"], "limit of violations" in own[3]["text"]) == ("violation_limit", True)
    live = [
        event for event in await hall.events("proctoring.live.v1", "LiveEvent") if event.feed == f"attempt:{attempt.id}"
    ]
    assert [(event.number, event.type) for event in live] == [(body["number"], body["type"]) for body in own]
    row = (await hall.sql("SELECT status, paused_at, submit_reason FROM attempts WHERE id = $1", attempt.uuid))[0]
    assert tuple(row) == ("submitted", None, "violation_limit")


async def test_an_event_that_can_not_be_handled_is_parked_and_the_next_is_handled(hall: Hall) -> None:
    exam = await hall.published()
    poison = hall.attempt(exam, student_id=None)
    poison.state.student_id = "nobody"
    await hall.tell_attempt(attempts.AttemptStarted(attempt=poison.state))
    attempt = await hall.started(exam)
    letter = await hall.one("SELECT key, reason FROM dead_letters")
    assert letter["key"] == poison.id
    assert [event.attempt_id for event in await begun(hall)] == [attempt.id]


async def test_nothing_of_how_a_deleted_person_behaves_is_kept(hall: Hall) -> None:
    student = new_id()
    await hall.tell_person(student)
    exam = await hall.published()
    attempt, other = await hall.started(exam, student), await hall.started(exam)
    for who in (attempt, other):
        await who.client.post(who.path, json=a_batch())
        await hall.submitted(who)
        await hall.assessed(who, 3, is_over=True, figures={"typing_wpm": "50"})
    deleted = people.PersonDeleted(person_id=str(student), version=9)
    await hall.service.publish("identity.people.v1", student, deleted)
    await hall.one("SELECT 1 FROM people WHERE is_deleted AND name = '' AND id = $1", student)
    await hall.assessed(attempt, 4, is_over=True, figures={"typing_wpm": "50"})

    left = [row["student_id"] for row in await hall.sql("SELECT student_id FROM baselines")]
    assert left == [UUID(other.state.student_id)]
    assert [row["attempt_id"] for row in await hall.sql("SELECT attempt_id FROM signal_batches")] == [other.uuid]
    late = people.PersonState(person_id=str(student), version=8, name="Ada Lovelace")
    await hall.taken(await hall.service.publish("identity.people.v1", student, people.PersonChanged(person=late)))
    assert await hall.sql("SELECT 1 FROM people WHERE is_deleted AND name = '' AND id = $1", student)


async def test_an_attempt_that_is_first_heard_of_by_a_later_event_is_watched_too(hall: Hall) -> None:
    exam = await hall.published()
    attempt = hall.attempt(exam, version=3, deadline_at=timestamp(now() + timedelta(hours=2)))
    await hall.tell_attempt(attempts.AttemptExtended(attempt=attempt.state, added_seconds=3600))
    await hall.one("SELECT 1 FROM attempts WHERE is_proctored")
    attempt.state.version = 1
    await hall.taken(await hall.tell_attempt(attempts.AttemptStarted(attempt=attempt.state)))
    assert len([event for event in await begun(hall) if event.attempt_id == attempt.id]) == 1


async def test_an_exam_is_watched_though_the_events_beside_it_could_not_be_handled_at_first(hall: Hall) -> None:
    """Both publications and the poison come in one batch: what the rolled-back transaction saw must not count as known."""
    exam = hall.exam()
    hall.peers.is_away = True
    await hall.tell_exam(exams.ExamPublished(exam=hall.exam().state))
    await eventually(lambda: "waiting for a dependency" in hall.service.runtime.consumer.status)
    again, poison = exams.ExamState(), exams.ExamState()
    for state in (again, poison):
        state.CopyFrom(exam.state)
    again.revision, poison.revision, poison.instructor_id = 2, 3, "nobody"
    for state in (exam.state, again, poison):
        await hall.tell_exam(exams.ExamPublished(exam=state))
    hall.peers.is_away = False
    await hall.one("SELECT 1 FROM dead_letters")
    assert [event.exam_id for event in await watched(hall) if event.exam_id == exam.id] == [exam.id]
    attempt = await hall.started(exam)
    assert (await attempt.client.post(attempt.path, json=a_batch())).status_code == 200
