"""The audit: what the students were promised against what the institution holds. Pure: values in, findings out."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from examhall.rehearsal.ledger import Account, Answer, Journey

# Given the questions of an attempt and its final responses: the score, or None when it can't be known (a person marks, no key).
ExpectedScore = Callable[[Sequence[str], Mapping[str, Mapping[str, Any] | None]], Decimal | None]


class Kind(StrEnum):
    """What can be wrong, as it is named in the report."""

    ANSWER_LOST = "acknowledged answer is missing"
    ANSWER_OLD = "an older revision is stored than was acknowledged"
    ANSWER_UNKNOWN = "a revision is stored that was never sent"
    ANSWER_DIFFERS = "the stored answer is not the one that was sent"
    ACKNOWLEDGED_WRONGLY = "the acknowledgement names a revision it can't mean"
    LATE_SAVE_TAKEN = "a save after the end was taken"
    NOT_SUBMITTED = "the attempt is not submitted"
    ATTEMPT_MISSING = "the attempt is not among the exam's attempts"
    ATTEMPT_TWICE = "a student has more than one attempt"
    NOT_MARKED = "the attempt was not marked"
    MARKED_TWICE = "the attempt was marked more than once"
    SCORE_DIFFERS = "the score is not the expected one"
    GRADE_INCONSISTENT = "the grade contradicts itself"
    RESULT_EARLY = "the student saw a score before its release"
    RESULT_DIFFERS = "the student is shown another result than was marked"
    SURPRISE = "a reply that no rule explains"
    SIGNALS_LOST = "acknowledged signals are missing"
    SIGNALS_TWICE = "a batch of signals is stored twice"
    SIGNALS_DIFFER = "the stored signals are not the ones that were sent"
    SIGNALS_UNKNOWN = "signals are stored that were never sent"
    FEED_NOT_TOLD = "what is kept for a student was never told on the student's socket"
    FEED_TWICE = "a student's socket told something twice"
    FEED_UNKNOWN = "a student's socket told what is not kept for the student"
    END_TOLD_WRONGLY = "a student's socket did not tell how the attempt ended, or told it wrongly"
    VIOLATIONS_TOLD_WRONGLY = "a student's socket told another number of violations than are counted"
    TIME_NOT_TOLD = "a student's socket did not tell of more time"
    NUMBER_MISSING = "an event of the exam's feed was never told on the socket"
    NUMBER_TWICE = "an event was told twice on the socket"
    ALERT_NOT_TOLD = "an alert is in the list and was not told on the socket"
    ALERT_NOT_LISTED = "an alert was told on the socket and is not in the list"
    ALERT_TWICE = "an alert was told twice as it stands"
    ALERT_MISSING = "there is cause for an alert and there is none"
    ALERT_WRONG = "there is an alert without a cause"
    SETTLED_LOST = "what a proctor said of an alert is not kept"
    ASSESSED_WRONGLY = "the assessment is not what the rules make of what was sent"
    NOT_ASSESSED = "a proctored attempt is not assessed"
    ENDED_WRONGLY = "an attempt ended by the violation limit, or should have, and did not"
    SEATED_WRONGLY = "the proctor is shown another room than the seating plan has"
    ACCUSED_WRONGLY = "an honest student has an alert of high or critical severity"
    PAIRED_WRONGLY = "two students are shown as a pair and neither copied from the other, nor both from a third"


@dataclass(frozen=True)
class Finding:
    """One difference, and where to look for it."""

    kind: Kind
    detail: str
    attempt_id: str | None = None
    question_id: str | None = None
    login: str | None = None


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as the institution holds it."""

    revision: int
    answer: Answer


@dataclass(frozen=True)
class HeldAttempt:
    """An attempt as the institution holds it, with its stored answers by question."""

    attempt_id: str
    student_id: str
    status: str
    answers: Mapping[str, StoredAnswer] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """A grade as the institution holds it. `score` is None while a person has to mark a part; `percentage` likewise."""

    attempt_id: str
    score: Decimal | None
    max_score: Decimal | None
    percentage: Decimal | None = None


