"""Baselines: robust, versioned, honest about how much they know."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.baselines import (
    SAMPLES_KEPT,
    Baseline,
    Figure,
    Norm,
    Source,
    comparison,
    merged,
    own_norms,
    population_norms,
    typical,
    with_sample,
    without_sample,
)
from services.proctoring.tests.builders import a_baseline, a_sample

WPM = Figure.TYPING_WPM
SAMPLES = st.lists(
    st.builds(lambda number, wpm: a_sample(number, typing_wpm=wpm), st.integers(0, 40), st.integers(1, 200)),
    unique_by=lambda sample: sample.attempt_id,
    max_size=40,
)


def learnt(samples: list[object]) -> Baseline:
    baseline = Baseline()
    for sample in samples:
        baseline = with_sample(baseline, sample, is_flagged=False)
    return baseline


def test_four_samples_are_not_enough_and_five_are() -> None:
    population = {WPM: Norm(Decimal(50), Decimal(8), 300, Source.POPULATION)}
    few = comparison(a_baseline(4, typing_wpm=30), population)
    assert (few.norms[WPM].median, few.norms[WPM].source) == (50, Source.POPULATION)
    enough = comparison(a_baseline(5, typing_wpm=30), population)
    assert enough.norms[WPM] == Norm(Decimal("30.00"), Decimal("0.00"), 5, Source.OWN)
    assert (few.samples_source, enough.samples_source) == (Source.NOTHING, Source.OWN)


def test_each_figure_needs_its_own_samples() -> None:
    baseline = a_baseline(5, typing_wpm=30)
    baseline = with_sample(baseline, a_sample(9, mouse_speed_pxs=100), is_flagged=False)
    assert set(own_norms(baseline)) == {WPM}


def test_without_a_population_nothing_is_compared() -> None:
    assert comparison(Baseline(), {}).norms == {}


def test_median_and_mad_are_those_of_the_samples() -> None:
    baseline = learnt([a_sample(number, typing_wpm=wpm) for number, wpm in enumerate((30, 32, 35, 41, 90))])
    norm = own_norms(baseline)[WPM]
    assert (norm.median, norm.mad) == (35, 5)  # deviations 5 3 0 6 55
    assert norm.deviation(Decimal(50)) == Decimal("2.02")  # 15 / (5 × 1.4826)


def test_where_all_samples_are_alike_there_is_no_scale_to_deviate_on() -> None:
    assert own_norms(a_baseline(5, typing_wpm=30))[WPM].deviation(Decimal(31)) is None


def test_a_flagged_attempt_teaches_nothing() -> None:
    baseline = a_baseline(5, typing_wpm=30)
    assert with_sample(baseline, a_sample(7, typing_wpm=200), is_flagged=True) is baseline


def test_an_attempt_flagged_afterwards_is_unlearnt_under_a_new_version() -> None:
    baseline = a_baseline(6, typing_wpm=30)
    less = without_sample(baseline, a_sample(2).attempt_id)
    assert (len(less.samples), less.version) == (5, baseline.version + 1)
    assert without_sample(less, a_sample(2).attempt_id) is less


def test_the_version_grows_with_every_change_and_only_then() -> None:
    baseline = a_baseline(3, typing_wpm=30)
    assert baseline.version == 3
    assert with_sample(baseline, a_sample(1, typing_wpm=99), is_flagged=False) is baseline


def test_a_sample_without_figures_is_none() -> None:
    assert with_sample(Baseline(), a_sample(1), is_flagged=False).version == 0


def test_the_population_counts_every_student_once() -> None:
    busy = a_baseline(20, typing_wpm=100)
    others = [a_baseline(1, typing_wpm=wpm) for wpm in (30, 40, 50, 60)]
    norm = population_norms([typical(student) for student in [busy, *others]])[WPM]
    assert (norm.median, norm.samples, norm.source) == (50, 5, Source.POPULATION)


@given(samples=SAMPLES, shuffled=st.randoms(use_true_random=False))
def test_the_order_in_which_attempts_are_learnt_does_not_matter(samples: list[object], shuffled: object) -> None:
    other = list(samples)
    shuffled.shuffle(other)
    assert learnt(samples).samples == learnt(other + other[:3]).samples
    assert len(learnt(samples).samples) <= SAMPLES_KEPT


@given(samples=SAMPLES, cut=st.integers(0, 40))
def test_merging_two_baselines_gives_what_one_would_have_learnt(samples: list[object], cut: int) -> None:
    one, other = learnt(samples[:cut]), learnt(samples[max(cut - 3, 0) :])
    assert merged(one, other) == merged(other, one)
    assert merged(one, other).samples == learnt(samples).samples
    assert merged(one, other).version > max(one.version, other.version)


@given(honest=st.lists(st.integers(30, 50), min_size=11, max_size=14), odd=st.lists(st.integers(1, 10_000), max_size=5))
def test_a_minority_of_odd_attempts_cannot_carry_the_median_away(honest: list[int], odd: list[int]) -> None:
    samples = [a_sample(number, typing_wpm=wpm) for number, wpm in enumerate(honest + odd)]
    assert 30 <= own_norms(learnt(samples))[WPM].median <= 50
