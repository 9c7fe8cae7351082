"""The paper of a rehearsal's own exam: the demonstration's questions of every type, and sums to choose from until it is as long as wanted. Pure.

Finding who copied takes answers. By a simulation of this class with the rules of services/proctoring/collusion (`tests/test_paper.py` repeats it for the
default): of 200 students those eight who copy nine of ten choices are all found at 72 questions, of which 57 are answered by choosing one option; seven or
eight at 60; none at the 34 of the demonstration. 100 students need 80. Among 60 the exam is nearly over when a question has the 50 answers that
bets need.
"""

from collections.abc import Iterator, Sequence
from random import Random

from examhall.demo.foundations import FOUNDATIONS
from examhall.demo.writing import About, Json, single_choice

_SUM = About("1", "0.25", "Arithmetic", "easy", "Worked out by hand.")
_OPTIONS = 4
# How far off the wrong options are, all of equal standing: which of them is chosen says something when two choose the same.
_SLIPS = (-20, -11, -10, -9, -2, 2, 9, 10, 11, 20)


def demonstrated() -> int:
    """How many questions of the demonstration each student gets, those drawn included."""
    return len(FOUNDATIONS.questions) + sum(draw.count for draw in FOUNDATIONS.draws)


def questions(count: int) -> Sequence[Json]:
    """The questions that stand in the paper of `count`, beside those it draws; never fewer than the demonstration's."""
    return (*FOUNDATIONS.questions, *_sums(max(0, count - demonstrated())))


def _sums(count: int) -> Iterator[Json]:
    """Products of two numbers, always the same ones, no two alike."""
    random = Random("sums")
    factors = [(one, other) for one in range(12, 50) for other in range(one + 1, 50)]
    for one, other in random.sample(factors, count):
        slips = random.sample(_SLIPS, _OPTIONS - 1)
        wrong = [str(one * other + slip) for slip in slips]
        yield single_choice(f"How much is {one} · {other}?", str(one * other), *wrong, about=_SUM)
