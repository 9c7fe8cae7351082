"""What staff do before and after, against a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from examhall.rehearsal import staff as module
from examhall.rehearsal.audit import Grade, HeldAttempt, StoredAnswer
from examhall.rehearsal.gateway import Refusal
from examhall.rehearsal.ledger import Answer
from examhall.rehearsal.seats import Student
from examhall.rehearsal.staff import NotPossible, Staff, read_students, side_by_side
from examhall.rehearsal.tests.hall import ADMIN, Attempt, Hall, a_gateway, a_hall, cut_off, problem


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with a_hall() as running:
        yield running


@pytest.fixture
async def staff(hall: Hall) -> AsyncIterator[Staff]:
    async with a_gateway(hall) as gateway:
        signed_in = Staff(gateway, *ADMIN)
        await signed_in.sign_in()
        yield signed_in


def test_students_are_read_in_their_order_up_to_the_count(tmp_path: Path):
    file = tmp_path / "students.csv"
    file.write_text("\ufefflogin,name,password\nana,Ana,a secret\nben,Ben,other\n,,\nzoe,Zoë,third\n", encoding="utf-8")
    assert read_students(file, 2) == [Student("ana", "a secret"), Student("ben", "other")]
    assert len(read_students(file, 200)) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "columns login and password"),
        ("name,password\nana,x\n", "columns login and password"),
        ("login,password\n", "there are no students"),
    ],
)
def test_a_file_that_names_no_students_is_refused_with_the_reason(tmp_path: Path, content: str, told: str):
    file = tmp_path / "students.csv"
    file.write_text(content)
    with pytest.raises(NotPossible, match=told):
        read_students(file, 10)


async def test_a_wrong_password_is_told_before_anything_begins(hall: Hall):
    async with a_gateway(hall) as gateway:
        with pytest.raises(NotPossible, match=r"can't log in: The log-in or the password is wrong\."):
            await Staff(gateway, ADMIN[0], "guess").sign_in()


async def test_students_that_are_made_are_a_class_and_can_sign_in(hall: Hall, staff: Staff):
    class_id, students = await staff.make_students(12, "Rehearsal 1")
    assert class_id
    assert {hall.accounts[student.login]["password"] for student in students} == {students[0].password}
    assert len({student.login for student in students}) == 12


async def test_who_may_not_make_students_is_told_so(hall: Hall, staff: Staff):
    hall.fails_once("POST", "/students", lambda: problem(403, "forbidden", "Only staff makes accounts."))
    with pytest.raises(Refusal, match="Only staff makes accounts"):
        await staff.make_students(1, "Rehearsal 1")


async def test_the_exam_that_is_made_is_as_long_as_wanted_and_for_one_class(hall: Hall, staff: Staff):
    exam = hall.exams[await staff.make_exam("Rehearsal 1", "c1", 36)]
    assert (exam["title"], exam["version"]) == ("Rehearsal 1", 1)
    assert exam["schedule"] == {"max_attempts": 1, "audience": {"class_ids": ["c1"]}}
    assert len(exam["question_ids"]) == 36


async def test_the_class_is_seated_by_the_ids_of_those_who_were_made(hall: Hall, staff: Staff):
    exam_id = await staff.make_exam("Rehearsal 1", "c1", 36)
    _, students = await staff.make_students(3, "Rehearsal 1")
    await staff.seat(exam_id, {each.login: f"Room {number % 2}" for number, each in enumerate(students)}, students)
    ids = [hall.accounts[each.login]["id"] for each in students]
    assert hall.desk(exam_id).rooms == dict(zip(ids, ["Room 0", "Room 1", "Room 0"], strict=True))


async def test_an_exam_is_made_once_however_often_its_replies_get_lost(hall: Hall, staff: Staff):
    for path in ("/exams", "/questions", "/question-banks", "/draws", "/publish"):
        hall.fails_once("POST", path, cut_off, before=False)
    await staff.make_exam("Rehearsal 1", "c1", 36)
    (exam,) = hall.exams.values()
    assert (exam["version"], len(exam["question_ids"])) == (1, 36)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=3), timedelta(hours=-3)])
async def test_the_window_ends_by_the_institutions_clock(
    hall: Hall, staff: Staff, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
):
    make = Hall.exam

    def exam_of_its_time(self: Hall, *questions: Any, **about: Any) -> Any:
        exam = make(self, *questions, **about)
        exam["created_at"] = (datetime.now(UTC) + ahead).isoformat()
        return exam

    monkeypatch.setattr(Hall, "exam", exam_of_its_time)
    exam_id = await staff.make_exam("Rehearsal 1", "c1", 36)
    await staff.open_window(exam_id, "c1", 60)
    closes_at = datetime.fromisoformat(hall.exams[exam_id]["schedule"]["closes_at"])
    assert abs(closes_at - datetime.now(UTC) - ahead - timedelta(seconds=60)) < timedelta(seconds=10)


async def test_an_exam_that_is_there_is_found_with_its_key_and_access_code(hall: Hall, staff: Staff):
    exam = hall.exam(access_code="RIVER-7", max_attempts=3)
    stage = await staff.stage(exam["id"], is_own=False)
    assert (stage.title, stage.access_code, stage.max_attempts, stage.is_own) == ("Rivers", "RIVER-7", 3, False)
    assert set(stage.keys) == set(exam["question_ids"])
    right = {key: {"option_id": question["options"][0]["id"]} for key, question in stage.keys.items()}
    assert stage.expected_score(exam["question_ids"], right) == Decimal("2.00")


async def test_without_its_key_an_exam_can_still_be_rehearsed(hall: Hall, staff: Staff):
    exam = hall.exam()
    exam["owner"] = "somebody else"
    stage = await staff.stage(exam["id"], is_own=False)
    assert stage.keys == {}
    assert stage.expected_score(exam["question_ids"], {}) is None


async def test_an_exam_nobody_can_see_is_refused_with_advice(staff: Staff):
    with pytest.raises(NotPossible, match="log in as its author"):
        await staff.stage(str(uuid4()), is_own=False)


@pytest.mark.parametrize("what", ["/attempts", "/grades"])
async def test_who_could_not_read_back_what_was_sat_does_not_let_anybody_sit(hall: Hall, staff: Staff, what: str):
    hall.fails_once("GET", what, lambda: problem(403, "forbidden"))
    with pytest.raises(NotPossible, match=r"may not read the exam .* with its attempts and grades"):
        await staff.stage(hall.exam()["id"], is_own=False)


async def test_an_exam_of_ones_own_need_not_be_known_everywhere_yet(hall: Hall, staff: Staff):
    hall.fails_once("GET", "/grades", lambda: problem(404, "not-found"))
    assert (await staff.stage(hall.exam()["id"], is_own=True)).is_own


async def test_an_exam_that_is_not_published_is_refused(hall: Hall, staff: Staff):
    with pytest.raises(NotPossible, match="the exam Rivers is not published"):
        await staff.stage(hall.exam(version=0)["id"], is_own=False)


async def test_a_failure_is_not_taken_for_an_exam_one_does_not_see(hall: Hall, staff: Staff):
    hall.fails_once("GET", "/exams", lambda: problem(500, "internal-error"))
    with pytest.raises(Refusal, match="500 internal-error"):
        await staff.stage(hall.exam()["id"], is_own=False)


def an_attempt(hall: Hall, attempt_id: str, *, is_submitted: bool = True, is_right: bool = True) -> str:
    """An attempt with its first question answered; the exam's id."""
    exam = next(iter(hall.exams.values()), None) or hall.exam()
    question = hall.questions[exam["question_ids"][0]]
    deadline = datetime.now(UTC) + timedelta(hours=1)
    attempt = Attempt(attempt_id, exam["id"], f"student of {attempt_id}", exam["question_ids"], deadline, is_submitted)
    option = question["options"][0 if is_right else 1]["id"]
    attempt.answers[question["id"]] = {"revision": 3, "response": {"option_id": option}, "is_flagged": True}
    hall.attempts[attempt_id] = attempt
    return exam["id"]


