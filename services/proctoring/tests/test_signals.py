"""Which signals are believed, collected, allowed and counted."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.signals import (
    BATCH_BURST,
    CLOCK_DRIFT_ALLOWED,
    DERIVED_KINDS,
    MAX_AGE,
    MAX_SIGNALS_PER_BATCH,
    ExamRules,
    NotBelieved,
    Signal,
    SignalBatch,
    SignalKind,
    TabSwitch,
    is_allowed,
    is_collected,
    is_violation,
    stamped,
    take,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STRICT = ExamRules(browser_lockdown=True, camera=True)
RULES = st.builds(
    ExamRules,
    proctoring=st.booleans(),
    camera=st.booleans(),
    browser_lockdown=st.booleans(),
    tab_switch_allowed=st.booleans(),
    copy_paste_allowed=st.booleans(),
)


def a_batch(*ages_seconds: float, clock_is_off_by: timedelta = timedelta(0)) -> SignalBatch:
    sent_at = NOON + clock_is_off_by
    return SignalBatch(
        batch_id=str(uuid4()),
        sent_at=sent_at,
        signals=tuple(TabSwitch(at=sent_at - timedelta(seconds=age)) for age in ages_seconds),
    )


def body(**signal: object) -> bytes:
    return msgspec.json.encode({"batch_id": str(uuid4()), "sent_at": NOON, "signals": [signal]})


def test_every_kind_of_a_client_has_its_message_and_derived_ones_have_none() -> None:
    tags = {kind.__struct_config__.tag for kind in Signal.__args__}
    assert tags == {kind.value for kind in SignalKind} - DERIVED_KINDS


@pytest.mark.parametrize(
    ("signal", "word"),
    [
        ({"kind": "mind_reading", "at": NOON}, "mind_reading"),
        ({"kind": "rapid_answers", "at": NOON}, "rapid_answers"),
        ({"kind": "tab_switch", "at": NOON, "text": "secret"}, "text"),
        ({"kind": "tab_switch", "at": "2026-06-01T12:00:00"}, "timezone"),
        ({"kind": "focus_regained", "at": NOON, "away_milliseconds": -1}, "away_milliseconds"),
        ({"kind": "focus_regained", "at": NOON, "away_milliseconds": 600_001}, "away_milliseconds"),
        ({"kind": "keystrokes", "at": NOON, "strokes": 3}, "missing"),
    ],
)
def test_what_is_unknown_or_out_of_bounds_is_refused_by_name(signal: dict[str, object], word: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=word):
        msgspec.json.decode(body(**signal), type=SignalBatch)


def test_a_batch_has_an_upper_and_a_lower_limit() -> None:
    for count in (0, MAX_SIGNALS_PER_BATCH + 1):
        raw = {"batch_id": str(uuid4()), "sent_at": NOON, "signals": [{"kind": "tab_switch", "at": NOON}] * count}
        with pytest.raises(msgspec.ValidationError, match="length"):
            msgspec.json.decode(msgspec.json.encode(raw), type=SignalBatch)


def test_a_signal_knows_its_kind_and_what_it_adds_up() -> None:
    batch = msgspec.json.decode(body(kind="focus_regained", at=NOON, away_milliseconds=1500), type=SignalBatch)
    assert (batch.signals[0].kind, batch.signals[0].amount) == (SignalKind.FOCUS_REGAINED, 1500)


@given(off=st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400)))
def test_a_wrong_clock_changes_no_time(off: timedelta) -> None:
    started = NOON - timedelta(hours=1)
    assert stamped(a_batch(0, 60, clock_is_off_by=off), NOON, started) == [NOON, NOON - timedelta(seconds=60)]


@pytest.mark.parametrize(
    ("age_seconds", "started_before_seconds", "rule"),
    [
        (MAX_AGE.total_seconds() + 1, 3600, "600 seconds before"),
        (-CLOCK_DRIFT_ALLOWED.total_seconds() - 1, 3600, "after the batch was sent"),
        (100, 60, "before the attempt began"),
    ],
)
def test_times_that_no_clock_explains_are_refused(age_seconds: float, started_before_seconds: int, rule: str) -> None:
    with pytest.raises(NotBelieved, match=rule) as refused:
        stamped(a_batch(0, age_seconds), NOON, NOON - timedelta(seconds=started_before_seconds))
    assert refused.value.index == 1


@given(ages=st.lists(st.floats(-30, 600), min_size=1, max_size=10), started=st.integers(600, 7200))
def test_no_stamp_lies_outside_the_attempt(ages: list[float], started: int) -> None:
    began = NOON - timedelta(seconds=started)
    assert all(began <= at <= NOON for at in stamped(a_batch(*ages), NOON, began))


@pytest.mark.parametrize(
    ("kind", "rules", "counts"),
    [
        ("tab_switch", ExamRules(), True),
        ("tab_switch", ExamRules(tab_switch_allowed=True), False),
        ("tab_switch", ExamRules(tab_switch_allowed=True, browser_lockdown=True), True),
        ("focus_lost", ExamRules(), True),
        ("focus_lost", ExamRules(tab_switch_allowed=True), False),
        ("focus_regained", STRICT, False),
        ("multiple_windows", ExamRules(), True),
        ("fullscreen_exit", ExamRules(), False),
        ("fullscreen_exit", STRICT, True),
        ("right_click", ExamRules(), True),
        ("right_click", ExamRules(copy_paste_allowed=True), False),
        ("right_click", ExamRules(copy_paste_allowed=True, browser_lockdown=True), True),
        ("copy_attempt", ExamRules(), True),
        ("paste_attempt", ExamRules(copy_paste_allowed=True), False),
        ("devtools_open", ExamRules(), False),
        ("devtools_open", STRICT, True),
        ("ip_change", STRICT, False),
        ("multiple_logins", STRICT, False),
        ("rapid_answers", STRICT, False),
        ("answer_modification", STRICT, False),
        ("multiple_faces", STRICT, False),
        ("keystrokes", STRICT, False),
        ("tab_switch", ExamRules(proctoring=False), False),
    ],
)
def test_what_counts_as_a_violation_depends_on_the_exam(kind: str, rules: ExamRules, counts: bool) -> None:
    assert is_violation(SignalKind(kind), rules) is counts


@given(kind=st.sampled_from(SignalKind), rules=RULES)
def test_what_is_allowed_or_not_collected_is_never_a_violation(kind: SignalKind, rules: ExamRules) -> None:
    if is_violation(kind, rules):
        assert not is_allowed(kind, rules)
        assert is_collected(kind, rules)


def test_the_camera_tells_nothing_where_the_exam_has_none() -> None:
    assert not is_collected(SignalKind.FACE_ABSENT, ExamRules())
    assert is_collected(SignalKind.FACE_ABSENT, ExamRules(camera=True))
    assert not is_collected(SignalKind.TAB_SWITCH, ExamRules(proctoring=False))


def test_a_burst_passes_and_then_one_batch_a_second() -> None:
    allowance = None
    for _ in range(BATCH_BURST):
        allowance, wait = take(allowance, NOON)
        assert wait == 0
    allowance, wait = take(allowance, NOON)
    assert wait == 1.0
    allowance, wait = take(allowance, NOON + timedelta(seconds=1))
    assert wait == 0
    assert take(allowance, NOON + timedelta(seconds=1.5))[1] == 0.5


@given(steps=st.lists(st.floats(0, 5), max_size=60))
def test_no_rate_of_asking_gets_more_than_burst_and_rate(steps: list[float]) -> None:
    allowance, moment, passed = None, NOON, 0
    for step in steps:
        moment += timedelta(seconds=step)
        allowance, wait = take(allowance, moment)
        passed += wait == 0
    assert passed <= BATCH_BURST + (moment - NOON).total_seconds() + 1e-6
