from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HotCall(_message.Message):
    __slots__ = ("method", "path", "token", "body", "traceparent", "client_address")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    method: str
    path: str
    token: str
    body: bytes
    traceparent: str
    client_address: str
    def __init__(self, method: _Optional[str] = ..., path: _Optional[str] = ..., token: _Optional[str] = ..., body: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., client_address: _Optional[str] = ...) -> None: ...

class HotBatch(_message.Message):
    __slots__ = ("calls",)
    CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[HotCall]
    def __init__(self, calls: _Optional[_Iterable[_Union[HotCall, _Mapping]]] = ...) -> None: ...

class HotReply(_message.Message):
    __slots__ = ("status", "body")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    status: int
    body: bytes
    def __init__(self, status: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class HotBatchReply(_message.Message):
    __slots__ = ("replies",)
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[HotReply]
    def __init__(self, replies: _Optional[_Iterable[_Union[HotReply, _Mapping]]] = ...) -> None: ...
