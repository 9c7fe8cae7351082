import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proctoring.collusion.evidence import ExamModel, RunningEvidence, follow, log_evidence, take_answer
from services.proctoring.collusion.flagging import evidence_table, flags, least_evidence, strong_pairs
from services.proctoring.collusion.tests.builders import honest_answers, known, some_items

ALL = np.empty((0, 0), np.int32)
PLAUSIBLE = np.array([[0, 1], [2, 3]])


def a_table(**logs: float) -> np.ndarray:
    """Six candidates; `c0_1=12.0`: the evidence that 0 copies from 1."""
    table = np.zeros((6, 6))
    for name, value in logs.items():
        copier, source = map(int, name[1:].split("_"))
        table[copier, source] = value
    return table


def test_a_pair_is_shown_by_its_stronger_direction_with_what_innocent_pairs_would_show() -> None:
    (flag,) = flags(strong_pairs(a_table(c1_0=9.0, c0_1=2.0), ALL), PLAUSIBLE, 6)
    assert (flag.copier, flag.source, flag.is_plausible, flag.family_size) == (1, 0, True, 2)
    assert (flag.log_copies, flag.log_is_copied) == (9.0, 2.0)
    assert flag.log_e_value == pytest.approx(np.log((np.exp(9) + np.exp(2)) / 2))
    assert flag.expected_false == pytest.approx(2 / np.exp(flag.log_e_value))


def test_a_plausible_pair_needs_less_evidence_than_one_of_the_many_others() -> None:
    evidence = np.log(2 * 2 / 0.05) + 0.1
    shown = flags(strong_pairs(a_table(c0_1=evidence, c4_5=evidence), ALL), PLAUSIBLE, 6)
    assert [(flag.copier, flag.source) for flag in shown] == [(0, 1)]
    more = np.log(2 * 13 / 0.05) + 0.1
    shown = flags(strong_pairs(a_table(c0_1=evidence, c4_5=more), ALL), PLAUSIBLE, 6)
    assert [(flag.copier, flag.is_plausible, flag.family_size) for flag in shown] == [(4, False, 13), (0, True, 2)]


def test_without_strong_evidence_nothing_is_shown() -> None:
    found = strong_pairs(a_table(c0_1=2.9), ALL)
    assert found.pairs.shape == (0, 2)
    assert flags(found, PLAUSIBLE, 6) == []


def test_one_matched_to_many_is_shown_with_its_closest_only() -> None:
    table = np.zeros((12, 12))
    table[0, 1:8] = [30, 29, 28, 27, 26, 25, 24]
    shown = flags(strong_pairs(table, ALL), np.array([[0, 1]]), 12)
    assert [flag.source for flag in shown] == [1, 2, 3]


def test_named_sources_show_the_same_pairs_as_when_all_are_compared() -> None:
    random = np.random.default_rng(61)
    items = some_items(random, items=40)
    model = ExamModel.of(known(items))
    answers = honest_answers(random, items, 8)
    answers[5, :34] = answers[2, :34]
    states = [RunningEvidence.begin(8, 40, model), RunningEvidence.begin(8, 40, model, width=7)]
    for candidate in range(8):
        for other in {*range(8)} - {candidate}:
            follow(states[1], candidate, other)
    times = random.uniform(0, 1000, answers.shape)
    times[5] += 1000
    tables = []
    for state in states:
        table = evidence_table(state)
        for place in np.argsort(times, axis=None):
            candidate, item = divmod(int(place), 40)
            take_answer(state, model, candidate, item, int(answers[candidate, item]), float(times[candidate, item]))
            table[candidate] = log_evidence(state, candidate)
        np.testing.assert_array_equal(table, evidence_table(state))
        np.testing.assert_array_equal(table[[3, 4]], evidence_table(state, [3, 4]))
        tables.append(flags(strong_pairs(table, state.sources), np.array([[2, 5]]), 8))
    assert [(flag.copier, flag.source) for flag in tables[0]] == [(5, 2)]
    assert tables[0] == tables[1]


@given(st.integers(0, 10_000), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_leaving_out_what_can_be_no_discovery_changes_no_flag(seed: int, guilty: int) -> None:
    random = np.random.default_rng(seed)
    table = random.normal(1.0, 2.0, (30, 30))
    np.fill_diagonal(table, 0.0)
    table[random.integers(0, 30, guilty), random.integers(0, 30, guilty)] += random.uniform(2, 9, guilty)
    plausible = np.array([(one, other) for one in range(30) for other in range(one + 1, 30) if one // 5 == other // 5])
    least = least_evidence(table, min(len(plausible), 435 - len(plausible)))
    few, all_of_them = strong_pairs(table, ALL, least), strong_pairs(table, ALL)
    assert len(few.pairs) <= len(all_of_them.pairs)
    assert flags(few, plausible, 30) == flags(all_of_them, plausible, 30)
