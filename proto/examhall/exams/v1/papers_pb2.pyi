from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QuestionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUESTION_TYPE_UNSPECIFIED: _ClassVar[QuestionType]
    SINGLE_CHOICE: _ClassVar[QuestionType]
    MULTIPLE_SELECT: _ClassVar[QuestionType]
    TRUE_FALSE: _ClassVar[QuestionType]
    SHORT_ANSWER: _ClassVar[QuestionType]
    NUMERIC: _ClassVar[QuestionType]
    ESSAY: _ClassVar[QuestionType]
QUESTION_TYPE_UNSPECIFIED: QuestionType
SINGLE_CHOICE: QuestionType
MULTIPLE_SELECT: QuestionType
TRUE_FALSE: QuestionType
SHORT_ANSWER: QuestionType
NUMERIC: QuestionType
ESSAY: QuestionType

class Option(_message.Message):
    __slots__ = ("option_id", "text", "image_url")
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    option_id: str
    text: str
    image_url: str
    def __init__(self, option_id: _Optional[str] = ..., text: _Optional[str] = ..., image_url: _Optional[str] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("question_id", "type", "text", "image_url", "points", "topic", "difficulty", "is_required", "options", "max_characters")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DIFFICULTY_FIELD_NUMBER: _ClassVar[int]
    IS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    type: QuestionType
    text: str
    image_url: str
    points: str
    topic: str
    difficulty: str
    is_required: bool
    options: _containers.RepeatedCompositeFieldContainer[Option]
    max_characters: int
    def __init__(self, question_id: _Optional[str] = ..., type: _Optional[_Union[QuestionType, str]] = ..., text: _Optional[str] = ..., image_url: _Optional[str] = ..., points: _Optional[str] = ..., topic: _Optional[str] = ..., difficulty: _Optional[str] = ..., is_required: _Optional[bool] = ..., options: _Optional[_Iterable[_Union[Option, _Mapping]]] = ..., max_characters: _Optional[int] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("draw", "questions")
    DRAW_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    draw: int
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    def __init__(self, draw: _Optional[int] = ..., questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ...) -> None: ...

class Paper(_message.Message):
    __slots__ = ("exam_id", "version", "title", "subject", "kind", "instructions", "slots", "settings")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    version: int
    title: str
    subject: str
    kind: str
    instructions: str
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    settings: ExamSettings
    def __init__(self, exam_id: _Optional[str] = ..., version: _Optional[int] = ..., title: _Optional[str] = ..., subject: _Optional[str] = ..., kind: _Optional[str] = ..., instructions: _Optional[str] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., settings: _Optional[_Union[ExamSettings, _Mapping]] = ...) -> None: ...

class ExamSettings(_message.Message):
    __slots__ = ("duration_seconds", "randomize_questions", "randomize_options", "allow_review_before_submit", "allow_review_after_submit", "show_answers_after_submit", "passing_percentage", "proctoring", "camera", "browser_lockdown", "tab_switch_allowed", "copy_paste_allowed", "monitoring_sensitivity", "violation_limit", "release_automatically")
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RANDOMIZE_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    RANDOMIZE_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_REVIEW_BEFORE_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    ALLOW_REVIEW_AFTER_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    SHOW_ANSWERS_AFTER_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    PASSING_PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    PROCTORING_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    BROWSER_LOCKDOWN_FIELD_NUMBER: _ClassVar[int]
    TAB_SWITCH_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    COPY_PASTE_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    MONITORING_SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_LIMIT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_AUTOMATICALLY_FIELD_NUMBER: _ClassVar[int]
    duration_seconds: int
    randomize_questions: bool
    randomize_options: bool
    allow_review_before_submit: bool
    allow_review_after_submit: bool
    show_answers_after_submit: bool
    passing_percentage: str
    proctoring: bool
    camera: bool
    browser_lockdown: bool
    tab_switch_allowed: bool
    copy_paste_allowed: bool
    monitoring_sensitivity: str
    violation_limit: int
    release_automatically: bool
    def __init__(self, duration_seconds: _Optional[int] = ..., randomize_questions: _Optional[bool] = ..., randomize_options: _Optional[bool] = ..., allow_review_before_submit: _Optional[bool] = ..., allow_review_after_submit: _Optional[bool] = ..., show_answers_after_submit: _Optional[bool] = ..., passing_percentage: _Optional[str] = ..., proctoring: _Optional[bool] = ..., camera: _Optional[bool] = ..., browser_lockdown: _Optional[bool] = ..., tab_switch_allowed: _Optional[bool] = ..., copy_paste_allowed: _Optional[bool] = ..., monitoring_sensitivity: _Optional[str] = ..., violation_limit: _Optional[int] = ..., release_automatically: _Optional[bool] = ...) -> None: ...
