"""Who may do what to whom: every route of identity, for every role, on an own, a class's, a centre's and a foreign object."""

import re
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from fastapi.routing import APIRoute

from chassis.ids import new_id
from services.identity.app import build
from services.identity.settings import Settings
from services.identity.tables import ClassTeacher
from services.identity.tests.builders import School

# Route → role → the objects it reaches: o own, c of a class taught, e of the own centre, f foreign; "" none (403), "-" no object: allowed.
# Reaching nothing but existing is 404; "x" in place of the letters: the role can never do it (403).
NOBODY = dict.fromkeys(("student", "instructor", "proctor", "evaluator", "centre_admin", "admin"), "x")
ADMIN = {**NOBODY, "admin": "oef"}
STAFF = {**ADMIN, "centre_admin": "oe"}
MANY = {**NOBODY, "admin": "-", "centre_admin": "-"}
EVERYONE = dict.fromkeys(NOBODY, "-")

TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/api/v1/auth/me"): EVERYONE,
    ("PATCH", "/api/v1/auth/me"): EVERYONE,
    ("GET", "/api/v1/auth/sessions"): EVERYONE,
    ("GET", "/api/v1/users"): MANY,
    ("POST", "/api/v1/users"): MANY,
    ("GET", "/api/v1/users/{user_id}"): STAFF,
    ("PATCH", "/api/v1/users/{user_id}"): STAFF,
    ("DELETE", "/api/v1/users/{user_id}"): {**ADMIN, "admin": "ef"},
    ("POST", "/api/v1/users/{user_id}/force-logout"): {**STAFF, "centre_admin": "e"},
    ("POST", "/api/v1/users/{user_id}/unlock"): STAFF,
    ("GET", "/api/v1/students"): {**MANY, "instructor": "-"},
    ("POST", "/api/v1/students"): MANY,
    ("GET", "/api/v1/students/{student_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef", "instructor": "c", "student": "o"},
    ("PATCH", "/api/v1/students/{student_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("DELETE", "/api/v1/students/{student_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("PUT", "/api/v1/students/{student_id}/accommodation"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("PUT", "/api/v1/students/{student_id}/eligibility"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("POST", "/api/v1/students/{student_id}/claim-code"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("GET", "/api/v1/teachers"): MANY,
    ("GET", "/api/v1/teachers/{teacher_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef", "instructor": "o"},
    ("GET", "/api/v1/teachers/{teacher_id}/classes"): {**ADMIN, "centre_admin": "e", "admin": "ef", "instructor": "o"},
    ("GET", "/api/v1/teachers/{teacher_id}/students"): {**ADMIN, "centre_admin": "e", "admin": "ef", "instructor": "o"},
    ("GET", "/api/v1/classes"): {**MANY, "instructor": "-"},
    ("POST", "/api/v1/classes"): MANY,
    ("GET", "/api/v1/classes/{class_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef", "instructor": "c"},
    ("PATCH", "/api/v1/classes/{class_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("DELETE", "/api/v1/classes/{class_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("POST", "/api/v1/classes/{class_id}/teachers"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("DELETE", "/api/v1/classes/{class_id}/teachers/{teacher_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("POST", "/api/v1/classes/{class_id}/students"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("DELETE", "/api/v1/classes/{class_id}/students/{student_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("GET", "/api/v1/centres"): MANY,
    ("POST", "/api/v1/centres"): {**NOBODY, "admin": "-"},
    ("GET", "/api/v1/centres/{centre_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("PATCH", "/api/v1/centres/{centre_id}"): {**ADMIN, "centre_admin": "e", "admin": "ef"},
    ("GET", "/api/v1/audit-log"): {**NOBODY, "admin": "-"},
    ("GET", "/api/v1/login-attempts"): MANY,
}  # fmt: skip
# Own account and sessions, tried in test_signing_in and test_accounts; they take no object but the caller's own.
OWN = {
    ("POST", "/api/v1/auth/logout"), ("POST", "/api/v1/auth/change-password"), ("DELETE", "/api/v1/auth/sessions"),
    ("DELETE", "/api/v1/auth/sessions/{session_id}"),
}  # fmt: skip
# Open to everybody, signed in or not.
PUBLIC = {
    ("POST", "/api/v1/auth/register"), ("POST", "/api/v1/auth/login"), ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/claim-account"), ("POST", "/api/v1/auth/forgot-password"), ("POST", "/api/v1/auth/verify-reset-code"),
    ("POST", "/api/v1/auth/reset-password"), ("GET", "/.well-known/jwks.json"), ("GET", "/api/v1/specializations"),
}  # fmt: skip
SPECIALIZATION = str(uuid5(NAMESPACE_URL, "examhall/specialization/CE"))
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/users"): {"role": "proctor", "name": "P", "email": "p@example.org"},
    ("POST", "/api/v1/students"): {"name": "S", "registration_number": "S-1", "specialization_id": SPECIALIZATION},
    ("POST", "/api/v1/classes"): {"name": "New", "academic_year": "2026"},
    ("POST", "/api/v1/centres"): {"name": "New", "code": "NEW"},
    ("PATCH", "/api/v1/auth/me"): {},
    ("PUT", "/api/v1/students/{student_id}/accommodation"): {"extra_time_percent": 10},
    ("PUT", "/api/v1/students/{student_id}/eligibility"): {"is_eligible": True},
    ("POST", "/api/v1/classes/{class_id}/teachers"): {"teacher_ids": [str(new_id())]},
    ("POST", "/api/v1/classes/{class_id}/students"): {"student_ids": [str(new_id())]},
}


def test_the_table_names_every_route() -> None:
    routes = {
        (method, route.path)
        for router in build(Settings()).routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE) | OWN | PUBLIC


async def _objects(school: School, role: str, path: str) -> tuple[httpx.AsyncClient, dict[str, UUID]]:
    """A client of the role, and ids of the kind of thing the path is about, by letter."""
    here, there = await school.centre(), await school.centre()
    taught = await school.school_class(there.id)
    own_class = await school.school_class(here.id)
    foreign_class = await school.school_class(there.id)
    centre_id = here.id if role == "centre_admin" else None
    caller = await school.person(role, centre_id=centre_id, class_id=foreign_class.id if role == "student" else None)
    if role == "instructor":
        await school.add(ClassTeacher(class_id=taught.id, teacher_id=caller.id))
    kind = path.split("/")[3]
    unclaimed = {"password_hash": None, "email": None} if path.endswith("claim-code") else {}

    async def person(kind_role: str, **values: Any) -> UUID:
        number = {"registration_number": new_id().hex[-12:]} if kind_role == "student" else {}
        return (await school.person(kind_role, **number, **{**values, **unclaimed})).id

    match kind:
        case "users" | "students":
            found = {
                "c": await person("student", class_id=taught.id, centre_id=there.id),
                "e": await person("student", class_id=own_class.id, centre_id=here.id),
                "f": await person("student", class_id=foreign_class.id, centre_id=there.id),
            }
        case "teachers":
            found = {
                "e": await person("instructor", centre_id=here.id),
                "f": await person("instructor", centre_id=there.id),
            }
        case "classes":
            found = {"c": taught.id, "e": own_class.id, "f": foreign_class.id}
        case _:
            found = {"e": here.id, "f": there.id}
    if kind == "users" or (kind, role) in {("students", "student"), ("teachers", "instructor")}:
        found["o"] = caller.id
    return await school.as_(caller), found


async def test_each_role_reaches_exactly_what_the_table_says(school: School) -> None:
    wrong = []
    for method, path in sorted(TABLE):
        for role, reach in TABLE[method, path].items():
            wrong += await _tried(school, method, path, role, reach)
    assert wrong == []


async def _tried(school: School, method: str, path: str, role: str, reach: str) -> list[str]:
    """What one role met at one route that the table does not say."""
    client, objects = await _objects(school, role, path)
    wrong = []
    for letter, target in (objects if "{" in path else {"-": new_id()}).items():
        ids = iter([str(target), str(new_id())])
        concrete = re.sub(r"{\w+}", lambda _, ids=ids: next(ids), path)
        reply = await client.request(method, concrete, json=_body(method, path))
        if reach == "x":
            expected = reply.status_code == 403
        elif letter in reach or (letter == "c" and "f" in reach):
            # Reached: what is named inside the class need not exist.
            inner = path.startswith("/api/v1/classes/") and (
                "not in the class" in reply.text or "not teach" in reply.text
            )
            expected = reply.status_code < 300 or inner or (reply.status_code == 422 and "unknown" in reply.text)
        else:
            expected = reply.status_code == 404 or (letter == "o" and reply.status_code == 403)
        if not expected:
            wrong.append(f"{role} {letter} {method} {path}: {reply.status_code} {reply.text[:200]}")
    return wrong


def _body(method: str, path: str) -> dict[str, Any] | None:
    body = BODIES.get((method, path), {} if method in ("PATCH", "POST", "PUT") else None)
    unique = new_id().hex[-10:].upper()
    fresh = {"email": f"{unique}@example.org", "registration_number": unique, "code": unique}
    fresh["name"] = unique
    return body and {**body, **{name: value for name, value in fresh.items() if name in body}}


async def test_nothing_but_the_public_routes_answers_without_a_token(school: School) -> None:
    for method, path in {*TABLE, *OWN}:
        concrete = path
        for name in ("user_id", "student_id", "teacher_id", "class_id", "centre_id", "session_id"):
            concrete = concrete.replace("{" + name + "}", str(new_id()))
        reply = await school.http.request(method, concrete, json=BODIES.get((method, path), {}))
        assert reply.status_code == 401, f"{method} {path}"
