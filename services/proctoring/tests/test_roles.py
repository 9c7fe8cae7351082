"""Who reaches what in proctoring: every route, for every role, on every kind of object. The table is complete or the first test fails."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute

from chassis.ids import new_id
from services.proctoring.app import build
from services.proctoring.settings import Settings
from services.proctoring.tables import Alert, Attempt, Exam
from services.proctoring.tests.desk import Desk

# What a role reaches: o its own exam or attempt, n an exam that names it as proctor, c one of its centre, f a foreign one.
# What is not reached does not exist for the caller (404); "x": the role can never do this (403).
ROLES = ("student", "instructor", "proctor", "evaluator", "centre_admin", "admin")
OBJECTS = "oncf"
NOBODY = dict.fromkeys(ROLES, "x")
JUDGE = {**NOBODY, "instructor": "o", "admin": OBJECTS}
WATCHER = {**JUDGE, "proctor": "n"}
READER = {**WATCHER, "centre_admin": "c"}
STUDENT = {**NOBODY, "student": "o"}

BASE = "/api/v1/proctoring"
TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("GET", f"{BASE}/notice/{{exam_id}}"): dict.fromkeys(ROLES, OBJECTS),
    ("GET", f"{BASE}/attempts/{{attempt_id}}/feed"): STUDENT,
    ("GET", f"{BASE}/attempts/{{attempt_id}}/review"): STUDENT,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/review/reply"): STUDENT,
    ("GET", f"{BASE}/exams/{{exam_id}}/board"): READER,
    ("GET", f"{BASE}/exams/{{exam_id}}/feed"): WATCHER,
    ("GET", f"{BASE}/exams/{{exam_id}}/alerts"): READER,
    ("GET", f"{BASE}/alerts/{{alert_id}}"): READER,
    ("POST", f"{BASE}/alerts/{{alert_id}}/acknowledge"): WATCHER,
    ("POST", f"{BASE}/alerts/{{alert_id}}/resolve"): WATCHER,
    ("POST", f"{BASE}/alerts/{{alert_id}}/dismiss"): WATCHER,
    ("GET", f"{BASE}/attempts/{{attempt_id}}"): READER,
    ("GET", f"{BASE}/attempts/{{attempt_id}}/signals"): READER,
    ("GET", f"{BASE}/attempts/{{attempt_id}}/review/steps"): READER,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/review"): WATCHER,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/invalidate"): JUDGE,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/reinstate"): JUDGE,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/tell-student"): JUDGE,
    ("POST", f"{BASE}/attempts/{{attempt_id}}/message"): WATCHER,
    ("GET", f"{BASE}/exams/{{exam_id}}/collusion"): READER,
    ("POST", f"{BASE}/exams/{{exam_id}}/collusion"): WATCHER,
    ("GET", f"{BASE}/exams/{{exam_id}}/collusion/pairs/{{attempt_id}}/{{other_attempt_id}}"): READER,
    ("GET", f"{BASE}/exams/{{exam_id}}/report"): READER,
    ("GET", f"{BASE}/students/{{student_id}}/baseline"): {**NOBODY, "student": "o", "admin": OBJECTS},
}
BODIES: dict[str, dict[str, Any]] = {
    "resolve": {"reason": "talked to her"},
    "dismiss": {"reason": "a slip"},
    "review": {"needs_manual_review": True, "reason": "look at this"},
    "invalidate": {"reason": "somebody else sat it"},
    "reinstate": {"reason": "nobody else did"},
    "tell-student": {"text": "Please come by."},
    "message": {"text": "Five minutes left."},
    "reply": {"text": "I will."},
}


def test_the_table_names_every_route() -> None:
    routes = {
        (method, route.path)
        for router in build(Settings()).routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE)


def test_every_route_says_what_it_does_under_one_tag() -> None:
    for router in build(Settings()).routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            said = (route.tags == ["proctoring"], bool(route.operation_id), bool(route.description))
            assert said == (True, True, True), route.path


class Setting:
    """One attempt of each kind of object with its alert and partner, and the caller they are seen by."""

    def __init__(self, desk: Desk, role: str) -> None:
        self.desk, self.role = desk, role
        self.person_id, self.centre_id = new_id(), new_id()
        self.exams: dict[str, Exam] = {}
        self.attempts: dict[str, Attempt] = {}
        self.others: dict[str, Attempt] = {}

    async def fill(self) -> None:
        for letter in OBJECTS:
            is_own = letter == "o"
            exam = await self.desk.exam(
                instructor_id=self.person_id if is_own and self.role == "instructor" else new_id(),
                proctor_ids=[new_id(), self.person_id] if letter == "n" else [new_id()],
            )
            centre_id = self.centre_id if letter == "c" else None if letter == "f" else new_id()
            student_id = self.person_id if is_own and self.role == "student" else new_id()
            attempt = await self.desk.attempt(exam, student_id=student_id, centre_id=centre_id)
            other = await self.desk.attempt(exam, centre_id=centre_id)
            await self.desk.pair(exam, attempt, other)
            text = {"text": "Please come by."}
            path = f"{BASE}/attempts/{attempt.id}/tell-student"
            assert (await self.desk.instructor(exam).post(path, json=text)).status_code == 200
            self.exams[letter], self.attempts[letter], self.others[letter] = exam, attempt, other

    async def ask(self, method: str, path: str, letter: str) -> httpx.Response:
        exam, attempt = self.exams[letter], self.attempts[letter]
        alert: Alert = await self.desk.alert(attempt)
        if path.endswith("/reinstate"):
            await self.desk.instructor(exam).post(f"{BASE}/attempts/{attempt.id}/invalidate", json={"reason": "r"})
        ids: dict[str, UUID] = {
            "exam_id": exam.id, "attempt_id": attempt.id, "alert_id": alert.id, "student_id": attempt.student_id,
            "other_attempt_id": self.others[letter].id,
        }  # fmt: skip
        concrete = re.sub(r"{(\w+)}", lambda found: str(ids[found[1]]), path)
        centre_id = self.centre_id if self.role == "centre_admin" else None
        client = self.desk.service.as_(self.role, self.person_id, centre_id)
        body = BODIES.get(path.rsplit("/", 1)[1]) if method == "POST" else None
        return await client.request(method, concrete, json=body)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reaches_exactly_what_the_table_says(desk: Desk, role: str) -> None:
    setting = Setting(desk, role)
    await setting.fill()
    wrong = []
    for method, path in TABLE:
        reach = TABLE[method, path][role]
        for letter in OBJECTS:
            reply = await setting.ask(method, path, letter)
            expected = {403} if reach == "x" else {200, 201, 202} if letter in reach else {404}
            if reply.status_code not in expected:
                wrong.append(f"{letter} {method} {path}: {reply.status_code}, not {expected}: {reply.text[:200]}")
    assert wrong == []


async def test_an_administrator_of_no_centre_sees_no_attempt_of_nobodys_centre(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam, centre_id=None)
    client = desk.service.as_("centre_admin")
    for path in (f"exams/{exam.id}/board", f"exams/{exam.id}/report", f"attempts/{attempt.id}"):
        assert (await client.get(f"{BASE}/{path}")).status_code == 404, path


async def test_a_centres_administrator_sees_the_centres_attempts_alerts_pairs_and_groups_alone(desk: Desk) -> None:
    exam, centre_id = await desk.exam(), new_id()
    own, own_too, foreign = [await desk.attempt(exam, centre_id=centre) for centre in (centre_id, centre_id, new_id())]
    alerts = [await desk.alert(attempt) for attempt in (own, own_too, foreign)]
    await desk.pair(exam, own, own_too)
    await desk.pair(exam, own, foreign)
    await desk.group(exam, [own, own_too], "g1")
    await desk.group(exam, [own, own_too, foreign], "g2")
    client = desk.service.as_("centre_admin", centre_id=centre_id)

    board = (await client.get(f"{BASE}/exams/{exam.id}/board")).json()
    assert {row["attempt_id"] for row in board["attempts"]} == {str(own.id), str(own_too.id)}
    assert board["totals"]["attempts"] == 2
    assert board["totals"]["open_alerts"]["medium"] == 2
    listed = (await client.get(f"{BASE}/exams/{exam.id}/alerts")).json()
    assert {row["alert_id"] for row in listed["items"]} == {str(alert.id) for alert in alerts[:2]}
    collusion = (await client.get(f"{BASE}/exams/{exam.id}/collusion")).json()
    assert collusion["pairs_total"] == len(collusion["pairs"]) == 1
    assert [group["group_id"] for group in collusion["groups"]] == ["g1"]
    report = (await client.get(f"{BASE}/exams/{exam.id}/report")).json()
    assert report["is_whole"] is False
    assert report["attempts"]["total"] == 2
    assert report["alerts"][0]["total"] == 2
    assert report["collusion"]["pairs_flagged"] == 1
    assert (await client.get(f"{BASE}/exams/{exam.id}/collusion/pairs/{own.id}/{foreign.id}")).status_code == 404


async def test_a_proctor_may_flag_an_attempt_and_judge_nothing(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    path = f"{BASE}/attempts/{attempt.id}/review"
    for refused in (
        {"is_reviewed": True},
        {"action_taken": "none", "needs_manual_review": True},
        {"needs_manual_review": False},
        {},
    ):
        reply = await desk.proctor(exam).post(path, json={**refused, "reason": "r"})
        assert reply.status_code == 403, refused
    reply = await desk.proctor(exam).post(path, json={"needs_manual_review": True, "reason": "two voices"})
    assert reply.status_code == 200
    assert reply.json()["needs_manual_review"] is True
    assert await desk.audited() == ["attempt_flagged"]


async def test_nothing_answers_without_a_token(desk: Desk) -> None:
    for method, path in TABLE:
        concrete = re.sub(r"{\w+}", str(new_id()), path)
        assert (await desk.service.http.request(method, concrete, json={})).status_code == 401, path
