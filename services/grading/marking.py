"""The marking rules: what a response is worth. Pure: the same key, answers and rules always give the same marks.

Points are decimals, rounded half-even to two places for each question; sums of those need no further rounding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum

from services.grading.reading import ARITHMETIC, fold_text, fold_unit, read_quantity

_ZERO = Decimal(0)
_CENT = Decimal("0.01")

Response = frozenset[str] | bool | str | None
"""Chosen option ids, true/false, typed text, or nothing at all."""


class QuestionType(StrEnum):
    """How a question is answered."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_SELECT = "multiple_select"
    TRUE_FALSE = "true_false"
    SHORT_ANSWER = "short_answer"
    NUMERIC = "numeric"
    ESSAY = "essay"


class Outcome(StrEnum):
    """How a response fared."""

    CORRECT = "correct"
    PARTIAL = "partial"
    WRONG = "wrong"
    UNANSWERED = "unanswered"
    WAITING = "waiting"


@dataclass(frozen=True)
class Rules:
    """The marking rules of an exam version."""

    is_partial_credit: bool = False
    floor_question_at_zero: bool = True
    floor_total_at_zero: bool = True


@dataclass(frozen=True)
class OptionKey:
    """An option; `credit` is what choosing it earns under partial credit, None: an equal share."""

    option_id: str
    is_correct: bool
    credit: Decimal | None = None


@dataclass(frozen=True)
class NumericKey:
    """The right number. A response is near enough when either tolerance allows it; the relative one is a fraction of `value`."""

    value: Decimal
    absolute_tolerance: Decimal = _ZERO
    relative_tolerance: Decimal = _ZERO
    unit: str = ""
    is_unit_required: bool = False


@dataclass(frozen=True)
class QuestionKey:
    """What marking needs of a question; the fields of other types keep their defaults."""

    question_id: str
    type: QuestionType
    points: Decimal
    penalty: Decimal = _ZERO
    options: tuple[OptionKey, ...] = ()
    correct_truth: bool = False
    accepted_forms: tuple[str, ...] = ()
    is_case_sensitive: bool = False
    numeric: NumericKey | None = None


@dataclass(frozen=True)
class QuestionMark:
    """What one response earned; `points_awarded` is None while a human's mark is awaited."""

    question_id: str
    points_awarded: Decimal | None
    max_points: Decimal
    outcome: Outcome


@dataclass(frozen=True)
class Total:
    """The sum of an attempt: of what is marked so far, and a percentage (two places) once nothing waits."""

    score: Decimal
    max_score: Decimal
    percentage: Decimal | None
    waiting_count: int

    def has_passed(self, passing_percentage: Decimal) -> bool:
        """Whether the percentage, as it is shown, reaches the exam's."""
        return self.percentage is not None and self.percentage >= passing_percentage


def mark_attempt(
    keys: Mapping[str, QuestionKey], question_ids: Sequence[str], answers: Mapping[str, Response], rules: Rules
) -> list[QuestionMark]:
    """The marks of the questions that an attempt was given, in its order. Raises KeyError for a question without a key."""
    return [mark(keys[question_id], answers.get(question_id), rules) for question_id in question_ids]


def mark(key: QuestionKey, response: Response, rules: Rules) -> QuestionMark:
    """What one response earns. A blank one earns nothing and costs nothing; an essay that says something waits for a human."""
    if is_blank(response):
        return _marked(key, _ZERO, Outcome.UNANSWERED)
    if key.type is QuestionType.ESSAY:
        return QuestionMark(key.question_id, None, rounded(key.points), Outcome.WAITING)
    is_right = _is_right(key, response)
    least = _ZERO if rules.floor_question_at_zero else -key.penalty
    if key.type is QuestionType.MULTIPLE_SELECT and rules.is_partial_credit and isinstance(response, frozenset):
        points = max(least, _partial_credit(key, response))
    else:
        points = key.points if is_right else least
    return _marked(key, points, Outcome.CORRECT if is_right else Outcome.PARTIAL if points > 0 else Outcome.WRONG)


