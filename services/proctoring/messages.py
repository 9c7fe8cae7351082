"""Between the contracts and the values that rules work with: the one place where either is turned into the other."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import signals_pb2 as heard
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from services.proctoring.alerts import Alert
from services.proctoring.anomaly import METHOD, SecondOpinion
from services.proctoring.assessing import Assessment
from services.proctoring.baselines import Comparison, Figure, Norm, Source
from services.proctoring.derived import network_of
from services.proctoring.evidence import KEPT_EVIDENCE, Evidence, epoch_ms, moment
from services.proctoring.signals import ExamRules, Observed, Signal
from services.proctoring.state import AnswerKept, AnswersKept, AttemptChanged, SignalsTaken, WatchBegan

_SIGNALS: dict[str, type[Observed]] = {str(kind.__struct_config__.tag): kind for kind in Signal.__args__}
_CARRIED = {tag: kind.__struct_fields__ for tag, kind in _SIGNALS.items()}


def signals_received(taken: SignalsTaken) -> heard.SignalsReceived:
    """A batch as an event. The signals' times are the server's already."""
    return heard.SignalsReceived(
        attempt_id=taken.attempt_id,
        exam_id=taken.exam_id,
        student_id=taken.student_id,
        number=taken.number,
        received_at=_timestamp(taken.received_at_ms),
        session_id=taken.session_id,
        network=taken.network,
        signals=[_signal_message(signal) for signal in taken.signals],
    )


def signals_taken(event: heard.SignalsReceived) -> SignalsTaken:
    """The batch of an event. A kind that this version does not know is left out."""
    return SignalsTaken(
        attempt_id=event.attempt_id,
        exam_id=event.exam_id,
        student_id=event.student_id,
        number=event.number,
        received_at_ms=_milliseconds(event.received_at),
        session_id=event.session_id,
        network=event.network,
        signals=tuple(_signal(signal) for signal in event.signals if signal.WhichOneof("kind")),
    )


def watch_message(began: WatchBegan) -> heard.WatchBegan:
    """The beginning of a watch as an event."""
    rules, compared = began.rules, began.comparison
    return heard.WatchBegan(
        attempt_id=began.attempt_id,
        exam_id=began.exam_id,
        student_id=began.student_id,
        revision=began.revision,
        rules=heard.ExamRules(**{name: getattr(rules, name) for name in ExamRules.__struct_fields__}),
        comparison=heard.Comparison(
            baseline_version=compared.baseline_version,
            norms=[
                heard.Norm(
                    figure=figure, median=str(norm.median), mad=str(norm.mad), samples=norm.samples, source=norm.source
                )
                for figure, norm in sorted(compared.norms.items())
            ],
            samples=[
                heard.Sample(figures={figure.value: str(value) for figure, value in sample.items()})
                for sample in compared.samples
            ],
            samples_source=compared.samples_source,
        ),
    )


def watch_began(event: heard.WatchBegan) -> WatchBegan:
    """The beginning of a watch."""
    compared = event.comparison
    return WatchBegan(
        attempt_id=event.attempt_id,
        exam_id=event.exam_id,
        student_id=event.student_id,
        revision=event.revision,
        rules=ExamRules(**{name: getattr(event.rules, name) for name in ExamRules.__struct_fields__}),
        comparison=Comparison(
            baseline_version=compared.baseline_version,
            norms={
                Figure(norm.figure): Norm(Decimal(norm.median), Decimal(norm.mad), norm.samples, Source(norm.source))
                for norm in compared.norms
            },
            samples=tuple(
                {Figure(figure): Decimal(value) for figure, value in sample.figures.items()}
                for sample in compared.samples
            ),
            samples_source=Source(compared.samples_source or Source.NOTHING),
        ),
    )


def attempt_changed(state: attempts.AttemptState, at: datetime, client_address: str = "") -> AttemptChanged:
    """A step in an attempt's life, recorded `at`; `client_address` is known of its start."""
    return AttemptChanged(
        attempt_id=state.attempt_id,
        exam_id=state.exam_id,
        student_id=state.student_id,
        version=state.version,
        at_ms=epoch_ms(at),
        status=state.status,
        started_at_ms=_milliseconds(state.started_at),
        submitted_at_ms=_milliseconds(state.submitted_at) if state.HasField("submitted_at") else None,
        question_count=state.question_count,
        network=network_of(client_address),
    )


