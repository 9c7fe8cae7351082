"""Who reaches what: every route, every role, every kind of attempt. The table is complete or the first test fails."""

import re
from typing import Any

import httpx
from fastapi.routing import APIRoute

from chassis.ids import new_id
from services.attempts.app import build
from services.attempts.hot import hot_routes
from services.attempts.settings import Settings
from services.attempts.tests.builders import Hall, open_hall, start

# Letters of attempts: o own, x of an exam the caller wrote or proctors, e of the caller's centre, f none of these.
# A role that may never use a route is marked "-": it gets 403 whatever the attempt.
ROLES = ("student", "instructor", "proctor", "evaluator", "centre_admin", "admin")
SEEN = {"student": "o", "instructor": "x", "proctor": "x", "evaluator": "-", "centre_admin": "e", "admin": "oxef"}
STAFF = {**SEEN, "student": "-"}
STUDENT = {**dict.fromkeys(ROLES, "-"), "student": "o"}
EXAM = {
    **STAFF,
    "centre_admin": "oxef",
}  # of an exam a centre's administrator moves the centre's own attempts; see the test below
TABLE = {
    ("GET", "/api/v1/attempts/{attempt_id}"): SEEN,
    ("GET", "/api/v1/attempts/{attempt_id}/paper"): SEEN,
    ("GET", "/api/v1/attempts/{attempt_id}/answers"): STAFF,
    ("PUT", "/api/v1/attempts/{attempt_id}/answers"): STUDENT,
    ("PUT", "/api/v1/attempts/{attempt_id}/answers/{question_id}"): STUDENT,
    ("POST", "/api/v1/attempts/{attempt_id}/heartbeat"): STUDENT,
    ("POST", "/api/v1/attempts/{attempt_id}/submit"): SEEN,
    ("POST", "/api/v1/attempts/{attempt_id}/break"): STUDENT,
    ("DELETE", "/api/v1/attempts/{attempt_id}/break"): STUDENT,
    ("POST", "/api/v1/attempts/{attempt_id}/extend"): STAFF,
    ("POST", "/api/v1/attempts/{attempt_id}/pause"): STAFF,
    ("POST", "/api/v1/attempts/{attempt_id}/resume"): STAFF,
    ("POST", "/api/v1/attempts/of-exam/{exam_id}/extend"): EXAM,
    ("POST", "/api/v1/attempts/of-exam/{exam_id}/pause"): EXAM,
    ("POST", "/api/v1/attempts/of-exam/{exam_id}/resume"): EXAM,
}
LISTS = {("GET", "/api/v1/attempts"), ("POST", "/api/v1/attempts")}  # tried below and in test_starting
BODIES: dict[str, dict[str, Any]] = {
    "extend": {"seconds": 60, "reason": "r"},
    "pause": {"reason": "r"},
    "answers": {"answers": [{"question_id": "", "revision": 1, "response": None}]},
    "{question_id}": {"revision": 1, "response": None},
}


def test_the_table_names_every_route() -> None:
    service = build(Settings())
    routes = {
        (method, route.path)
        for router in service.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    lean = {(route.method, re.sub(r"{}", "{}", route.path)) for route in hot_routes(None)}  # type: ignore[arg-type]
    named = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in {*TABLE, *LISTS}}
    assert {(method, re.sub(r"{\w+}", "{}", path)) for method, path in routes} | lean == named


async def _sitting(hall: Hall, role: str, letter: str) -> tuple[httpx.AsyncClient, Any, dict[str, Any]]:
    """A client of the role, an exam, and an attempt of the letter's kind at it."""
    person_id, centre_id = new_id(), new_id()
    here = letter == "e"
    own = {"instructor_id": str(person_id)} if letter == "x" and role != "proctor" else {}
    proctored = {"proctor_ids": [str(person_id)]} if letter == "x" and role == "proctor" else {}
    exam = hall.exam(**own, **proctored)
    student = hall.student(centre_id=str(centre_id if here else new_id()), break_minutes=10)
    attempt = await start(student, exam)
    if letter == "o" and role == "student":
        return student, exam, attempt
    return hall.service.as_(role, person_id, centre_id if role == "centre_admin" else None), exam, attempt


