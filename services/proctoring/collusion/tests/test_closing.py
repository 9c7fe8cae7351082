import numpy as np

from services.proctoring.collusion import closing
from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.closing import (
    decided_pairs,
    likeliest_pairs,
    omega_blocks,
    rarity_blocks,
    statistics_of,
)
from services.proctoring.collusion.indices import at_ability, omega
from services.proctoring.collusion.options import GRID
from services.proctoring.collusion.tests.builders import honest_answers, known, some_items


def an_exam(candidates: int = 60, items: int = 30):
    """Candidate 3 is wrong throughout, and 7 copies from 3."""
    random = np.random.default_rng(31)
    truth = some_items(random, items=items)
    chosen = honest_answers(random, truth, candidates)
    chosen[random.random(chosen.shape) < 0.05] = UNANSWERED
    chosen[3, 5:28] = 1 + np.arange(23) % 3
    chosen[7, 2:28] = chosen[3, 2:28]
    return known(truth), at_ability(known(truth), chosen), chosen


def test_the_blocks_hold_the_numbers_of_the_pairs_whatever_their_size(monkeypatch) -> None:
    _, likely, chosen = an_exam()
    pairs = np.array([(a, b) for a in range(60) for b in range(60) if a != b])
    expected = np.full((60, 60), -np.inf)
    expected[pairs[:, 0], pairs[:, 1]] = omega(likely, chosen, pairs)
    for size in (closing.BLOCK_BYTES, 20_000, 1):
        monkeypatch.setattr(closing, "BLOCK_BYTES", size)
        blocks = list(omega_blocks(likely, chosen))
        np.testing.assert_allclose(np.concatenate([z for _, z in blocks]), expected, atol=1e-3)
        assert [rows.start for rows, _ in blocks] == list(range(0, 60, blocks[0][0].stop))
    assert len(blocks) == 60


def test_who_copied_is_among_the_likeliest_pairs_and_each_pair_is_there_once() -> None:
    _, likely, chosen = an_exam()
    pairs = likeliest_pairs(likely, chosen, kept=2)
    assert [3, 7] in pairs.tolist()
    assert len(np.unique(pairs, axis=0)) == len(pairs) <= 120
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert next(z for _, z in rarity_blocks(likely, chosen))[7].argmax() == 3


def test_an_exam_of_one_or_of_two_has_the_pairs_it_has() -> None:
    _, likely, chosen = an_exam()
    assert likeliest_pairs(likely[:1], chosen[:1]).tolist() == []
    assert likeliest_pairs(likely[:2], chosen[:2]).tolist() == [[0, 1]]
    assert likeliest_pairs(likely[:0], chosen[:0]).shape == (0, 2)


def test_no_pairs_have_no_statistics() -> None:
    calibration, likely, chosen = an_exam()
    nothing = statistics_of(calibration, likely, chosen, np.zeros(30, np.int8), np.empty((0, 2), np.int64))
    assert {len(getattr(nothing, name)) for name in nothing.__dataclass_fields__} == {0}


def test_only_mutually_best_pairs_are_decided_on_and_keep_their_statistics() -> None:
    calibration, likely, chosen = an_exam()
    pairs = likeliest_pairs(likely, chosen)
    found = statistics_of(calibration, likely, chosen, np.zeros(30, np.int8), pairs)
    decided = decided_pairs(found, 60)
    assert 0 < len(decided.pairs) < len(pairs)
    best = decided.pairs[decided.rarity.argmin()]
    assert best.tolist() == [3, 7]
    assert decided.log_bayes_back[decided.rarity.argmin()] > np.log(100)
    assert len(GRID) == calibration.model.log_probabilities().shape[2]
