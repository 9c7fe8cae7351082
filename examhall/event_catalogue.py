"""The catalogue of events for outsiders, from proto/catalogue.py, the contracts and the services' subscriptions.

python -m examhall.event_catalogue write      writes the catalogue in docs/events.md, and docs/asyncapi.json
python -m examhall.event_catalogue check      fails when they are not what the code gives, or when the code disagrees with itself
"""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor

from chassis.consuming import Subscription
from chassis.kafka import PARTITIONS
from chassis.outbox import MAX_EVENT_BYTES
from examhall.generated_parts import DOCS, table, with_part, write_or_check
from examhall.places import SERVICES, WORKERS
from proto.catalogue import STREAM, TOPICS, Topic, group_of

_ROOT = DOCS.parent
_PROTO3 = "application/vnd.google.protobuf;version=3"  # AsyncAPI 3.0.0, multi-format schema object
_KAFKA_BINDING = "0.5.0"


def documents() -> dict[Path, str]:
    """What the files hold. Raises ValueError when catalogue, contracts and subscriptions disagree."""
    if found := faults():
        raise ValueError("\n".join(found))
    events = DOCS / "events.md"
    asyncapi = json.dumps(asyncapi_document(), indent=1, ensure_ascii=False) + "\n"
    return {events: with_part(events.read_text(), "topics", _topics()), DOCS / "asyncapi.json": asyncapi}


def faults() -> list[str]:
    """Where the catalogue differs from the contracts, or from what the services take in."""
    return [*_faults_of_contracts(), *_faults_of_subscriptions()]


def _faults_of_contracts() -> Iterator[str]:
    for topic in TOPICS:
        for event in topic.events:
            if event not in _messages():
                yield f"{topic.name}: no contract has a message {event}"


def _faults_of_subscriptions() -> Iterator[str]:
    for process in (*SERVICES, *WORKERS):
        heard = _heard(process)
        promised = {topic.name for topic in TOPICS if process in topic.consumers}
        for name in sorted(promised - set(heard)):
            yield f"{name}: the catalogue says that {process} takes it in, but {process} does not subscribe to it"
        for name in sorted(set(heard) - promised):
            yield f"{name}: {process} subscribes to it, but is not among its consumers in the catalogue"
        for topic in TOPICS:
            for event in heard.get(topic.name, set()) - set(topic.events):
                yield f"{topic.name}: {process} takes in {event}, which the catalogue does not name"


@cache
def _messages() -> dict[str, Descriptor]:
    """The top-level messages of all contracts of events, by their short name."""
    found: dict[str, Descriptor] = {}
    for file in sorted((_ROOT / "proto" / "examhall").rglob("*_pb2.py")):
        module = import_module(".".join(file.relative_to(_ROOT).with_suffix("").parts))
        found.update(module.DESCRIPTOR.message_types_by_name)
    return found


def _heard(process: str) -> dict[str, set[str]]:
    """The topics that a service or a worker takes in, with the short names of the events that it knows."""
    if process == STREAM:
        return _heard_by_stream()
    subscriptions: Sequence[Subscription] = import_module(f"services.{process}.consumers").SUBSCRIPTIONS
    return {each.topic: {message.DESCRIPTOR.name for message in each.handlers} for each in subscriptions}


def _heard_by_stream() -> dict[str, set[str]]:
    """Its two agents know events, whichever of their topics brings them: of each topic those that the catalogue has there."""
    agents = import_module("services.proctoring.stream.agents")
    heard: dict[str, set[str]] = {}
    for topics, messages in (
        (agents.ATTEMPT_TOPICS, agents.ATTEMPT_MESSAGES),
        (agents.EXAM_TOPICS, agents.EXAM_MESSAGES),
    ):
        names = {message.DESCRIPTOR.name for message in messages}
        events = {topic.name: set(topic.events) for topic in TOPICS if topic.name in topics}
        strange = names - set().union(*events.values())
        heard |= {topic: (events.get(topic, set()) & names) | strange for topic in topics}
    return heard


def _consumers_of(topic: Topic, event: str) -> list[str]:
    return [process for process in topic.consumers if event in _heard(process).get(topic.name, set())]


def _topics() -> str:
    return "\n\n".join(_topic(topic) for topic in TOPICS)


