import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExamRules(_message.Message):
    __slots__ = ("proctoring", "camera", "browser_lockdown", "tab_switch_allowed", "copy_paste_allowed", "sensitivity", "violation_limit")
    PROCTORING_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    BROWSER_LOCKDOWN_FIELD_NUMBER: _ClassVar[int]
    TAB_SWITCH_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    COPY_PASTE_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_LIMIT_FIELD_NUMBER: _ClassVar[int]
    proctoring: bool
    camera: bool
    browser_lockdown: bool
    tab_switch_allowed: bool
    copy_paste_allowed: bool
    sensitivity: str
    violation_limit: int
    def __init__(self, proctoring: _Optional[bool] = ..., camera: _Optional[bool] = ..., browser_lockdown: _Optional[bool] = ..., tab_switch_allowed: _Optional[bool] = ..., copy_paste_allowed: _Optional[bool] = ..., sensitivity: _Optional[str] = ..., violation_limit: _Optional[int] = ...) -> None: ...

class Norm(_message.Message):
    __slots__ = ("figure", "median", "mad", "samples", "source")
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    MAD_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    figure: str
    median: str
    mad: str
    samples: int
    source: str
    def __init__(self, figure: _Optional[str] = ..., median: _Optional[str] = ..., mad: _Optional[str] = ..., samples: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("figures",)
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    figures: _containers.ScalarMap[str, str]
    def __init__(self, figures: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("baseline_version", "norms", "samples", "samples_source")
    BASELINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NORMS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_SOURCE_FIELD_NUMBER: _ClassVar[int]
    baseline_version: int
    norms: _containers.RepeatedCompositeFieldContainer[Norm]
    samples: _containers.RepeatedCompositeFieldContainer[Sample]
    samples_source: str
    def __init__(self, baseline_version: _Optional[int] = ..., norms: _Optional[_Iterable[_Union[Norm, _Mapping]]] = ..., samples: _Optional[_Iterable[_Union[Sample, _Mapping]]] = ..., samples_source: _Optional[str] = ...) -> None: ...

class WatchBegan(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "revision", "rules", "comparison")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    rules: ExamRules
    comparison: Comparison
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., revision: _Optional[int] = ..., rules: _Optional[_Union[ExamRules, _Mapping]] = ..., comparison: _Optional[_Union[Comparison, _Mapping]] = ...) -> None: ...

class TabSwitch(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FocusLost(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FocusRegained(_message.Message):
    __slots__ = ("away_milliseconds",)
    AWAY_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    away_milliseconds: int
    def __init__(self, away_milliseconds: _Optional[int] = ...) -> None: ...

class FullscreenExit(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RightClick(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DevtoolsOpen(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CopyAttempt(_message.Message):
    __slots__ = ("characters",)
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    characters: int
    def __init__(self, characters: _Optional[int] = ...) -> None: ...

class PasteAttempt(_message.Message):
    __slots__ = ("characters",)
    CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    characters: int
    def __init__(self, characters: _Optional[int] = ...) -> None: ...

class MultipleWindows(_message.Message):
    __slots__ = ("windows",)
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    windows: int
    def __init__(self, windows: _Optional[int] = ...) -> None: ...

class Keystrokes(_message.Message):
    __slots__ = ("window_milliseconds", "strokes", "typing_milliseconds", "dwell_milliseconds", "flight_milliseconds", "corrections")
    WINDOW_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    STROKES_FIELD_NUMBER: _ClassVar[int]
    TYPING_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    DWELL_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    window_milliseconds: int
    strokes: int
    typing_milliseconds: int
    dwell_milliseconds: int
    flight_milliseconds: int
    corrections: int
    def __init__(self, window_milliseconds: _Optional[int] = ..., strokes: _Optional[int] = ..., typing_milliseconds: _Optional[int] = ..., dwell_milliseconds: _Optional[int] = ..., flight_milliseconds: _Optional[int] = ..., corrections: _Optional[int] = ...) -> None: ...

class Mouse(_message.Message):
    __slots__ = ("window_milliseconds", "moving_milliseconds", "distance_pixels", "turns", "clicks")
    WINDOW_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    MOVING_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    CLICKS_FIELD_NUMBER: _ClassVar[int]
    window_milliseconds: int
    moving_milliseconds: int
    distance_pixels: int
    turns: int
    clicks: int
    def __init__(self, window_milliseconds: _Optional[int] = ..., moving_milliseconds: _Optional[int] = ..., distance_pixels: _Optional[int] = ..., turns: _Optional[int] = ..., clicks: _Optional[int] = ...) -> None: ...

class FaceAbsent(_message.Message):
    __slots__ = ("absent_milliseconds",)
    ABSENT_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    absent_milliseconds: int
    def __init__(self, absent_milliseconds: _Optional[int] = ...) -> None: ...

class MultipleFaces(_message.Message):
    __slots__ = ("faces",)
    FACES_FIELD_NUMBER: _ClassVar[int]
    faces: int
    def __init__(self, faces: _Optional[int] = ...) -> None: ...

class CameraBlocked(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QuestionShown(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("at", "question_id", "tab_switch", "focus_lost", "focus_regained", "fullscreen_exit", "right_click", "devtools_open", "copy_attempt", "paste_attempt", "multiple_windows", "keystrokes", "mouse", "face_absent", "multiple_faces", "camera_blocked", "question_shown")
    AT_FIELD_NUMBER: _ClassVar[int]
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    TAB_SWITCH_FIELD_NUMBER: _ClassVar[int]
    FOCUS_LOST_FIELD_NUMBER: _ClassVar[int]
    FOCUS_REGAINED_FIELD_NUMBER: _ClassVar[int]
    FULLSCREEN_EXIT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_CLICK_FIELD_NUMBER: _ClassVar[int]
    DEVTOOLS_OPEN_FIELD_NUMBER: _ClassVar[int]
    COPY_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PASTE_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_WINDOWS_FIELD_NUMBER: _ClassVar[int]
    KEYSTROKES_FIELD_NUMBER: _ClassVar[int]
    MOUSE_FIELD_NUMBER: _ClassVar[int]
    FACE_ABSENT_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_FACES_FIELD_NUMBER: _ClassVar[int]
    CAMERA_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    QUESTION_SHOWN_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    question_id: str
    tab_switch: TabSwitch
    focus_lost: FocusLost
    focus_regained: FocusRegained
    fullscreen_exit: FullscreenExit
    right_click: RightClick
    devtools_open: DevtoolsOpen
    copy_attempt: CopyAttempt
    paste_attempt: PasteAttempt
    multiple_windows: MultipleWindows
    keystrokes: Keystrokes
    mouse: Mouse
    face_absent: FaceAbsent
    multiple_faces: MultipleFaces
    camera_blocked: CameraBlocked
    question_shown: QuestionShown
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., question_id: _Optional[str] = ..., tab_switch: _Optional[_Union[TabSwitch, _Mapping]] = ..., focus_lost: _Optional[_Union[FocusLost, _Mapping]] = ..., focus_regained: _Optional[_Union[FocusRegained, _Mapping]] = ..., fullscreen_exit: _Optional[_Union[FullscreenExit, _Mapping]] = ..., right_click: _Optional[_Union[RightClick, _Mapping]] = ..., devtools_open: _Optional[_Union[DevtoolsOpen, _Mapping]] = ..., copy_attempt: _Optional[_Union[CopyAttempt, _Mapping]] = ..., paste_attempt: _Optional[_Union[PasteAttempt, _Mapping]] = ..., multiple_windows: _Optional[_Union[MultipleWindows, _Mapping]] = ..., keystrokes: _Optional[_Union[Keystrokes, _Mapping]] = ..., mouse: _Optional[_Union[Mouse, _Mapping]] = ..., face_absent: _Optional[_Union[FaceAbsent, _Mapping]] = ..., multiple_faces: _Optional[_Union[MultipleFaces, _Mapping]] = ..., camera_blocked: _Optional[_Union[CameraBlocked, _Mapping]] = ..., question_shown: _Optional[_Union[QuestionShown, _Mapping]] = ...) -> None: ...

class SignalsReceived(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "number", "received_at", "session_id", "network", "signals")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    number: int
    received_at: _timestamp_pb2.Timestamp
    session_id: str
    network: str
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., number: _Optional[int] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., session_id: _Optional[str] = ..., network: _Optional[str] = ..., signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ...) -> None: ...
