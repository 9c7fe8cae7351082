"""Marks given by people."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.grading.tests.builders import AnExam, Office, chose, typed

D = Decimal


async def test_a_human_marks_the_essay_and_the_grade_is_counted_again(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    reply = await office.give(exam, attempt, "4.50", feedback="Say which law.")
    assert reply.status_code == 200, reply.text
    assert reply.headers["ETag"] == '"v2"'
    body = reply.json()
    assert [body[name] for name in ("status", "score", "max_score", "percentage", "has_passed", "waiting_count", "revision")] == [
        "marked", "8.50", "10.00", "85.00", True, 0, 2,
    ]  # fmt: skip
    essay = body["marks"][2]
    assert {name: essay[name] for name in ("points_awarded", "outcome", "is_human", "feedback", "marked_by", "response", "text")} == {
        "points_awarded": "4.50", "outcome": "partial", "is_human": True, "feedback": "Say which law.",
        "marked_by": str(exam.instructor_id), "response": {"text": "Since U = R I."}, "text": "Question essay",
    }  # fmt: skip
    assert body == (await office.instructor(exam).get(f"/api/v1/grading/attempts/{attempt.attempt_id}")).json()
    kind, state = (await office.events())[-1]
    assert (kind, state.revision, state.status, state.score, state.marks[2].is_human) == (
        "AttemptMarked",
        2,
        "marked",
        "8.50",
        True,
    )


async def test_a_mark_is_replaced_only_by_who_has_read_it(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    assert (await office.give(exam, attempt, "4")).status_code == 200
    blind, stale, informed = [await office.give(exam, attempt, "6", if_match) for if_match in (None, 1, 2)]
    assert [reply.status_code for reply in (blind, stale, informed)] == [428, 412, 200]
    assert stale.json()["current_etag"] == '"v2"'
    assert informed.json()["score"] == "10.00"


async def test_a_request_that_is_repeated_with_its_key_marks_once_and_gets_the_same_reply(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    path = f"/api/v1/grading/attempts/{attempt.attempt_id}/marks"
    body, headers = {"marks": [{"question_id": "essay", "points": "4"}]}, {"Idempotency-Key": "once"}
    client = office.instructor(exam)
    first, again = [await client.post(path, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers["ETag"]) == (200, 200, '"v2"')
    assert again.json() == first.json()
    assert (await client.get(path.replace("marks", "changes"))).json()["total"] == 1


async def test_of_two_markers_at_once_one_wins_and_the_other_is_told(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    replies = await asyncio.gather(*(office.give(exam, attempt, points, 1) for points in ("1", "2", "3", "4")))
    assert sorted(reply.status_code for reply in replies) == [200, 412, 412, 412]
    winner = next(reply.json() for reply in replies if reply.status_code == 200)
    grade = await office.grade(attempt)
    assert (grade.revision, str(grade.score)) == (2, winner["score"])


async def test_a_human_may_correct_a_mark_by_rule(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam, answers={"short": typed("Ohms law"), "choice": chose("b")})
    body = {"marks": [{"question_id": "short", "points": "2"}, {"question_id": "choice", "points": 0.5}]}
    path = f"/api/v1/grading/attempts/{attempt.attempt_id}/marks"
    reply = await office.instructor(exam).post(path, json=body, headers={"If-Match": '"v1"'})
    assert [mark["points_awarded"] for mark in reply.json()["marks"]] == ["0.50", "2.00", "0.00"]
    assert [mark["outcome"] for mark in reply.json()["marks"]] == ["partial", "correct", "unanswered"]


@pytest.mark.parametrize(
    ("marks", "field", "rule"),
    [
        ([{"question_id": "essay", "points": "6.01"}], "marks.0.points", "range"),
        ([{"question_id": "essay", "points": "-0.01"}], "marks.0.points", None),
        ([{"question_id": "essay", "points": "1.005"}], "marks.0.points", None),
        ([{"question_id": "essay", "points": "NaN"}], "marks.0.points", None),
        ([{"question_id": "essay", "points": "many"}], "marks.0.points", None),
        ([{"question_id": "essay"}], "marks.0.points", None),
        (
            [{"question_id": "essay", "points": "1"}, {"question_id": "other", "points": "1"}],
            "marks.1.question_id",
            "unknown",
        ),
        ([{"question_id": "essay", "points": "1"}, {"question_id": "essay", "points": "2"}], "marks", "unique"),
        ([{"question_id": "essay", "points": "1", "feedback": "x" * 5001}], "marks.0.feedback", None),
        ([{"question_id": "essay", "points": "1", "feedback": "\x00"}], "marks.0.feedback", None),
        ([{"question_id": "essay", "points": "1", "outcome": "correct"}], "marks.0.outcome", None),
        ([], "marks", None),
    ],
)
async def test_a_mark_against_the_rules_is_refused_and_changes_nothing(
    office: Office, marks: list[dict[str, Any]], field: str, rule: str | None
) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    path = f"/api/v1/grading/attempts/{attempt.attempt_id}/marks"
    reply = await office.instructor(exam).post(path, json={"marks": marks})
    assert reply.status_code == 422
    [error] = reply.json()["errors"]
    assert error["field"] == field
    assert rule is None or error["rule"] == rule
    grade = await office.grade(attempt)
    assert (grade.revision, grade.status, len(await office.events())) == (1, "waiting", 1)


async def test_every_human_mark_keeps_its_history_which_only_grows(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    await office.give(exam, attempt, "1", feedback="first")
    await office.give(exam, attempt, "2.5", 2, feedback="second")
    path = f"/api/v1/grading/attempts/{attempt.attempt_id}/changes"
    page = (await office.instructor(exam).get(path)).json()
    assert [
        (change["old_points"], change["new_points"], change["old_feedback"], change["new_feedback"])
        for change in page["items"]
    ] == [
        (None, "1.00", "", "first"),
        ("1.00", "2.50", "first", "second"),
    ]
    assert {change["changed_by"] for change in page["items"]} == {str(exam.instructor_id)}
    for statement in ("UPDATE grade_changes SET new_points = 6", "DELETE FROM grade_changes", "TRUNCATE grade_changes"):
        with pytest.raises(DBAPIError, match="only grows"):
            async with office.service.database.session() as tx:
                await tx.execute(sa.text(statement))


async def test_who_marked_what_is_in_the_audit_log(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    await office.give(exam, attempt, "3", feedback="not for the log")
    [(_, entry)] = await office.service.recorded("audit.entries.v1")
    assert (entry.action, entry.entity_type, entry.entity_id, entry.actor_id) == (
        "marks_given", "attempt", str(attempt.attempt_id), str(exam.instructor_id),
    )  # fmt: skip
    assert entry.new_values_json == '{"essay":"3.00"}'


async def test_marking_again_gives_the_same_marks_and_human_marks_are_left_out(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    path = f"/api/v1/grading/attempts/{attempt.attempt_id}/check"
    for _ in range(2):
        assert (await office.instructor(exam).get(path)).json() == {"is_same": True, "differences": []}
        await office.give(exam, attempt, "3")
    async with office.service.database.session() as tx:
        await tx.execute(sa.text("UPDATE question_marks SET points_awarded = 1 WHERE question_id = 'choice'"))
    assert (await office.instructor(exam).get(path)).json() == {
        "is_same": False,
        "differences": [{"question_id": "choice", "stored_points": "1.00", "points_by_rule": "2.00"}],
    }