@dataclass(frozen=True)
class ShownResult:
    """What the student was shown of the result, after its release or before. `score` is None where none was shown."""

    attempt_id: str
    is_released: bool
    score: Decimal | None


@dataclass(frozen=True)
class Audit:
    """What was compared, and what differed."""

    attempts: int
    answers_acknowledged: int
    answers_found: int
    marked_once: int
    scores_as_expected: int
    scores_not_known: int
    late_saves_refused: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Nothing differed, and there was something to compare."""
        return not self.findings and self.attempts > 0


def audit(
    account: Account,
    held: Sequence[HeldAttempt],
    grades: Sequence[Grade],
    expected_score: ExpectedScore,
    is_single: bool,
    shown: Sequence[ShownResult] = (),
) -> Audit:
    """Compares every promise of the ledger with the attempts and grades of the exam, and the grades with what students were shown of them.

    `is_single`: one attempt a student.
    """
    held_by_id = {attempt.attempt_id: attempt for attempt in held}
    grades_of: dict[str, list[Grade]] = {}
    for grade in grades:
        grades_of.setdefault(grade.attempt_id, []).append(grade)
    findings = [
        Finding(Kind.SURPRISE, f"{each.step}: {each.detail}", each.attempt_id, login=each.login)
        for each in account.surprises
    ]
    if is_single:
        findings += _students_with_more(account, held)
    found = marked_once = as_expected = not_known = 0
    for attempt_id, journey in account.journeys.items():
        attempt = held_by_id.get(attempt_id)
        if attempt is None:
            findings.append(_finding(journey, Kind.ATTEMPT_MISSING, "the student was told that it had begun"))
            continue
        differences = differing_answers(journey, attempt.answers)
        findings += differences
        broken = {difference.question_id for difference in differences}
        found += len(journey.acknowledged.keys() - broken)
        if attempt.status != "submitted":
            findings.append(_finding(journey, Kind.NOT_SUBMITTED, f"its status is {attempt.status}"))
        expected = expected_score(journey.question_ids, final_responses(journey, attempt.answers))
        marking = differing_grades(journey, grades_of.get(attempt_id, []), expected)
        findings += marking
        seen = [result for result in shown if result.attempt_id == attempt_id]
        findings += differing_results(journey, grades_of.get(attempt_id, []), seen)
        marked_once += len(grades_of.get(attempt_id, [])) == 1
        as_expected += expected is not None and not marking
        not_known += expected is None
    return Audit(
        attempts=len(account.journeys),
        answers_acknowledged=sum(len(journey.acknowledged) for journey in account.journeys.values()),
        answers_found=found,
        marked_once=marked_once,
        scores_as_expected=as_expected,
        scores_not_known=not_known,
        late_saves_refused=sum(late.status >= 400 for journey in account.journeys.values() for late in journey.late),
        findings=tuple(findings),
    )


def differing_answers(journey: Journey, stored: Mapping[str, StoredAnswer]) -> list[Finding]:
    """Acknowledgements that were not kept, and stored answers that the student never gave.

    A newer revision than the acknowledged one is right when it was sent: its acknowledgement was lost on the way.
    """
    findings = [
        _finding(
            journey,
            Kind.ACKNOWLEDGED_WRONGLY,
            f"revision {entry.stored} named in reply to revision {entry.revision}",
            entry.question_id,
        )
        for entry in journey.contradicted
    ]
    findings += [
        _finding(
            journey, Kind.LATE_SAVE_TAKEN, f"the reply to revision {late.revision} was {late.status}", late.question_id
        )
        for late in journey.late
        if late.status < 400
    ]
    for question_id in sorted(journey.acknowledged.keys() | stored.keys()):
        held = stored.get(question_id)
        promised = journey.acknowledged.get(question_id, 0)
        if held is None:
            findings.append(_finding(journey, Kind.ANSWER_LOST, f"revision {promised} was acknowledged", question_id))
            continue
        meant = journey.answer(question_id, held.revision)
        numbers = f"revision {held.revision} is stored, {promised} was acknowledged"
        if held.revision < promised:
            findings.append(_finding(journey, Kind.ANSWER_OLD, numbers, question_id))
        elif meant is None:
            findings.append(_finding(journey, Kind.ANSWER_UNKNOWN, numbers, question_id))
        elif canonical(meant) != canonical(held.answer):
            detail = f"revision {held.revision}: {meant} was sent, {held.answer} is stored"
            findings.append(_finding(journey, Kind.ANSWER_DIFFERS, detail, question_id))
    return findings


def final_responses(journey: Journey, stored: Mapping[str, StoredAnswer]) -> dict[str, Mapping[str, Any] | None]:
    """The answers that count, in the student's own words: what was acknowledged last, or sent later and stored."""
    responses = {}
    for question_id, revisions in journey.sent.items():
        promised = journey.acknowledged.get(question_id, 0)
        held = stored.get(question_id)
        last = revisions.get(max(promised, held.revision if held else 0)) or revisions.get(promised)
        if last is not None:
            responses[question_id] = last.response
    return responses


