from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import Limiter, take

rates = st.floats(0.1, 1000)
bursts = st.integers(1, 500)
gaps = st.lists(st.floats(0, 5), min_size=1, max_size=300)


@given(rates, bursts, gaps)
def test_never_more_than_the_burst_and_what_flowed_in_since(rate: float, burst: int, pauses: list[float]) -> None:
    now, full_at, taken = 1000.0, 0.0, 0
    for pause in pauses:
        now += pause
        full_at, left = take(full_at, now, rate, burst)
        taken += left >= 0
    assert taken <= burst + (now - 1000.0) * rate + 0.01


@given(rates, bursts)
def test_a_full_bucket_gives_exactly_its_burst_at_once(rate: float, burst: int) -> None:
    full_at, lefts = 0.0, []
    for _ in range(burst + 3):
        full_at, left = take(full_at, 1000.0, rate, burst)
        lefts.append(left)
    assert lefts == [*range(burst - 1, -1, -1), -1, -1, -1]


@given(rates, bursts, st.floats(0, 1e4))
def test_a_refusal_takes_nothing(rate: float, burst: int, ahead: float) -> None:
    full_at = 1000.0 + ahead
    after, left = take(full_at, 1000.0, rate, burst)
    assert (after == full_at) if left < 0 else (after > full_at - 1e-9)


@given(st.floats(1, 1000), bursts)
def test_who_waits_as_told_is_let_through(rate: float, burst: int) -> None:
    now = 1000.0
    limiter = Limiter("person", rate, burst, clock=lambda: now)
    while limiter.take("k") >= 0:
        pass
    now += limiter.retry_after_seconds("k")
    assert limiter.take("k") >= 0


def test_keys_do_not_share_a_bucket() -> None:
    limiter = Limiter("person", 1, 1, clock=lambda: 1000.0)
    assert [limiter.take("a"), limiter.take("a"), limiter.take("b")] == [0, -1, 0]


def test_headers_tell_quota_window_tokens_left_and_seconds_until_full() -> None:
    limiter = Limiter("person", 50, 200, clock=lambda: 1000.0)
    assert limiter.headers(limiter.take("a")) == [
        (b"ratelimit-policy", b'"person";q=200;w=4'),
        (b"ratelimit", b'"person";r=199;t=1'),
    ]
    assert limiter.headers(-1)[1] == (b"ratelimit", b'"person";r=0;t=4')


def test_a_full_bucket_is_forgotten_and_a_used_one_kept() -> None:
    now = 1000.0
    limiter = Limiter("person", 1, 5, clock=lambda: now)
    limiter.take("old")
    now += 1.5
    limiter.take("new")
    limiter.forget_full()
    assert limiter.is_full("old")
    assert not limiter.is_full("new")
    assert set(limiter._full_at) == {"new"}


@given(st.integers(0, 10_000))
def test_a_bucket_is_never_emptier_than_empty(elsewhere: int) -> None:
    now = 1000.0
    limiter = Limiter("person", 10, 20, clock=lambda: now)
    limiter.take_elsewhere("a", elsewhere)
    now += 2.01
    assert limiter.take("a") == 19
