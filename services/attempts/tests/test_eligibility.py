from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.attempts.access_codes import CodeRule, fits, may_try
from services.attempts.audience import Audience, Belonging, is_meant_for
from services.attempts.eligibility import Candidate, Refusal, Terms, refusal

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TERMS = Terms(is_archived=False, opens_at=NOW - SECOND, closes_at=NOW + SECOND, max_attempts=1)
CANDIDATE = Candidate(is_active=True, is_eligible=True, attempts_used=0)


def test_a_student_within_all_rules_may_start() -> None:
    assert refusal(TERMS, CANDIDATE, NOW) is None


@pytest.mark.parametrize(
    ("terms", "candidate", "expected"),
    [
        (replace(TERMS, is_archived=True), CANDIDATE, Refusal.ARCHIVED),
        (TERMS, replace(CANDIDATE, is_active=False), Refusal.INACTIVE),
        (TERMS, replace(CANDIDATE, is_eligible=False), Refusal.INELIGIBLE),
        (TERMS, replace(CANDIDATE, attempts_used=1), Refusal.NO_ATTEMPTS_LEFT),
        (replace(TERMS, closes_at=NOW), CANDIDATE, Refusal.CLOSED),
        (replace(TERMS, opens_at=NOW + SECOND), CANDIDATE, Refusal.NOT_OPEN_YET),
    ],
)
def test_each_rule_refuses_by_its_own_name(terms: Terms, candidate: Candidate, expected: Refusal) -> None:
    assert refusal(terms, candidate, NOW) is expected


def test_the_window_holds_its_first_instant_and_not_its_last() -> None:
    assert refusal(replace(TERMS, opens_at=NOW), CANDIDATE, NOW) is None
    assert refusal(replace(TERMS, closes_at=NOW), CANDIDATE, NOW) is Refusal.CLOSED


def test_no_bounds_refuse_nothing() -> None:
    free = Terms(is_archived=False, opens_at=None, closes_at=None, max_attempts=0)
    assert refusal(free, replace(CANDIDATE, attempts_used=1000), NOW) is None


STUDENT = Belonging("s", class_id="c", specialization_id="sp", centre_id="ce", level="3")


@pytest.mark.parametrize(
    "audience",
    [
        Audience(is_everyone=True),
        Audience(student_ids={"s"}),
        Audience(class_ids={"x", "c"}),
        Audience(specialization_ids={"sp"}),
        Audience(centre_ids={"ce"}),
        Audience(levels={"3"}),
    ],
)
def test_any_list_that_names_the_student_is_enough(audience: Audience) -> None:
    assert is_meant_for(audience, STUDENT)


@pytest.mark.parametrize(
    "audience",
    [
        Audience(),
        Audience(student_ids={"c"}),
        Audience(class_ids={"s", "sp", "ce", "3"}),
        Audience(specialization_ids={"c"}),
        Audience(centre_ids={"c"}),
        Audience(levels={"4"}),
    ],
)
def test_nobody_else_is_meant(audience: Audience) -> None:
    assert not is_meant_for(audience, STUDENT)


def test_what_is_unknown_of_a_student_belongs_to_nothing() -> None:
    empty = frozenset({""})
    nobody = Audience(class_ids=empty, specialization_ids=empty, centre_ids=empty, levels=empty)
    assert not is_meant_for(nobody, Belonging("s"))


def test_a_code_fits_as_it_is_or_typed_in_lower_case() -> None:
    # sha256("salt" + "K7QM2X9P") and sha256("salt" + "Rosebud")
    import hashlib

    made, chosen = (hashlib.sha256(f"salt{code}".encode()).hexdigest() for code in ("K7QM2X9P", "Rosebud"))
    assert fits("K7QM2X9P", "salt", made)
    assert fits("k7qm2x9p", "salt", made)
    assert not fits("K7QM2X9P", "pepper", made)
    assert not fits("K7QM2X9", "salt", made)
    assert not fits("", "salt", made)
    assert fits("Rosebud", "salt", chosen)
    assert not fits("ROSEBUD", "salt", chosen)


RULE = CodeRule(student_failures=10, exam_failures=200, window=timedelta(minutes=15))


def test_a_student_who_failed_too_often_may_not_try() -> None:
    assert may_try(RULE, 9, 9)
    assert not may_try(RULE, 10, 10)


@given(st.integers(1, 9), st.integers(200, 10_000))
def test_guessing_from_many_accounts_gains_one_try_each(student: int, exam: int) -> None:
    assert not may_try(RULE, student, exam)
    assert may_try(RULE, 0, exam)
