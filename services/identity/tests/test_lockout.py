"""The lock as a pure rule."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.lockout import Failures, LockRule, locked_until

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULE = LockRule()


def minutes_ago(*minutes: float) -> list[datetime]:
    return [NOON - timedelta(minutes=one) for one in minutes]


times = st.lists(st.floats(0, 15, exclude_max=True).map(lambda minutes: NOON - timedelta(minutes=minutes)), max_size=20)


def test_the_fifth_failure_within_15_minutes_locks_until_the_first_has_left_the_window() -> None:
    assert locked_until(Failures(here=minutes_ago(1, 2, 3, 4)), NOON, RULE) is None
    assert locked_until(Failures(here=minutes_ago(1, 2, 3, 4, 10)), NOON, RULE) == NOON + timedelta(minutes=5)


def test_failures_from_elsewhere_do_not_lock_an_address_where_the_owner_signed_in_before() -> None:
    elsewhere = minutes_ago(*[1] * 50)
    assert locked_until(Failures(elsewhere=elsewhere, is_known_address=True), NOON, RULE) is None
    assert locked_until(Failures(elsewhere=elsewhere), NOON, RULE) is not None


def test_an_address_that_fails_everywhere_is_locked_for_accounts_it_never_signed_in_to() -> None:
    many = minutes_ago(*[2] * RULE.address_failures)
    assert locked_until(Failures(address=many), NOON, RULE) == NOON + timedelta(minutes=13)
    assert locked_until(Failures(address=many[1:]), NOON, RULE) is None
    assert locked_until(Failures(address=many, is_known_address=True), NOON, RULE) is None


@given(here=times, elsewhere=times, address=times, known=st.booleans())
def test_a_lock_always_ends_within_the_window(
    here: list[datetime], elsewhere: list[datetime], address: list[datetime], known: bool
) -> None:
    until = locked_until(Failures(here, elsewhere, address, known), NOON, RULE)
    assert until is None or NOON < until <= NOON + RULE.window


@given(here=times, elsewhere=times, more=times)
def test_one_more_failure_never_unlocks(here: list[datetime], elsewhere: list[datetime], more: list[datetime]) -> None:
    before = locked_until(Failures(here, elsewhere), NOON, RULE)
    after = locked_until(Failures([*here, *more], elsewhere), NOON, RULE)
    assert before is None or (after is not None and after >= before)


@given(here=times)
def test_the_order_of_failures_does_not_matter(here: list[datetime]) -> None:
    assert locked_until(Failures(here), NOON, RULE) == locked_until(Failures(here[::-1]), NOON, RULE)
