"""The state of an attempt: the same whatever the order, however often, and wherever it is resumed."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.alerts import alerts_of
from services.proctoring.assessing import assessed, away_milliseconds, figures_of, sample_of
from services.proctoring.baselines import Figure, Source, comparison
from services.proctoring.evidence import Tally
from services.proctoring.signals import (
    CameraBlocked,
    CopyAttempt,
    DevtoolsOpen,
    ExamRules,
    FaceAbsent,
    FocusLost,
    FocusRegained,
    Keystrokes,
    Mouse,
    MultipleFaces,
    Observed,
    PasteAttempt,
    QuestionShown,
    RightClick,
    SignalKind,
    TabSwitch,
)
from services.proctoring.state import KEPT_CELLS, Happening, Watch, decoded, encoded, fold
from services.proctoring.tests.builders import (
    START_MS,
    a_baseline,
    answers_kept,
    at,
    attempt_started,
    mouse,
    signals_taken,
    typing,
    watch_began,
    watched,
)

SECONDS = st.integers(0, 3600)
SIGNAL = st.one_of(
    st.builds(
        lambda kind, t: kind(at=at(t)),
        st.sampled_from([TabSwitch, DevtoolsOpen, FocusLost, RightClick, CopyAttempt]),
        SECONDS,
    ),
    st.builds(lambda t, away: FocusRegained(at=at(t), away_milliseconds=away), SECONDS, st.integers(0, 600_000)),
    st.builds(lambda t, size: PasteAttempt(at=at(t), characters=size), SECONDS, st.integers(0, 500)),
    st.builds(lambda t: MultipleFaces(at=at(t)), SECONDS),
    st.builds(lambda t, question: QuestionShown(at=at(t), position=question), SECONDS, st.integers(1, 40)),
    st.builds(typing, SECONDS, st.integers(10, 200)),
    st.builds(mouse, SECONDS, st.integers(1, 2000)),
)
ANSWER = st.tuples(st.sampled_from([f"q{number}" for number in range(6)]), st.integers(1, 8), st.integers(0, 3))


@st.composite
def tapes(draw: st.DrawFn) -> list[Happening]:
    """What may happen in one attempt, each event once."""
    tape: list[Happening] = [
        watch_began(
            ExamRules(camera=draw(st.booleans()), browser_lockdown=draw(st.booleans())),
            comparison=comparison(a_baseline(6, typing_wpm=40, mouse_speed_pxs=200, seconds_per_question=30), {}),
        ),
        attempt_started(),
    ]
    for number, signals in enumerate(draw(st.lists(st.lists(SIGNAL, min_size=1, max_size=4), max_size=8)), start=1):
        tape.append(
            signals_taken(
                number,
                *signals,
                session_id=draw(st.sampled_from(["a", "b"])),
                network=draw(st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::/64"])),
            )
        )
    revisions: dict[tuple[str, int], tuple[int, int]] = {}
    for seconds, answer in draw(st.lists(st.tuples(SECONDS, ANSWER), max_size=12)):
        revisions.setdefault(answer[:2], (seconds, answer[2]))
    tape += [answers_kept(seconds, (*key, digest)) for key, (seconds, digest) in revisions.items()]
    version = 1
    for seconds in sorted(draw(st.lists(SECONDS, max_size=4))):
        version += 1
        status = "in_progress" if version % 2 else "paused"
        tape.append(attempt_started(version, network="", at_ms=START_MS + seconds * 1000, status=status))
    if draw(st.booleans()):
        tape.append(attempt_started(version + 1, network="", at_ms=START_MS + 3_600_000, status="submitted"))
    return tape


def after(tape: list[Happening]) -> Watch | None:
    watch = None
    for event in tape:
        watch = fold(watch, event)
    return watch


def told(watch: Watch) -> tuple[object, object]:
    assessment = assessed(watch)
    return assessment, alerts_of(watch, assessment) if assessment else ()


@settings(deadline=None)
@given(tape=tapes(), shuffled=st.randoms(use_true_random=False), cut=st.integers(0, 30))
def test_a_shuffled_repeated_and_resumed_tape_gives_the_same_state_scores_and_alerts(
    tape: list[Happening], shuffled: random.Random, cut: int
) -> None:
    expected = after(tape)
    other = tape + shuffled.choices(tape, k=len(tape) // 2)
    shuffled.shuffle(other)
    resumed = after(other[:cut])
    if resumed is not None:
        resumed = decoded(encoded(resumed))
    for event in other[cut:]:
        resumed = fold(resumed, event)
    assert resumed == expected
    assert encoded(resumed) == encoded(expected)
    assert told(resumed) == told(expected)


@settings(deadline=None)
@given(tape=tapes())
def test_an_event_known_already_changes_nothing_and_a_new_one_raises_the_revision(tape: list[Happening]) -> None:
    watch, seen = None, 0
    for event in tape:
        watch = fold(watch, event)
        assert watch.taken > seen
        seen = watch.taken
        assert fold(watch, event) is watch


def test_nothing_is_said_of_an_attempt_that_is_not_proctored() -> None:
    unknown = fold(None, signals_taken(1, TabSwitch(at=at(1))))
    assert assessed(unknown) is None
    assert assessed(watched(rules=ExamRules(proctoring=False))) is None


def test_batches_that_come_late_are_taken_in_and_known_ones_are_not() -> None:
    watch = watched(signals_taken(3, TabSwitch(at=at(3))), signals_taken(1, TabSwitch(at=at(1))))
    assert watch.batches == ((1, 1), (3, 3))
    watch = fold(watch, signals_taken(2, TabSwitch(at=at(2))))
    assert watch.batches == ((1, 3),)
    assert assessed(watch).tallies["tab_switch"].count == 3


def test_figures_need_enough_behind_them() -> None:
    assert figures_of(watched(signals_taken(1, typing(60, 40, strokes=49)))) == {}
    found = figures_of(watched(signals_taken(1, typing(60, 40, strokes=50), mouse(60, 150))))
    assert found == {
        Figure.TYPING_WPM: Decimal("40.00"),
        Figure.DWELL_MS: Decimal("90.00"),
        Figure.FLIGHT_MS: Decimal("120.00"),
        Figure.MOUSE_SPEED_PXS: Decimal("150.00"),
        Figure.MOVING_SPEED_PXS: Decimal("450.00"),
    }


def test_a_rate_of_tab_switches_is_known_after_ten_minutes() -> None:
    early = watched(signals_taken(1, TabSwitch(at=at(599))))
    assert Figure.TAB_SWITCHES_PER_HOUR not in figures_of(early)
    late = watched(signals_taken(1, TabSwitch(at=at(600))))
    assert sample_of(late).figures == {Figure.TAB_SWITCHES_PER_HOUR: Decimal("6.00")}


def test_time_away_runs_on_until_the_focus_or_an_answer_comes() -> None:
    lost = watched(signals_taken(1, FocusLost(at=at(100))), signals_taken(2, MultipleFaces(at=at(170))))
    assert away_milliseconds(lost) == 70_000
    answered = fold(lost, answers_kept(130, ("q1", 1, 5)))
    assert away_milliseconds(answered) == 30_000
    back = fold(lost, signals_taken(3, FocusRegained(at=at(180), away_milliseconds=80_000)))
    assert away_milliseconds(back) == 80_000


def test_time_away_in_a_break_that_staff_have_given_does_not_count() -> None:
    paused = attempt_started(2, network="", at_ms=START_MS + 100_000, status="paused")
    resumed = attempt_started(3, network="", at_ms=START_MS + 700_000)
    lost = watched(signals_taken(1, FocusLost(at=at(90))), paused)
    assert away_milliseconds(lost) == 10_000
    # Whoever came back during the break did so unheard.
    at_work = fold(fold(lost, resumed), signals_taken(2, MultipleFaces(at=at(720))))
    assert away_milliseconds(at_work) == 10_000
    back = signals_taken(2, FocusRegained(at=at(710), away_milliseconds=600_000))
    for events in ((resumed, back), (back, resumed)):
        watch = fold(fold(lost, events[0]), events[1])
        assert away_milliseconds(watch) == 10_000
        assert assessed(watch).risk.score == 0


AT_REST: list[Observed] = [
    Mouse(at=at(400), window_milliseconds=5000, moving_milliseconds=0, distance_pixels=0),
    Keystrokes(
        at=at(400),
        window_milliseconds=5000,
        strokes=0,
        typing_milliseconds=0,
        dwell_milliseconds=0,
        flight_milliseconds=0,
    ),
    FaceAbsent(at=at(400), absent_milliseconds=5000),
    CameraBlocked(at=at(400)),
]


def test_a_page_left_open_on_another_machine_is_no_second_log_in() -> None:
    moved = signals_taken(2, mouse(300, 100), session_id="log-in 2")

    def logins(*last: Observed) -> int:
        assessment = assessed(watched(signals_taken(1, mouse(100, 100)), moved, signals_taken(3, *last)))
        return assessment.tallies.get(SignalKind.MULTIPLE_LOGINS, Tally()).count

    assert logins(*AT_REST) == 0
    for used in (mouse(400, 1), typing(400, 40, strokes=5), TabSwitch(at=at(400)), FocusLost(at=at(400))):
        assert logins(*AT_REST, used) == 1


def test_every_component_is_made_from_what_was_seen() -> None:
    usual = comparison(a_baseline(5, typing_wpm=40, mouse_speed_pxs=200, seconds_per_question=30), {})
    watch = fold(fold(None, watch_began(comparison=usual)), attempt_started())
    for event in (
        signals_taken(1, typing(60, 100), mouse(60, 10)),
        *(answers_kept(61 + 4 * number, (f"q{number}", 1, 5)) for number in range(6)),
        signals_taken(2, *(TabSwitch(at=at(200 + number)) for number in range(11))),
        signals_taken(3, FocusRegained(at=at(400), away_milliseconds=121_000)),
    ):
        watch = fold(watch, event)
    assessment = assessed(watch)
    assert {component.name: str(component.score) for component in assessment.risk.components} == {
        "typing": "0.9",
        "tab_switches": "1.0",
        "mouse": "0.7",
        "answer_speed": "0.8",
        "window_focus": "0.9",
    }
    assert (assessment.risk.score, assessment.integrity) == (Decimal("0.8800"), Decimal("12.00"))
    assert assessment.risk.components[0].compared_with is Source.OWN
    assert (assessment.fast_answers, assessment.slow_answers) == (5, 0)
    assert assessment.limit is not None
    assert assessment.baseline_version == 5


def test_what_is_kept_of_an_attempt_stays_bounded() -> None:
    watch = watched()
    for number in range(1, 2 * KEPT_CELLS):
        watch = fold(watch, signals_taken(number, DevtoolsOpen(at=at(300 * number)), network=f"10.0.{number % 250}.1"))
    size = len(encoded(watch))
    signals: list[Observed] = [DevtoolsOpen(at=at(600_000 + second)) for second in range(90)]
    for number in range(2 * KEPT_CELLS, 3 * KEPT_CELLS):
        watch = fold(watch, signals_taken(number, *signals))
    assert len(watch.cells) == KEPT_CELLS
    assert len(encoded(watch)) < size + 2_000
    assert assessed(watch).tallies["devtools_open"].count == 2 * KEPT_CELLS - 1 + 90 * KEPT_CELLS


def test_of_many_windows_the_newest_are_kept_in_whatever_order_they_come() -> None:
    batches = [signals_taken(number, DevtoolsOpen(at=at(300 * number))) for number in range(1, KEPT_CELLS + 40)]
    expected = watched(*batches)
    assert list(expected.cells)[-1] == max(expected.cells)
    assert len(expected.cells) == KEPT_CELLS
    for seed in range(3):
        assert watched(*random.Random(seed).sample(batches, k=len(batches))) == expected


@pytest.mark.parametrize("sensitivity", ["low", "medium", "high"])
def test_the_exam_sets_how_closely_it_is_watched(sensitivity: str) -> None:
    tabs = signals_taken(1, *(TabSwitch(at=at(second)) for second in range(11)))
    assessment = assessed(watched(tabs, rules=ExamRules(sensitivity=sensitivity)))
    assert (
        assessment.risk.score
        == {"low": Decimal("0.225"), "medium": Decimal("0.3"), "high": Decimal("0.375")}[sensitivity]
    )
