"""Who may see figures of what: every route of analytics, for every role, on own, taught, own centre's, named and foreign objects."""

import re
from dataclasses import replace
from uuid import UUID

import httpx
from fastapi.routing import APIRoute

from chassis.ids import new_id
from proto.examhall.exams.v1.events_pb2 import ExamScheduleChanged
from services.analytics.app import build
from services.analytics.settings import Settings
from services.analytics.tests.builders import AnExam, School

# Route → role → the objects it reaches: o own, t of a class taught, s who or what sat an own exam, n of an exam that names the caller, e of the own
# centre, f foreign. What is not named is 404; "x": the role can never do it (403); "-": no object, allowed.
NOBODY = dict.fromkeys(("student", "instructor", "proctor", "evaluator", "centre_admin", "admin"), "x")
EXAMS = {**NOBODY, "instructor": "o", "centre_admin": "e", "admin": "oef"}
ATTEMPTS = {**NOBODY, "instructor": "o", "proctor": "n", "centre_admin": "e", "admin": "onef"}

TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/api/v1/analytics/exams/{exam_id}"): EXAMS,
    ("GET", "/api/v1/analytics/exams/{exam_id}/export"): EXAMS,
    ("GET", "/api/v1/analytics/attempts/{attempt_id}/timeline"): ATTEMPTS,
    ("GET", "/api/v1/analytics/admin"): {**NOBODY, "admin": "-"},
    ("GET", "/api/v1/analytics/instructors/{instructor_id}"): {**NOBODY, "instructor": "o", "centre_admin": "e", "admin": "oef"},
    ("GET", "/api/v1/analytics/students/{student_id}"): {
        **NOBODY, "student": "o", "instructor": "ts", "centre_admin": "e", "admin": "otsef",
    },
    ("GET", "/api/v1/analytics/classes/{class_id}"): {**NOBODY, "instructor": "t", "centre_admin": "e", "admin": "tef"},
    ("GET", "/api/v1/analytics/centres/{centre_id}"): {**NOBODY, "centre_admin": "e", "admin": "ef"},
    ("GET", "/api/v1/analytics/recent-activity"): {
        **NOBODY, "student": "-", "instructor": "-", "centre_admin": "-", "admin": "-",
    },
}  # fmt: skip


def test_the_table_names_every_route() -> None:
    routes = {
        (method, route.path)
        for router in build(Settings()).routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE)


async def _objects(school: School, role: str, path: str) -> tuple[httpx.AsyncClient, dict[str, UUID]]:
    """A client of the role, and ids of the kind of thing the path is about, by letter."""
    caller_id = new_id()
    here, there = await school.centre(), await school.centre()
    taught = await school.school_class(caller_id, centre_id=there)
    own_exam = await school.exam(instructor_id=caller_id)
    found: dict[str, UUID] = {}
    match path.split("/")[4]:
        case "exams":
            found = {"o": own_exam.exam_id, "e": await _sat_at(school, here), "f": await _sat_at(school, there)}
        case "attempts":
            named = await school.exam(proctor_ids=(caller_id,))
            found = {
                "o": (await school.submitted(own_exam)).attempt_id,
                "n": (await school.submitted(named)).attempt_id,
                "e": (await school.submitted(AnExam(), centre_id=here)).attempt_id,
                "f": (await school.submitted(await school.exam(), centre_id=there)).attempt_id,
            }
        case "students":
            sitter = await school.person("student", centre_id=there)
            await school.graded(own_exam, {"q1": "1"}, student_id=sitter, centre_id=there)
            found = {
                "t": await school.person("student", class_id=taught, centre_id=there),
                "s": sitter,
                "e": await school.person("student", centre_id=here),
                "f": await school.person("student", centre_id=there),
            }
            if role == "student":
                found["o"] = await school.person("student", person_id=caller_id, centre_id=there)
        case "instructors":
            found = {
                "e": await school.person("instructor", centre_id=here),
                "f": await school.person("instructor", centre_id=there),
            }
            if role == "instructor":
                found["o"] = await school.person("instructor", person_id=caller_id, centre_id=there)
        case "classes":
            found = {
                "t": taught,
                "e": await school.school_class(centre_id=here),
                "f": await school.school_class(new_id(), centre_id=there),
            }
        case "centres":
            found = {"e": here, "f": there}
        case _:
            found = {"-": new_id()}
    return school.service.as_(role, caller_id, here if role == "centre_admin" else None), found


async def _sat_at(school: School, centre_id: UUID) -> UUID:
    exam = await school.exam()
    await school.submitted(exam, centre_id=centre_id)
    return exam.exam_id


async def test_each_role_reaches_exactly_what_the_table_says(school: School) -> None:
    wrong = []
    for method, path in sorted(TABLE):
        for role, reach in TABLE[method, path].items():
            client, objects = await _objects(school, role, path)
            for letter, target in objects.items():
                reply = await client.request(method, re.sub(r"{\w+}", str(target), path))
                expected = 403 if reach == "x" else 200 if letter in reach else 404
                if reply.status_code != expected:
                    wrong.append(f"{role} {letter} {path}: {reply.status_code}, not {expected}: {reply.text[:200]}")
    assert wrong == []


async def test_nobody_reaches_what_does_not_exist(school: School) -> None:
    for method, path in TABLE:
        if "{" in path:
            reply = await school.admin.request(method, re.sub(r"{\w+}", str(new_id()), path))
            assert reply.status_code == 404, path
            assert reply.headers["content-type"] == "application/problem+json"


async def test_nothing_answers_without_a_token(school: School) -> None:
    for method, path in TABLE:
        reply = await school.service.http.request(method, re.sub(r"{\w+}", str(new_id()), path))
        assert reply.status_code == 401, path


async def test_a_centres_administrator_without_a_centre_reaches_nobody_rather_than_all_who_have_none(
    school: School,
) -> None:
    exam = await school.exam()
    attempt = await school.submitted(exam)
    student_id = await school.person("student")
    class_id = await school.school_class()
    client = school.service.as_("centre_admin")
    for path in (
        f"exams/{exam.exam_id}",
        f"attempts/{attempt.attempt_id}/timeline",
        f"students/{student_id}",
        f"classes/{class_id}",
    ):
        assert (await client.get(f"/api/v1/analytics/{path}")).status_code == 404


async def test_an_exam_that_changed_hands_is_no_longer_its_former_instructors(school: School) -> None:
    exam = await school.exam()
    handed = replace(exam, instructor_id=new_id(), revision=2)
    await school.tell("exams.exams.v1", exam.exam_id, ExamScheduleChanged(exam=handed.state()))
    path = f"/api/v1/analytics/exams/{exam.exam_id}"
    assert (await school.instructor(exam).get(path)).status_code == 404
    assert (await school.instructor(handed).get(path)).status_code == 200
