"""Describes the lean routes, which the framework does not know, in a service's OpenAPI document."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from chassis.hot import HotOperation, HotRoute

_PROBLEM = {"description": "A problem document (RFC 9457) that names what happened and which rule"}


def add_hot_routes(document: dict[str, Any], routes: Sequence[HotRoute]) -> dict[str, Any]:
    """The document with an operation for every lean route that describes itself."""
    described = [(route, route.operation) for route in routes if route.operation is not None]
    types = [kind for _, operation in described for kind in (operation.request, operation.reply) if kind is not None]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    for route, operation in described:
        names = iter(operation.parameters)
        path = re.sub(r"{}", lambda _: "{" + next(names) + "}", route.path)  # noqa: B023
        document["paths"].setdefault(path, {})[route.method.lower()] = _operation(operation)
    return document


def _operation(operation: HotOperation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{"HTTPBearer": []}],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
            for name in operation.parameters
        ],
        "responses": {
            "200": {"description": "Successful Response", "content": _content(operation.reply)},
            "4XX": _PROBLEM,
            "5XX": _PROBLEM,
        },
    }
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.request)}
    return described


def _content(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
