import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttemptAnswered(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "at", "answers")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    at: _timestamp_pb2.Timestamp
    answers: _containers.RepeatedCompositeFieldContainer[AnswerMark]
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[AnswerMark, _Mapping]]] = ...) -> None: ...

class AnswerMark(_message.Message):
    __slots__ = ("question_id", "revision", "digest", "is_text")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IS_TEXT_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    revision: int
    digest: int
    is_text: bool
    def __init__(self, question_id: _Optional[str] = ..., revision: _Optional[int] = ..., digest: _Optional[int] = ..., is_text: _Optional[bool] = ...) -> None: ...

class CandidateSeated(_message.Message):
    __slots__ = ("exam_id", "attempt_id", "student_id", "version", "status", "centre_id", "class_id", "address", "started_at", "deadline_at", "submitted_at", "exam_version")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    EXAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    attempt_id: str
    student_id: str
    version: int
    status: str
    centre_id: str
    class_id: str
    address: str
    started_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    submitted_at: _timestamp_pb2.Timestamp
    exam_version: int
    def __init__(self, exam_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., student_id: _Optional[str] = ..., version: _Optional[int] = ..., status: _Optional[str] = ..., centre_id: _Optional[str] = ..., class_id: _Optional[str] = ..., address: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., submitted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exam_version: _Optional[int] = ...) -> None: ...

class StateLost(_message.Message):
    __slots__ = ("worker", "partitions", "at")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    worker: str
    partitions: _containers.RepeatedScalarFieldContainer[int]
    at: _timestamp_pb2.Timestamp
    def __init__(self, worker: _Optional[str] = ..., partitions: _Optional[_Iterable[int]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
