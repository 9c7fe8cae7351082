"""Input that no client of ours sends is refused by field, never met with an internal error."""

from typing import Any
from uuid import UUID

import pytest

from services.identity.tests.builders import School

NOBODY = str(UUID(int=7))
NUL = "a\0b"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/auth/login", {"login": NUL, "password": "x"}, "login"),
        ("POST", "/auth/refresh", {"refresh_token": NUL}, "refresh_token"),
        ("PUT", "/students/{id}/accommodation", {"note": NUL}, "note"),
        ("PUT", "/students/{id}/eligibility", {"is_eligible": False, "reason": NUL}, "reason"),
        ("POST", "/centres", {"name": "North", "code": "N1", "address": NUL}, "address"),
        ("PATCH", "/students/{id}", {"email": None}, "email"),
        ("PATCH", "/students/{id}", {"class_id": NOBODY}, "class_id"),
        ("PATCH", "/users/{id}", {"email": None}, "email"),
        ("PATCH", "/users/{id}", {"centre_id": NOBODY}, "centre_id"),
        ("POST", "/students", {"name": "Bo", "registration_number": "R-1", "class_id": NOBODY}, "class_id"),
        (
            "POST",
            "/users",
            {"role": "proctor", "name": "Bo", "email": "bo@example.org", "centre_id": NOBODY},
            "centre_id",
        ),
        ("GET", "/users?search=%00", None, "search"),
        ("GET", "/classes?search=%00", None, "search"),
        ("GET", "/audit-log?action=%00", None, "action"),
        ("GET", "/audit-log?entity_id=%00", None, "entity_id"),
        ("GET", "/login-attempts?address=%00", None, "address"),
        ("GET", "/audit-log?from=2026-01-01T00:00:00", None, "from"),
        ("GET", "/audit-log?from=0001-01-01T00:00:00%2B14:00", None, "from"),
        ("GET", "/login-attempts?to=9999-12-31T23:59:59-14:00", None, "to"),
    ],
)
async def test_it_is_refused_by_field(school: School, method: str, path: str, body: Any, field: str) -> None:
    admin = await school.as_(await school.person("admin"))
    student = await school.person()
    reply = await admin.request(method, f"/api/v1{path.format(id=student.id)}", json=body)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)


async def test_an_etag_that_nobody_gave_is_refused(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    student = await school.person()
    headers = {"If-Match": f'"v{"9" * 5000}"'}
    reply = await admin.patch(f"/api/v1/users/{student.id}", json={"name": "Bo"}, headers=headers)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "If-Match")
