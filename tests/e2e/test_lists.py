"""Leafing through: every list has the same shape."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.exams import publish, start
from tests.e2e.interface import PATHS
from tests.e2e.people import Person, School

PAGED = {"items", "total", "page", "limit", "pages"}
SHORT = {"listSessions", "listSpecializations", "listTeacherClasses"}  # never long: given whole
FEEDS = {"listRecentActivity"}  # grows while one reads: by cursor
OF_STUDENTS = {"listOwnResults"}


def _lists() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in PATHS.items():
        if "get" in operations and operations["get"]["operationId"].startswith("list"):
            yield path, operations["get"]


def _lasting(item: dict[str, Any]) -> dict[str, Any]:
    """Without what the clock changes between two requests."""
    return {name: value for name, value in item.items() if name not in ("server_time", "seconds_left")}


def _is_paged(operation: dict[str, Any]) -> bool:
    return {"page", "limit"} <= {parameter["name"] for parameter in operation.get("parameters", ())}


PAGED_LISTS = [(path, operation["operationId"]) for path, operation in _lists() if _is_paged(operation)]


@pytest.fixture(scope="module")
def things(school: School) -> tuple[Person, dict[str, str]]:
    """A student, and things whose lists can be leafed through."""
    teacher, student = school.staff("instructor"), school.student()
    exam = publish(teacher, "A page", settings={"release_automatically": True}, audience={"student_ids": [student.id]})
    sitting = start(student, exam)
    sitting.submits()
    school.everybody_knows()
    return student, {"exam_id": exam, "attempt_id": sitting.id, "teacher_id": teacher.id}


def test_every_list_is_paged_or_known_to_be_short_or_a_feed() -> None:
    others = {operation["operationId"] for _, operation in _lists() if not _is_paged(operation)}
    assert others == SHORT | FEEDS


@pytest.mark.parametrize(("path", "name"), PAGED_LISTS, ids=[name for _, name in PAGED_LISTS])
def test_a_list_comes_in_pages(school: School, things: tuple[Person, dict[str, str]], path: str, name: str) -> None:
    student, places = things
    reader = student if name in OF_STUDENTS else school.admin
    address = path.format(**places)
    whole, one = reader.get(address), reader.get(address, page=1, limit=1)
    assert set(whole) == set(one) == PAGED
    assert (whole["page"], whole["limit"], one["page"], one["limit"]) == (1, 20, 1, 1)
    assert one["pages"] == one["total"]
    assert [_lasting(item) for item in one["items"]] == [_lasting(item) for item in whole["items"][:1]]
    beyond = reader.get(address, page=one["pages"] + 1000, limit=1)
    assert beyond["items"] == []
    for query in ({"limit": 101}, {"limit": 0}, {"page": 0}):
        assert reader.ask("GET", address, **query).status_code == 422