async def _tried(hall: Hall, method: str, path: str, role: str, reach: str) -> list[str]:
    wrong = []
    letters = {"student": "of", "instructor": "xf", "proctor": "xf", "centre_admin": "ef"}.get(role, "xef")
    for letter in letters:
        client, exam, attempt = await _sitting(hall, role, letter)
        question = exam.questions[0].question_id
        ids = {"attempt_id": attempt["id"], "exam_id": exam.id, "question_id": question}
        concrete = path.format(**ids)
        body = BODIES.get(path.rpartition("/")[2])
        if body and "answers" in body:
            body = {"answers": [{**body["answers"][0], "question_id": question}]}
        reply = await client.request(method, concrete, json=body)
        expected = {403} if reach == "-" else {200} if letter in reach else {404}
        if reply.status_code not in expected:
            wrong.append(f"{role} {letter} {method} {path}: {reply.status_code} {reply.text[:150]}")
    return wrong


async def test_each_role_reaches_exactly_what_the_table_says(hall: Hall) -> None:
    wrong = []
    for method, path in sorted(TABLE):
        for role in ROLES:
            wrong += await _tried(hall, method, path, role, TABLE[method, path][role])
    assert wrong == []


async def test_a_list_holds_exactly_what_is_within_reach(hall: Hall) -> None:
    for role, letters in {**SEEN, "evaluator": ""}.items():
        for letter in ("o", "x", "e", "f") if role != "admin" else ("f",):
            if (role == "student") != (letter == "o") and letter != "f":
                continue
            client, exam, attempt = await _sitting(hall, role, letter)
            reply = await client.get("/api/v1/attempts", params={"exam_id": exam.id})
            if role == "evaluator":
                assert reply.status_code == 403
                continue
            expected = [attempt["id"]] if letter in letters else []
            assert [item["id"] for item in reply.json()["items"]] == expected, (role, letter)
            assert reply.json()["total"] == len(expected)


async def test_a_centre_administrator_moves_only_the_centres_own_attempts(hall: Hall) -> None:
    client, exam, _ = await _sitting(hall, "centre_admin", "e")
    await start(hall.student(centre_id=str(new_id())), exam)
    await start(hall.student(), exam)
    reply = await client.post(f"/api/v1/attempts/of-exam/{exam.id}/pause", json={"reason": "flood"})
    assert reply.json() == {"attempts": 1}
    assert len(await hall.sql("SELECT 1 FROM attempts WHERE status = 'paused'")) == 1


async def test_nothing_answers_without_a_token(hall: Hall) -> None:
    for method, path in {*TABLE, *LISTS}:
        concrete = path.format(attempt_id=new_id(), exam_id=new_id(), question_id=new_id())
        reply = await hall.service.http.request(method, concrete, json={"exam_id": str(new_id())})
        assert reply.status_code == 401, f"{method} {path}"


async def test_filters_and_pages(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka) as hall:
        exam, admin = hall.exam(), hall.staff("admin")
        students = [hall.student() for _ in range(5)]
        attempts = [await start(student, exam) for student in students]
        await students[0].post(f"/api/v1/attempts/{attempts[0]['id']}/submit")
        page = (await admin.get("/api/v1/attempts", params={"limit": 2, "page": 2})).json()
        assert [item["id"] for item in page["items"]] == [attempts[2]["id"], attempts[1]["id"]]
        assert (page["total"], page["pages"]) == (5, 3)
        found = (await admin.get("/api/v1/attempts", params={"status": "submitted"})).json()["items"]
        assert [item["id"] for item in found] == [attempts[0]["id"]]
        mine = {"student_id": str(students[1].person_id)}  # type: ignore[attr-defined]
        assert (await admin.get("/api/v1/attempts", params=mine)).json()["total"] == 1
        assert (await admin.get("/api/v1/attempts", params={"status": "lost"})).status_code == 422
