"""The definitions of the custom resources that the chart and its dependencies make, as their operators publish them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from deploy.check.api import Manifest, manifests_in
from deploy.check.programs import definition

# Each of the tests' schemas says where it is from; those of Kubernetes itself are not among them.
SCHEMAS = Path(__file__).resolve().parents[2] / "tests" / "deploy" / "schemas"
_FROM_GO = re.compile(r"from (?P<module>\S+)@(?P<version>v\S+) \(\S+\), (?P<path>\S+\.yaml)$")
_FROM_MAVEN = re.compile(r"^openAPIV3Schema of (?P<group>\S+)/(?P<version>\S+) (?P<kind>\w+), .* from io\.strimzi:")


@dataclass(frozen=True)
class Source:
    """A file of a Go module."""

    module: str
    version: str
    path: str


def sources() -> list[Source]:
    """Where the definitions are that the tests' schemas were taken from, of those that are files of Go modules."""
    return [Source(**found.groupdict()) for schema in _schemas() if (found := _FROM_GO.search(schema["$comment"]))]


def strimzi() -> list[Manifest]:
    """Strimzi's definitions, put around the schemas: as files they are in no registry, and what makes them needs a newer Java than Debian has."""
    return [
        _around(schema, *found.group("group", "version", "kind"))
        for schema in _schemas()
        if (found := _FROM_MAVEN.search(schema["$comment"]))
    ]


def definitions() -> list[Manifest]:
    """Every definition. Raises programs.Missing."""
    texts = [definition(each.module, each.version, each.path) for each in sources()]
    return [*(each for text in texts for each in manifests_in(text)), *strimzi()]


def _schemas() -> list[Manifest]:
    return [json.loads(file.read_text()) for file in sorted(SCHEMAS.glob("*.json"))]


def _around(schema: Manifest, group: str, version: str, kind: str) -> Manifest:
    singular, plural = kind.lower(), f"{kind.lower()}s"
    bare = {key: value for key, value in schema.items() if key != "$comment"}
    served = {"name": version, "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": singular},
            "scope": "Namespaced",
            "versions": [{**served, "schema": {"openAPIV3Schema": bare}}],
        },
    }
