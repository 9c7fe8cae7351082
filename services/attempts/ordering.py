"""Which questions an attempt gets, and in which order it shows them and their options: a pure function of the stored seed and the paper.

An attempt must look the same on every replica and in every later release, so nothing here depends on a library's generator. Random numbers are
the SHA-256 of seed, purpose and a counter, read as big-endian 64-bit words; a word beyond the last whole multiple of the range is thrown away
(rejection sampling, no modulo bias); permutations are Fisher-Yates from the end (Knuth, The Art of Computer Programming, vol. 2, 3.4.2, algorithm P).
A golden test pins the result.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

SEED_BYTES = 16
_WORD = 2**64


@dataclass(frozen=True)
class Slot:
    """A place in the paper: `draw` of these questions, in the author's order."""

    draw: int
    question_ids: tuple[str, ...]


def new_seed() -> bytes:
    """A fresh seed nobody can guess."""
    return secrets.token_bytes(SEED_BYTES)


def question_order(seed: bytes, slots: Sequence[Slot], *, is_random: bool) -> list[str]:
    """The ids of the questions that an attempt gets, in its order.

    Draws happen slot by slot and never take a question twice; drawn questions keep the pool's order unless all are shuffled.
    """
    chosen: list[str] = []
    taken: set[str] = set()
    for index, slot in enumerate(slots):
        pool = [question for question in slot.question_ids if question not in taken]
        drawn = set(pool if slot.draw >= len(pool) else shuffled(seed, f"draw:{index}", pool)[: slot.draw])
        chosen.extend(question for question in pool if question in drawn)
        taken |= drawn
    return shuffled(seed, "questions", chosen) if is_random else chosen


def option_order(seed: bytes, question_id: str, option_ids: Sequence[str], *, is_random: bool) -> list[str]:
    """The options of a question in this attempt's order."""
    return shuffled(seed, f"options:{question_id}", option_ids) if is_random else list(option_ids)


def shuffled(seed: bytes, purpose: str, items: Sequence[T]) -> list[T]:
    """A permutation of the items that depends on seed, purpose and their number only."""
    order = list(items)
    words = _words(seed, purpose)
    for last in range(len(order) - 1, 0, -1):
        other = _below(last + 1, words)
        order[last], order[other] = order[other], order[last]
    return order


def _words(seed: bytes, purpose: str) -> Iterator[int]:
    counter = 0
    while True:
        block = hashlib.sha256(seed + purpose.encode() + b"\0" + counter.to_bytes(8, "big")).digest()
        yield from (int.from_bytes(block[start : start + 8], "big") for start in range(0, 32, 8))
        counter += 1


def _below(bound: int, words: Iterator[int]) -> int:
    limit = _WORD - _WORD % bound
    return next(word for word in words if word < limit) % bound
