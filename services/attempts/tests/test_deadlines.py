from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.attempts.deadlines import break_ends, first_deadline, resumed_deadline, time_left

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
durations = st.integers(60, 86_400)
percents = st.integers(0, 300)


def test_an_attempt_lasts_as_long_as_the_exam() -> None:
    assert first_deadline(START, 3600, 0, None) == START + timedelta(hours=1)


def test_who_starts_late_ends_with_the_window() -> None:
    assert first_deadline(START, 3600, 0, START + timedelta(minutes=20)) == START + timedelta(minutes=20)


def test_an_accommodation_may_pass_the_end_of_the_window() -> None:
    assert first_deadline(START, 3600, 25, START + timedelta(minutes=60)) == START + timedelta(minutes=75)
    assert first_deadline(START, 3600, 50, START + timedelta(minutes=20)) == START + timedelta(minutes=30)


def test_a_part_of_a_second_of_accommodation_counts_as_a_whole_one() -> None:
    assert first_deadline(START, 61, 10, None) == START + timedelta(seconds=61 + 7)


@given(moments, durations, percents, st.none() | st.integers(1, 100_000))
def test_more_accommodation_is_never_less_time(
    start: datetime, seconds: int, percent: int, open_for: int | None
) -> None:
    closes = None if open_for is None else start + timedelta(seconds=open_for)
    plain, more = first_deadline(start, seconds, 0, closes), first_deadline(start, seconds, percent, closes)
    assert start < plain <= more
    assert plain <= start + timedelta(seconds=seconds)
    assert closes is None or plain <= closes


@given(moments, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_pause_costs_no_time(start: datetime, left: int, paused_after: int, pause: int) -> None:
    deadline = start + timedelta(seconds=left + paused_after)
    paused_at = start + timedelta(seconds=paused_after)
    resumed_at = paused_at + timedelta(seconds=pause)
    moved = resumed_deadline(deadline, paused_at, resumed_at)
    assert time_left(deadline, paused_at, resumed_at) == time_left(moved, None, resumed_at) == timedelta(seconds=left)


@given(moments, moments)
def test_time_left_is_never_negative(deadline: datetime, moment: datetime) -> None:
    assert time_left(deadline, None, moment) >= timedelta(0)


def test_a_break_ends_when_its_time_is_used_up() -> None:
    assert break_ends(START, 600, 200) == START + timedelta(seconds=400)
    assert break_ends(START, 600, 600) is None
    assert break_ends(START, 0, 0) is None
