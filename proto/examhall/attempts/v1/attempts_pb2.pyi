from proto.examhall.attempts.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSubmissionRequest(_message.Message):
    __slots__ = ("attempt_id",)
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    def __init__(self, attempt_id: _Optional[str] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("attempt", "question_ids", "answers")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    QUESTION_IDS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    attempt: _events_pb2.AttemptState
    question_ids: _containers.RepeatedScalarFieldContainer[str]
    answers: _containers.RepeatedCompositeFieldContainer[_events_pb2.SavedAnswer]
    def __init__(self, attempt: _Optional[_Union[_events_pb2.AttemptState, _Mapping]] = ..., question_ids: _Optional[_Iterable[str]] = ..., answers: _Optional[_Iterable[_Union[_events_pb2.SavedAnswer, _Mapping]]] = ...) -> None: ...