async def test_all_attempts_are_read_and_the_answers_of_those_that_took_part(hall: Hall, staff: Staff):
    for number in range(250):
        exam_id = an_attempt(hall, f"a{number}")
    held = {attempt.attempt_id: attempt for attempt in await staff.held_attempts(exam_id, ["a7", "nobody's"])}
    assert len(held) == 250
    ((question_id, answer),) = hall.attempts["a7"].answers.items()
    stored = StoredAnswer(3, Answer(answer["response"], True))
    assert held["a7"] == HeldAttempt("a7", "student of a7", "submitted", {question_id: stored})
    assert held["a8"].answers == {}


async def test_grades_are_waited_for_until_all_are_there(hall: Hall, staff: Staff):
    exam_id = an_attempt(hall, "a1")
    an_attempt(hall, "a2", is_submitted=False, is_right=False)
    looks = 0

    async def submit_at_the_second_look(request: web.Request) -> None:
        nonlocal looks
        looks += request.path.endswith("/grades")
        hall.attempts["a2"].is_submitted = looks >= 2

    hall.faults.append(submit_at_the_second_look)
    assert await staff.grades(exam_id, ["a1", "a2"]) == [
        Grade("a1", Decimal("1.00"), Decimal("2.00"), Decimal("50.00")),
        Grade("a2", Decimal("0.00"), Decimal("2.00"), Decimal("0.00")),
    ]
    assert looks == 2


async def test_grades_that_never_come_are_not_waited_for_without_end(
    hall: Hall, staff: Staff, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_FIRST_MARKED_WITHIN", 0.1)
    assert await staff.grades(an_attempt(hall, "a1", is_submitted=False), ["a1"]) == []


async def test_a_grade_that_waits_for_a_person_has_no_score_yet(hall: Hall, staff: Staff):
    exam_id = an_attempt(hall, "a1")
    hall.grade_changes = lambda grade: [grade | {"status": "waiting"}]
    (grade,) = await staff.grades(exam_id, ["a1"])
    assert (grade.score, grade.max_score) == (None, Decimal("2.00"))


async def test_grades_are_made_final_and_then_released(hall: Hall, staff: Staff):
    await staff.release(an_attempt(hall, "a1"))
    assert [path.rpartition("/")[2] for _, path in hall.requests[-2:]] == ["finalize", "release"]


async def test_only_an_exam_of_the_rehearsals_own_is_put_away(hall: Hall, staff: Staff):
    exam = hall.exam()
    for is_own in (False, True):
        await staff.close(await staff.stage(exam["id"], is_own=is_own))
        assert (("POST", f"/api/v1/exams/{exam['id']}/archive") in hall.requests) is is_own


async def test_work_is_done_a_few_at_a_time_and_given_back_in_order():
    under_way, most = 0, 0

    async def work(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return number * 2

    assert await side_by_side(range(20), work) == [number * 2 for number in range(20)]
    assert most == 8