def answers_kept(event: attempts.AnswersSaved, at: datetime) -> Iterable[AnswersKept]:
    """What one commit saved at an exam, attempt by attempt; `at` is the time of the event."""
    for part in event.attempts:
        yield AnswersKept(
            attempt_id=part.attempt_id,
            exam_id=event.exam_id,
            student_id=part.student_id,
            at_ms=epoch_ms(at),
            answers=tuple(
                AnswerKept(
                    answer.question_id,
                    answer.revision,
                    response_digest(answer.response),
                    answer.response.WhichOneof("kind") == "text",
                )
                for answer in part.answers
            ),
        )


def response_digest(response: attempts.Response) -> int:
    """Tells answers apart without holding them: 63 bits, 0 for none. The order in which options were ticked does not matter."""
    match response.WhichOneof("kind"):
        case "choice":
            content = "\n".join(sorted(response.choice.option_ids))
        case "truth":
            content = str(response.truth)
        case "text":
            content = response.text
        case _:
            content = ""
    return (int.from_bytes(blake2b(content.encode(), digest_size=8).digest()) >> 1) or 1 if content else 0


def answers_marked(event: stream.AttemptAnswered) -> AnswersKept:
    """That answers were saved, as a worker that knows the answers tells one that needs only their marks."""
    return AnswersKept(
        attempt_id=event.attempt_id,
        exam_id=event.exam_id,
        student_id=event.student_id,
        at_ms=_milliseconds(event.at),
        answers=tuple(AnswerKept(mark.question_id, mark.revision, mark.digest, mark.is_text) for mark in event.answers),
    )


def attempt_answered(kept: AnswersKept) -> stream.AttemptAnswered:
    """The same the other way round."""
    return stream.AttemptAnswered(
        attempt_id=kept.attempt_id,
        exam_id=kept.exam_id,
        student_id=kept.student_id,
        at=_timestamp(kept.at_ms),
        answers=[
            stream.AnswerMark(
                question_id=answer.question_id, revision=answer.revision, digest=answer.digest, is_text=answer.is_text
            )
            for answer in kept.answers
        ],
    )


def candidate_seated(state: attempts.AttemptState, client_address: str = "") -> stream.CandidateSeated:
    """Who sits an exam, from when to when and where, from a step in the attempt's life; the address is known of its start."""
    seated = stream.CandidateSeated(
        exam_id=state.exam_id,
        attempt_id=state.attempt_id,
        student_id=state.student_id,
        version=state.version,
        status=state.status,
        centre_id=state.centre_id,
        class_id=state.class_id,
        address=client_address,
        exam_version=state.exam_version,
    )
    for name in ("started_at", "deadline_at", "submitted_at"):
        if state.HasField(name):
            getattr(seated, name).CopyFrom(getattr(state, name))
    return seated


