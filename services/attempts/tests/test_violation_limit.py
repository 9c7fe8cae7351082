"""The exam's limit of violations: the attempt is submitted once, with everything saved, and says why."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from chassis.testing import eventually
from proto.examhall.proctoring.v1.events_pb2 import AlertRaised, ViolationLimitReached
from services.attempts.endings import ending_text
from services.attempts.submitting import submit_at_limit, submit_due
from services.attempts.tables import SUBMIT_REASONS
from services.attempts.tests.builders import Exam, Hall, problem, save, start

ALERTS = "proctoring.alerts.v1"


def limit_reached(attempt: dict[str, Any], violations: int = 3, limit: int = 3) -> ViolationLimitReached:
    return ViolationLimitReached(
        attempt_id=attempt["id"], exam_id=attempt["exam_id"], student_id=attempt["student_id"],
        violations=violations, limit=limit, text="The limit was reached.",
    )  # fmt: skip


async def tell(hall: Hall, attempt: dict[str, Any]) -> UUID:
    return await hall.service.publish(ALERTS, attempt["id"], limit_reached(attempt))


async def until_submitted(client: Any, attempt: dict[str, Any]) -> dict[str, Any]:
    async def submitted() -> dict[str, Any] | None:
        body: dict[str, Any] = (await client.get(f"/api/v1/attempts/{attempt['id']}")).json()
        return body if body["status"] == "submitted" else None

    found: dict[str, Any] = await eventually(submitted)
    return found


async def until_taken_in(hall: Hall, event_id: UUID) -> None:
    await eventually(lambda: hall.sql("SELECT 1 FROM inbox WHERE event_id = $1", event_id))


async def submissions(hall: Hall) -> list[Any]:
    events = await hall.service.recorded("attempts.lifecycle.v1")
    return [event.attempt for kind, event in events if kind == "AttemptSubmitted"]


async def test_at_the_limit_an_attempt_is_submitted_with_everything_saved_and_says_why(hall: Hall) -> None:
    exam = hall.exam(settings={"allow_review_after_submit": True})
    student = hall.student()
    attempt = await start(student, exam)
    await save(student, attempt, exam.questions[1], {"text": "saved before"})
    await tell(hall, attempt)
    ended = await until_submitted(student, attempt)
    assert (ended["submit_reason"], ended["answered_count"]) == ("violation_limit", 1)
    assert ended["submit_text"] == ending_text("violation_limit")
    (told,) = await submissions(hall)
    assert (told.submit_reason, told.answered_count, told.version) == ("violation_limit", 1, 2)
    ((_, entry),) = await hall.service.recorded("audit.entries.v1")
    assert (entry.action, entry.actor_id) == ("attempt_submitted", "")
    assert entry.new_values_json == '{"submit_reason":"violation_limit","violations":3,"limit":3}'

    path = f"/api/v1/attempts/{attempt['id']}"
    beat = (await student.post(f"{path}/heartbeat")).json()
    assert (beat["status"], beat["submit_reason"]) == ("submitted", "violation_limit")
    assert beat["submit_text"] == ended["submit_text"]
    paper = (await student.get(f"{path}/paper")).json()
    assert paper["attempt"]["submit_text"] == ended["submit_text"]
    assert (await student.post(f"{path}/submit")).json()["submit_reason"] == "violation_limit"


async def test_a_save_after_it_is_refused_and_told_why(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[1]
    await save(student, attempt, question, {"text": "in time"})
    await tell(hall, attempt)
    await until_submitted(student, attempt)
    refused = await save(student, attempt, question, {"text": "too late"}, revision=2)
    assert problem(refused) == (409, "attempt-closed")
    body = refused.json()
    assert (body["submit_reason"], body["stored_revision"]) == ("violation_limit", 1)
    assert body["detail"].startswith(ending_text("violation_limit"))
    paper = await student.get(f"/api/v1/attempts/{attempt['id']}/paper")
    assert (problem(paper), paper.json()["submit_reason"]) == ((403, "review-not-allowed"), "violation_limit")


async def test_a_paused_attempt_counts_as_running(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student(break_minutes=5)
    attempt = await start(student, exam)
    assert (await student.post(f"/api/v1/attempts/{attempt['id']}/break")).json()["status"] == "paused"
    await tell(hall, attempt)
    ended = await until_submitted(student, attempt)
    assert (ended["submit_reason"], ended["paused_at"], ended["break_ends_at"]) == ("violation_limit", None, None)


async def test_an_attempt_that_is_over_stays_as_it_is_and_a_repetition_changes_nothing(hall: Hall) -> None:
    exam, one, two = hall.exam(), hall.student(), hall.student()
    by_student, at_limit = await start(one, exam), await start(two, exam)
    await one.post(f"/api/v1/attempts/{by_student['id']}/submit")
    await tell(hall, by_student)
    await tell(hall, at_limit)
    ended = await until_submitted(two, at_limit)
    await until_taken_in(hall, await tell(hall, at_limit))
    assert (await two.get(f"/api/v1/attempts/{at_limit['id']}")).json()["submitted_at"] == ended["submitted_at"]
    reasons = sorted(told.submit_reason for told in await submissions(hall))
    assert reasons == ["student", "violation_limit"]


async def test_what_is_no_limit_or_of_no_attempt_here_is_passed_over(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    await hall.service.publish(ALERTS, attempt["id"], AlertRaised())
    stranger = {"id": str(new_id()), "exam_id": exam.id, "student_id": str(new_id())}
    await until_taken_in(hall, await tell(hall, stranger))
    assert (await student.get(f"/api/v1/attempts/{attempt['id']}")).json()["status"] == "in_progress"
    assert await hall.sql("SELECT 1 FROM dead_letters") == []


async def test_a_limit_that_comes_after_the_deadline_finds_that_the_deadline_ended_the_attempt(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    attempt_id = UUID(attempt["id"])
    await hall.sql("UPDATE attempts SET deadline_at = clock_timestamp() - interval '1 s' WHERE id = $1", attempt_id)
    async with hall.service.database.session() as tx:
        await submit_at_limit(tx, attempt_id, 3, 3)
    assert (await until_submitted(student, attempt))["submit_reason"] == "deadline"
    assert len(await submissions(hall)) == 1


@pytest.mark.parametrize("rounds", [6])
async def test_limit_student_and_deadline_at_once_have_one_winner_and_one_event(hall: Hall, rounds: int) -> None:
    exam = hall.exam(settings={"duration_seconds": 3600})
    for _ in range(rounds):
        student = hall.student()
        attempt = await start(student, exam)
        await _race(hall, exam, student, attempt)
    told = await submissions(hall)
    assert len({each.attempt_id for each in told}) == len(told) == rounds
    assert {each.version for each in told} == {2}


async def _race(hall: Hall, exam: Exam, student: Any, attempt: dict[str, Any]) -> None:
    attempt_id, path = UUID(attempt["id"]), f"/api/v1/attempts/{attempt['id']}/submit"

    async def at_the_limit() -> None:
        async with hall.service.database.session() as tx:
            await submit_at_limit(tx, attempt_id, 3, 3)

    async def at_the_deadline() -> None:
        await hall.sql(
            "UPDATE attempts SET deadline_at = clock_timestamp() WHERE id = $1 AND status <> 'submitted'", attempt_id
        )
        async with hall.service.database.session() as tx:
            await submit_due(tx)

    outcomes = await asyncio.gather(
        at_the_limit(), student.post(path), tell(hall, attempt), at_the_deadline(), student.post(path), at_the_limit()
    )
    ended = await until_submitted(student, attempt)
    assert ended["submit_reason"] in ("student", "deadline", "violation_limit")
    replies = [outcome.json() for outcome in outcomes if hasattr(outcome, "json")]
    assert {(reply["submitted_at"], reply["submit_reason"]) for reply in replies} == {
        (ended["submitted_at"], ended["submit_reason"])
    }


async def test_limits_of_many_attempts_and_their_saves_do_not_wait_for_each_other_in_a_circle(hall: Hall) -> None:
    exam = hall.exam()
    students = [hall.student() for _ in range(8)]
    attempts = [await start(student, exam) for student in students]
    told = [tell(hall, attempt) for attempt in reversed(attempts)]
    saves = [
        save(student, attempt, exam.questions[1], {"text": str(revision)}, revision=revision)
        for revision in range(1, 6)
        for student, attempt in zip(students, attempts, strict=True)
    ]
    replies = await asyncio.gather(*told, *saves)
    assert {reply.status_code for reply in replies if hasattr(reply, "status_code")} <= {200, 409}
    for student, attempt in zip(students, attempts, strict=True):
        assert (await until_submitted(student, attempt))["submit_reason"] == "violation_limit"


def test_every_reason_has_its_words_and_an_open_attempt_has_none() -> None:
    texts = {reason: ending_text(reason) for reason in SUBMIT_REASONS}
    assert len(set(texts.values())) == len(SUBMIT_REASONS)
    assert all(texts.values())
    assert ending_text("") == ""
