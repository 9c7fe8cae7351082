"""What is frozen: nothing is lost, and nothing of a key is on the paper."""

from typing import Any

from google.protobuf.descriptor import Descriptor
from hypothesis import given

from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.exams.v1.keys_pb2 import AnswerKey, QuestionKey
from proto.examhall.exams.v1.papers_pb2 import Paper
from services.exams.content import ExamContent
from services.exams.papers import answer_key_of, content_of, paper_of
from services.exams.tests.strategies import contents


@given(contents())
def test_nothing_is_lost_between_content_and_what_is_frozen(content: ExamContent) -> None:
    paper = Paper.FromString(paper_of(content, 3).SerializeToString())
    answer_key = AnswerKey.FromString(answer_key_of(content, 3).SerializeToString())
    assert (paper.version, answer_key.version) == (3, 3)
    assert content_of(paper, answer_key) == content


@given(contents())
def test_the_same_content_freezes_to_the_same_bytes(content: ExamContent) -> None:
    for freeze in (paper_of, answer_key_of):
        first, second = (freeze(content, 1).SerializeToString(deterministic=True) for _ in range(2))
        assert first == second


def fields_reachable_from(message: Descriptor) -> set[str]:
    """Names of all fields of a message and of those inside it."""
    found, open_ = set(), [message]
    seen: set[str] = set()
    while open_:
        current: Any = open_.pop()
        if current.full_name in seen:
            continue
        seen.add(current.full_name)
        for field in current.fields:
            found.add(field.name)
            if field.message_type is not None:
                open_.append(field.message_type)
    return found


def test_neither_paper_nor_event_has_a_field_that_could_hold_a_key() -> None:
    shared = {"question_id", "type", "points", "options"}
    keys = {field.name for field in QuestionKey.DESCRIPTOR.fields} - shared
    keys |= {"is_correct", "credit", "value", "absolute_tolerance", "relative_tolerance", "unit", "unit_required"}
    for message in (Paper, ExamState):
        assert not fields_reachable_from(message.DESCRIPTOR) & (keys | {"access_code"})
