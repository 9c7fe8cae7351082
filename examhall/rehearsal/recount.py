"""The assessment of an attempt worked out anew, by the pure rules, from what its browser and its student sent.

Signals are those the ledger knows as sent, with the server's times; answers have the moments at which they left and at which they were
acknowledged, the server's own lies between the two. So there are two recounts, and what both say must be so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from examhall.rehearsal.audit import meaning
from examhall.rehearsal.holdings import Assessed, HeldBatch, Json, WatchedAttempt
from examhall.rehearsal.ledger import Answer, Journey
from services.proctoring.alerts import Alert, alerts_of
from services.proctoring.assessing import Assessment, assessed
from services.proctoring.baselines import Comparison, Figure, Norm, Source
from services.proctoring.evidence import epoch_ms
from services.proctoring.signals import ExamRules, SignalBatch
from services.proctoring.state import AnswerKept, AnswersKept, AttemptChanged, SignalsTaken, Watch, WatchBegan, fold

_COMPARED = {
    "typing": Figure.TYPING_WPM,
    "mouse": Figure.MOUSE_SPEED_PXS,
    "answer_speed": Figure.SECONDS_PER_QUESTION,
}


@dataclass(frozen=True)
class Recount:
    """What the rules make of it, and the alerts that there is cause for."""

    watch: Watch
    assessment: Assessment
    alerts: tuple[Alert, ...]


def rules_of(settings: Json) -> ExamRules:
    """The settings of an exam, as proctoring goes by them."""
    return ExamRules(
        proctoring=settings["proctoring"],
        camera=settings["camera"],
        browser_lockdown=settings["browser_lockdown"],
        tab_switch_allowed=settings["tab_switch_allowed"],
        copy_paste_allowed=settings["copy_paste_allowed"],
        sensitivity=settings["monitoring_sensitivity"],
        violation_limit=settings["violation_limit"],
    )


def recounts(held: WatchedAttempt, rules: ExamRules, journey: Journey, network: str) -> tuple[Recount, ...]:
    """The two recounts of an attempt that was begun from that network."""
    return tuple(
        _recount(held, rules, journey, network, moments) for moments in (journey.sent_at, journey.acknowledged_at)
    )


def _recount(
    held: WatchedAttempt,
    rules: ExamRules,
    journey: Journey,
    network: str,
    moments: Mapping[tuple[str, int], float],
) -> Recount:
    ids = {"attempt_id": held.attempt_id, "exam_id": "", "student_id": held.student_id}
    watch = fold(None, WatchBegan(**ids, revision=1, rules=rules, comparison=_comparison(held.assessed)))
    watch = fold(watch, _life(held, network, ids))
    for batch in held.batches:
        watch = fold(watch, _taken(batch, ids))
    for (question_id, revision), at in moments.items():
        answer = journey.answer(question_id, revision)
        if answer is not None:
            watch = fold(watch, _kept(question_id, revision, answer, at, ids))
    assessment = assessed(watch)
    assert assessment is not None
    return Recount(watch, assessment, alerts_of(watch, assessment))


def _life(held: WatchedAttempt, network: str, ids: Mapping[str, str]) -> AttemptChanged:
    ended = held.submitted_at
    return AttemptChanged(
        **ids,
        version=1,
        at_ms=epoch_ms(ended or held.started_at),
        status=held.status,
        started_at_ms=epoch_ms(held.started_at),
        submitted_at_ms=epoch_ms(ended) if ended else None,
        question_count=held.question_count,
        network=network,
    )


def _taken(batch: HeldBatch, ids: Mapping[str, str]) -> SignalsTaken:
    whole = {"batch_id": "-" * 36, "sent_at": batch.received_at, "signals": batch.signals}
    return SignalsTaken(
        **ids,
        number=batch.number,
        received_at_ms=epoch_ms(batch.received_at),
        session_id=batch.session_id,
        network=batch.network,
        signals=msgspec.convert(whole, SignalBatch, strict=False).signals,
    )


def _kept(question_id: str, revision: int, answer: Answer, at: float, ids: Mapping[str, str]) -> AnswersKept:
    is_text = "text" in (answer.response or {})
    kept = AnswerKept(question_id, revision, _digest(answer), is_text)
    return AnswersKept(**ids, at_ms=int(at * 1000), answers=(kept,))


def _digest(answer: Answer) -> int:
    """Tells answers apart; 0 for none."""
    said = meaning(answer.response)
    if said is None:
        return 0
    content = repr(sorted(said) if isinstance(said, frozenset) else said)
    return (int.from_bytes(blake2b(content.encode(), digest_size=8).digest()) >> 1) or 1


def _comparison(shown: Assessed | None) -> Comparison:
    """The usual values that the institution compared with: what they are is not known to who sent the signals."""
    norms = {}
    for name, figure in _COMPARED.items():
        component: Mapping[str, Any] = shown.components.get(name, {}) if shown else {}
        if component.get("usual") is not None:
            norms[figure] = Norm(Decimal(component["usual"]), Decimal(0), 0, Source(component["compared_with"]))
    return Comparison(norms=norms)
