"""How students behave in an exam: a script for each, written beforehand from a seed and the paper alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Any

from examhall.rehearsal.acts import Act, Peek
from examhall.rehearsal.answering import respond

Json = Mapping[str, Any]


class Ending(Enum):
    """How a sitting ends."""

    SUBMITS = auto()
    AT_THE_BELL = auto()  # submits in the last moment, in a race with the deadline
    RUNS_OUT = auto()  # goes on until the deadline, and for a little while after


@dataclass(frozen=True)
class Think:
    """Does nothing for so long."""

    seconds: float


@dataclass(frozen=True)
class Give:
    """Answers, or answers anew, and has it saved."""

    question_id: str
    response: dict[str, Any] | None
    is_flagged: bool


@dataclass(frozen=True)
class SendAgain:
    """The last save of that question goes out twice, as after a reply that got lost."""

    question_id: str


@dataclass(frozen=True)
class SendStale:
    """The save before the last of that question goes out once more, as a packet that was late."""

    question_id: str


@dataclass(frozen=True)
class LoseNetwork:
    """From now on nothing leaves; saves queue up."""


@dataclass(frozen=True)
class FindNetwork:
    """The queued saves go out together."""


@dataclass(frozen=True)
class Reload:
    """The page is opened anew: the paper is read again."""


Step = Think | Give | SendAgain | SendStale | LoseNetwork | FindNetwork | Reload | Peek | Act


@dataclass(frozen=True)
class Temperament:
    """A kind of person. All but `ending` are probabilities, for each question or (network, reload) for the whole sitting."""

    knows: float
    skips: float
    changes_mind: float
    clears: float
    flags: float
    repeats: float
    loses_network: float
    reloads: float
    ending: Ending


TEMPERAMENTS: tuple[tuple[int, Temperament], ...] = (
    (40, Temperament(0.75, 0.03, 0.10, 0.02, 0.05, 0.05, 0.05, 0.05, Ending.SUBMITS)),  # steady
    (20, Temperament(0.55, 0.05, 0.40, 0.08, 0.30, 0.05, 0.10, 0.15, Ending.SUBMITS)),  # doubtful
    (15, Temperament(0.60, 0.05, 0.15, 0.02, 0.10, 0.25, 0.90, 0.50, Ending.SUBMITS)),  # on a bad line
    (10, Temperament(0.35, 0.25, 0.05, 0.01, 0.02, 0.05, 0.05, 0.02, Ending.SUBMITS)),  # hasty
    (8, Temperament(0.65, 0.10, 0.20, 0.03, 0.15, 0.10, 0.10, 0.10, Ending.AT_THE_BELL)),
    (7, Temperament(0.50, 0.15, 0.25, 0.05, 0.15, 0.10, 0.20, 0.10, Ending.RUNS_OUT)),
)


@dataclass(frozen=True)
class Script:
    """All that one student does between reading the paper and the end."""

    steps: tuple[Step, ...]
    ending: Ending


def write_script(
    seed: str,
    questions: Sequence[Json],
    keys: Mapping[str, Json],
    sitting_seconds: float,
    meets_deadline: bool,
    person: Temperament | None = None,
) -> Script:
    """The script of one student; the same for the same arguments.

    `questions` is the paper in this student's order; `keys` the author's form of those whose key is known, by id (a student
    knows the right answer now and then); the script fits into `sitting_seconds`, or runs beyond it where the ending says so.
    Where the sitting does not reach the exam's deadline (`meets_deadline` false), everybody submits. The seed decides what kind of person
    it is, unless that is given.
    """
    random = Random(seed)
    person = person or random.choices([each for _, each in TEMPERAMENTS], [weight for weight, _ in TEMPERAMENTS])[0]
    ending = person.ending if meets_deadline else Ending.SUBMITS
    steps: list[Step] = []
    for question in questions:
        if random.random() >= person.skips:
            steps += _answering(random, person, question, keys.get(question["id"]))
    steps += _second_look(random, person, questions, keys, steps)
    steps = _with_troubles(random, person, steps)
    return Script(_paced(random, steps, sitting_seconds * _share_of_time(random, ending)), ending)


def _share_of_time(random: Random, ending: Ending) -> float:
    match ending:
        case Ending.SUBMITS:
            return random.uniform(0.5, 0.85)
        case Ending.AT_THE_BELL:
            return random.uniform(0.85, 0.98)
        case Ending.RUNS_OUT:
            return random.uniform(0.9, 1.1)


def _answering(random: Random, person: Temperament, question: Json, key: Json | None) -> list[Step]:
    question_id = question["id"]
    is_flagged = random.random() < person.flags
    steps: list[Step] = [
        Think(_thinking(random)),
        Give(question_id, respond(random, question, key, person.knows), is_flagged),
    ]
    if random.random() < person.changes_mind:
        again = respond(random, question, key, person.knows)
        steps += [Think(_thinking(random) / 3), Give(question_id, again, is_flagged)]
        if random.random() < person.repeats:
            steps.append(SendStale(question_id))
    if random.random() < person.repeats:
        steps.append(SendAgain(question_id))
    return steps


def _second_look(
    random: Random, person: Temperament, questions: Sequence[Json], keys: Mapping[str, Json], steps: Sequence[Step]
) -> list[Step]:
    """After the last question: flagged ones are looked at again and their flag is taken off, some answers are cleared."""
    last = {step.question_id: step for step in steps if isinstance(step, Give)}
    looks: list[Step] = []
    for question in questions:
        given = last.get(question["id"])
        if given is None:
            continue
        if random.random() < person.clears:
            looks += [Think(_thinking(random) / 3), Give(given.question_id, None, given.is_flagged)]
        elif given.is_flagged and random.random() < 0.7:
            keeps = random.random() < 0.5
            response = given.response if keeps else respond(random, question, keys.get(question["id"]), person.knows)
            looks += [Think(_thinking(random) / 2), Give(given.question_id, response, False)]
    return looks


def _with_troubles(random: Random, person: Temperament, steps: list[Step]) -> list[Step]:
    """Puts a reload and a stretch without network somewhere in between; the network always comes back."""
    if random.random() < person.reloads and steps:
        steps.insert(random.randrange(len(steps)), Reload())
    if random.random() < person.loses_network and steps:
        start = random.randrange(len(steps))
        length = random.randint(2, max(2, len(steps) // 4))
        steps = [*steps[:start], LoseNetwork(), *steps[start : start + length], FindNetwork(), *steps[start + length :]]
    return steps


def _thinking(random: Random) -> float:
    """How long one thinks, in no unit yet: mostly short, now and then very long (log-normal, as response times are)."""
    return random.lognormvariate(0, 0.6)


def _paced(random: Random, steps: Sequence[Step], seconds: float) -> tuple[Step, ...]:
    """The same steps with think times that fill so many seconds together."""
    total = sum(step.seconds for step in steps if isinstance(step, Think))
    if total == 0:
        return (Think(seconds), *steps)
    return tuple(Think(step.seconds * seconds / total) if isinstance(step, Think) else step for step in steps)
