"""What happened in an attempt, in order and in pages; recent activity, newest first."""

import base64
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from chassis.actors import Actor
from chassis.ids import new_id
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.grading.v1.events_pb2 import AttemptMarked, GradeHidden
from services.analytics.activities import list_activities
from services.analytics.responses import LONGEST_TEXT
from services.analytics.tests.builders import AnAttempt, AnExam, School, chose, typed

Moment = dict[str, Any]


async def _an_eventful_attempt(school: School, exam: AnExam) -> AnAttempt:
    attempt = await school.started(exam)
    await school.saved(attempt, "q1", 1, chose("a"), flag=True)
    await school.saved(attempt, "q2", 1, typed("4 V"))
    await school.saved(attempt, "q1", 2, None, flag=True)
    paused = attempts.AttemptPaused(attempt=attempt.state("paused", 2), reason="fire drill")
    await school.tell("attempts.lifecycle.v1", attempt.attempt_id, paused)
    await school.tell(
        "attempts.lifecycle.v1", attempt.attempt_id, attempts.AttemptResumed(attempt=attempt.state(version=3))
    )
    extended = attempts.AttemptExtended(attempt=attempt.state(version=4), added_seconds=300, reason="fire drill")
    await school.tell("attempts.lifecycle.v1", attempt.attempt_id, extended)
    await school.saved(attempt, "q1", 3, chose("b"))
    submitted = attempts.AttemptSubmitted(attempt=attempt.state("submitted", 5))
    await school.tell("attempts.lifecycle.v1", attempt.attempt_id, submitted)
    await school.tell(
        "grading.grades.v1", attempt.attempt_id, AttemptMarked(grade=attempt.grade({"q1": "1", "q2": "0"}))
    )
    return attempt


def _told(moments: list[Moment]) -> list[tuple[Any, ...]]:
    return [(one["kind"], one["question_id"], one["number"], one["flag"]) for one in moments]


async def test_a_timeline_tells_every_step_in_order(school: School) -> None:
    exam = await school.exam()
    attempt = await _an_eventful_attempt(school, exam)
    timeline = await school.get(school.instructor(exam), f"attempts/{attempt.attempt_id}/timeline")
    assert timeline["attempt"]["status"] == "submitted"
    assert _told(timeline["items"]) == [
        ("started", None, 1, None),
        ("answered", "q1", 1, "raised"),
        ("answered", "q2", 1, None),
        ("cleared", "q1", 2, None),
        ("paused", None, 2, None),
        ("resumed", None, 3, None),
        ("extended", None, 4, None),
        ("answered", "q1", 3, "lowered"),
        ("submitted", None, 5, None),
        ("marked", None, 1, None),
    ]
    details = [one["details"] for one in timeline["items"]]
    assert details[1] == {"response": {"option_ids": ["a"]}}
    assert details[3] == {"response": None}
    assert details[4] == {"reason": "fire drill"}
    assert details[6] == {"reason": "fire drill", "added_seconds": 300}
    assert details[8] == {"reason": "student", "answered_count": 3}
    assert (details[9]["score"], details[9]["percentage"], details[9]["is_released"]) == ("1", "50.00", False)
    assert timeline["next_cursor"] is None


async def _pages(school: School, client: httpx.AsyncClient, path: str, limit: int) -> list[list[Moment]]:
    pages, query = [], {"limit": limit}
    while True:
        page = await school.get(client, path, **query)
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
async def test_pages_of_a_timeline_join_to_the_whole(school: School, limit: int) -> None:
    exam = await school.exam()
    path = f"attempts/{(await _an_eventful_attempt(school, exam)).attempt_id}/timeline"
    whole = (await school.get(school.instructor(exam), path))["items"]
    pages = await _pages(school, school.instructor(exam), path, limit)
    assert [moment for page in pages for moment in page] == whole
    assert all(len(page) == limit for page in pages[:-1])


async def test_a_named_proctor_sees_when_something_was_answered_but_neither_what_nor_the_marking(
    school: School,
) -> None:
    proctor_id = new_id()
    exam = await school.exam(proctor_ids=(proctor_id,))
    attempt = await _an_eventful_attempt(school, exam)
    timeline = await school.get(school.service.as_("proctor", proctor_id), f"attempts/{attempt.attempt_id}/timeline")
    assert len(timeline["items"]) == 9
    assert {one["source"] for one in timeline["items"]} == {"attempt", "answer"}
    assert all(one["details"] == {} for one in timeline["items"] if one["source"] == "answer")
    assert timeline["items"][4]["details"] == {"reason": "fire drill"}


