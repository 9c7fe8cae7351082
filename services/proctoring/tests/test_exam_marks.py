"""Where the numbers go back to when an answer comes late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring import exam_marks
from services.proctoring.collusion.facts import WatchedExam
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.running import Running
from services.proctoring.exam_marks import MARK_MS, Mark, Marks

RUNNING = Running(Plan.of(WatchedExam("exam", 1, 0, True, ())), {})


def an_answer(at_ms: int) -> Answer:
    return Answer(at_ms, "attempt", b"question", 1, 0, 0)


def take_in(marks: Marks, answers: list[Answer]) -> None:
    for part in marks.parts(answers):
        if marks.took(part):
            marks.put(Mark(RUNNING, part[-1], None))


@given(
    st.lists(st.integers(0, 40 * MARK_MS), unique=True).map(sorted),
    st.lists(st.integers(1, 30), max_size=30),
    st.data(),
)
def test_what_is_taken_in_again_after_a_mark_is_all_that_came_after_it(
    times: list[int], sizes: list[int], data: st.DataObject
) -> None:
    answers, marks, taken = [an_answer(at_ms) for at_ms in times], Marks(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exam_marks, "MARK_ANSWERS", data.draw(st.integers(1, 20)))
        for size in [*sizes, len(answers)]:
            take_in(marks, answers[taken : taken + size])
            taken = min(len(answers), taken + size)
    late = data.draw(st.none() | st.integers(0, 41 * MARK_MS).map(an_answer))
    found = marks.before(late)
    assert found == sorted(found, key=lambda mark: mark.last, reverse=True)
    for mark in found:
        assert late is None or mark.last < late
        assert marks.back_to(mark) == [answer for answer in answers if answer > mark.last]
        break


@given(st.lists(st.integers(0, 40 * MARK_MS), min_size=1).map(sorted), st.integers(1, 30))
def test_whatever_comes_late_by_less_than_the_time_of_a_mark_finds_one(times: list[int], size: int) -> None:
    answers, marks = [an_answer(at_ms) for at_ms in times], Marks()
    for first in range(0, len(answers), size):
        take_in(marks, answers[first : first + size])
        newest = answers[: first + size][-1].at_ms
        if newest - answers[0].at_ms > 2 * MARK_MS:
            assert marks.before(an_answer(newest - MARK_MS + 1))


def test_after_going_back_later_marks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exam_marks, "MARK_ANSWERS", 1)
    marks = Marks()
    for number in range(4):
        take_in(marks, [an_answer(number * 2 * MARK_MS)])
    newer, older = marks.before(None)
    marks.back_to(older)
    assert marks.before(None) == [older]
    assert newer.last > older.last
    marks.clear()
    assert marks.before(None) == []
