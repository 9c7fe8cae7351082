import numpy as np

from services.proctoring.collusion.groups import Group, groups_of


def test_a_ring_is_one_group_and_its_source_the_one_from_whom_the_evidence_leads() -> None:
    pairs = np.array([[4, 7], [4, 9], [2, 4], [10, 11]])
    forth = np.array([0.0, 0.0, 15.0, 12.0])
    back = np.array([14.0, 13.0, 0.0, 12.0])
    assert groups_of(pairs, forth, back, 12) == [Group((2, 4, 7, 9), 4, (0, 1, 2)), Group((10, 11), None, (3,))]


def test_a_small_lead_names_no_source() -> None:
    pair = np.array([[0, 1]])
    assert groups_of(pair, np.array([9.0]), np.array([5.0]), 2)[0].source is None
    assert groups_of(pair, np.array([9.0]), np.array([4.0]), 2)[0].source == 1


def test_nothing_flagged_is_no_group() -> None:
    assert groups_of(np.empty((0, 2), np.int64), np.empty(0), np.empty(0), 5) == []
