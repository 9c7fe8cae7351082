import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from proto.examhall.proctoring.v1 import signals_pb2 as _signals_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OptionPrior(_message.Message):
    __slots__ = ("slope", "intercept")
    SLOPE_FIELD_NUMBER: _ClassVar[int]
    INTERCEPT_FIELD_NUMBER: _ClassVar[int]
    slope: str
    intercept: str
    def __init__(self, slope: _Optional[str] = ..., intercept: _Optional[str] = ...) -> None: ...

class WatchedItem(_message.Message):
    __slots__ = ("question_id", "option_ids", "priors", "prior_answers")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    OPTION_IDS_FIELD_NUMBER: _ClassVar[int]
    PRIORS_FIELD_NUMBER: _ClassVar[int]
    PRIOR_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    option_ids: _containers.RepeatedScalarFieldContainer[str]
    priors: _containers.RepeatedCompositeFieldContainer[OptionPrior]
    prior_answers: int
    def __init__(self, question_id: _Optional[str] = ..., option_ids: _Optional[_Iterable[str]] = ..., priors: _Optional[_Iterable[_Union[OptionPrior, _Mapping]]] = ..., prior_answers: _Optional[int] = ...) -> None: ...

class ExamWatched(_message.Message):
    __slots__ = ("exam_id", "revision", "rules", "items", "opened_at", "is_order_shuffled", "versions")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    IS_ORDER_SHUFFLED_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    rules: _signals_pb2.ExamRules
    items: _containers.RepeatedCompositeFieldContainer[WatchedItem]
    opened_at: _timestamp_pb2.Timestamp
    is_order_shuffled: bool
    versions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., rules: _Optional[_Union[_signals_pb2.ExamRules, _Mapping]] = ..., items: _Optional[_Iterable[_Union[WatchedItem, _Mapping]]] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_order_shuffled: _Optional[bool] = ..., versions: _Optional[_Iterable[int]] = ...) -> None: ...

class PlannedRoom(_message.Message):
    __slots__ = ("name", "student_ids")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STUDENT_IDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    student_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., student_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SeatsPlanned(_message.Message):
    __slots__ = ("exam_id", "revision", "rooms")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROOMS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    rooms: _containers.RepeatedCompositeFieldContainer[PlannedRoom]
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., rooms: _Optional[_Iterable[_Union[PlannedRoom, _Mapping]]] = ...) -> None: ...

class CollusionRequested(_message.Message):
    __slots__ = ("exam_id", "request_id", "is_final", "at", "exam_revision")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    EXAM_REVISION_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    request_id: str
    is_final: bool
    at: _timestamp_pb2.Timestamp
    exam_revision: int
    def __init__(self, exam_id: _Optional[str] = ..., request_id: _Optional[str] = ..., is_final: _Optional[bool] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exam_revision: _Optional[int] = ...) -> None: ...
