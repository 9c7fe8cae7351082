"""Checks objects against the schemas of Kubernetes and of the operators whose resources the chart makes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft7Validator

FOLDER = Path(__file__).parent / "schemas"


def faults_of(manifest: dict[str, Any], version: str) -> list[str]:
    """What a strict API server of this version would refuse; a kind that nobody knows is a fault, too."""
    group = manifest["apiVersion"].rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return _custom_faults(manifest)
    if group == "gateway.networking.k8s.io":
        return _custom_faults(manifest)
    return list(_kubernetes_faults(json.dumps(manifest, sort_keys=True), version))


@cache
def _kubernetes_faults(manifest: str, version: str) -> tuple[str, ...]:
    """By the text of the object: most are the same whatever the values."""
    try:
        kubernetes_validate.validate(json.loads(manifest), version, strict=True)
    except (
        kubernetes_validate.ValidationError,
        kubernetes_validate.SchemaNotFoundError,
        kubernetes_validate.InvalidSchemaError,
    ) as fault:
        return (getattr(fault, "message", str(fault)),)
    return ()


def _custom_faults(manifest: dict[str, Any]) -> list[str]:
    file = FOLDER / f"{manifest['kind']}.json"
    if not file.exists():
        return [f"no schema of {manifest['kind']}: add it to {FOLDER.name}/"]
    return [f"{error.json_path}: {error.message}" for error in _validator(file).iter_errors(manifest)]


@cache
def _validator(file: Path) -> Draft7Validator:
    return Draft7Validator(_strict(json.loads(file.read_text())))


def _strict(schema: Any) -> Any:
    """A CRD's schema as the API server reads it with strict field validation: fields that are not named are refused."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    strict = {
        key: {name: _strict(each) for name, each in value.items()} if key == "properties" else _strict(value)
        for key, value in schema.items()
    }
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and "type" in schema and not is_open and schema["properties"] != {}:
        strict["additionalProperties"] = False
    return strict
