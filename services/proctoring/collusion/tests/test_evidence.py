from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.evidence import (
    MOST_FOR_ALL_PAIRS,
    RAREST,
    ExamModel,
    RunningEvidence,
    follow,
    log_answer_evidence,
    log_evidence,
    log_pace_evidence,
    relearn,
    sources_of,
    take_answer,
)
from services.proctoring.collusion.options import GRID, Calibration, OptionModel
from services.proctoring.collusion.tests.builders import EVERYTHING, honest_answers, known, some_items

COPIER, SOURCE = 0, 1


def an_exam_of(
    answers: np.ndarray, times: np.ndarray, model: ExamModel, state: RunningEvidence | None = None, stop: float = np.inf
):
    """Plays answers (candidates, items) in the order of their times."""
    state = state or RunningEvidence.begin(*answers.shape, model)
    for place in np.argsort(times, axis=None):
        candidate, item = divmod(int(place), answers.shape[1])
        if times[candidate, item] < stop and state.first[item, candidate] == UNANSWERED:
            take_answer(state, model, candidate, item, int(answers[candidate, item]), float(times[candidate, item]))
    return state


def flat_items(items: int, seed: int = 0) -> OptionModel:
    """No option rarer than RAREST at any ability that matters, so that no probability is rounded up."""
    random = np.random.default_rng(seed)
    shape = (items, 3)
    return OptionModel(random.normal(0, 0.3, shape), random.normal(0, 0.3, shape), np.ones(shape, np.bool_))


@given(st.integers(0, 10_000), st.lists(st.integers(0, 2), min_size=3, max_size=3), st.permutations(range(3)))
@settings(max_examples=25, deadline=None)
def test_under_innocence_the_expected_evidence_is_exactly_one(seed: int, theirs: list[int], order: list[int]) -> None:
    """Summed over everything an innocent candidate can answer, whatever the source has answered and in whatever order."""
    items = flat_items(3, seed)
    model = ExamModel.of(known(items))
    expected = 0.0
    log_likely = items.log_probabilities()
    for own in product(range(3), repeat=3):
        state = RunningEvidence.begin(2, 3, model)
        for item, option in enumerate(theirs):
            take_answer(state, model, SOURCE, item, option, float(item))
        for place, item in enumerate(order):
            take_answer(state, model, COPIER, item, own[item], 10.0 + place)
        chance = np.exp(EVERYTHING.log_weights() + sum(log_likely[item, own[item]] for item in range(3))).sum()
        expected += chance * np.exp(log_answer_evidence(state, COPIER)[SOURCE])
    assert expected == pytest.approx(1.0, abs=1e-9)


def test_under_innocence_the_expected_evidence_of_the_turns_is_exactly_one() -> None:
    """Summed over all orders an innocent candidate can take, the items' weights alike, while another answers beside."""
    model = ExamModel.of(known(flat_items(4)), np.ones(4))
    evidence = []
    for order in permutations(range(4)):
        state = RunningEvidence.begin(2, 4, model)
        for place, item in enumerate(order):
            if place < 3:
                take_answer(state, model, SOURCE, (2, 0, 3)[place], 1, 50.0 * place)
            take_answer(state, model, COPIER, item, 0, 50.0 * place + 20)
        evidence.append(np.exp(log_pace_evidence(state, COPIER)[SOURCE]))
    assert max(evidence) > 2
    assert np.mean(evidence) == pytest.approx(1.0, abs=1e-9)


def test_innocent_pairs_ever_reach_a_bound_no_more_often_than_it_says() -> None:
    random = np.random.default_rng(11)
    items = some_items(random, items=25)
    model = ExamModel.of(known(items), np.ones(25))
    highest = []
    for _ in range(2):
        answers = honest_answers(random, items, 150)
        times = random.uniform(0, 3000, answers.shape)
        state = RunningEvidence.begin(150, 25, model)
        peak = np.zeros((150, 150))
        for place in np.argsort(times, axis=None):
            candidate, item = divmod(int(place), 25)
            take_answer(state, model, candidate, item, int(answers[candidate, item]), float(times[candidate, item]))
            np.maximum(peak[candidate], log_evidence(state, candidate), out=peak[candidate])
        highest.append(peak[~np.eye(150, dtype=bool)])
    peaks = np.concatenate(highest)
    for bound in (0.1, 0.01, 0.001):
        assert np.mean(peaks >= np.log(1 / bound)) <= bound


