"""The people of the stories. Each has a client of their own; what they do goes through the gateway."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from examhall.demo.content import ADMIN, DEMO_PASSWORD
from tests.e2e.events import untold_events

PASSWORD = DEMO_PASSWORD  # of everybody
T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 15.0) -> T:
    """Looks until there is something to see, and gives it: services tell each other by events, a moment later."""
    end = time.monotonic() + seconds
    while True:
        try:
            if seen := look():
                return seen
            failure = AssertionError(f"never true within {seconds} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > end:
            raise failure
        time.sleep(0.05)


class Person:
    """Somebody who is signed in."""

    def __init__(self, http: httpx.Client, tokens: dict[str, Any]) -> None:
        self.http = http
        self.tokens = tokens
        self.id: str = tokens["user"]["id"]
        self.name: str = tokens["user"]["name"]

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """The reply, whatever it is."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return self.http.request(method, f"/api/v1{path}", json=body, params=query, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        """Reads."""
        return _granted(self.ask("GET", path, **query)).json()

    def post(self, path: str, body: Any = None) -> Any:
        """Makes or does."""
        return _granted(self.ask("POST", path, body)).json()

    def put(self, path: str, body: Any) -> Any:
        """Sets."""
        return _granted(self.ask("PUT", path, body)).json()

    def download(self, path: str, **query: Any) -> bytes:
        """Reads a file."""
        return _granted(self.ask("GET", path, **query)).content

    def is_refused(self, status: int, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Does what must not succeed, and gives the problem."""
        reply = self.ask(method, path, body)
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text}"
        assert reply.headers["content-type"].startswith("application/problem+json")
        problem: dict[str, Any] = reply.json()
        assert problem["status"] == status
        assert problem["detail"]
        return problem

    def delete(self, path: str) -> Any:
        """Takes away."""
        return _granted(self.ask("DELETE", path)).json()

    def log_out(self) -> None:
        """Ends the session."""
        self.post("/auth/logout")


def _granted(reply: httpx.Response) -> httpx.Response:
    assert reply.is_success, f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}"
    return reply


class School:
    """The administrator, and whoever they let in."""

    def __init__(self, address: str, folder: Path) -> None:
        self.http = httpx.Client(base_url=address, timeout=30)
        self.folder = folder
        self._numbers = count(1)
        self.admin = self.log_in(ADMIN.email)
        self.specialization: str = self.http.get("/api/v1/specializations").json()[0]["id"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def log_in(self, login: str) -> Person:
        """Somebody signs in."""
        reply = self.http.post("/api/v1/auth/login", json={"login": login, "password": PASSWORD})
        return Person(self.http, _granted(reply).json())

    def everybody_knows(self, seconds: float = 30.0) -> None:
        """Waits until every service has heard what the others told."""
        eventually(lambda: not untold_events(self.folder), seconds)

    def centre(self) -> str:
        """A new centre."""
        number = next(self._numbers)
        centre: str = self.admin.post("/centres", {"name": f"Campus {number}", "code": f"CAMPUS-{number}"})["id"]
        return centre

    def staff(self, role: str, centre_id: str | None = None) -> Person:
        """Somebody new who works here."""
        email = f"{role.replace('_', '.')}.{next(self._numbers)}@school.example"
        body = {"role": role, "name": f"Staff of {email}", "email": email, "password": PASSWORD, "centre_id": centre_id}
        self.admin.post("/users", body)
        return self.log_in(email)

    def student(self, class_id: str | None = None, centre_id: str | None = None) -> Person:
        """Somebody new who studies here."""
        number = f"S-{next(self._numbers):04}"
        body = {"name": f"Student {number}", "registration_number": number, "password": PASSWORD}
        studies = {"class_id": class_id, "centre_id": centre_id, "specialization_id": self.specialization}
        self.admin.post("/students", {**body, **studies})
        return self.log_in(number)

    def school_class(self, teacher: Person, centre_id: str | None = None) -> str:
        """A new class of a teacher."""
        body = {"name": f"Class {next(self._numbers)}", "academic_year": "2026-2027", "centre_id": centre_id}
        school_class: str = self.admin.post("/classes", body)["id"]
        self.admin.post(f"/classes/{school_class}/teachers", {"teacher_ids": [teacher.id]})
        return school_class
