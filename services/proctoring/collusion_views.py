"""What is shown of the search for answers in common: how far it is, and for each pair every statistic by its name, with what it assumes.

A pair is shown as answers that agree beyond chance and its assumptions, never as a finding about people.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.outbox import moment_of
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.tables import CollusionGroup, CollusionState, Pair
from services.proctoring.views import Candidate

CAUTION = (
    "Answers in common are a reason to look and to ask, not a finding. They can come from the same teacher, the same notes, or chance; somebody should"
    " look at the answers and hear both students before anything is decided."
)
DIRECTION = "Which of the two answered later is an indication from the order of the answers. It does not say who knew of it, nor that both did."
UNKNOWN = Candidate(None, None, None, None)
_KINDS = {
    "e_value": "How many times better the answers fit copying than each answering alone, staked fairly beforehand.",
    "p_value": "How often two who answer alone would agree at least as much, if the assumptions hold.",
    "bayes_factor": "For ranking only: its error rates are not controlled.",
    "similarity": "A rule of thumb, not a test: it says nothing of chance and decides nothing.",
}


class StatisticOut(BaseModel):
    """One statistic that speaks for or against a pair."""

    method: str = Field(
        description="e_process, omega, gbt, k2, harpp_hogan, weighted_agreement, rule_of_thumb, timing …"
    )
    kind: str = Field(description="e_value, p_value, bayes_factor or similarity")
    value: Decimal | None = Field(description="null where it is too large to write out")
    log10_value: Decimal | None = Field(description="of an e-value or Bayes factor")
    text: str = Field(description="what it says, in words")
    meaning: str = Field(description="what this kind of number is")
    assumptions: str
    decides: bool = Field(description="whether pairs are flagged by it; the others stand beside it for comparison")

    @classmethod
    def of(cls, statistic: Any) -> "StatisticOut":
        """The view of a Statistic message."""
        value, log10 = _decimal(statistic.value), _decimal(statistic.log10_value)
        return cls(
            method=statistic.method,
            kind=statistic.kind,
            value=value,
            log10_value=log10,
            text=_in_words(statistic.kind, value, log10),
            meaning=_KINDS.get(statistic.kind, ""),
            assumptions=statistic.assumptions,
            decides=statistic.method == "e_process",
        )


class SpeakingItemOut(BaseModel):
    """A question on which the answers of the two speak."""

    question_id: str
    log10_evidence: Decimal = Field(description="above 0 it speaks for answers in common, below 0 against")
    earlier_answered_at: datetime | None
    later_answered_at: datetime | None


class PairMember(BaseModel):
    """One of a pair."""

    attempt_id: UUID
    student_id: UUID | None
    student_name: str | None
    registration_number: str | None
    room: str | None = Field(description="by the seating plan; null: it does not say")


class PairOut(BaseModel):
    """Two attempts and how far their answers agree beyond chance."""

    exam_id: UUID
    later: PairMember = Field(description="who answered the speaking questions after the other")
    earlier: PairMember
    direction_text: str
    revision: int
    verdict: Literal["not_enough_yet", "nothing", "flagged"]
    text: str = Field(description="the verdict in words")
    family: str = Field(
        description="plausible: they could have copied by where and when they sat; other: all other pairs"
    )
    plausible_by: list[str]
    log10_e_value: Decimal = Field(description="of the statistic that decides")
    expected_false_flags: Decimal | None = Field(
        description="pairs of this exam's family that would show as much by chance alone, at most"
    )
    items_compared: int
    statistics: list[StatisticOut]
    items: list[SpeakingItemOut] = Field(description="those that speak most, strongest first")
    as_of: datetime
    caution: str

    @classmethod
    def of(cls, pair: Pair, candidates: Mapping[UUID, Candidate]) -> "PairOut":
        """The view of a row; `candidates` by attempt."""
        event = told.PairAssessed.FromString(pair.told)
        verdict = _verdict(pair, event)
        return cls(
            exam_id=pair.exam_id,
            later=_member(pair.copier_attempt_id, candidates),
            earlier=_member(pair.source_attempt_id, candidates),
            direction_text=DIRECTION,
            revision=pair.revision,
            verdict=pair.verdict,  # type: ignore[arg-type]
            text=verdict.text,
            family=pair.family,
            plausible_by=list(event.plausible_by),
            log10_e_value=pair.log10_e_value,
            expected_false_flags=verdict.expected_false_flags,
            items_compared=verdict.items_compared,
            statistics=[StatisticOut.of(statistic) for statistic in event.statistics],
            items=[_item(item) for item in event.items],
            as_of=event.as_of.ToDatetime(tzinfo=UTC),
            caution=CAUTION,
        )


class PairVerdict(NamedTuple):
    """What is said of a pair in short."""

    text: str
    expected_false_flags: Decimal | None
    items_compared: int


def verdict_of(pair: Pair) -> PairVerdict:
    """What is said of a pair in short, without its statistics and questions."""
    return _verdict(pair, told.PairAssessed.FromString(pair.told))


class GroupOut(BaseModel):
    """Flagged pairs that hang together."""

    exam_id: UUID
    group_id: str
    revision: int
    members: list[PairMember]
    likely_source_attempt_id: UUID | None = Field(description="whose answers came first; null: nobody's stand out")
    direction_text: str
    caution: str

    @classmethod
    def of(cls, group: CollusionGroup, candidates: Mapping[UUID, Candidate]) -> "GroupOut":
        """The view of a row; `candidates` by attempt."""
        return cls(
            exam_id=group.exam_id,
            group_id=group.group_id,
            revision=group.revision,
            members=[_member(attempt_id, candidates) for attempt_id in group.attempt_ids],
            likely_source_attempt_id=group.likely_source_attempt_id,
            direction_text=DIRECTION,
            caution=CAUTION,
        )


class ProgressOut(BaseModel):
    """How far the analysis of an exam's answers is."""

    exam_id: UUID
    revision: int = Field(description="0: it has told nothing yet")
    is_enough: bool = Field(description="whether any question has answers enough to say anything")
    text: str
    candidates: int
    answers: int
    items: int = Field(description="questions answered by choosing one option; only these take part")
    items_believed: int = Field(description="of these, with answers enough to stake anything on")
    pairs_tested: int
    pairs_flagged: int
    false_discovery_rate: Decimal | None = Field(
        description="the share of innocent pairs among those flagged that is held to, in expectation"
    )
    is_final: bool = Field(description="made at the close of the exam: this set of flags is the one that counts")
    as_of: datetime | None
    request_id: str = Field(description="of the newest request that is answered, where an analysis ends; empty: none")
    request_ids: list[str] = Field(
        description="of requests that were answered, by this analysis or an earlier one, oldest first; of the newest sixteen that were asked"
    )
    percent: int = Field(
        ge=0,
        le=100,
        description="done of the analysis that is being made, at the close or on request, by its steps; 100: this is its end; 0: none is being made",
    )

    @classmethod
    def of(cls, exam_id: UUID, state: CollusionState | None) -> "ProgressOut":
        """The view of a row, or of there being none."""
        event = told.CollusionProgress.FromString(state.told) if state else told.CollusionProgress()
        return cls(
            exam_id=exam_id,
            revision=state.revision if state else 0,
            is_enough=event.items_believed > 0,
            text=_progress_text(event),
            candidates=event.candidates,
            answers=event.answers,
            items=event.items,
            items_believed=event.items_believed,
            pairs_tested=event.pairs_tested,
            pairs_flagged=event.pairs_flagged,
            false_discovery_rate=_decimal(event.false_discovery_rate),
            is_final=event.is_final,
            as_of=event.as_of.ToDatetime(tzinfo=UTC) if state else None,
            request_id=event.request_id,
            request_ids=list(event.request_ids),
            percent=event.percent,
        )


