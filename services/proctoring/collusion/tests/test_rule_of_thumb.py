import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.rule_of_thumb import LABEL, alike_pairs


def answers(*differences: int) -> np.ndarray:
    """One row of twenty zeros, then rows that differ from it in so many places."""
    rows = np.zeros((len(differences) + 1, 20), np.int8)
    for row, count in enumerate(differences, 1):
        rows[row, :count] = row
    return rows


def test_more_than_85_percent_alike_and_less_than_300_seconds_apart_meet_the_rule() -> None:
    found = alike_pairs(answers(2, 3), 4, np.array([0.0, 299.0, 10.0]))
    assert found.pairs.tolist() == [[0, 1]]
    assert (found.similarity[0], found.seconds_apart[0]) == (np.float64(np.float32(0.9)), 299)
    assert not len(alike_pairs(answers(2), 4, np.array([0.0, 300.0])).pairs)
    assert not len(alike_pairs(answers(2), 4, np.array([0.0, np.nan])).pairs)


def test_only_items_both_answered_count() -> None:
    chosen = answers(6)
    chosen[1, :6] = UNANSWERED
    assert alike_pairs(chosen, 4, np.zeros(2)).similarity.tolist() == [1.0]
    chosen[1] = UNANSWERED
    assert not len(alike_pairs(chosen, 4, np.zeros(2)).pairs)


def test_every_pair_of_many_is_there_once_and_labelled_as_no_test() -> None:
    found = alike_pairs(np.zeros((600, 5), np.int8), 2, np.zeros(600))
    assert len(np.unique(found.pairs, axis=0)) == len(found.pairs) == 600 * 599 // 2
    assert "not a test" in LABEL
