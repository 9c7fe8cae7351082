"""Attempts that a person declared invalid, and integrity scores."""

import asyncio
import csv
import io
from typing import Any

import pytest

from chassis.clock import now
from chassis.ids import new_id
from chassis.testing import eventually
from proto.examhall.proctoring.v1.events_pb2 import AlertSettled, AttemptReviewed, IntegrityAssessed
from services.grading.invalidating import take_in_review
from services.grading.tables import Grade, Integrity, Review
from services.grading.tests.builders import AnAttempt, AnExam, Office, chose

REVIEWS = "proctoring.reviews.v1"
REASON = "Another person sat for the student."
BLANK_ESSAY = {"choice": chose("a")}


def reviewed(attempt: AnAttempt, revision: int, *, is_invalidated: bool, reason: str = REASON) -> AttemptReviewed:
    return AttemptReviewed(
        attempt_id=str(attempt.attempt_id), exam_id=str(attempt.exam.exam_id), student_id=str(attempt.student_id),
        revision=revision, is_reviewed=True, is_invalidated=is_invalidated, reason=reason, by_person_id=str(new_id()),
    )  # fmt: skip


async def review(office: Office, attempt: AnAttempt, revision: int, **values: Any) -> None:
    """Tells of a review and waits until grading has it."""
    event_id = await office.service.publish(REVIEWS, attempt.attempt_id, reviewed(attempt, revision, **values))
    await taken_in(office, event_id)


async def taken_in(office: Office, event_id: Any) -> None:
    pool = office.service.database.pool
    await eventually(lambda: pool.fetchval("SELECT count(*) FROM inbox WHERE event_id = $1", event_id))


async def as_student(office: Office, attempt: AnAttempt) -> dict[str, Any]:
    """The student's result; the list says the same."""
    client = office.student(attempt)
    alone: dict[str, Any] = (await client.get(f"/api/v1/results/{attempt.attempt_id}")).json()
    listed = (await client.get("/api/v1/results")).json()["items"]
    assert {name: value for name, value in alone.items() if name != "questions"} in listed
    return alone


async def as_instructor(office: Office, attempt: AnAttempt) -> dict[str, Any]:
    """The grade as the instructor reads it; the list says the same."""
    client = office.instructor(attempt.exam)
    alone: dict[str, Any] = (await client.get(f"/api/v1/grading/attempts/{attempt.attempt_id}")).json()
    listed = (await client.get(f"/api/v1/grading/exams/{attempt.exam.exam_id}/grades")).json()["items"]
    assert {name: value for name, value in alone.items() if name != "marks"} in listed
    return alone


async def released(office: Office, **values: Any) -> AnAttempt:
    exam = await office.knows(AnExam(release_automatically=True, allow_review=True, has_essay=False, **values))
    return await office.marked(exam, answers=BLANK_ESSAY)


async def test_an_invalidated_result_is_hidden_with_the_reason_told_and_undo_brings_it_back_as_it_was(
    office: Office,
) -> None:
    attempt = await released(office)
    before, grade_before = await as_student(office, attempt), await as_instructor(office, attempt)
    assert (before["status"], before["score"], before["invalidation_reason"]) == ("released", "2.00", None)
    assert before["questions"] is not None

    await review(office, attempt, 1, is_invalidated=True)
    hidden = await as_student(office, attempt)
    assert (hidden["status"], hidden["invalidation_reason"]) == ("invalidated", REASON)
    for name in ("score", "max_score", "percentage", "has_passed", "released_at", "questions"):
        assert hidden[name] is None, name
    grade = await as_instructor(office, attempt)
    assert (grade["is_invalidated"], grade["invalidation_reason"]) == (True, REASON)
    assert (grade["score"], grade["status"]) == ("2.00", "finalized")

    kind, told = (await office.events())[-1]
    assert (kind, told.is_invalidated, told.invalidation_reason) == ("GradeInvalidated", True, REASON)
    assert (told.is_released, told.score, len(told.marks)) == (True, "2.00", 2)

    await review(office, attempt, 2, is_invalidated=False, reason="It was the student after all.")
    kind, told = (await office.events())[-1]
    assert (kind, told.is_invalidated, told.invalidation_reason) == ("GradeReinstated", False, "")
    assert await as_student(office, attempt) == before
    back = await as_instructor(office, attempt)
    assert {**back, "revision": 0} == {**grade_before, "revision": 0}


