"""The score an attempt should get, worked out from the key and the answers alone.

This is on purpose a second implementation of the marking rules: the rehearsal would prove nothing if it asked the grading
service's own code what to expect. Questions come in the catalogue's JSON shape, responses in the shape a student sends.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any

Json = Mapping[str, Any]
Response = Mapping[str, Any] | None

_CENT = Decimal("0.01")
# Wide enough for any number a student may type: what overflows becomes infinite and is simply not near the key.
_ARITHMETIC = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_NUMBER = re.compile(
    r"\s*(?P<sign>[+\-\u2212]?)\s*(?P<digits>\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE](?P<exponent>[+\-\u2212]?\d+))?\s*(?P<unit>.*?)\s*",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True)
class Rules:
    """The marking rules of an exam, named as its settings are."""

    is_partial_credit: bool = False
    floor_question_at_zero: bool = True
    floor_total_at_zero: bool = True

    @classmethod
    def of_settings(cls, settings: Json) -> "Rules":
        """Reads the rules from an exam's settings."""
        return cls(
            is_partial_credit=settings["multiple_select"] == "partial_credit",
            floor_question_at_zero=settings["floor_question_at_zero"],
            floor_total_at_zero=settings["floor_total_at_zero"],
        )


def expected_score(questions: Sequence[Json], responses: Mapping[str, Response], rules: Rules) -> Decimal | None:
    """The sum over the questions of an attempt, to two places; None when one of them waits for a person."""
    points = [expected_points(question, responses.get(question["id"]), rules) for question in questions]
    known = [each for each in points if each is not None]
    if len(known) < len(points):
        return None
    total = sum(known, Decimal(0))
    return _rounded(max(total, Decimal(0)) if rules.floor_total_at_zero else total)


def expected_points(question: Json, response: Response, rules: Rules) -> Decimal | None:
    """What one response earns, to two places; None for an essay that a person has to read. A blank one is nothing at once."""
    if is_blank(response):
        return _rounded(Decimal(0))
    if question["type"] == "essay":
        return None
    assert response is not None
    with localcontext(_ARITHMETIC):
        least = Decimal(0) if rules.floor_question_at_zero else -Decimal(question.get("penalty") or 0)
        if question["type"] == "multiple_select" and rules.is_partial_credit:
            return _rounded(max(least, _share(question, set(response["option_ids"]))))
        return _rounded(Decimal(question["points"]) if _is_right(question, response) else least)


def is_blank(response: Response) -> bool:
    """A response that says nothing: never given, cleared, no option, or nothing but white space."""
    if response is None:
        return True
    return any(
        name in response and not (response[name].strip() if name == "text" else response[name])
        for name in ("option_id", "option_ids", "text")
    )


def folded(text: str, is_case_sensitive: bool) -> str:
    """A short answer as it is compared: compatibility forms unified, case folded, runs of white space made one space."""
    unified = unicodedata.normalize("NFKC", text)
    if not is_case_sensitive:
        unified = unicodedata.normalize("NFKC", unified.casefold())
    return " ".join(unified.split())


def number_and_unit(text: str) -> tuple[Decimal, str] | None:
    """A number as people type it: comma or point, the minus of typesetters, an exponent, a unit after it; else None."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    exponent = (match["exponent"] or "0").replace("\u2212", "-")
    sign = "-" if match["sign"] in ("-", "\u2212") else ""
    with localcontext(_ARITHMETIC):
        return Decimal(f"{sign}{match['digits'].replace(',', '.')}e{exponent}"), match["unit"]


def _is_right(question: Json, response: Json) -> bool:
    match question["type"]:
        case "single_choice":
            return response["option_id"] in _right_options(question)
        case "multiple_select":
            return set(response["option_ids"]) == set(_right_options(question))
        case "true_false":
            return bool(response["value"] == question["correct_truth"])
        case "short_answer":
            case = bool(question.get("case_sensitive", False))
            given = folded(response["text"], case)
            return any(given == folded(form, case) for form in question["accepted_forms"])
        case "numeric":
            return _is_near(question["numeric"], response["text"])
        case other:
            raise ValueError(f"no rule for questions of type {other}")


def _share(question: Json, chosen: set[str]) -> Decimal:
    """Partial credit: each right option earns its credit, each wrong one costs an equal share, never more than all."""
    points = Decimal(question["points"])
    right = _right_options(question)
    equal_share = points / len(right)
    earned = sum(
        (equal_share if right[option] is None else Decimal(right[option]) for option in chosen & set(right)), Decimal(0)
    )
    return min(points, earned - equal_share * len(chosen - set(right)))


def _right_options(question: Json) -> dict[str, Any]:
    return {option["id"]: option.get("credit") for option in question["options"] if option["is_correct"]}


def _is_near(key: Json, text: str) -> bool:
    typed = number_and_unit(text)
    if typed is None:
        return False
    number, unit = typed
    if key.get("unit_required") and _folded_unit(unit) != _folded_unit(key.get("unit") or ""):
        return False
    value = Decimal(key["value"])
    distance = abs(number - value)
    allowed = [Decimal(key.get("absolute_tolerance") or 0), Decimal(key.get("relative_tolerance") or 0) * abs(value)]
    return bool(distance <= max(allowed))


def _folded_unit(unit: str) -> str:
    return "".join(unicodedata.normalize("NFKC", unit).casefold().split())


def _rounded(points: Decimal) -> Decimal:
    with localcontext(_ARITHMETIC):
        return points.quantize(_CENT) + 0