def test_a_copier_is_found_and_the_direction_is_that_of_time() -> None:
    random = np.random.default_rng(12)
    items = some_items(random, items=40)
    answers = honest_answers(random, items, 40)
    answers[COPIER, :28] = answers[SOURCE, :28]
    times = random.uniform(0, 1000, answers.shape)
    times[COPIER] += 1000
    state = an_exam_of(answers, times, ExamModel.of(known(items)))
    forth, back = log_evidence(state, COPIER), log_evidence(state, SOURCE)
    assert forth[SOURCE] > np.log(1e4)
    assert forth.argmax() == SOURCE
    assert back[COPIER] == pytest.approx(0)


def test_turning_to_items_just_after_another_multiplies_the_evidence() -> None:
    random = np.random.default_rng(13)
    items = some_items(random, items=40)
    answers = honest_answers(random, items, 10)
    answers[COPIER, :16] = answers[SOURCE, :16]
    times = np.argsort(random.random(answers.shape), axis=1) * 60.0 + random.uniform(0, 60, (10, 1))
    times[COPIER, :16] = times[SOURCE, :16] + 15
    with_order = an_exam_of(answers, times, ExamModel.of(known(items), np.ones(40)))
    without = an_exam_of(answers, times, ExamModel.of(known(items)))
    assert log_pace_evidence(without, COPIER)[SOURCE] == 0
    assert log_evidence(with_order, COPIER)[SOURCE] > log_evidence(without, COPIER)[SOURCE] + np.log(100)
    assert log_pace_evidence(with_order, COPIER).argmax() == SOURCE


def test_a_state_stored_at_any_answer_goes_on_with_identical_numbers() -> None:
    random = np.random.default_rng(14)
    items = some_items(random, items=12)
    model = ExamModel.of(known(items), np.ones(12))
    answers, times = honest_answers(random, items, 8), random.uniform(0, 500, (8, 12))
    whole = an_exam_of(answers, times, model)
    for stop in (1.0, 120.0, 333.0):
        half = an_exam_of(answers, times, model, stop=stop)
        stored = {name: array.tobytes() for name, array in half.arrays().items()}
        shapes = {name: (array.dtype, array.shape) for name, array in half.arrays().items()}
        restored = {
            name: np.frombuffer(raw, shapes[name][0]).reshape(shapes[name][1]).copy() for name, raw in stored.items()
        }
        resumed = an_exam_of(answers, times, model, RunningEvidence(**restored))
        for name, array in whole.arrays().items():
            np.testing.assert_array_equal(resumed.arrays()[name], array, err_msg=name)


@pytest.mark.parametrize("width", [0, 3])
def test_the_rows_written_after_each_answer_make_the_same_state_again(width: int) -> None:
    random = np.random.default_rng(18)
    items = some_items(random, items=12)
    model = ExamModel.of(known(items), np.ones(12))
    answers, times = honest_answers(random, items, 6), random.uniform(0, 500, (6, 12))
    state = RunningEvidence.begin(4, 12, model, width)
    changelog = {}
    for place in np.argsort(times, axis=None):
        candidate, item = divmod(int(place), 12)
        if candidate >= len(state.log_belief):
            state = state.grown(6, model)
        if width:
            follow(state, candidate, (candidate + 1) % 6)
        take_answer(state, model, candidate, item, int(answers[candidate, item]), float(times[candidate, item]))
        changelog[candidate] = state.row_of(candidate)
    again = RunningEvidence.begin(6, 12, model, width)
    for candidate, row in changelog.items():
        again.put_row(candidate, row)
    for name, array in state.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)
    changelog[0]["first"][:] = 9
    assert (state.first[:, 0] != 9).all()


def test_named_sources_get_the_same_evidence_as_when_all_are_compared() -> None:
    random = np.random.default_rng(15)
    items = some_items(random, items=12)
    model = ExamModel.of(known(items), np.ones(12))
    answers, times = honest_answers(random, items, 9), random.uniform(0, 500, (9, 12))
    whole = an_exam_of(answers, times, model)
    named = RunningEvidence.begin(9, 12, model, width=3)
    for candidate in range(9):
        for step in (1, 2):
            assert follow(named, candidate, (candidate + step) % 9)
    an_exam_of(answers, times, model, named)
    for candidate in range(9):
        expected = log_evidence(whole, candidate)
        row = sources_of(named, candidate)
        assert row.tolist() == [(candidate + 1) % 9, (candidate + 2) % 9, -1]
        np.testing.assert_allclose(log_evidence(named, candidate)[:2], expected[row[:2]])
        assert log_evidence(named, candidate)[2] == 0


def test_a_candidate_has_no_more_named_sources_than_places_and_each_once() -> None:
    state = RunningEvidence.begin(5, 2, ExamModel.of(known(flat_items(2))), width=2)
    assert [follow(state, 0, source) for source in (1, 1, 2, 3, 2)] == [True, True, True, False, True]
    assert sources_of(state, 0).tolist() == [1, 2]