async def test_what_is_said_later_of_an_invalidated_attempt_leaves_its_reason(office: Office) -> None:
    attempt = await released(office)
    await review(office, attempt, 1, is_invalidated=True)
    await review(office, attempt, 2, is_invalidated=True, reason="Spoken with the student.")
    assert (await as_student(office, attempt))["invalidation_reason"] == REASON


async def test_an_older_review_and_a_repetition_change_nothing(office: Office) -> None:
    attempt = await released(office)
    await review(office, attempt, 3, is_invalidated=False)
    await review(office, attempt, 2, is_invalidated=True)
    await review(office, attempt, 4, is_invalidated=True)
    await review(office, attempt, 4, is_invalidated=True)
    events = await office.events()
    assert [state.revision for _, state in events] == [1, 2, 3]
    assert (await office.grade(attempt)).is_invalidated


async def test_a_review_that_comes_before_the_grade_waits_for_it(office: Office) -> None:
    exam = await office.knows(AnExam(release_automatically=True, has_essay=False))
    attempt = AnAttempt(exam, answers=BLANK_ESSAY)
    await review(office, attempt, 1, is_invalidated=True)
    await office.submitted(attempt)
    grade = await office.grade(attempt)
    assert (grade.is_invalidated, grade.invalidation_reason) == (True, REASON)
    assert [(kind, told.is_invalidated) for kind, told in await office.events()] == [
        ("AttemptMarked", True), ("GradeReleased", True),
    ]  # fmt: skip
    assert (await as_student(office, attempt))["status"] == "invalidated"
    await review(office, attempt, 2, is_invalidated=False)
    assert (await as_student(office, attempt))["status"] == "released"


async def test_a_review_and_the_marking_that_meet_do_not_miss_each_other(office: Office) -> None:
    exam = await office.knows(AnExam(has_essay=False))
    attempt = AnAttempt(exam, answers=BLANK_ESSAY)
    pool = office.service.database.pool
    async with office.service.database.session() as tx:
        await take_in_review(tx, reviewed(attempt, 1, is_invalidated=True))
        await office.submitted(attempt)
        waits = "SELECT count(*) FROM pg_locks WHERE relation = 'reviews'::regclass AND NOT granted"
        await eventually(lambda: pool.fetchval(waits))
        assert await office.row(Grade, attempt.attempt_id) is None
    assert (await office.grade(attempt)).is_invalidated


async def test_an_exam_is_finalized_and_released_over_an_invalidated_attempt_whose_student_sees_nothing(
    office: Office,
) -> None:
    exam = await office.knows(AnExam())
    honest = await office.marked(exam, answers=BLANK_ESSAY)
    caught = await office.marked(exam)
    queue = f"/api/v1/grading/queue?exam_id={exam.exam_id}"
    assert (await office.instructor(exam).get(queue)).json()["total"] == 1
    assert (await office.lead(exam, "finalize")).status_code == 409
    await review(office, caught, 1, is_invalidated=True)
    assert (await office.instructor(exam).get(queue)).json()["total"] == 0
    assert (await office.lead(exam, "finalize")).json() == {"count": 1}
    assert (await office.lead(exam, "release")).json() == {"count": 1}
    assert (await as_student(office, honest))["status"] == "released"
    assert (await as_student(office, caught))["status"] == "invalidated"

    await review(office, caught, 2, is_invalidated=False)
    assert (await office.instructor(exam).get(queue)).json()["total"] == 1
    assert (await as_student(office, caught))["status"] == "received"


