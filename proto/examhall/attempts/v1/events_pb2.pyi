import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttemptState(_message.Message):
    __slots__ = ("attempt_id", "version", "exam_id", "exam_version", "student_id", "number", "status", "started_at", "deadline_at", "submitted_at", "submit_reason", "class_id", "centre_id", "question_count", "answered_count")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_REASON_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    version: int
    exam_id: str
    exam_version: int
    student_id: str
    number: int
    status: str
    started_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    submitted_at: _timestamp_pb2.Timestamp
    submit_reason: str
    class_id: str
    centre_id: str
    question_count: int
    answered_count: int
    def __init__(self, attempt_id: _Optional[str] = ..., version: _Optional[int] = ..., exam_id: _Optional[str] = ..., exam_version: _Optional[int] = ..., student_id: _Optional[str] = ..., number: _Optional[int] = ..., status: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., submitted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., submit_reason: _Optional[str] = ..., class_id: _Optional[str] = ..., centre_id: _Optional[str] = ..., question_count: _Optional[int] = ..., answered_count: _Optional[int] = ...) -> None: ...

class AttemptStarted(_message.Message):
    __slots__ = ("attempt", "client_address")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptState
    client_address: str
    def __init__(self, attempt: _Optional[_Union[AttemptState, _Mapping]] = ..., client_address: _Optional[str] = ...) -> None: ...

class AttemptPaused(_message.Message):
    __slots__ = ("attempt", "reason")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptState
    reason: str
    def __init__(self, attempt: _Optional[_Union[AttemptState, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class AttemptResumed(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptState
    def __init__(self, attempt: _Optional[_Union[AttemptState, _Mapping]] = ...) -> None: ...

class AttemptExtended(_message.Message):
    __slots__ = ("attempt", "added_seconds", "reason")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ADDED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptState
    added_seconds: int
    reason: str
    def __init__(self, attempt: _Optional[_Union[AttemptState, _Mapping]] = ..., added_seconds: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class AttemptSubmitted(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: AttemptState
    def __init__(self, attempt: _Optional[_Union[AttemptState, _Mapping]] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("option_ids",)
    OPTION_IDS_FIELD_NUMBER: _ClassVar[int]
    option_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, option_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("choice", "truth", "text")
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    choice: Choice
    truth: bool
    text: str
    def __init__(self, choice: _Optional[_Union[Choice, _Mapping]] = ..., truth: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class SavedAnswer(_message.Message):
    __slots__ = ("question_id", "revision", "response", "is_flagged", "saved_at")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    IS_FLAGGED_FIELD_NUMBER: _ClassVar[int]
    SAVED_AT_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    revision: int
    response: Response
    is_flagged: bool
    saved_at: _timestamp_pb2.Timestamp
    def __init__(self, question_id: _Optional[str] = ..., revision: _Optional[int] = ..., response: _Optional[_Union[Response, _Mapping]] = ..., is_flagged: _Optional[bool] = ..., saved_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AnswersSaved(_message.Message):
    __slots__ = ("exam_id", "attempts")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    attempts: _containers.RepeatedCompositeFieldContainer[AttemptAnswers]
    def __init__(self, exam_id: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[AttemptAnswers, _Mapping]]] = ...) -> None: ...

class AttemptAnswers(_message.Message):
    __slots__ = ("attempt_id", "student_id", "answers")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    student_id: str
    answers: _containers.RepeatedCompositeFieldContainer[SavedAnswer]
    def __init__(self, attempt_id: _Optional[str] = ..., student_id: _Optional[str] = ..., answers: _Optional[_Iterable[_Union[SavedAnswer, _Mapping]]] = ...) -> None: ...
