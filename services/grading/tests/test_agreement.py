"""The rehearsal expects scores by rules written a second time; both must say the same of every answer."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal import expectation
from services.grading.marking import NumericKey, OptionKey, QuestionKey, QuestionType, Response, Rules, is_blank, mark
from services.grading.tests.test_marking import KEYS, RESPONSES, RULES


@given(KEYS, RESPONSES, RULES)
def test_both_implementations_of_the_rules_agree(key: QuestionKey, response: Response, rules: Rules) -> None:
    if not _fits(key, response):
        return
    expected = expectation.expected_points(
        _question(key),
        _response(key, response),
        expectation.Rules(rules.is_partial_credit, rules.floor_question_at_zero, rules.floor_total_at_zero),
    )
    assert mark(key, response, rules).points_awarded == expected


@given(
    st.sampled_from(["12", "-0,5", "3e2", "x", "12 V", "1.5.2", "\u22127 mV", "5 or 6", "1 000"]),
    st.booleans(),
    st.sampled_from(["", "V"]),
)
def test_both_read_numbers_alike(text: str, is_unit_required: bool, unit: str) -> None:
    key = {"value": "12", "absolute_tolerance": "0.5", "unit": unit, "unit_required": is_unit_required}
    question = {"type": "numeric", "points": "1", "penalty": "0", "numeric": key}
    ours = QuestionKey(
        "q",
        QuestionType.NUMERIC,
        Decimal(1),
        numeric=NumericKey(Decimal(12), Decimal("0.5"), Decimal(0), unit, is_unit_required),
    )
    assert mark(ours, text, Rules()).points_awarded == expectation.expected_points(
        question, {"text": text}, expectation.Rules()
    )


def _fits(key: QuestionKey, response: Response) -> bool:
    """Whether attempts would take such a response, and the catalogue such a question."""
    kinds: dict[QuestionType, type] = {
        QuestionType.SINGLE_CHOICE: frozenset,
        QuestionType.MULTIPLE_SELECT: frozenset,
        QuestionType.TRUE_FALSE: bool,
    }
    if key.type is QuestionType.ESSAY and is_blank(response):
        return False
    if response is not None and not isinstance(response, kinds.get(key.type, str)):
        return False
    return any(option.is_correct for option in key.options) and not (
        key.type is QuestionType.SINGLE_CHOICE and isinstance(response, frozenset) and len(response) > 1
    )


def _question(key: QuestionKey) -> dict[str, Any]:
    assert key.numeric is not None
    return {
        "type": key.type.value,
        "points": str(key.points),
        "penalty": str(key.penalty),
        "options": [_option(option) for option in key.options],
        "correct_truth": key.correct_truth,
        "accepted_forms": list(key.accepted_forms),
        "case_sensitive": key.is_case_sensitive,
        "numeric": {
            "value": str(key.numeric.value),
            "absolute_tolerance": str(key.numeric.absolute_tolerance),
            "relative_tolerance": str(key.numeric.relative_tolerance),
            "unit": key.numeric.unit,
            "unit_required": key.numeric.is_unit_required,
        },
    }


def _option(option: OptionKey) -> dict[str, Any]:
    credit = None if option.credit is None else str(option.credit)
    return {"id": option.option_id, "is_correct": option.is_correct, "credit": credit}


def _response(key: QuestionKey, response: Response) -> dict[str, Any] | None:
    match response:
        case None:
            return None
        case bool():
            return {"value": response}
        case str():
            return {"text": response}
        case _ if key.type is QuestionType.SINGLE_CHOICE:
            return {"option_id": next(iter(response), None)}
        case _:
            return {"option_ids": sorted(response)}