async def test_a_release_meant_for_all_shows_an_invalidated_result_once_that_is_undone(office: Office) -> None:
    exam = await office.knows(AnExam(has_essay=False))
    attempts = [await office.marked(exam, answers=BLANK_ESSAY) for _ in range(2)]
    await review(office, attempts[1], 1, is_invalidated=True)
    await office.lead(exam, "finalize")
    assert (await office.lead(exam, "release")).json() == {"count": 1}
    assert (await as_student(office, attempts[1]))["status"] == "invalidated"
    await review(office, attempts[1], 2, is_invalidated=False)
    assert (await as_student(office, attempts[1]))["status"] == "released"
    await review(office, attempts[1], 3, is_invalidated=True)
    assert (await office.lead(exam, "hide")).json() == {"count": 1}
    await review(office, attempts[1], 4, is_invalidated=False)
    assert (await as_student(office, attempts[1]))["status"] == "received"


async def test_reviews_and_releases_at_once_do_not_wait_in_a_circle(office: Office) -> None:
    exam = await office.knows(AnExam(has_essay=False))
    attempts = [await office.marked(exam, answers=BLANK_ESSAY) for _ in range(6)]
    await office.lead(exam, "finalize")
    told = [
        office.service.publish(REVIEWS, attempt.attempt_id, reviewed(attempt, 1, is_invalidated=True))
        for attempt in sorted(attempts, key=lambda each: each.attempt_id, reverse=True)
    ]
    event_ids = (await asyncio.gather(office.lead(exam, "release"), *told, office.lead(exam, "hide")))[1:-1]
    for event_id in event_ids:
        await taken_in(office, event_id)
    assert all([(await office.grade(attempt)).is_invalidated for attempt in attempts])
    assert await office.service.database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


@pytest.mark.parametrize("step", ["before the grade", "after the grade"])
async def test_the_integrity_score_stands_beside_the_grade_for_staff_alone(office: Office, step: str) -> None:
    exam = await office.knows(AnExam(release_automatically=True, has_essay=False))
    attempt = AnAttempt(exam, answers=BLANK_ESSAY)
    if step == "after the grade":
        await office.submitted(attempt)
        await office.grade(attempt)
        assert (await as_instructor(office, attempt))["integrity"] is None
    await assess(office, attempt, 7, "44.375", "high")
    await assess(office, attempt, 5, "99", "low")
    if step == "before the grade":
        await office.submitted(attempt)
        await office.grade(attempt)
    assert (await as_instructor(office, attempt))["integrity"] == {"score": "44.38", "level": "high"}
    assert "integrity" not in str(await as_student(office, attempt))


async def assess(office: Office, attempt: AnAttempt, revision: int, score: str, level: str) -> None:
    assessed = IntegrityAssessed(
        attempt_id=str(attempt.attempt_id), exam_id=str(attempt.exam.exam_id), student_id=str(attempt.student_id),
        revision=revision, integrity_score=score, level=level,
    )  # fmt: skip
    await taken_in(office, await office.service.publish(REVIEWS, attempt.attempt_id, assessed))


async def test_the_exported_results_say_what_does_not_count_and_how_sure_one_can_be(office: Office) -> None:
    attempt = await released(office)
    await assess(office, attempt, 1, "12.5", "critical")
    await review(office, attempt, 1, is_invalidated=True, reason="=HYPERLINK(1)")
    reply = await office.instructor(attempt.exam).get(f"/api/v1/grading/exams/{attempt.exam.exam_id}/results")
    (row,) = csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff")))
    told = {name: row[name] for name in ("is_invalidated", "invalidation_reason", "integrity_score", "risk_level")}
    assert told == {
        "is_invalidated": "yes",
        "invalidation_reason": "'=HYPERLINK(1)",
        "integrity_score": "12.50",
        "risk_level": "critical",
    }


async def test_a_settled_alert_is_no_business_of_grading(office: Office) -> None:
    attempt = await released(office)
    await office.service.publish(REVIEWS, attempt.attempt_id, AlertSettled(attempt_id=str(attempt.attempt_id)))
    await review(office, attempt, 1, is_invalidated=False)
    assert (await office.row(Review, attempt.attempt_id)).reason == ""
    assert await office.row(Integrity, attempt.attempt_id) is None
    assert (await office.grade(attempt)).marked_at <= now()