def _topic(topic: Topic) -> str:
    contract = _messages()[topic.events[0]].file.name
    events = [[f"`{_messages()[event].full_name}`", ", ".join(_consumers_of(topic, event))] for event in topic.events]
    return "\n\n".join(
        [
            f"### `{topic.name}`",
            f"{topic.about} Recorded by {', '.join(topic.producers)}. Key: {topic.key}. Contract: [{contract}](../{contract}).",
            table(["`ce_type`", "taken in by"], events),
        ]
    )


def asyncapi_document() -> dict[str, Any]:
    """The same as AsyncAPI 3: what Examhall sends, for whoever wants to follow it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Examhall events",
            "version": "1",
            "description": "What happens in an Examhall installation, on Kafka: Protobuf messages with CloudEvents 1.0 headers"
            " (binary mode). Delivery is at least once, in order for each key; drop a `ce_id` that you have seen. See docs/events.md.",
        },
        "defaultContentType": "application/protobuf",
        "servers": {
            "kafka": {
                "host": "{brokers}",
                "protocol": "kafka",
                "description": "the installation's brokers: KAFKA_BOOTSTRAP_SERVERS",
                "variables": {"brokers": {"default": "localhost:9092"}},
            }
        },
        "channels": {name: channel for topic in TOPICS for name, channel in _channels(topic)},
        "operations": {f"send {topic.name}": _send(topic) for topic in TOPICS},
        "components": {
            "messages": {event: _message(topic, event) for topic in TOPICS for event in topic.events},
            "schemas": {"headers": _HEADERS, **_contracts()},
        },
    }


def _channels(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    messages = {event: {"$ref": f"#/components/messages/{event}"} for event in topic.events}
    binding = {"kafka": {"topic": topic.name, "partitions": PARTITIONS, "bindingVersion": _KAFKA_BINDING}}
    yield (
        topic.name,
        {
            "address": topic.name,
            "description": f"{topic.about} {_taken_in_by(topic)}",
            "messages": messages,
            "bindings": binding,
        },
    )
    dead = f"{topic.name}.dlq"
    yield (
        dead,
        {
            "address": dead,
            "description": f"Events of {topic.name} that a consumer could not take in. Two more headers say why and whose:"
            " dead-letter-reason and dead-letter-group.",
            "messages": messages,
            "bindings": {"kafka": {**binding["kafka"], "topic": dead}},
        },
    )


def _taken_in_by(topic: Topic) -> str:
    groups = [group_of(consumer) for consumer in topic.consumers]
    return f"Taken in by {', '.join(groups)}." if groups else "Read without a consumer group."


def _send(topic: Topic) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"Recorded by {', '.join(topic.producers)}",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{event}"} for event in topic.events],
    }


def _message(topic: Topic, event: str) -> dict[str, Any]:
    descriptor = _messages()[event]
    key = {"type": "string", "description": topic.key}
    return {
        "name": descriptor.full_name,
        "title": event,
        "contentType": "application/protobuf",
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": {"$ref": f"#/components/schemas/{_schema_name(descriptor.file.name)}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}},
    }


def _contracts() -> dict[str, Any]:
    """Each contract as it is written; the message in it is the one that `name`, the `ce_type`, says."""
    files = sorted({_messages()[event].file.name for topic in TOPICS for event in topic.events})
    return {_schema_name(file): {"schemaFormat": _PROTO3, "schema": (_ROOT / file).read_text()} for file in files}


def _schema_name(file: str) -> str:
    return file.removeprefix("proto/").removesuffix(".proto").replace("/", ".")


def _text(description: str, **more: str) -> dict[str, str]:
    return {"type": "string", "description": description, **more}


_HEADERS = {
    "type": "object",
    "description": f"CloudEvents 1.0, Kafka binary content mode. A message has at most {MAX_EVENT_BYTES} bytes.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": _text("the event's id; the same in every repetition", format="uuid"),
        "ce_type": _text("full name of the Protobuf message"),
        "ce_source": _text("/examhall/ and the service that recorded it"),
        "ce_subject": _text("the id of what it tells of"),
        "ce_time": _text("when it was recorded, UTC", format="date-time"),
        "content-type": {"type": "string", "const": "application/protobuf"},
        "examhall-log": _text("which log of the topic it belongs to; grows when the broker lost one"),
        "traceparent": _text("W3C trace context, of the request that caused it"),
    },
}


if __name__ == "__main__":
    write_or_check(documents, "examhall.event_catalogue", sys.argv[1:])
