"""Order is a pure function of seed and paper; a golden case pins it for every later release."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.attempts.ordering import SEED_BYTES, Slot, new_seed, option_order, question_order, shuffled

SEED = bytes(range(16))
seeds = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)
ids = st.lists(st.uuids().map(str), min_size=1, max_size=12, unique=True)


@st.composite
def papers(draw: st.DrawFn) -> list[Slot]:
    """Slots that do not share questions, each with enough of them."""
    pool = draw(st.lists(st.uuids().map(str), min_size=1, max_size=30, unique=True))
    slots = []
    while pool:
        size = draw(st.integers(1, len(pool)))
        slots.append(Slot(draw(st.integers(1, size)), tuple(pool[:size])))
        pool = pool[size:]
    return slots


def test_the_order_of_a_known_seed_never_changes() -> None:
    letters = list("abcdefghij")
    assert "".join(shuffled(SEED, "questions", letters)) == "hdabgfjcei"
    assert "".join(option_order(SEED, "q1", letters, is_random=True)) == "giahcbdfje"
    slots = [Slot(1, ("x",)), Slot(3, tuple("abcdefgh")), Slot(2, tuple("klmno"))]
    assert "".join(question_order(SEED, slots, is_random=False)) == "xacdno"
    assert "".join(question_order(SEED, slots, is_random=True)) == "odncax"


@given(seeds, st.text(), st.lists(st.integers(), max_size=50))
def test_a_shuffle_is_a_permutation_and_repeats(seed: bytes, purpose: str, items: list[int]) -> None:
    order = shuffled(seed, purpose, items)
    assert Counter(order) == Counter(items)
    assert order == shuffled(seed, purpose, items)


@given(seeds, papers(), st.booleans())
def test_every_slot_gives_as_many_of_its_questions_as_it_draws(seed: bytes, slots: list[Slot], is_random: bool) -> None:
    order = question_order(seed, slots, is_random=is_random)
    assert len(order) == len(set(order)) == sum(slot.draw for slot in slots)
    for slot in slots:
        assert len(set(order) & set(slot.question_ids)) == slot.draw


@given(seeds, papers())
def test_what_is_drawn_does_not_depend_on_whether_it_is_shuffled(seed: bytes, slots: list[Slot]) -> None:
    assert set(question_order(seed, slots, is_random=True)) == set(question_order(seed, slots, is_random=False))


@given(seeds, ids, st.integers(1, 5), st.integers(1, 5))
def test_two_slots_on_one_pool_never_give_a_question_twice(seed: bytes, pool: list[str], one: int, two: int) -> None:
    order = question_order(seed, [Slot(one, tuple(pool)), Slot(two, tuple(pool))], is_random=False)
    assert len(order) == len(set(order)) == min(len(pool), one + two)


@given(seeds, ids)
def test_without_randomisation_the_author_order_stands(seed: bytes, pool: list[str]) -> None:
    slots = [Slot(1, (question,)) for question in pool]
    assert question_order(seed, slots, is_random=False) == pool
    assert option_order(seed, "q", pool, is_random=False) == pool


def test_each_order_is_about_equally_likely() -> None:
    counts = Counter("".join(shuffled(index.to_bytes(16, "big"), "p", "abc")) for index in range(6000))
    expected = 1000
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert len(counts) == 6
    assert chi_squared < 20.5  # 99.9 % quantile with 5 degrees of freedom


def test_questions_and_options_are_shuffled_apart() -> None:
    letters = list("abcdefghijklmnop")
    assert option_order(SEED, "q1", letters, is_random=True) != option_order(SEED, "q2", letters, is_random=True)


def test_seeds_differ() -> None:
    assert len({new_seed() for _ in range(100)}) == 100
