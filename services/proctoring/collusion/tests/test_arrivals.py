from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.collusion.arrivals import HELD_SECONDS, MOST_AT_ONCE, Arrivals
from services.proctoring.collusion.plan import Answer


def an_answer(at_ms: int) -> Answer:
    return Answer(at_ms, "attempt", b"question", 1, 0, 0)


def test_an_answer_is_held_back_for_a_moment_after_it_is_first_seen() -> None:
    arrivals = Arrivals()
    assert arrivals.add(an_answer(5))
    assert arrivals.due(100.0) == []
    assert arrivals.due(100.0 + HELD_SECONDS - 0.01) == []
    assert arrivals
    assert arrivals.due(100.0 + HELD_SECONDS) == [an_answer(5)]
    assert not arrivals


def test_what_sorts_before_an_answer_goes_with_it_however_lately_it_came() -> None:
    arrivals = Arrivals()
    arrivals.add(an_answer(20))
    arrivals.due(0.0)
    arrivals.add(an_answer(10))
    arrivals.add(an_answer(30))
    assert arrivals.due(HELD_SECONDS) == [an_answer(10), an_answer(20)]
    assert arrivals.due(2 * HELD_SECONDS) == [an_answer(30)]


def test_an_answer_that_sorts_before_one_let_through_is_late() -> None:
    arrivals = Arrivals()
    arrivals.add(an_answer(20))
    arrivals.due(0.0)
    arrivals.due(HELD_SECONDS)
    assert not arrivals.add(an_answer(10))
    assert arrivals.add(an_answer(21))


def test_nothing_is_let_through_while_all_is_computed_anew() -> None:
    arrivals = Arrivals()
    arrivals.add(an_answer(20))
    arrivals.begin()
    arrivals.add(an_answer(30))
    arrivals.due(0.0)
    assert arrivals.due(10.0) == []
    assert arrivals.go_on_after(an_answer(20))
    assert arrivals.due(11.0) == [an_answer(30)]


def test_what_came_meanwhile_and_sorts_before_what_was_computed_is_late() -> None:
    arrivals = Arrivals()
    arrivals.begin()
    arrivals.add(an_answer(10))
    assert not arrivals.go_on_after(an_answer(20))


def test_of_very_many_a_part_is_let_through_at_once_and_what_comes_meanwhile_sorts_itself_among_the_others() -> None:
    arrivals = Arrivals()
    for at_ms in range(0, 4 * MOST_AT_ONCE, 2):
        arrivals.add(an_answer(at_ms))
    arrivals.due(0.0)
    first = arrivals.due(1.0)
    assert first == [an_answer(2 * number) for number in range(MOST_AT_ONCE)]
    assert not arrivals.add(an_answer(first[-1].at_ms - 1))
    assert arrivals.add(an_answer(first[-1].at_ms + 1))
    second = arrivals.due(1.1)
    assert second[0] == an_answer(first[-1].at_ms + 1)
    assert len(first) + len(second) + len(arrivals.due(1.2)) == 2 * MOST_AT_ONCE + 1


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 0.3)), max_size=40))
def test_let_through_in_order_or_known_to_be_late(steps: list[tuple[int, float]]) -> None:
    arrivals, now, through, late = Arrivals(), 0.0, [], 0
    for at_ms, seconds in steps:
        late += not arrivals.add(an_answer(at_ms))
        now += seconds
        through += arrivals.due(now)
    through += arrivals.due(now + 1) + arrivals.due(now + 2)
    assert through == sorted(through)
    assert len(through) + late == len(steps)
