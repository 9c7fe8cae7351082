"""One OpenAPI document for the whole REST interface, merged from what each service says of itself.

python -m examhall.openapi write      writes docs/openapi.json
python -m examhall.openapi check      fails when the file is not what the code gives
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from chassis.openapi import add_hot_routes
from chassis.problem_replies import add_problem_handlers
from examhall.places import SERVICES

FILE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"
_DESCRIPTION = """\
The REST interface of an Examhall installation, through its gateway.

Sign in with `POST /api/v1/auth/login` and send the access token as `Authorization: Bearer …`. Errors are problem documents (RFC 9457) that name
the field and the rule. Lists are `{items, total, page, limit, pages}`. Points and scores are decimals in JSON strings. Times are UTC. Posts that
create something take an `Idempotency-Key`; what two people may edit has an `ETag`, sent back as `If-Match`.
"""


def document() -> dict[str, Any]:
    """The merged document. Schemas of one name and different content get their service's name in front."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Examhall",
            "version": "1",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/", "description": "this installation's gateway"}],
        "security": [{"HTTPBearer": []}],
        "tags": [],
        "paths": {},
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"HTTPBearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    for name in SERVICES:
        _merge(merged, _of_service(name), name)
    tags = {
        tag for item in merged["paths"].values() for operation in item.values() for tag in operation.get("tags", ())
    }
    merged["tags"] = [{"name": tag} for tag in sorted(tags)]
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = dict(sorted(merged["components"]["schemas"].items()))
    return merged


_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457: what happened, which rule, what to do",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "rule", "message")},
            },
        },
    },
}


def _of_service(name: str) -> dict[str, Any]:
    service = import_module(f"services.{name}.app").build()
    app = FastAPI(title=name, version="1")
    add_problem_handlers(app, service.problems)
    for router in service.routers:
        app.include_router(router)
    own = app.openapi()
    return add_hot_routes(own, service.hot_routes(None)) if service.hot_routes else own


def _merge(merged: dict[str, Any], own: dict[str, Any], service: str) -> None:
    schemas = merged["components"]["schemas"]
    given = own.get("components", {}).get("schemas", {})
    renamed = {
        name: f"{service.capitalize()}{name}" for name, schema in given.items() if schemas.get(name, schema) != schema
    }
    text = json.dumps({"paths": own["paths"], "schemas": given})
    for old, new in renamed.items():
        text = text.replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
    told = json.loads(text)
    schemas.update({renamed.get(name, name): schema for name, schema in told["schemas"].items()})
    for path, item in told["paths"].items():
        for operation in item.values():
            _summarize(operation)
            _tell_of_problems(operation)
        merged["paths"].setdefault(path, {}).update(item)


def _summarize(operation: dict[str, Any]) -> None:
    """What a route does, in its own words: the first sentence of its description instead of its function's name."""
    told = operation.get("description") or operation["summary"]
    operation["summary"] = told.partition("\n")[0].partition(". ")[0].rstrip(".:")


def _tell_of_problems(operation: dict[str, Any]) -> None:
    """Every refusal is a problem document, whatever the framework says of its own validation errors."""
    operation["responses"].pop("422", None)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for codes, why in (("4XX", "refused: what happened, which rule"), ("5XX", "not answered: try again later")):
        operation["responses"][codes] = {"description": why, "content": content}


def rendered() -> str:
    """The document as it stands in the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def main(arguments: list[str]) -> None:
    """The command line of this module."""
    match arguments:
        case ["write"]:
            FILE.write_text(rendered())
        case ["check"]:
            if not FILE.is_file() or FILE.read_text() != rendered():
                sys.exit("docs/openapi.json is not what the code gives; run `make docs`")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
