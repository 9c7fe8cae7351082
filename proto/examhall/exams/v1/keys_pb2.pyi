from proto.examhall.exams.v1 import papers_pb2 as _papers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MultipleSelectRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MULTIPLE_SELECT_RULE_UNSPECIFIED: _ClassVar[MultipleSelectRule]
    ALL_OR_NOTHING: _ClassVar[MultipleSelectRule]
    PARTIAL_CREDIT: _ClassVar[MultipleSelectRule]
MULTIPLE_SELECT_RULE_UNSPECIFIED: MultipleSelectRule
ALL_OR_NOTHING: MultipleSelectRule
PARTIAL_CREDIT: MultipleSelectRule

class MarkingRules(_message.Message):
    __slots__ = ("multiple_select", "floor_question_at_zero", "floor_total_at_zero")
    MULTIPLE_SELECT_FIELD_NUMBER: _ClassVar[int]
    FLOOR_QUESTION_AT_ZERO_FIELD_NUMBER: _ClassVar[int]
    FLOOR_TOTAL_AT_ZERO_FIELD_NUMBER: _ClassVar[int]
    multiple_select: MultipleSelectRule
    floor_question_at_zero: bool
    floor_total_at_zero: bool
    def __init__(self, multiple_select: _Optional[_Union[MultipleSelectRule, str]] = ..., floor_question_at_zero: _Optional[bool] = ..., floor_total_at_zero: _Optional[bool] = ...) -> None: ...

class OptionKey(_message.Message):
    __slots__ = ("option_id", "is_correct", "credit")
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    IS_CORRECT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    option_id: str
    is_correct: bool
    credit: str
    def __init__(self, option_id: _Optional[str] = ..., is_correct: _Optional[bool] = ..., credit: _Optional[str] = ...) -> None: ...

class NumericKey(_message.Message):
    __slots__ = ("value", "absolute_tolerance", "relative_tolerance", "unit", "unit_required")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ABSOLUTE_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    UNIT_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    value: str
    absolute_tolerance: str
    relative_tolerance: str
    unit: str
    unit_required: bool
    def __init__(self, value: _Optional[str] = ..., absolute_tolerance: _Optional[str] = ..., relative_tolerance: _Optional[str] = ..., unit: _Optional[str] = ..., unit_required: _Optional[bool] = ...) -> None: ...

class QuestionKey(_message.Message):
    __slots__ = ("question_id", "type", "points", "penalty", "options", "correct_truth", "accepted_forms", "case_sensitive", "numeric", "explanation", "rubric", "sample_answer")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    PENALTY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CORRECT_TRUTH_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FORMS_FIELD_NUMBER: _ClassVar[int]
    CASE_SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    NUMERIC_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    RUBRIC_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ANSWER_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    type: _papers_pb2.QuestionType
    points: str
    penalty: str
    options: _containers.RepeatedCompositeFieldContainer[OptionKey]
    correct_truth: bool
    accepted_forms: _containers.RepeatedScalarFieldContainer[str]
    case_sensitive: bool
    numeric: NumericKey
    explanation: str
    rubric: str
    sample_answer: str
    def __init__(self, question_id: _Optional[str] = ..., type: _Optional[_Union[_papers_pb2.QuestionType, str]] = ..., points: _Optional[str] = ..., penalty: _Optional[str] = ..., options: _Optional[_Iterable[_Union[OptionKey, _Mapping]]] = ..., correct_truth: _Optional[bool] = ..., accepted_forms: _Optional[_Iterable[str]] = ..., case_sensitive: _Optional[bool] = ..., numeric: _Optional[_Union[NumericKey, _Mapping]] = ..., explanation: _Optional[str] = ..., rubric: _Optional[str] = ..., sample_answer: _Optional[str] = ...) -> None: ...

class AnswerKey(_message.Message):
    __slots__ = ("exam_id", "version", "rules", "questions", "paper")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    PAPER_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    version: int
    rules: MarkingRules
    questions: _containers.RepeatedCompositeFieldContainer[QuestionKey]
    paper: _papers_pb2.Paper
    def __init__(self, exam_id: _Optional[str] = ..., version: _Optional[int] = ..., rules: _Optional[_Union[MarkingRules, _Mapping]] = ..., questions: _Optional[_Iterable[_Union[QuestionKey, _Mapping]]] = ..., paper: _Optional[_Union[_papers_pb2.Paper, _Mapping]] = ...) -> None: ...
