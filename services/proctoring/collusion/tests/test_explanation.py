import numpy as np
import pytest

from services.proctoring.collusion.evidence import ExamModel, RunningEvidence, log_answer_evidence, take_answer
from services.proctoring.collusion.explanation import explain
from services.proctoring.collusion.tests.builders import honest_answers, known, some_items


def test_a_flag_is_explained_by_its_items_strongest_first() -> None:
    random = np.random.default_rng(51)
    items = some_items(random, items=15)
    model = ExamModel.of(known(items))
    answers = honest_answers(random, items, 2)
    answers[0, :9] = answers[1, :9]
    state = RunningEvidence.begin(2, 15, model)
    for item in range(14):
        take_answer(state, model, 1, item, int(answers[1, item]), 10.0 * item)
    for item in range(15):
        take_answer(state, model, 0, item, int(answers[0, item]), 200.0 + item)
    log_e_value = log_answer_evidence(state, 0)[1]
    found = explain(state, model, 0, 1, log_e_value, 4000)

    assert found.expected_false == pytest.approx(min(4000, 4000 / np.exp(log_e_value)))
    assert {each.item for each in found.items} == set(range(14))
    assert [each.log_factor for each in found.items] == sorted((each.log_factor for each in found.items), reverse=True)
    for each in found.items:
        assert each.is_same == (answers[0, each.item] == answers[1, each.item]) == (each.log_factor > 0)
        assert each.seconds_after == 200 + each.item - 10 * each.item
    assert max(state.log_wealth[0, :, 1]) == pytest.approx(sum(each.log_factor for each in found.items))
    rarest = min((each for each in found.items if each.is_same), key=lambda each: each.chance)
    assert found.items[0] == rarest


def test_a_pair_without_a_common_item_has_nothing_to_show() -> None:
    model = ExamModel.of(known(some_items(np.random.default_rng(52), items=3)))
    state = RunningEvidence.begin(2, 3, model)
    take_answer(state, model, 0, 1, 2, 5.0)
    found = explain(state, model, 0, 1, 0.0, 10)
    assert (found.items, found.expected_false) == ((), 10)
