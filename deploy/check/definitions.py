"""The definitions of the custom resources that the chart can make, as their operators publish them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.check.api import Manifest, manifests_in
from deploy.check.programs import definition

# Each of the tests' schemas says where it is from; those of Kubernetes itself are not among them.
SCHEMAS = Path(__file__).resolve().parents[2] / "tests" / "deploy" / "schemas"
_FROM = re.compile(r"from (?P<module>\S+)@(?P<version>v\S+) \(\S+\), (?P<path>\S+\.yaml)$")


@dataclass(frozen=True)
class Source:
    """A file of a Go module."""

    module: str
    version: str
    path: str


def sources() -> list[Source]:
    """Where the definitions are that the tests' schemas were taken from."""
    comments = [json.loads(file.read_text()).get("$comment", "") for file in sorted(SCHEMAS.glob("*.json"))]
    return [Source(**found.groupdict()) for comment in comments if (found := _FROM.search(comment))]


def definitions() -> list[Manifest]:
    """Every definition; Strimzi's KafkaTopic only as far as the chart uses it. Raises programs.Missing."""
    texts = [definition(each.module, each.version, each.path) for each in sources()]
    return [
        *(each for text in texts for each in manifests_in(text)),
        kafka_topic(json.loads((SCHEMAS / "KafkaTopic.json").read_text())),
    ]


def kafka_topic(schema: dict[str, Any]) -> Manifest:
    """Strimzi publishes its definitions in no registry of modules: made from the part of its reference that the tests hold the chart to."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "kafkatopics.kafka.strimzi.io"},
        "spec": {
            "group": "kafka.strimzi.io",
            "names": {"kind": "KafkaTopic", "plural": "kafkatopics", "singular": "kafkatopic"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {"spec": schema["properties"]["spec"]}}
                    },
                    "subresources": {"status": {}},
                }
            ],
        },
    }