def differing_grades(journey: Journey, grades: Sequence[Grade], expected: Decimal | None) -> list[Finding]:
    """An attempt has exactly one grade, which agrees with itself and with the expected score when that is known."""
    if not grades:
        return [_finding(journey, Kind.NOT_MARKED, "there is no grade for it")]
    findings = []
    if len(grades) > 1:
        findings.append(_finding(journey, Kind.MARKED_TWICE, f"there are {len(grades)} grades for it"))
    for grade in grades:
        if expected is not None and grade.score != expected:
            findings.append(_finding(journey, Kind.SCORE_DIFFERS, f"expected {expected}, marked {grade.score}"))
        findings += [_finding(journey, Kind.GRADE_INCONSISTENT, fault) for fault in contradictions(grade)]
    return findings


def differing_results(journey: Journey, grades: Sequence[Grade], shown: Sequence[ShownResult]) -> list[Finding]:
    """Before its release a result shows no score, afterwards the one that was marked."""
    marked = [grade.score for grade in grades]
    findings = []
    for result in shown:
        if not result.is_released and result.score is not None:
            findings.append(_finding(journey, Kind.RESULT_EARLY, f"{result.score} points"))
        elif result.is_released and result.score not in marked:
            told = ", ".join(str(score) for score in marked)
            findings.append(_finding(journey, Kind.RESULT_DIFFERS, f"shown {result.score}, marked {told}"))
    return findings


def contradictions(grade: Grade) -> list[str]:
    """What a grade says against itself: more than the most, or a percentage that is not the score's."""
    if grade.score is None or grade.max_score is None:
        return []
    faults = []
    if grade.score > grade.max_score:
        faults.append(f"{grade.score} of {grade.max_score} points")
    if grade.percentage is not None and grade.max_score > 0:
        share = (grade.score * 100 / grade.max_score).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        if abs(share - grade.percentage) > Decimal("0.01"):
            faults.append(f"{grade.score} of {grade.max_score} points is {share} %, not {grade.percentage} %")
    return faults


def canonical(answer: Answer) -> tuple[bool, object]:
    """An answer in the one form in which two of the same meaning are equal."""
    return answer.is_flagged, meaning(answer.response)


def meaning(response: Mapping[str, Any] | None) -> frozenset[str] | str | tuple[tuple[str, Any], ...] | None:
    """What a response says: options as a set, text composed and trimmed; None for nothing."""
    if response is None or response.get("option_ids") == [] or response.get("text", "x").strip() == "":
        return None
    if "option_ids" in response:
        return frozenset(response["option_ids"])
    if "text" in response:
        return unicodedata.normalize("NFC", response["text"]).strip()
    return tuple(sorted(response.items()))


def _students_with_more(account: Account, held: Sequence[HeldAttempt]) -> list[Finding]:
    ours = {attempt.student_id for attempt in held if attempt.attempt_id in account.journeys}
    counts = Counter(attempt.student_id for attempt in held if attempt.student_id in ours)
    return [
        Finding(Kind.ATTEMPT_TWICE, f"student {student_id} has {count} attempts")
        for student_id, count in counts.items()
        if count > 1
    ]


def _finding(journey: Journey, kind: Kind, detail: str, question_id: str | None = None) -> Finding:
    return Finding(kind, detail, journey.attempt_id, question_id, journey.login)
