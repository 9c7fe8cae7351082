"""One cause, one alert."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.alerts import Alert, alerts_of, news
from services.proctoring.assessing import assessed
from services.proctoring.baselines import comparison
from services.proctoring.levels import Level
from services.proctoring.signals import (
    CameraBlocked,
    DevtoolsOpen,
    ExamRules,
    FaceAbsent,
    FocusRegained,
    MultipleFaces,
    Observed,
    PasteAttempt,
    TabSwitch,
)
from services.proctoring.state import Watch, fold
from services.proctoring.tests.builders import (
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


def alerts(watch: Watch) -> tuple[Alert, ...]:
    assessment = assessed(watch)
    return alerts_of(watch, assessment) if assessment else ()


def kinds(watch: Watch) -> list[tuple[str, str, int]]:
    return [(alert.kind, alert.severity.value, alert.count) for alert in alerts(watch)]


def told(watch: Watch) -> dict[str, int]:
    return {alert.alert_id: alert.revision for alert in alerts(watch)}


@pytest.mark.parametrize(
    ("signal", "at_least", "severity"),
    [
        (lambda t: TabSwitch(at=t), 3, "medium"),
        (lambda t: DevtoolsOpen(at=t), 1, "high"),
        (lambda t: PasteAttempt(at=t, characters=5), 2, "medium"),
        (lambda t: MultipleFaces(at=t), 2, "medium"),
        (lambda t: FaceAbsent(at=t, absent_milliseconds=4000), 3, "low"),
        (lambda t: CameraBlocked(at=t), 2, "medium"),
    ],
)
def test_an_alert_comes_with_enough_observations_and_not_before(signal: object, at_least: int, severity: str) -> None:
    rules = ExamRules(camera=True, violation_limit=0)
    signals = [signal(at(second)) for second in range(at_least)]
    few = watched(signals_taken(1, *signals[:-1], TabSwitch(at=at(500))), rules=rules)
    assert kinds(few) == []
    enough = watched(signals_taken(1, *signals), rules=rules)
    assert kinds(enough) == [(signals[0].kind.value, severity, at_least)]


def test_a_cause_that_goes_on_is_the_same_alert_grown() -> None:
    watch = watched(signals_taken(1, DevtoolsOpen(at=at(1))))
    (first,) = alerts(watch)
    before = told(watch)
    watch = fold(watch, signals_taken(2, DevtoolsOpen(at=at(2))))
    (again,) = (alert for alert in alerts(watch) if alert.kind == "devtools_open")
    assert (again.alert_id, again.revision, again.count) == (first.alert_id, 2, 2)
    assert news(alerts(watch), before) == (again,)
    assert news(alerts(watch), told(watch)) == ()


def test_an_alert_is_told_again_when_it_has_doubled_and_as_it_stands_when_the_attempt_is_over() -> None:
    watch, heard, counts = watched(), {}, []
    for number in range(1, 8):
        watch = fold(watch, signals_taken(number, DevtoolsOpen(at=at(number))))
        found = [alert for alert in alerts(watch) if alert.kind == "devtools_open"]
        fresh = news(found, heard)
        counts += [alert.count for alert in fresh]
        heard |= {alert.alert_id: alert.revision for alert in fresh}
    assert counts == [1, 2, 4]
    assert [alert.count for alert in news(found, heard, is_over=True)] == [7]


def test_the_same_kind_in_another_window_is_another_cause() -> None:
    watch = watched(signals_taken(1, DevtoolsOpen(at=at(299.9)), DevtoolsOpen(at=at(300))))
    assert len({alert.alert_id for alert in alerts(watch) if alert.kind == "devtools_open"}) == 2


def test_what_the_exam_allows_or_does_not_collect_raises_none() -> None:
    tabs = signals_taken(1, *(TabSwitch(at=at(second)) for second in range(9)))
    assert kinds(watched(tabs, rules=ExamRules(tab_switch_allowed=True))) == []
    faces = signals_taken(1, *(MultipleFaces(at=at(second)) for second in range(9)))
    assert kinds(watched(faces)) == []
    assert kinds(watched(tabs, rules=ExamRules(proctoring=False))) == []


def test_two_log_ins_another_network_and_quick_answers_are_told_once_an_attempt() -> None:
    watch = watched(
        signals_taken(1, TabSwitch(at=at(1)), session_id="a"),
        signals_taken(2, TabSwitch(at=at(400)), session_id="b", network="10.0.0.9"),
        signals_taken(3, TabSwitch(at=at(800)), session_id="a", network="10.0.0.7"),
        answers_kept(900, ("q0", 1, 5)),
        *(answers_kept(900 + number, (f"q{number}", 1, 5)) for number in range(1, 5)),
        rules=ExamRules(violation_limit=0),
    )
    assert kinds(watch) == [
        ("ip_change", "medium", 2),
        ("multiple_logins", "high", 1),
        ("rapid_answers", "medium", 4),
    ]


def test_a_machine_that_comes_back_on_the_line_with_what_it_saw_before_is_no_second_log_in() -> None:
    queued = TabSwitch(at=at(100)), TabSwitch(at=at(150))
    watch = watched(
        signals_taken(1, TabSwitch(at=at(50)), session_id="a machine that fails"),
        signals_taken(2, TabSwitch(at=at(400)), session_id="the next one"),
        signals_taken(3, *queued, received=600, session_id="a machine that fails"),
    )
    assert "multiple_logins" not in {alert.kind for alert in alerts(watch)}
    in_use = fold(watch, signals_taken(4, TabSwitch(at=at(590)), received=600, session_id="a machine that fails"))
    assert "multiple_logins" in {alert.kind for alert in alerts(in_use)}


def test_the_violation_limit_is_told_with_the_acts_that_reached_it() -> None:
    watch = watched(signals_taken(1, *(TabSwitch(at=at(400 * number)) for number in range(1, 5)), received=1700))
    (alert,) = alerts(watch)
    assert (alert.kind, alert.severity, alert.count) == ("violation_limit", Level.HIGH, 3)
    assert [item.reference for item in alert.evidence] == ["1.1", "1.2", "1.3"]


def test_a_high_level_is_one_alert_and_says_what_made_it() -> None:
    rules = ExamRules(sensitivity="high", violation_limit=0)
    high = watched(
        signals_taken(1, *(DevtoolsOpen(at=at(1000 * number)) for number in range(3)), received=2500), rules=rules
    )
    (before,) = (alert for alert in alerts(high) if alert.kind == "risk")
    assert (before.severity, before.revision) == (Level.HIGH, 2)
    assert "Developer tools seemed open 3 times: 30 points each." in before.text


def test_the_alert_of_a_high_level_becomes_critical_where_both_scores_agree() -> None:
    usual = comparison(a_baseline(5, typing_wpm=40), {})
    rules = ExamRules(sensitivity="high", violation_limit=0)
    watch = fold(fold(None, watch_began(rules, comparison=usual)), attempt_started())
    watch = fold(watch, signals_taken(1, *(DevtoolsOpen(at=at(100 * number)) for number in range(3))))
    (high,) = (alert for alert in alerts(watch) if alert.kind == "risk")
    watch = fold(watch, signals_taken(2, typing(300, 100), FocusRegained(at=at(500), away_milliseconds=121_000)))
    watch = fold(watch, signals_taken(3, *(TabSwitch(at=at(500 + number)) for number in range(11))))
    (critical,) = (alert for alert in alerts(watch) if alert.kind == "risk")
    assert (critical.alert_id, critical.severity, critical.revision) == (high.alert_id, Level.CRITICAL, 3)
    assert critical.text.startswith("Level critical: behaviour score 110, risk 0.7688. Left the page 11 times")


@settings(deadline=None)
@given(
    strokes=st.lists(st.integers(5, 500), max_size=5),
    speeds=st.lists(st.integers(0, 5000), max_size=5),
    pace_seconds=st.integers(3, 600),
    sensitivity=st.sampled_from(["low", "medium", "high"]),
)
def test_nothing_is_raised_for_statistics_alone(
    strokes: list[int], speeds: list[int], pace_seconds: int, sensitivity: str
) -> None:
    usual = comparison(a_baseline(8, typing_wpm=40, mouse_speed_pxs=200, seconds_per_question=60), {})
    watch = fold(fold(None, watch_began(ExamRules(sensitivity=sensitivity), comparison=usual)), attempt_started())
    for number in range(1, 8):
        watch = fold(watch, answers_kept(pace_seconds * number, (f"q{number}", 1, 5)))
    statistics = [*(typing(60, wpm) for wpm in strokes), *(mouse(60, speed) for speed in speeds)]
    if statistics:
        watch = fold(watch, signals_taken(1, *statistics))
    assert alerts(watch) == ()


@given(seconds=st.lists(st.integers(0, 1200), max_size=30), more=st.integers(0, 1200))
def test_one_more_signal_takes_no_alert_back(seconds: list[int], more: int) -> None:
    def raised(times: list[int]) -> set[str]:
        signals: list[Observed] = [TabSwitch(at=at(second)) for second in times]
        return (
            {alert.alert_id for alert in alerts(watched(signals_taken(1, *signals, received=1200)))} if times else set()
        )

    assert raised(seconds) <= raised([*seconds, more])