def risk_assessed(assessment: Assessment) -> told.RiskAssessed:
    """An assessment as an event, whole."""
    message = told.RiskAssessed(
        attempt_id=assessment.attempt_id,
        exam_id=assessment.exam_id,
        student_id=assessment.student_id,
        revision=assessment.revision,
        as_of=_timestamp(assessment.as_of_ms),
        level=assessment.level,
        behaviour_score=assessment.behaviour.score,
        behaviour_level=assessment.behaviour.level,
        reasons=[
            told.Reason(
                rule=reason.rule,
                points=reason.points,
                count=reason.count,
                text=reason.text,
                evidence=_evidence(reason.evidence),
            )
            for reason in assessment.behaviour.reasons
        ],
        risk_score=_decimal(assessment.risk.score),
        unscaled_risk_score=_decimal(assessment.risk.unscaled),
        risk_level=assessment.risk.level,
        components=[
            told.Component(
                name=component.name,
                weight=_decimal(component.weight),
                score=_decimal(component.score),
                contribution=_decimal(component.contribution),
                observed=_decimal(component.observed),
                usual=_decimal(component.usual),
                compared_with=component.compared_with,
                text=component.text,
                evidence=_evidence(component.evidence),
            )
            for component in assessment.risk.components
        ],
        violations=len(assessment.violations),
        integrity_score=_decimal(assessment.integrity),
        baseline_version=assessment.baseline_version,
        answered_count=assessment.answered,
        position=assessment.position,
        attempt_status=assessment.status,
        figures={figure.value: _decimal(value) for figure, value in assessment.figures.items()},
        is_over=assessment.is_over,
        counts={kind.value: tally.count for kind, tally in assessment.tallies.items()},
        violation_evidence=_evidence(assessment.violations[:KEPT_EVIDENCE]),
    )
    if assessment.opinion is not None:
        message.second_opinion.CopyFrom(_opinion(assessment.opinion))
    return message


def alert_raised(alert: Alert) -> told.AlertRaised:
    """An alert as an event, as it stands."""
    return told.AlertRaised(
        alert=told.Alert(
            alert_id=alert.alert_id,
            revision=alert.revision,
            attempt_id=alert.attempt_id,
            exam_id=alert.exam_id,
            student_id=alert.student_id,
            kind=alert.kind,
            severity=alert.severity,
            at=_timestamp(alert.at_ms),
            text=alert.text,
            count=alert.count,
            evidence=_evidence(alert.evidence),
        )
    )


def violation_limit_reached(assessment: Assessment) -> told.ViolationLimitReached | None:
    """What attempts submits on, or None below the limit. The same however often it is made."""
    limit = assessment.limit
    if limit is None:
        return None
    return told.ViolationLimitReached(
        attempt_id=assessment.attempt_id,
        exam_id=assessment.exam_id,
        student_id=assessment.student_id,
        violations=limit.violations,
        limit=limit.limit,
        at=_timestamp(limit.at_ms),
        text=limit.text,
        evidence=_evidence(limit.evidence),
    )


def _signal_message(signal: Signal) -> heard.Signal:
    tag = signal.kind.value
    message = heard.Signal(at=_timestamp(epoch_ms(signal.at)), question_id=signal.question_id)
    carried = getattr(message, tag)
    carried.SetInParent()
    for name in _CARRIED[tag]:
        if name not in ("at", "question_id"):
            setattr(carried, name, getattr(signal, name))
    return message


def _signal(message: heard.Signal) -> Any:
    tag = message.WhichOneof("kind")
    carried = getattr(message, tag)
    values = {name: getattr(carried, name) for name in _CARRIED[tag] if name not in ("at", "question_id")}
    return _SIGNALS[tag](at=moment(_milliseconds(message.at)), question_id=message.question_id, **values)


def _opinion(opinion: SecondOpinion) -> told.SecondOpinion:
    return told.SecondOpinion(
        distance=_decimal(opinion.distance),
        p_value=_decimal(opinion.p_value),
        compared_with=opinion.compared_with,
        samples=opinion.samples,
        method=METHOD,
        text=opinion.text,
    )


def _evidence(items: Iterable[Evidence]) -> list[told.Evidence]:
    return [told.Evidence(at=_timestamp(item.at_ms), source=item.source, reference=item.reference) for item in items]


def _decimal(value: Decimal | None) -> str:
    """A decimal without trailing zeros or exponent; empty for none."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _timestamp(at_ms: int) -> Timestamp:
    return Timestamp(seconds=at_ms // 1000, nanos=at_ms % 1000 * 1_000_000)


def _milliseconds(at: Timestamp) -> int:
    return int(at.seconds * 1000 + at.nanos // 1_000_000)