def test_beyond_its_limit_the_comparison_of_all_pairs_is_refused_by_name() -> None:
    model = ExamModel.of(known(flat_items(2)))
    with pytest.raises(ValueError, match="name plausible sources"):
        RunningEvidence.begin(MOST_FOR_ALL_PAIRS + 1, 2, model)
    assert RunningEvidence.begin(MOST_FOR_ALL_PAIRS + 1, 2, model, width=4).log_wealth.shape == (1001, 3, 4)


def test_one_who_starts_late_gets_a_place_and_nobodys_evidence_changes() -> None:
    random = np.random.default_rng(16)
    items = some_items(random, items=10)
    model = ExamModel.of(known(items), np.ones(10))
    answers, times = honest_answers(random, items, 6), random.uniform(0, 500, (6, 10))
    times[5] += 250
    from_the_start = an_exam_of(answers, times, model)
    grown = an_exam_of(answers[:5], times[:5], model, stop=250.0).grown(6, model)
    resumed = an_exam_of(answers, times, model, grown)
    for name, array in from_the_start.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], array, err_msg=name)


def test_only_first_answers_are_bet_on_but_a_change_counts_for_those_who_answer_later() -> None:
    model = ExamModel.of(known(flat_items(1)))
    state = RunningEvidence.begin(3, 1, model)
    assert take_answer(state, model, SOURCE, 0, 0, 1.0)
    assert not take_answer(state, model, SOURCE, 0, 2, 2.0)
    assert not take_answer(state, model, SOURCE, 0, UNANSWERED, 3.0)
    take_answer(state, model, COPIER, 0, 2, 4.0)
    assert log_answer_evidence(state, COPIER)[SOURCE] == 0
    assert not take_answer(state, model, SOURCE, 0, 2, 5.0)
    take_answer(state, model, 2, 0, 2, 6.0)
    assert log_answer_evidence(state, 2)[SOURCE] > 0
    assert state.first[0].tolist() == [2, 0, 2]


def test_an_answer_of_the_same_instant_or_later_is_no_source_whatever_the_order_of_arrival() -> None:
    model = ExamModel.of(known(flat_items(1)))
    state = RunningEvidence.begin(2, 1, model)
    take_answer(state, model, SOURCE, 0, 1, 5.0)
    take_answer(state, model, COPIER, 0, 1, 5.0)
    assert not state.log_wealth.any()


def test_nothing_is_staked_on_an_item_of_which_too_little_is_known() -> None:
    items = flat_items(2)
    unknown = Calibration(items, EVERYTHING, np.array([False, True]))
    model = ExamModel.of(unknown, np.ones(2))
    state = RunningEvidence.begin(2, 2, model)
    before = state.log_belief.copy()
    assert not take_answer(state, model, SOURCE, 0, 1, 1.0)
    assert not take_answer(state, model, COPIER, 0, 1, 2.0)
    assert not state.log_wealth.any()
    np.testing.assert_array_equal(state.log_belief, before)
    assert state.current[0].tolist() == [1, 1]


def test_no_single_answer_adds_more_than_the_rarest_option_allows() -> None:
    items = OptionModel(np.zeros((1, 2)), np.array([[12.0, 0.0]]), np.ones((1, 2), np.bool_))
    model = ExamModel.of(known(items))
    state = RunningEvidence.begin(2, 1, model)
    take_answer(state, model, SOURCE, 0, 1, 1.0)
    take_answer(state, model, COPIER, 0, 1, 2.0)
    assert log_answer_evidence(state, COPIER)[SOURCE] <= np.log(1 / RAREST)


def test_a_new_estimate_changes_what_is_believed_but_not_what_is_won() -> None:
    random = np.random.default_rng(17)
    items, better = some_items(random, items=10), some_items(random, items=10)
    answers, times = honest_answers(random, items, 6), random.uniform(0, 500, (6, 10))
    state = an_exam_of(answers, times, ExamModel.of(known(items)))
    won = state.log_wealth.copy()
    relearn(state, ExamModel.of(known(better)))
    np.testing.assert_array_equal(state.log_wealth, won)
    fresh = an_exam_of(answers, times, ExamModel.of(known(better)))
    fresh_belief, relearned = (
        np.exp(each.log_belief - each.log_belief.max(axis=1, keepdims=True)) for each in (fresh, state)
    )
    np.testing.assert_allclose(relearned, fresh_belief, atol=1e-9)
    assert relearned.shape == (6, len(GRID))
