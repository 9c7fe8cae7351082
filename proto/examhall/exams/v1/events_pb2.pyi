import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Audience(_message.Message):
    __slots__ = ("class_ids", "specialization_ids", "centre_ids", "levels", "student_ids", "is_everyone")
    CLASS_IDS_FIELD_NUMBER: _ClassVar[int]
    SPECIALIZATION_IDS_FIELD_NUMBER: _ClassVar[int]
    CENTRE_IDS_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    STUDENT_IDS_FIELD_NUMBER: _ClassVar[int]
    IS_EVERYONE_FIELD_NUMBER: _ClassVar[int]
    class_ids: _containers.RepeatedScalarFieldContainer[str]
    specialization_ids: _containers.RepeatedScalarFieldContainer[str]
    centre_ids: _containers.RepeatedScalarFieldContainer[str]
    levels: _containers.RepeatedScalarFieldContainer[str]
    student_ids: _containers.RepeatedScalarFieldContainer[str]
    is_everyone: bool
    def __init__(self, class_ids: _Optional[_Iterable[str]] = ..., specialization_ids: _Optional[_Iterable[str]] = ..., centre_ids: _Optional[_Iterable[str]] = ..., levels: _Optional[_Iterable[str]] = ..., student_ids: _Optional[_Iterable[str]] = ..., is_everyone: _Optional[bool] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("opens_at", "closes_at", "max_attempts", "needs_access_code", "access_code_salt", "access_code_sha256", "audience")
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_ACCESS_CODE_FIELD_NUMBER: _ClassVar[int]
    ACCESS_CODE_SALT_FIELD_NUMBER: _ClassVar[int]
    ACCESS_CODE_SHA256_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    max_attempts: int
    needs_access_code: bool
    access_code_salt: str
    access_code_sha256: str
    audience: Audience
    def __init__(self, opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., max_attempts: _Optional[int] = ..., needs_access_code: _Optional[bool] = ..., access_code_salt: _Optional[str] = ..., access_code_sha256: _Optional[str] = ..., audience: _Optional[_Union[Audience, _Mapping]] = ...) -> None: ...

class ExamState(_message.Message):
    __slots__ = ("exam_id", "revision", "status", "version", "title", "subject", "kind", "instructor_id", "proctor_ids", "evaluator_ids", "schedule", "total_points", "question_count", "passing_percentage", "allow_review_after_submit", "show_answers_after_submit", "release_automatically", "published_at")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTOR_ID_FIELD_NUMBER: _ClassVar[int]
    PROCTOR_IDS_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_IDS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POINTS_FIELD_NUMBER: _ClassVar[int]
    QUESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    PASSING_PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_REVIEW_AFTER_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    SHOW_ANSWERS_AFTER_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AUTOMATICALLY_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    status: str
    version: int
    title: str
    subject: str
    kind: str
    instructor_id: str
    proctor_ids: _containers.RepeatedScalarFieldContainer[str]
    evaluator_ids: _containers.RepeatedScalarFieldContainer[str]
    schedule: Schedule
    total_points: str
    question_count: int
    passing_percentage: str
    allow_review_after_submit: bool
    show_answers_after_submit: bool
    release_automatically: bool
    published_at: _timestamp_pb2.Timestamp
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., status: _Optional[str] = ..., version: _Optional[int] = ..., title: _Optional[str] = ..., subject: _Optional[str] = ..., kind: _Optional[str] = ..., instructor_id: _Optional[str] = ..., proctor_ids: _Optional[_Iterable[str]] = ..., evaluator_ids: _Optional[_Iterable[str]] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., total_points: _Optional[str] = ..., question_count: _Optional[int] = ..., passing_percentage: _Optional[str] = ..., allow_review_after_submit: _Optional[bool] = ..., show_answers_after_submit: _Optional[bool] = ..., release_automatically: _Optional[bool] = ..., published_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExamPublished(_message.Message):
    __slots__ = ("exam",)
    EXAM_FIELD_NUMBER: _ClassVar[int]
    exam: ExamState
    def __init__(self, exam: _Optional[_Union[ExamState, _Mapping]] = ...) -> None: ...

class ExamScheduleChanged(_message.Message):
    __slots__ = ("exam",)
    EXAM_FIELD_NUMBER: _ClassVar[int]
    exam: ExamState
    def __init__(self, exam: _Optional[_Union[ExamState, _Mapping]] = ...) -> None: ...

class ExamArchived(_message.Message):
    __slots__ = ("exam",)
    EXAM_FIELD_NUMBER: _ClassVar[int]
    exam: ExamState
    def __init__(self, exam: _Optional[_Union[ExamState, _Mapping]] = ...) -> None: ...

class Room(_message.Message):
    __slots__ = ("name", "student_ids")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STUDENT_IDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    student_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., student_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ExamSeatingChanged(_message.Message):
    __slots__ = ("exam_id", "revision", "rooms")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROOMS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    rooms: _containers.RepeatedCompositeFieldContainer[Room]
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., rooms: _Optional[_Iterable[_Union[Room, _Mapping]]] = ...) -> None: ...
