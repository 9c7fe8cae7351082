"""Who may do what to whose grades: every route, for every role, on every kind of object."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute

from chassis.ids import new_id
from services.grading.app import build
from services.grading.settings import Settings
from services.grading.tests.builders import AnAttempt, AnExam, Office, chose

# What a role reaches: o its own exam or attempt, n an exam that names it as evaluator, c one of its centre, f a foreign one.
# What is not reached does not exist for the caller (404); "x": the role can never do this (403); "-": a list, allowed to this role.
ROLES = ("student", "instructor", "proctor", "evaluator", "centre_admin", "admin")
OBJECTS = "oncf"
NOBODY = dict.fromkeys(ROLES, "x")
OWNER = {**NOBODY, "instructor": "o", "admin": OBJECTS}
MARKER = {**OWNER, "evaluator": "n"}
READER = {**MARKER, "centre_admin": "c"}
STUDENT = {**NOBODY, "student": "o"}

TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/api/v1/grading/queue"): {**NOBODY, "instructor": "-", "evaluator": "-", "admin": "-"},
    ("GET", "/api/v1/grading/attempts/{attempt_id}"): READER,
    ("POST", "/api/v1/grading/attempts/{attempt_id}/marks"): MARKER,
    ("GET", "/api/v1/grading/attempts/{attempt_id}/changes"): MARKER,
    ("GET", "/api/v1/grading/attempts/{attempt_id}/check"): OWNER,
    ("GET", "/api/v1/grading/exams/{exam_id}/grades"): READER,
    ("POST", "/api/v1/grading/exams/{exam_id}/finalize"): OWNER,
    ("POST", "/api/v1/grading/exams/{exam_id}/release"): OWNER,
    ("POST", "/api/v1/grading/exams/{exam_id}/hide"): OWNER,
    ("GET", "/api/v1/grading/exams/{exam_id}/results"): {**OWNER, "centre_admin": "c"},
    ("GET", "/api/v1/results"): {**NOBODY, "student": "-"},
    ("GET", "/api/v1/results/{attempt_id}"): STUDENT,
}
MARKS = {"marks": [{"question_id": "short", "points": "1"}]}


def test_the_table_names_every_route() -> None:
    routes = {
        (method, route.path)
        for router in build(Settings()).routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE)


class Setting:
    """One final grade of each kind of object, and the caller they are seen by."""

    def __init__(self, office: Office, role: str) -> None:
        self.office, self.role = office, role
        self.person_id, self.centre_id = new_id(), new_id()
        self.attempts: dict[str, AnAttempt] = {}

    async def fill(self) -> None:
        is_owner, is_student = self.role == "instructor", self.role == "student"
        for letter in OBJECTS:
            exam = AnExam(
                instructor_id=self.person_id if letter == "o" and is_owner else new_id(),
                evaluator_ids=(new_id(), self.person_id) if letter == "n" else (new_id(),),
            )
            await self.office.knows(exam)
            self.attempts[letter] = await self.office.marked(
                exam,
                student_id=self.person_id if letter == "o" and is_student else new_id(),
                centre_id=self.centre_id if letter == "c" else None if letter == "f" else new_id(),
                answers={"choice": chose("a")},
            )
            await self.office.lead(exam, "finalize")

    @property
    def client(self) -> httpx.AsyncClient:
        centre_id = self.centre_id if self.role == "centre_admin" else None
        return self.office.service.as_(self.role, self.person_id, centre_id)

    async def ask(self, method: str, path: str, letter: str) -> httpx.Response:
        attempt = self.attempts[letter]
        ids: dict[str, UUID] = {"attempt_id": attempt.attempt_id, "exam_id": attempt.exam.exam_id}
        concrete = re.sub(r"{(\w+)}", lambda found: str(ids[found[1]]), path)
        headers, body = {}, None
        if path.endswith("/marks"):
            grade = await self.office.grade(attempt)
            headers, body = {"If-Match": f'"v{grade.revision}"'}, MARKS
        elif path.endswith("/release"):
            await self.office.lead(attempt.exam, "finalize")
        return await self.client.request(method, concrete, json=body, headers=headers)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reaches_exactly_what_the_table_says(office: Office, role: str) -> None:
    setting = Setting(office, role)
    await setting.fill()
    wrong = []
    # Release last but one: what is released can't be marked.
    for method, path in sorted(TABLE, key=lambda route: ("release" in route[1], "hide" in route[1], route)):
        reach = TABLE[method, path][role]
        for letter in OBJECTS if "{" in path else "o":
            reply = await setting.ask(method, path, letter)
            expected = 403 if reach == "x" else 200 if reach == "-" or letter in reach else 404
            if reply.status_code != expected:
                wrong.append(f"{letter} {method} {path}: {reply.status_code}, not {expected}: {reply.text[:200]}")
    assert wrong == []


async def test_lists_hold_only_what_the_caller_may_read(office: Office) -> None:
    evaluator_id, centre_id = new_id(), new_id()
    exam = await office.knows(AnExam(evaluator_ids=(evaluator_id,)))
    other = await office.knows(AnExam())
    attempts = [
        await office.marked(one, centre_id=centre) for one in (exam, other) for centre in (centre_id, new_id(), None)
    ]
    assert len(attempts) == 6

    async def total(role: str, path: str, person_id: UUID | None = None, **claims: Any) -> int:
        return int((await office.service.as_(role, person_id, **claims).get(f"/api/v1/grading/{path}")).json()["total"])

    grades = f"exams/{exam.exam_id}/grades"
    assert await total("admin", "queue") == 6
    assert await total("evaluator", "queue", evaluator_id) == 3
    assert await total("instructor", "queue", exam.instructor_id) == 3
    assert await total("instructor", "queue", evaluator_id) == 0
    assert await total("centre_admin", grades, centre_id=centre_id) == 1
    assert await total("admin", grades) == 3


async def test_an_administrator_of_no_centre_reads_no_grade_of_nobodys_centre(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam, centre_id=None)
    client = office.service.as_("centre_admin")
    for path in (f"attempts/{attempt.attempt_id}", f"exams/{exam.exam_id}/grades", f"exams/{exam.exam_id}/results"):
        assert (await client.get(f"/api/v1/grading/{path}")).status_code == 404


async def test_nothing_answers_without_a_token(office: Office) -> None:
    for method, path in TABLE:
        concrete = re.sub(r"{\w+}", str(new_id()), path)
        assert (await office.service.http.request(method, concrete, json=MARKS)).status_code == 401, path
