"""The invented browser tells what a real one may, and tells nobody's words."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from examhall.rehearsal.browser import Page, batch, somebody_elses, style_of
from services.proctoring.assessing import figures_of
from services.proctoring.baselines import Figure
from services.proctoring.signals import ExamRules, SignalBatch
from services.proctoring.state import SignalsTaken, WatchBegan, fold

BEGAN = datetime(2026, 6, 1, 9, tzinfo=UTC)
seeds = st.integers(0, 10**6).map(str)


def a_page(seed: str = "ana") -> Page:
    return Page(style_of(seed), Random(seed), BEGAN)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def decoded(page: Page, seconds: float) -> SignalBatch:
    return msgspec.json.decode(msgspec.json.encode(batch(new_id(), page.take(), at(seconds))), type=SignalBatch)


@given(seeds, st.lists(st.tuples(st.floats(0.001, 400), st.text(max_size=2000)), min_size=1, max_size=20))
def test_whatever_is_done_the_service_can_read_what_is_told(seed: str, stretches: list[tuple[float, str]]):
    page, seconds = a_page(seed), 0.0
    for place, (lasts, text) in enumerate(stretches):
        seconds += lasts
        page.show(f"q{place}", place + 1, at(seconds))
        page.type(text)
        page.sum_up(at(seconds))
    kinds = {signal.kind.value for signal in decoded(page, seconds).signals}
    assert kinds <= {"question_shown", "keystrokes", "mouse"}


@given(seeds, st.text(alphabet=st.characters(codec="ascii", categories=("Lu",)), min_size=12))
def test_what_was_typed_is_in_no_signal(seed: str, text: str):
    page = a_page(seed)
    page.show("q1", 1, at(1))
    page.type(text)
    page.sum_up(at(60))
    assert text.encode() not in msgspec.json.encode(page.take())


def test_a_question_is_told_once_however_often_it_is_turned_to_again_at_once():
    page = a_page()
    page.show("q1", 1, at(1))
    page.show("q1", 1, at(2))
    page.show("q2", 2, at(3))
    assert [(each["kind"], each["position"]) for each in page.take()] == [("question_shown", 1), ("question_shown", 2)]


def test_a_batch_holds_a_hundred_signals_and_the_next_one_the_rest():
    page = a_page()
    for number in range(130):
        page.note("right_click", at(number))
    assert (len(page.take()), len(page.take()), page.take()) == (100, 30, [])


@given(seeds)
def test_the_figures_of_a_sitting_are_the_persons_and_an_impostor_is_far_off(seed: str):
    own, other = (
        figures(Page(style_of(seed), Random(seed), BEGAN)),
        figures(Page(somebody_elses(style_of(seed)), Random(seed), BEGAN)),
    )
    assert abs(own[Figure.TYPING_WPM] / round_of(style_of(seed).words_a_minute) - 1) < 0.2
    assert other[Figure.TYPING_WPM] > own[Figure.TYPING_WPM] * 2
    assert other[Figure.MOUSE_SPEED_PXS] * 100 < own[Figure.MOUSE_SPEED_PXS] * 30


def round_of(value: float) -> int:
    return round(value)


def figures(page: Page) -> dict[Figure, object]:
    """What proctoring measures of a sitting of 50 s in which a little is typed now and then."""
    for number in range(1, 11):
        page.type("a few words" * 2)
        page.sum_up(at(number * 5))
    ids = {"attempt_id": "a", "exam_id": "e", "student_id": "s"}
    watch = fold(None, WatchBegan(**ids, revision=1, rules=ExamRules()))
    taken = SignalsTaken(
        **ids, number=1, received_at_ms=0, session_id="l", network="", signals=decoded(page, 50).signals
    )
    return figures_of(fold(watch, taken))
