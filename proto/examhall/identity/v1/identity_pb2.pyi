from proto.examhall.identity.v1 import people_pb2 as _people_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SecurityAck(_message.Message):
    __slots__ = ("sequence", "watcher")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    WATCHER_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    watcher: str
    def __init__(self, sequence: _Optional[int] = ..., watcher: _Optional[str] = ...) -> None: ...

class SecurityState(_message.Message):
    __slots__ = ("sequence", "is_snapshot", "jwks_json", "ended_session_ids")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    JWKS_JSON_FIELD_NUMBER: _ClassVar[int]
    ENDED_SESSION_IDS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    is_snapshot: bool
    jwks_json: str
    ended_session_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sequence: _Optional[int] = ..., is_snapshot: _Optional[bool] = ..., jwks_json: _Optional[str] = ..., ended_session_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetPersonRequest(_message.Message):
    __slots__ = ("person_id",)
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    person_id: str
    def __init__(self, person_id: _Optional[str] = ...) -> None: ...
