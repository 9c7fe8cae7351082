import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from proto.examhall.attempts.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QuestionMark(_message.Message):
    __slots__ = ("question_id", "points_awarded", "max_points", "outcome", "is_human", "response", "topic")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    POINTS_AWARDED_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    IS_HUMAN_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    points_awarded: str
    max_points: str
    outcome: str
    is_human: bool
    response: _events_pb2.Response
    topic: str
    def __init__(self, question_id: _Optional[str] = ..., points_awarded: _Optional[str] = ..., max_points: _Optional[str] = ..., outcome: _Optional[str] = ..., is_human: _Optional[bool] = ..., response: _Optional[_Union[_events_pb2.Response, _Mapping]] = ..., topic: _Optional[str] = ...) -> None: ...

class GradeState(_message.Message):
    __slots__ = ("attempt_id", "revision", "exam_id", "exam_version", "student_id", "attempt_number", "status", "is_released", "score", "max_score", "percentage", "has_passed", "marks", "submitted_at", "marked_at", "released_at", "class_id", "centre_id", "is_invalidated", "invalidation_reason")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    MAX_SCORE_FIELD_NUMBER: _ClassVar[int]
    PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    HAS_PASSED_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    MARKED_AT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_AT_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    IS_INVALIDATED_FIELD_NUMBER: _ClassVar[int]
    INVALIDATION_REASON_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    revision: int
    exam_id: str
    exam_version: int
    student_id: str
    attempt_number: int
    status: str
    is_released: bool
    score: str
    max_score: str
    percentage: str
    has_passed: bool
    marks: _containers.RepeatedCompositeFieldContainer[QuestionMark]
    submitted_at: _timestamp_pb2.Timestamp
    marked_at: _timestamp_pb2.Timestamp
    released_at: _timestamp_pb2.Timestamp
    class_id: str
    centre_id: str
    is_invalidated: bool
    invalidation_reason: str
    def __init__(self, attempt_id: _Optional[str] = ..., revision: _Optional[int] = ..., exam_id: _Optional[str] = ..., exam_version: _Optional[int] = ..., student_id: _Optional[str] = ..., attempt_number: _Optional[int] = ..., status: _Optional[str] = ..., is_released: _Optional[bool] = ..., score: _Optional[str] = ..., max_score: _Optional[str] = ..., percentage: _Optional[str] = ..., has_passed: _Optional[bool] = ..., marks: _Optional[_Iterable[_Union[QuestionMark, _Mapping]]] = ..., submitted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., marked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., released_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., class_id: _Optional[str] = ..., centre_id: _Optional[str] = ..., is_invalidated: _Optional[bool] = ..., invalidation_reason: _Optional[str] = ...) -> None: ...

class AttemptMarked(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...

class GradeFinalized(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...

class GradeReleased(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...

class GradeHidden(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...

class GradeInvalidated(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...

class GradeReinstated(_message.Message):
    __slots__ = ("grade",)
    GRADE_FIELD_NUMBER: _ClassVar[int]
    grade: GradeState
    def __init__(self, grade: _Optional[_Union[GradeState, _Mapping]] = ...) -> None: ...
