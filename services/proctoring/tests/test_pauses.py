"""When an attempt stood still."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.pauses import KEPT_STEPS, Steps, overlap, pauses_of, with_step

TIMES = st.lists(st.integers(0, 1_000), min_size=1, max_size=12)


def steps_of(statuses: list[tuple[int, bool]], order: list[int] | None = None) -> Steps:
    steps: Steps = ()
    for version in order or range(1, len(statuses) + 1):
        at_ms, is_paused = statuses[version - 1]
        steps = with_step(steps, version, at_ms, is_paused=is_paused)
    return steps


def test_a_pause_lasts_from_its_step_to_the_next_that_is_none_and_more_time_does_not_end_it() -> None:
    steps = steps_of([(0, False), (10, True), (20, True), (30, False), (50, True)])
    assert pauses_of(steps, 60) == [(10, 30), (50, 60)]
    assert [overlap(span, pauses_of(steps, 60)) for span in ((0, 100), (15, 25), (30, 50), (0, 11))] == [30, 10, 0, 1]


@given(TIMES, st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 10_000))
def test_pauses_are_the_same_in_any_order_and_no_stretch_has_more_of_them_than_its_length(
    times: list[int], are_paused: list[bool], seed: int
) -> None:
    statuses = list(zip(sorted(times), are_paused, strict=False))
    order = random.Random(seed).sample(range(1, len(statuses) + 1), k=len(statuses))
    steps = steps_of(statuses, order)
    assert steps == steps_of(statuses)
    pauses = pauses_of(steps, 1_000)
    assert pauses == sorted(pauses)
    assert 0 <= overlap((200, 700), pauses) <= 500


def test_the_first_steps_are_kept_in_whatever_order_they_come() -> None:
    statuses = [(number, number % 2 == 1) for number in range(KEPT_STEPS + 20)]
    order = random.Random(1).sample(range(1, len(statuses) + 1), k=len(statuses))
    steps = steps_of(statuses, order)
    assert steps == steps_of(statuses)
    assert [version for version, _, _ in steps] == list(range(1, KEPT_STEPS + 1))
    assert with_step(steps, KEPT_STEPS + 5, 0, is_paused=True) is steps
