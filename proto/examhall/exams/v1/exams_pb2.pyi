from proto.examhall.exams.v1 import events_pb2 as _events_pb2
from proto.examhall.exams.v1 import keys_pb2 as _keys_pb2
from proto.examhall.exams.v1 import papers_pb2 as _papers_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GetExamRequest(_message.Message):
    __slots__ = ("exam_id",)
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    def __init__(self, exam_id: _Optional[str] = ...) -> None: ...

class GetVersionRequest(_message.Message):
    __slots__ = ("exam_id", "version")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    version: int
    def __init__(self, exam_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
