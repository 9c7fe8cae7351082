"""The REST interface as it describes itself."""

from typing import Any

from examhall.openapi import document

PATHS: dict[str, dict[str, dict[str, Any]]] = {
    path.removeprefix("/api/v1"): operations
    for path, operations in document()["paths"].items()
    if path.startswith("/api/v1")
}