async def test_a_long_text_is_cut_in_a_timeline(school: School) -> None:
    exam = await school.exam()
    attempt = await school.started(exam)
    await school.saved(attempt, "q1", 1, typed("ä" * 5000))
    timeline = await school.get(school.instructor(exam), f"attempts/{attempt.attempt_id}/timeline")
    assert timeline["items"][1]["details"] == {"response": {"text": "ä" * LONGEST_TEXT, "characters": 5000}}


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "ä",
        _encoded("[]"),
        _encoded('["2026-03-02T09:00:00","answer","q1",1]'),
        _encoded('["2026-03-02T09:00:00Z","answer","q1",99999999999999999999]'),
        _encoded('["2026-03-02T09:00:00Z","answer","q\\u0000",1]'),
        _encoded('["9999-12-31T23:59:59-01:00","answer","q1",1]'),
        _encoded('["0001-01-01T00:00:00+01:00","0190a000-0000-7000-8000-000000000001"]'),
    ],
)
async def test_a_forged_cursor_is_refused_by_name(school: School, cursor: str) -> None:
    exam = await school.exam()
    attempt = await school.started(exam)
    path = f"/api/v1/analytics/attempts/{attempt.attempt_id}/timeline"
    for one in (path, "/api/v1/analytics/recent-activity"):
        reply = await school.instructor(exam).get(one, params={"cursor": cursor})
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["field"] == "cursor"


async def _kinds(school: School, client: httpx.AsyncClient) -> list[str]:
    page = await school.get(client, "recent-activity", limit=100)
    return [line["kind"] for line in page["items"]]


async def test_recent_activity_is_told_newest_first_and_to_each_their_own(school: School) -> None:
    centre_id = await school.centre()
    student_id = await school.person("student", "Ada", centre_id=centre_id)
    own, foreign = await school.exam(), await school.exam()
    await school.graded(own, {"q1": "1"}, student_id=student_id, centre_id=centre_id, is_released=True)
    await school.graded(foreign, {"q1": "1"}, is_released=True)
    sat = ["grade_released", "attempt_submitted", "attempt_started"]
    assert await _kinds(school, school.admin) == [*sat, *sat, "exam_published", "exam_published", "person_registered"]
    assert await _kinds(school, school.instructor(own)) == [*sat, "exam_published"]
    assert await _kinds(school, school.service.as_("student", student_id)) == sat
    assert await _kinds(school, school.service.as_("centre_admin", centre_id=centre_id)) == [*sat, "person_registered"]
    assert await _kinds(school, school.service.as_("centre_admin")) == []


async def test_a_line_of_activity_names_who_and_what(school: School) -> None:
    student_id = await school.person("student", "Ada", registration_number="S-1")
    exam = await school.exam()
    attempt = await school.started(exam, student_id=student_id)
    [line, *_] = (await school.get(school.instructor(exam), "recent-activity"))["items"]
    assert line["person"] == {"id": str(student_id), "name": "Ada", "registration_number": "S-1"}
    assert (line["title"], line["exam_id"], line["attempt_id"]) == (
        "Circuits I",
        str(exam.exam_id),
        str(attempt.attempt_id),
    )


async def test_a_release_that_was_taken_back_is_no_news_for_the_student(school: School) -> None:
    exam = await school.exam()
    attempt = await school.graded(exam, {"q1": "1"}, is_released=True)
    hidden = GradeHidden(grade=attempt.grade({"q1": "1"}, revision=2))
    await school.tell("grading.grades.v1", attempt.attempt_id, hidden)
    student = school.service.as_("student", attempt.student_id)
    assert await _kinds(school, student) == ["attempt_submitted", "attempt_started"]


@pytest.mark.parametrize("role", ["instructor", "centre_admin"])
async def test_little_activity_of_ones_own_is_not_looked_for_among_that_of_all(school: School, role: str) -> None:
    exam, centre_id = await school.exam(), await school.centre()
    await school.submitted(exam, centre_id=centre_id)
    for _ in range(3):
        await school.submitted(await school.exam(), centre_id=await school.centre())
    pool = school.service.database.pool
    await pool.execute(
        "INSERT INTO activities SELECT gen_random_uuid(), now(), kind, person_id, exam_id, attempt_id, centre_id"
        " FROM activities CROSS JOIN generate_series(1, 3000) WHERE exam_id <> $1",
        exam.exam_id,
    )
    for table in ("activities", "attempts", "exams", "grades"):
        await pool.execute(f"VACUUM ANALYZE {table}")
    person_id = exam.instructor_id if role == "instructor" else new_id()
    async with school.service.database.session() as tx:
        page = await list_activities(tx, Actor(person_id, role, new_id(), centre_id), 20)
        read = await tx.scalar(
            sa.text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'activities'")
        )
    assert len(page.items) == {"instructor": 3, "centre_admin": 2}[role]
    assert read < 100


async def test_pages_of_activity_join_to_the_whole(school: School) -> None:
    exam = await school.exam()
    for _ in range(3):
        await school.submitted(exam)
    pages = await _pages(school, school.admin, "recent-activity", 2)
    whole = (await school.get(school.admin, "recent-activity", limit=100))["items"]
    assert [line for page in pages for line in page] == whole
    assert len(whole) == 7
