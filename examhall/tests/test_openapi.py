"""What holds for every route of the interface, read off the merged document."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from examhall.openapi import document


@pytest.fixture(scope="module")
def merged() -> dict[str, Any]:
    return document()


def operations(merged: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    for path, item in merged["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def bodies(merged: dict[str, Any], schema: dict[str, Any], seen: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects that a request body is made of, by name, however deep."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield name, merged["components"]["schemas"][name]
            yield from bodies(merged, merged["components"]["schemas"][name], seen)
        return
    for inner in schema.values():
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                yield from bodies(merged, each, seen)


def test_no_request_body_takes_a_field_that_it_does_not_name(merged: dict[str, Any]) -> None:
    seen: set[str] = set()
    taken = [
        name
        for _, operation in operations(merged)
        for name, schema in bodies(merged, operation.get("requestBody", {}), seen)
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    ]
    assert len(seen) > 20
    assert taken == []


def test_every_route_has_a_name_of_its_own_a_tag_and_a_sentence(merged: dict[str, Any]) -> None:
    names = Counter(operation["operationId"] for _, operation in operations(merged))
    assert [name for name, count in names.items() if count > 1] == []
    assert [
        name for name, operation in operations(merged) if not operation["tags"] or len(operation["summary"]) < 8
    ] == []


def test_the_lean_routes_are_described_too(merged: dict[str, Any]) -> None:
    save = merged["paths"]["/api/v1/attempts/{attempt_id}/answers/{question_id}"]["put"]
    assert [parameter["name"] for parameter in save["parameters"]] == ["attempt_id", "question_id"]
    reply = merged["components"]["schemas"]["SaveReply"]["properties"]
    assert set(reply) == {"question_id", "revision", "saved", "server_time", "seconds_left"}


def test_a_reference_leads_somewhere(merged: dict[str, Any]) -> None:
    found = [name for _, operation in operations(merged) for name, _ in bodies(merged, operation, set())]
    assert len(set(found)) > 80
