"""Starting: the rules, each by its name; one attempt however many starts; access codes that can't be guessed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.rpc import open_channel
from chassis.testing import eventually
from proto.examhall.exams.v1.events_pb2 import ExamArchived, ExamPublished
from proto.examhall.identity.v1.people_pb2 import PersonDeleted
from services.attempts.tests.builders import Hall, open_hall, problem, start

NOW = datetime.now(UTC)


async def test_a_start_makes_an_attempt_with_the_server_clock_and_tells_of_it(hall: Hall) -> None:
    class_id, centre_id = str(new_id()), str(new_id())
    exam, student = hall.exam(), hall.student(class_id=class_id, centre_id=centre_id)
    reply = await student.post("/api/v1/attempts", json={"exam_id": exam.id})
    attempt = reply.json()
    assert reply.status_code == 201
    assert attempt["status"] == "in_progress"
    assert (attempt["number"], attempt["exam_version"], attempt["question_count"]) == (1, 1, 2)
    assert (attempt["class_id"], attempt["centre_id"]) == (class_id, centre_id)
    assert 3590 <= attempt["seconds_left"] <= 3600
    ((kind, event),) = await hall.service.recorded("attempts.lifecycle.v1")
    assert kind == "AttemptStarted"
    assert event.attempt.attempt_id == attempt["id"]
    assert event.attempt.class_id == class_id


async def test_starting_again_gives_the_open_attempt(hall: Hall) -> None:
    exam, student = hall.exam(access_code="K7QM2X9P"), hall.student()
    first = await start(student, exam, access_code="K7QM2X9P")
    again = await student.post("/api/v1/attempts", json={"exam_id": exam.id})
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]


async def test_64_starts_at_once_make_one_attempt(hall: Hall) -> None:
    exam, student = hall.exam(max_attempts=5), hall.student()
    replies = await asyncio.gather(*(student.post("/api/v1/attempts", json={"exam_id": exam.id}) for _ in range(64)))
    assert sorted({reply.status_code for reply in replies}) == [200, 201]
    assert [reply.status_code for reply in replies].count(201) == 1
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert len(await hall.sql("SELECT 1 FROM attempts")) == 1
    assert len(await hall.service.recorded("attempts.lifecycle.v1")) == 1


async def test_a_class_that_starts_at_once_asks_for_exam_and_paper_once(hall: Hall) -> None:
    exam, students = hall.exam(), [hall.student() for _ in range(12)]
    replies = await asyncio.gather(*(one.post("/api/v1/attempts", json={"exam_id": exam.id}) for one in students))
    assert {reply.status_code for reply in replies} == {201}
    assert sorted(hall.peers.calls) == ["GetExam", "GetPaper", *["GetPerson"] * 12]


async def test_retakes_go_up_to_the_limit_even_when_tried_at_once(hall: Hall) -> None:
    exam, student = hall.exam(max_attempts=2), hall.student()

    async def sit() -> str:
        reply = await student.post("/api/v1/attempts", json={"exam_id": exam.id})
        if reply.status_code >= 400:
            return problem(reply)[1]
        await student.post(f"/api/v1/attempts/{reply.json()['id']}/submit")
        return "sat"

    for _ in range(3):
        results = await asyncio.gather(*(sit() for _ in range(8)))
        assert set(results) <= {"sat", "no-attempts-left"}
    assert problem(await student.post("/api/v1/attempts", json={"exam_id": exam.id})) == (409, "no-attempts-left")
    assert [row["number"] for row in await hall.sql("SELECT number FROM attempts ORDER BY number")] == [1, 2]


@pytest.mark.parametrize(
    ("exam", "student", "expected"),
    [
        ({"opens_at": NOW + timedelta(hours=1)}, {}, (409, "exam-not-open-yet")),
        ({"closes_at": NOW - timedelta(seconds=1)}, {}, (409, "exam-closed")),
        ({"status": "archived"}, {}, (409, "exam-closed")),
        ({"audience": {"class_ids": ["x"]}}, {}, (404, "not-found")),
        ({"access_code": "K7QM2X9P"}, {}, (403, "wrong-access-code")),
        ({}, {"is_active": False}, (403, "not-eligible")),
        ({}, {"is_eligible": False, "ineligible_reason": "fees"}, (403, "not-eligible")),
    ],
)
async def test_each_rule_refuses_and_nothing_is_made(
    hall: Hall, exam: dict[str, Any], student: dict[str, Any], expected: tuple[int, str]
) -> None:
    reply = await hall.student(**student).post("/api/v1/attempts", json={"exam_id": hall.exam(**exam).id})
    assert problem(reply) == expected
    assert await hall.sql("SELECT 1 FROM attempts") == []
    assert await hall.service.recorded("attempts.lifecycle.v1") == []


async def test_an_unknown_exam_is_not_found_and_a_forbidden_field_is_refused(hall: Hall) -> None:
    student = hall.student()
    assert problem(await student.post("/api/v1/attempts", json={"exam_id": str(new_id())})) == (404, "not-found")
    body = {"exam_id": hall.exam().id, "deadline_at": "2040-01-01T00:00:00Z", "student_id": str(new_id())}
    reply = await student.post("/api/v1/attempts", json=body)
    assert problem(reply) == (422, "invalid-input")
    assert {error["field"] for error in reply.json()["errors"]} == {"deadline_at", "student_id"}


async def test_only_students_start(hall: Hall) -> None:
    exam = hall.exam()
    for role in ("instructor", "proctor", "evaluator", "centre_admin", "admin"):
        reply = await hall.staff(role).post("/api/v1/attempts", json={"exam_id": exam.id})
        assert problem(reply) == (403, "forbidden")


async def test_extra_time_and_the_end_of_the_window_set_the_deadline(hall: Hall) -> None:
    closes = datetime.now(UTC) + timedelta(minutes=30)
    exam = hall.exam(closes_at=closes)
    plain = await start(hall.student(), exam)
    slow = await start(hall.student(extra_time_percent=50), exam)
    assert datetime.fromisoformat(plain["deadline_at"]) == closes
    assert 2680 <= slow["seconds_left"] <= 2702


async def test_starting_needs_no_other_service_once_the_exam_was_heard_of(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    await hall.service.publish("exams.exams.v1", exam.id, ExamPublished(exam=exam.state))
    await eventually(lambda: hall.sql("SELECT 1 FROM exams"))
    assert len(await hall.sql("SELECT 1 FROM papers")) == 1
    await start(hall.student(), exam)
    hall.peers.calls.clear()
    await start(student, exam)
    assert hall.peers.calls == ["GetPerson"]  # a person nobody told of yet


async def test_an_archived_exam_and_a_deleted_student_are_heard_of_whatever_the_order(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    await start(student, exam)
    newer = hall.exam(exam_id=exam.id, status="archived", revision=5).state
    await hall.service.publish("exams.exams.v1", exam.id, ExamArchived(exam=newer))
    await hall.service.publish("exams.exams.v1", exam.id, ExamPublished(exam=exam.state))
    other = hall.student()
    gone = PersonDeleted(person_id=str(other.person_id), version=9)  # type: ignore[attr-defined]
    await hall.service.publish("identity.people.v1", gone.person_id, gone)

    async def heard() -> bool:
        inbox = await hall.sql("SELECT count(*) AS n FROM inbox")
        return bool(inbox[0]["n"] == 3)

    await eventually(heard)
    assert problem(await hall.student().post("/api/v1/attempts", json={"exam_id": exam.id})) == (409, "exam-closed")
    assert problem(await other.post("/api/v1/attempts", json={"exam_id": exam.id})) == (404, "not-found")


async def test_without_exams_and_a_copy_a_start_says_what_is_away(hall: Hall) -> None:
    channel = hall.service.runtime._channels["exams"]
    await channel.close()
    hall.service.runtime._channels["exams"] = open_channel("127.0.0.1:1", "x")
    reply = await hall.student().post("/api/v1/attempts", json={"exam_id": str(new_id())})
    assert problem(reply) == (503, "dependency-unavailable")


async def test_the_right_code_starts_and_a_wrong_one_is_counted(hall: Hall) -> None:
    exam, student = hall.exam(access_code="K7QM2X9P"), hall.student()
    for _ in range(3):
        reply = await student.post("/api/v1/attempts", json={"exam_id": exam.id, "access_code": "WRONG"})
        assert problem(reply) == (403, "wrong-access-code")
        assert "K7QM2X9P" not in reply.text
    assert len(await hall.sql("SELECT 1 FROM code_failures")) == 3
    assert (await start(student, exam, access_code="k7qm2x9p"))["status"] == "in_progress"


async def test_codes_that_are_tried_at_once_do_not_outrun_the_limit(hall: Hall) -> None:
    exam, guesser = hall.exam(access_code="K7QM2X9P"), hall.student()
    await guesser.post("/api/v1/attempts", json={"exam_id": exam.id})  # what the start needs is here from now on
    guesses = [{"exam_id": exam.id, "access_code": f"{number}"} for number in range(40)]
    replies = await asyncio.gather(*(guesser.post("/api/v1/attempts", json=guess) for guess in guesses))
    assert sorted(reply.status_code for reply in replies) == [403] * 9 + [429] * 31


async def test_ten_wrong_codes_stop_a_student_and_nobody_else(hall: Hall) -> None:
    exam, guesser = hall.exam(access_code="K7QM2X9P"), hall.student()
    for _ in range(10):
        await guesser.post("/api/v1/attempts", json={"exam_id": exam.id, "access_code": "WRONG"})
    reply = await guesser.post("/api/v1/attempts", json={"exam_id": exam.id, "access_code": "K7QM2X9P"})
    assert problem(reply) == (429, "too-many-requests")
    assert int(reply.headers["retry-after"]) == 900
    assert (await start(hall.student(), exam, access_code="K7QM2X9P"))["number"] == 1


async def test_guesses_spread_over_accounts_stop_the_guessers_and_not_the_honest(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka, settings={"access_code_exam_failures": 5}) as hall:
        exam = hall.exam(access_code="K7QM2X9P")
        guessers = [hall.student() for _ in range(5)]
        for guesser in guessers:
            await guesser.post("/api/v1/attempts", json={"exam_id": exam.id, "access_code": "WRONG"})
        for guesser in guessers:
            reply = await guesser.post("/api/v1/attempts", json={"exam_id": exam.id, "access_code": "K7QM2X9P"})
            assert problem(reply) == (429, "too-many-requests")
        assert (await start(hall.student(), exam, access_code="K7QM2X9P"))["number"] == 1