class CollusionOut(BaseModel):
    """The search for answers in common at one exam."""

    progress: ProgressOut
    pairs: list[PairOut] = Field(description="flagged, most evidence first")
    pairs_total: int = Field(description="flagged pairs that you may read; the list holds the first of them")
    groups: list[GroupOut]
    caution: str


class CollusionAsked(BaseModel):
    """An analysis was asked for."""

    request_id: UUID = Field(
        description="stands among the progress' `request_ids` once it is answered; one analysis answers all that were asked before it began"
    )


def candidates_of(pairs: Iterable[Pair], groups: Iterable[CollusionGroup]) -> set[UUID]:
    """Every attempt that these name."""
    named = {attempt_id for pair in pairs for attempt_id in (pair.copier_attempt_id, pair.source_attempt_id)}
    return named | {attempt_id for group in groups for attempt_id in group.attempt_ids}


def _member(attempt_id: UUID, candidates: Mapping[UUID, Candidate]) -> PairMember:
    known = candidates.get(attempt_id, UNKNOWN)
    return PairMember(
        attempt_id=attempt_id,
        student_id=known.student_id,
        student_name=known.name,
        registration_number=known.registration_number,
        room=known.room,
    )


def _item(item: told.SpeakingItem) -> SpeakingItemOut:
    return SpeakingItemOut(
        question_id=item.question_id,
        log10_evidence=Decimal(item.log10_evidence),
        earlier_answered_at=moment_of(item, "source_answered_at"),
        later_answered_at=moment_of(item, "copier_answered_at"),
    )


