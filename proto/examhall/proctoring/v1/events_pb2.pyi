import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Evidence(_message.Message):
    __slots__ = ("at", "source", "reference")
    AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    source: str
    reference: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("rule", "points", "count", "text", "evidence")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    points: int
    count: int
    text: str
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, rule: _Optional[str] = ..., points: _Optional[int] = ..., count: _Optional[int] = ..., text: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class Component(_message.Message):
    __slots__ = ("name", "weight", "score", "contribution", "observed", "usual", "compared_with", "text", "evidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    USUAL_FIELD_NUMBER: _ClassVar[int]
    COMPARED_WITH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: str
    score: str
    contribution: str
    observed: str
    usual: str
    compared_with: str
    text: str
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[str] = ..., score: _Optional[str] = ..., contribution: _Optional[str] = ..., observed: _Optional[str] = ..., usual: _Optional[str] = ..., compared_with: _Optional[str] = ..., text: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class SecondOpinion(_message.Message):
    __slots__ = ("distance", "p_value", "compared_with", "samples", "method", "text")
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    COMPARED_WITH_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    distance: str
    p_value: str
    compared_with: str
    samples: int
    method: str
    text: str
    def __init__(self, distance: _Optional[str] = ..., p_value: _Optional[str] = ..., compared_with: _Optional[str] = ..., samples: _Optional[int] = ..., method: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RiskAssessed(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "revision", "as_of", "level", "behaviour_score", "behaviour_level", "reasons", "risk_score", "unscaled_risk_score", "risk_level", "components", "second_opinion", "violations", "integrity_score", "baseline_version", "answered_count", "position", "attempt_status", "figures", "is_over", "counts", "violation_evidence")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_SCORE_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_LEVEL_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    RISK_SCORE_FIELD_NUMBER: _ClassVar[int]
    UNSCALED_RISK_SCORE_FIELD_NUMBER: _ClassVar[int]
    RISK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    SECOND_OPINION_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    INTEGRITY_SCORE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_STATUS_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    IS_OVER_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    VIOLATION_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    as_of: _timestamp_pb2.Timestamp
    level: str
    behaviour_score: int
    behaviour_level: str
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    risk_score: str
    unscaled_risk_score: str
    risk_level: str
    components: _containers.RepeatedCompositeFieldContainer[Component]
    second_opinion: SecondOpinion
    violations: int
    integrity_score: str
    baseline_version: int
    answered_count: int
    position: int
    attempt_status: str
    figures: _containers.ScalarMap[str, str]
    is_over: bool
    counts: _containers.ScalarMap[str, int]
    violation_evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., revision: _Optional[int] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., level: _Optional[str] = ..., behaviour_score: _Optional[int] = ..., behaviour_level: _Optional[str] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., risk_score: _Optional[str] = ..., unscaled_risk_score: _Optional[str] = ..., risk_level: _Optional[str] = ..., components: _Optional[_Iterable[_Union[Component, _Mapping]]] = ..., second_opinion: _Optional[_Union[SecondOpinion, _Mapping]] = ..., violations: _Optional[int] = ..., integrity_score: _Optional[str] = ..., baseline_version: _Optional[int] = ..., answered_count: _Optional[int] = ..., position: _Optional[int] = ..., attempt_status: _Optional[str] = ..., figures: _Optional[_Mapping[str, str]] = ..., is_over: _Optional[bool] = ..., counts: _Optional[_Mapping[str, int]] = ..., violation_evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class Alert(_message.Message):
    __slots__ = ("alert_id", "revision", "attempt_id", "exam_id", "student_id", "kind", "severity", "at", "text", "count", "evidence")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    revision: int
    attempt_id: str
    exam_id: str
    student_id: str
    kind: str
    severity: str
    at: _timestamp_pb2.Timestamp
    text: str
    count: int
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, alert_id: _Optional[str] = ..., revision: _Optional[int] = ..., attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., kind: _Optional[str] = ..., severity: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[str] = ..., count: _Optional[int] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class AlertRaised(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class ViolationLimitReached(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "violations", "limit", "at", "text", "evidence")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    violations: int
    limit: int
    at: _timestamp_pb2.Timestamp
    text: str
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., violations: _Optional[int] = ..., limit: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ...) -> None: ...

class AlertSettled(_message.Message):
    __slots__ = ("alert_id", "attempt_id", "exam_id", "status", "reason", "by_person_id", "at")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    attempt_id: str
    exam_id: str
    status: str
    reason: str
    by_person_id: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, alert_id: _Optional[str] = ..., attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., by_person_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AttemptReviewed(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "revision", "is_reviewed", "action_taken", "needs_manual_review", "is_invalidated", "reason", "by_person_id", "at")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    IS_REVIEWED_FIELD_NUMBER: _ClassVar[int]
    ACTION_TAKEN_FIELD_NUMBER: _ClassVar[int]
    NEEDS_MANUAL_REVIEW_FIELD_NUMBER: _ClassVar[int]
    IS_INVALIDATED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    is_reviewed: bool
    action_taken: str
    needs_manual_review: bool
    is_invalidated: bool
    reason: str
    by_person_id: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., revision: _Optional[int] = ..., is_reviewed: _Optional[bool] = ..., action_taken: _Optional[str] = ..., needs_manual_review: _Optional[bool] = ..., is_invalidated: _Optional[bool] = ..., reason: _Optional[str] = ..., by_person_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IntegrityAssessed(_message.Message):
    __slots__ = ("attempt_id", "exam_id", "student_id", "revision", "integrity_score", "level")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    INTEGRITY_SCORE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    exam_id: str
    student_id: str
    revision: int
    integrity_score: str
    level: str
    def __init__(self, attempt_id: _Optional[str] = ..., exam_id: _Optional[str] = ..., student_id: _Optional[str] = ..., revision: _Optional[int] = ..., integrity_score: _Optional[str] = ..., level: _Optional[str] = ...) -> None: ...

class Statistic(_message.Message):
    __slots__ = ("method", "kind", "value", "log10_value", "assumptions")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOG10_VALUE_FIELD_NUMBER: _ClassVar[int]
    ASSUMPTIONS_FIELD_NUMBER: _ClassVar[int]
    method: str
    kind: str
    value: str
    log10_value: str
    assumptions: str
    def __init__(self, method: _Optional[str] = ..., kind: _Optional[str] = ..., value: _Optional[str] = ..., log10_value: _Optional[str] = ..., assumptions: _Optional[str] = ...) -> None: ...

class SpeakingItem(_message.Message):
    __slots__ = ("question_id", "log10_evidence", "source_answered_at", "copier_answered_at")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    LOG10_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    COPIER_ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    log10_evidence: str
    source_answered_at: _timestamp_pb2.Timestamp
    copier_answered_at: _timestamp_pb2.Timestamp
    def __init__(self, question_id: _Optional[str] = ..., log10_evidence: _Optional[str] = ..., source_answered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., copier_answered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PairAssessed(_message.Message):
    __slots__ = ("exam_id", "copier_attempt_id", "source_attempt_id", "copier_student_id", "source_student_id", "revision", "family", "plausible_by", "verdict", "statistics", "expected_false_flags", "items_compared", "items", "as_of")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    COPIER_ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    COPIER_STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STUDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    PLAUSIBLE_BY_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FALSE_FLAGS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_COMPARED_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    copier_attempt_id: str
    source_attempt_id: str
    copier_student_id: str
    source_student_id: str
    revision: int
    family: str
    plausible_by: _containers.RepeatedScalarFieldContainer[str]
    verdict: str
    statistics: _containers.RepeatedCompositeFieldContainer[Statistic]
    expected_false_flags: str
    items_compared: int
    items: _containers.RepeatedCompositeFieldContainer[SpeakingItem]
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, exam_id: _Optional[str] = ..., copier_attempt_id: _Optional[str] = ..., source_attempt_id: _Optional[str] = ..., copier_student_id: _Optional[str] = ..., source_student_id: _Optional[str] = ..., revision: _Optional[int] = ..., family: _Optional[str] = ..., plausible_by: _Optional[_Iterable[str]] = ..., verdict: _Optional[str] = ..., statistics: _Optional[_Iterable[_Union[Statistic, _Mapping]]] = ..., expected_false_flags: _Optional[str] = ..., items_compared: _Optional[int] = ..., items: _Optional[_Iterable[_Union[SpeakingItem, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GroupFound(_message.Message):
    __slots__ = ("exam_id", "group_id", "revision", "attempt_ids", "likely_source_attempt_id", "as_of")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_SOURCE_ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    group_id: str
    revision: int
    attempt_ids: _containers.RepeatedScalarFieldContainer[str]
    likely_source_attempt_id: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, exam_id: _Optional[str] = ..., group_id: _Optional[str] = ..., revision: _Optional[int] = ..., attempt_ids: _Optional[_Iterable[str]] = ..., likely_source_attempt_id: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CollusionProgress(_message.Message):
    __slots__ = ("exam_id", "revision", "candidates", "pairs_tested", "pairs_flagged", "false_discovery_rate", "is_final", "as_of", "answers", "items_believed", "items", "request_id", "percent", "request_ids")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PAIRS_TESTED_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FLAGGED_FIELD_NUMBER: _ClassVar[int]
    FALSE_DISCOVERY_RATE_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_BELIEVED_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_IDS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    candidates: int
    pairs_tested: int
    pairs_flagged: int
    false_discovery_rate: str
    is_final: bool
    as_of: _timestamp_pb2.Timestamp
    answers: int
    items_believed: int
    items: int
    request_id: str
    percent: int
    request_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., candidates: _Optional[int] = ..., pairs_tested: _Optional[int] = ..., pairs_flagged: _Optional[int] = ..., false_discovery_rate: _Optional[str] = ..., is_final: _Optional[bool] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answers: _Optional[int] = ..., items_believed: _Optional[int] = ..., items: _Optional[int] = ..., request_id: _Optional[str] = ..., percent: _Optional[int] = ..., request_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ItemsCalibrated(_message.Message):
    __slots__ = ("exam_id", "revision", "items")
    EXAM_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    exam_id: str
    revision: int
    items: _containers.RepeatedCompositeFieldContainer[ItemCalibration]
    def __init__(self, exam_id: _Optional[str] = ..., revision: _Optional[int] = ..., items: _Optional[_Iterable[_Union[ItemCalibration, _Mapping]]] = ...) -> None: ...

class ItemCalibration(_message.Message):
    __slots__ = ("question_id", "option_ids", "slopes", "intercepts", "answers")
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    OPTION_IDS_FIELD_NUMBER: _ClassVar[int]
    SLOPES_FIELD_NUMBER: _ClassVar[int]
    INTERCEPTS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    question_id: str
    option_ids: _containers.RepeatedScalarFieldContainer[str]
    slopes: _containers.RepeatedScalarFieldContainer[str]
    intercepts: _containers.RepeatedScalarFieldContainer[str]
    answers: int
    def __init__(self, question_id: _Optional[str] = ..., option_ids: _Optional[_Iterable[str]] = ..., slopes: _Optional[_Iterable[str]] = ..., intercepts: _Optional[_Iterable[str]] = ..., answers: _Optional[int] = ...) -> None: ...
