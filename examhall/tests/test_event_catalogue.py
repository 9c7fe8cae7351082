"""The catalogue of events is what the contracts and the services say, and its documents are fresh."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from examhall import event_catalogue
from examhall.event_catalogue import asyncapi_document, documents, faults
from examhall.generated_parts import DOCS, stale_files, with_part
from examhall.places import SERVICES, WORKERS
from proto.catalogue import TOPICS
from services.proctoring.stream import agents


def _with_topic(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> None:
    topics = tuple(replace(topic, **changes) if topic.name == name else topic for topic in TOPICS)
    monkeypatch.setattr(event_catalogue, "TOPICS", topics)


def test_the_documents_are_what_the_code_gives() -> None:
    assert stale_files(documents()) == []


def test_catalogue_contracts_and_subscriptions_agree() -> None:
    assert faults() == []
    assert {name for topic in TOPICS for name in (*topic.producers, *topic.consumers)} <= {*SERVICES, *WORKERS}


def test_an_event_without_a_contract_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_topic(monkeypatch, "attempts.answers.v1", events=("AnswersSaved", "AnswersLost"))
    assert faults() == ["attempts.answers.v1: no contract has a message AnswersLost"]


def test_a_consumer_that_the_catalogue_does_not_name_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_topic(monkeypatch, "attempts.answers.v1", consumers=())
    assert faults() == [
        f"attempts.answers.v1: {process} subscribes to it, but is not among its consumers in the catalogue"
        for process in ("analytics", "proctoring-stream")
    ]


def test_a_consumer_that_does_not_subscribe_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_topic(monkeypatch, "attempts.answers.v1", consumers=("analytics", "proctoring-stream", "grading"))
    assert faults() == [
        "attempts.answers.v1: the catalogue says that grading takes it in, but grading does not subscribe to it"
    ]


def test_an_event_that_somebody_takes_in_and_the_catalogue_does_not_name_is_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _with_topic(monkeypatch, "exams.exams.v1", events=("ExamPublished", "ExamScheduleChanged", "ExamSeatingChanged"))
    assert sorted(faults()) == [
        f"exams.exams.v1: {service} takes in ExamArchived, which the catalogue does not name"
        for service in ("analytics", "attempts", "grading", "proctoring")
    ]


def test_an_event_that_the_stream_knows_and_no_topic_of_it_brings_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "EXAM_TOPICS", ("attempts.answers.v1", "proctoring.exams.v1"))
    found = faults()
    assert "attempts.answers.v1: proctoring-stream takes in CandidateSeated, which the catalogue does not name" in found
    assert (
        "proctoring.by-exam.v1: the catalogue says that proctoring-stream takes it in,"
        " but proctoring-stream does not subscribe to it"
    ) in found


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi_document()
    references = list(_references(document))
    assert len(references) > len(TOPICS)
    for reference in references:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place, reference


def test_the_asyncapi_document_has_every_topic_with_its_dead_letters_and_every_event_with_its_contract() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    assert set(document["channels"]) == {name for topic in TOPICS for name in (topic.name, f"{topic.name}.dlq")}
    messages = document["components"]["messages"]
    assert set(messages) == {event for topic in TOPICS for event in topic.events}
    for event, message in messages.items():
        contract = document["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]["schema"]
        assert f"message {event} {{" in contract
        assert f"package {message['name'].removesuffix(f'.{event}')};" in contract


def test_only_the_part_between_the_marks_is_replaced() -> None:
    text = "before\n<!-- generated: x -->\nold\n<!-- end of generated: x -->\nafter\n"
    replaced = with_part(text, "x", r"new \1")
    assert replaced == "before\n<!-- generated: x -->\n\nnew \\1\n\n<!-- end of generated: x -->\nafter\n"
    assert with_part(replaced, "x", r"new \1") == replaced


@pytest.mark.parametrize("text", ["no marks", "<!-- generated: x --><!-- end of generated: x -->" * 2])
def test_a_document_without_the_part_or_with_two_of_them_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must have one part"):
        with_part(text, "x", "new")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
