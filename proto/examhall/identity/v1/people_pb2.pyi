import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PersonState(_message.Message):
    __slots__ = ("person_id", "version", "role", "name", "email", "registration_number", "class_id", "specialization_id", "centre_id", "level", "extra_time_percent", "break_minutes", "is_active", "is_eligible", "ineligible_reason", "created_at")
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    SPECIALIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_TIME_PERCENT_FIELD_NUMBER: _ClassVar[int]
    BREAK_MINUTES_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    IS_ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    INELIGIBLE_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    person_id: str
    version: int
    role: str
    name: str
    email: str
    registration_number: str
    class_id: str
    specialization_id: str
    centre_id: str
    level: str
    extra_time_percent: int
    break_minutes: int
    is_active: bool
    is_eligible: bool
    ineligible_reason: str
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, person_id: _Optional[str] = ..., version: _Optional[int] = ..., role: _Optional[str] = ..., name: _Optional[str] = ..., email: _Optional[str] = ..., registration_number: _Optional[str] = ..., class_id: _Optional[str] = ..., specialization_id: _Optional[str] = ..., centre_id: _Optional[str] = ..., level: _Optional[str] = ..., extra_time_percent: _Optional[int] = ..., break_minutes: _Optional[int] = ..., is_active: _Optional[bool] = ..., is_eligible: _Optional[bool] = ..., ineligible_reason: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PersonRegistered(_message.Message):
    __slots__ = ("person",)
    PERSON_FIELD_NUMBER: _ClassVar[int]
    person: PersonState
    def __init__(self, person: _Optional[_Union[PersonState, _Mapping]] = ...) -> None: ...

class PersonChanged(_message.Message):
    __slots__ = ("person",)
    PERSON_FIELD_NUMBER: _ClassVar[int]
    person: PersonState
    def __init__(self, person: _Optional[_Union[PersonState, _Mapping]] = ...) -> None: ...

class PersonDeleted(_message.Message):
    __slots__ = ("person_id", "version")
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    person_id: str
    version: int
    def __init__(self, person_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ClassState(_message.Message):
    __slots__ = ("class_id", "version", "name", "section", "academic_year", "centre_id", "teacher_ids")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SECTION_FIELD_NUMBER: _ClassVar[int]
    ACADEMIC_YEAR_FIELD_NUMBER: _ClassVar[int]
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    TEACHER_IDS_FIELD_NUMBER: _ClassVar[int]
    class_id: str
    version: int
    name: str
    section: str
    academic_year: str
    centre_id: str
    teacher_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, class_id: _Optional[str] = ..., version: _Optional[int] = ..., name: _Optional[str] = ..., section: _Optional[str] = ..., academic_year: _Optional[str] = ..., centre_id: _Optional[str] = ..., teacher_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ClassChanged(_message.Message):
    __slots__ = ("class_state",)
    CLASS_STATE_FIELD_NUMBER: _ClassVar[int]
    class_state: ClassState
    def __init__(self, class_state: _Optional[_Union[ClassState, _Mapping]] = ...) -> None: ...

class ClassDeleted(_message.Message):
    __slots__ = ("class_id", "version")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    class_id: str
    version: int
    def __init__(self, class_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class CentreState(_message.Message):
    __slots__ = ("centre_id", "version", "name", "code")
    CENTRE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    centre_id: str
    version: int
    name: str
    code: str
    def __init__(self, centre_id: _Optional[str] = ..., version: _Optional[int] = ..., name: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class CentreChanged(_message.Message):
    __slots__ = ("centre",)
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    centre: CentreState
    def __init__(self, centre: _Optional[_Union[CentreState, _Mapping]] = ...) -> None: ...