def total_of(marks: Iterable[tuple[Decimal | None, Decimal]], rules: Rules) -> Total:
    """Sums (points awarded, maximum) of each question."""
    pairs = list(marks)
    awarded = [points for points, _ in pairs if points is not None]
    score = rounded(sum(awarded, _ZERO))
    if rules.floor_total_at_zero:
        score = max(score, rounded(_ZERO))
    max_score = rounded(sum((maximum for _, maximum in pairs), _ZERO))
    waiting_count = len(pairs) - len(awarded)
    return Total(score, max_score, None if waiting_count else percentage_of(score, max_score), waiting_count)


def percentage_of(score: Decimal, max_score: Decimal) -> Decimal:
    """How much of the maximum a score is, in percent to two places; 0 of an exam without points."""
    return rounded(score * 100 / max_score if max_score else _ZERO)


def outcome_of_points(points: Decimal, max_points: Decimal) -> Outcome:
    """What a human's mark says about the response."""
    if points >= max_points:
        return Outcome.CORRECT
    return Outcome.PARTIAL if points > 0 else Outcome.WRONG


def is_blank(response: Response) -> bool:
    """Whether a response says nothing: never given, cleared, no option, nothing but white space."""
    match response:
        case None:
            return True
        case bool():
            return False
        case str():
            return not response.strip()
        case _:
            return not response


def rounded(points: Decimal) -> Decimal:
    """Two places, half-even; never a negative zero."""
    with localcontext(ARITHMETIC):
        return points.quantize(_CENT, ROUND_HALF_EVEN) + 0


def _marked(key: QuestionKey, points: Decimal, outcome: Outcome) -> QuestionMark:
    return QuestionMark(key.question_id, rounded(points), rounded(key.points), outcome)


def _is_right(key: QuestionKey, response: Response) -> bool:
    """Whether a response is entirely right; one of another kind than the question asks for never is."""
    match key.type, response:
        case QuestionType.SINGLE_CHOICE, frozenset():
            return len(response) == 1 and response <= _right_options(key)
        case QuestionType.MULTIPLE_SELECT, frozenset():
            return response == _right_options(key)
        case QuestionType.TRUE_FALSE, bool():
            return response is key.correct_truth
        case QuestionType.SHORT_ANSWER, str():
            return _is_accepted(key, response)
        case QuestionType.NUMERIC, str():
            return key.numeric is not None and _is_near(key.numeric, response)
        case _:
            return False


def _right_options(key: QuestionKey) -> frozenset[str]:
    return frozenset(option.option_id for option in key.options if option.is_correct)


def _partial_credit(key: QuestionKey, chosen: frozenset[str]) -> Decimal:
    """Each right option chosen earns its credit, each wrong one takes an equal share of the points away; never more than the points."""
    right = [option for option in key.options if option.is_correct]
    if not right:
        return -key.points
    with localcontext(ARITHMETIC):
        share = key.points / len(right)
        credits = (share if option.credit is None else option.credit for option in right if option.option_id in chosen)
        wrong_count = len(chosen - _right_options(key))
        return min(key.points, sum(credits, _ZERO) - share * wrong_count)


def _is_accepted(key: QuestionKey, text: str) -> bool:
    given = fold_text(text, is_case_sensitive=key.is_case_sensitive)
    return any(given == fold_text(form, is_case_sensitive=key.is_case_sensitive) for form in key.accepted_forms)


def _is_near(key: NumericKey, text: str) -> bool:
    typed = read_quantity(text)
    if typed is None or (key.is_unit_required and fold_unit(typed.unit) != fold_unit(key.unit)):
        return False
    with localcontext(ARITHMETIC):
        allowed = max(key.absolute_tolerance, key.relative_tolerance * abs(key.value))
        return abs(typed.number - key.value) <= allowed