def _progress_text(event: told.CollusionProgress) -> str:
    if not event.candidates:
        return "Not enough yet: nobody's answers have been taken in."
    if not event.items_believed:
        so_far = (
            f"Not enough yet: {event.answers} answers of {event.candidates} candidates are taken in, and none of {event.items} questions has been"
            " answered often enough to know which answers are usual."
        )
    else:
        until = "At the close of the exam" if event.is_final else "So far"
        so_far = (
            f"{until} {event.pairs_tested} pairs of {event.candidates} candidates were compared on {event.items_believed} of {event.items} questions;"
            f" {event.pairs_flagged} are flagged."
        )
    return f"{_under_way(event.percent)}{so_far}"


def _under_way(percent: int) -> str:
    return f"The answers are being analysed as a whole, {percent} % is done. " if 0 < percent < 100 else ""


def _verdict(pair: Pair, event: told.PairAssessed) -> PairVerdict:
    false_flags = _decimal(event.expected_false_flags)
    text = _verdict_text(pair.verdict, pair.log10_e_value, false_flags)
    return PairVerdict(text, false_flags, event.items_compared)


def _verdict_text(verdict: str, log10_e_value: Decimal, false_flags: Decimal | None) -> str:
    if verdict == "not_enough_yet":
        return "Not enough answers in common yet to say anything."
    if verdict == "nothing":
        return "Nothing that stands out among this exam's pairs."
    by_chance = (
        ""
        if false_flags is None
        else f" By chance alone at most {_number(false_flags)} such pairs are expected in this family."
    )
    return f"The answers agree beyond what chance explains: {_evidence(log10_e_value)}.{by_chance}"


def _in_words(kind: str, value: Decimal | None, log10: Decimal | None) -> str:
    if kind == "e_value" and (log10 is not None or value):
        return _evidence(log10 if log10 is not None else value.log10())  # type: ignore[union-attr]
    if kind == "bayes_factor" and log10 is not None:
        return f"10^{_number(log10)} to one; for ranking only"
    if kind == "p_value" and value is not None:
        return f"p = {_number(value)}, if the assumptions hold"
    if kind == "similarity" and value is not None:
        return f"{_number(value)}; says nothing of chance"
    return "not known"


def _evidence(log10: Decimal) -> str:
    """An e-value in words: at most one innocent pair in so many ever shows as much (Ville's inequality)."""
    if log10 <= 0:
        return f"e-value 10^{_number(log10)}: no evidence"
    odds = f"{int(Decimal(10) ** log10):,}" if log10 <= 9 else f"10^{_number(log10)}"
    return f"e-value 10^{_number(log10)}: of pairs that each answer alone, at most one in {odds} ever shows as much"


def _number(value: Decimal) -> str:
    """Three digits that count."""
    return f"{value:.3g}"


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
