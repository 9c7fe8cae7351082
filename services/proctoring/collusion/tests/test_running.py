import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion import running as running_module
from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.facts import Item, WatchedExam
from services.proctoring.collusion.plan import Answer, Plan
from services.proctoring.collusion.running import Running, estimated, width_for
from services.proctoring.collusion.tests.builders import honest_answers, some_items

CANDIDATES, ITEMS = 30, 20


def a_plan(items: int = ITEMS) -> Plan:
    model = some_items(np.random.default_rng(5), items)
    return Plan.of(
        WatchedExam(
            "exam",
            1,
            0,
            True,
            tuple(
                Item(
                    f"question {item}",
                    tuple(f"option {option}" for option in range(4)),
                    tuple(model.slopes[item]),
                    tuple(model.intercepts[item]),
                    200,
                )
                for item in range(items)
            ),
        )
    )


def some_answers(seed: int) -> list[Answer]:
    random = np.random.default_rng(seed)
    chosen = honest_answers(random, some_items(np.random.default_rng(5), ITEMS), CANDIDATES)
    at = random.permutation(CANDIDATES * ITEMS).reshape(chosen.shape) * 1000 + 1_000_000
    return sorted(
        Answer(int(at[candidate, item]), f"attempt {candidate}", bytes([item]), 1, item, int(chosen[candidate, item]))
        for candidate in range(CANDIDATES)
        for item in range(ITEMS)
    )


def taken(running: Running, answers: list[Answer]) -> Running:
    """Estimates are handed in as late as may be."""
    start, model = 0, None
    while start < len(answers):
        if running.is_waiting:
            running.expect(model)
        start = running.take(answers, start)
        if running.to_estimate is not None:
            model, running.to_estimate = estimated(running.plan, running.to_estimate), None
    return running


def by_attempts(running: Running) -> dict[tuple[str, str], float]:
    table = running.refresh()
    return {
        (copier, source): float(table[one, other])
        for copier, one in running.places.items()
        for source, other in running.places.items()
    }


@given(st.integers(0, 1000), st.permutations(range(CANDIDATES)))
@settings(max_examples=10, deadline=None)
def test_the_places_of_candidates_do_not_matter_to_their_evidence(seed: int, order: list[int]) -> None:
    """Each first clears an answer that nobody has given: that gives the places, and changes nothing else."""
    answers = some_answers(seed)
    cleared = [
        [Answer(0, f"attempt {each}", b"\0", 0, 0, UNANSWERED) for each in ways] for ways in (sorted(order), order)
    ]
    one, other = (taken(Running(a_plan(), {}), [*first, *answers]) for first in cleared)
    assert one.attempts != other.attempts or order == sorted(order)
    evidence, same = by_attempts(one), by_attempts(other)
    assert evidence.keys() == same.keys()
    for pair, log in evidence.items():
        assert log == pytest.approx(same[pair], abs=1e-9)


@given(st.integers(0, 1000), st.lists(st.integers(1, 90), min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)
def test_however_answers_are_cut_into_batches_the_numbers_are_identical(seed: int, sizes: list[int]) -> None:
    answers = some_answers(seed)
    whole, cut, start, turn = taken(Running(a_plan(), {}), answers), Running(a_plan(), {}), 0, 0
    model = None
    while start < len(answers):
        batch = answers[start : start + sizes[turn % len(sizes)]]
        if cut.is_waiting:
            cut.expect(model)
        start, turn = start + cut.take(batch), turn + 1
        if cut.to_estimate is not None:
            model, cut.to_estimate = estimated(cut.plan, cut.to_estimate), None
            cut.expect(model)
        if turn % 3 == 0:
            cut.refresh()
    np.testing.assert_array_equal(whole.refresh(), cut.refresh())


@given(st.integers(0, 1000), st.integers(1, 249), st.booleans())
@settings(max_examples=6, deadline=None)
def test_a_copy_goes_on_with_identical_numbers_and_leaves_the_first_one_as_it_was(
    seed: int, copied_at: int, are_sources_named: bool
) -> None:
    answers = some_answers(seed)
    neighbours = {f"attempt {each}": {f"attempt {each ^ 1}"} for each in range(CANDIDATES)}
    first = Running(a_plan(), neighbours, 4 if are_sources_named else 0)
    first.take(answers[:copied_at])
    before = first.refresh().copy()
    copied = taken(first.copied(), answers[copied_at:])
    whole = taken(Running(a_plan(), neighbours, first.width), answers)
    np.testing.assert_array_equal(first.refresh(), before)
    assert len(first.models) == 0
    np.testing.assert_array_equal(copied.refresh(), whole.refresh())
    np.testing.assert_array_equal(taken(first, answers[copied_at:]).refresh(), whole.refresh())


def test_an_answer_waits_for_the_estimate_that_is_to_be_in_force_by_then() -> None:
    running = Running(a_plan(), {})
    answers = some_answers(1)
    at = running.take(answers)
    assert at == 250
    assert running.to_estimate is not None
    assert len(running.to_estimate.chosen) == CANDIDATES
    stopped = running.take(answers, at)
    assert (stopped, running.is_waiting) == (275, True)
    assert running.take(answers, stopped) == stopped
    running.expect(estimated(running.plan, running.to_estimate))
    assert not running.is_waiting
    assert running.take(answers, stopped) > stopped


def test_a_save_older_than_one_already_taken_changes_no_answer() -> None:
    running = Running(a_plan(), {})
    newer, older = Answer(1, "attempt", b"q", 2, 3, 1), Answer(2, "attempt", b"q", 1, 3, 2)
    running.take([newer, older])
    assert running.chosen()[0, 3] == 1
    assert running.count == 2


def test_sources_named_before_they_answered_show_what_all_pairs_show() -> None:
    answers = some_answers(3)
    neighbours = {f"attempt {each}": {f"attempt {each ^ 1}"} for each in range(CANDIDATES)}
    everybody, named = taken(Running(a_plan(), {}), answers), taken(Running(a_plan(), neighbours, 4), answers)
    table = named.refresh()
    all_pairs = by_attempts(everybody)
    for place, attempt in enumerate(named.attempts):
        (column,) = np.flatnonzero(named.state.sources[place] >= 0)
        source = named.attempts[named.state.sources[place, column]]
        assert table[place, column] == all_pairs[attempt, source]


def test_a_source_named_after_both_have_answered_asks_for_all_to_be_computed_anew() -> None:
    named = taken(Running(a_plan(), {"attempt 0": {"attempt 1"}, "attempt 1": {"attempt 0"}}, 4), some_answers(3))
    assert named.compare_with({"attempt 0": {"attempt 1", "somebody yet to come"}, "attempt 1": {"attempt 0"}})
    assert not named.compare_with({"attempt 0": {"attempt 1", "attempt 2"}})
    assert Running(a_plan(), {}).compare_with({"attempt 0": {"attempt 2"}})


def test_a_source_no_longer_named_has_no_evidence_left() -> None:
    named = taken(Running(a_plan(), {"attempt 0": {"attempt 1"}, "attempt 1": {"attempt 0"}}, 4), some_answers(3))
    assert np.any(named.refresh() != 0)
    assert named.compare_with({})
    assert not np.any(named.refresh())


def test_one_candidate_too_many_for_all_pairs_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_module, "MOST_FOR_ALL_PAIRS", 10)
    running = Running(a_plan(), {})
    answers = [Answer(each, f"attempt {each}", b"q", 1, 0, 0) for each in range(12)]
    assert running.take(answers) == 10
    assert running.is_full
    assert (width_for(10), width_for(11)) == (0, 64)
