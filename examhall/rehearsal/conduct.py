"""Who of a class was planted as what, and what that adds to a script. Pure: everything comes from a seed.

The honest are of four kinds, so that it is seen whether slips, a poor network or slowness are taken for guilt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from examhall.rehearsal.acts import Act, ClickRight, Leave, MoveNetwork, OpenTools, Paste, Peek, ShareLogIn
from examhall.rehearsal.people import Ending, Give, Script, Step, Temperament, Think

# At most so much of a class is planted: among cheats alone nobody could be accused wrongly.
PLANTED_PERCENT = 60
_STUDENTS_EACH_ROUND = 100
_A_ROOM = 25  # students, about
# Acts that end the attempt in an exam with the usual limit of three violations.
ACTS_TO_THE_LIMIT = 3
_PEEKS = 0.9  # of the questions with options, by a copier
_HEAD_START = 0.12  # of the time, that a copier lets the neighbour have
_HASTE = 0.2  # of the usual thinking, by who knew the questions
_PATIENCE = 1.15  # more thinking, by who is slow


class Part(StrEnum):
    """What a student was planted as, as the report names it."""

    HONEST = "honest"
    DISTRACTED = "honest, distracted"
    ROAMING = "honest, changes network"
    SLOW = "honest, slow"
    COPIED_FROM = "honest, copied from"
    TAB_SWITCHER = "switches tabs"
    PASTER = "pastes"
    TOOL_USER = "opens developer tools"
    SHARER = "shares the log-in"
    COPIER = "copies from one neighbour"
    RING = "copies in a ring"
    FOREKNOWER = "knew the questions"
    IMPOSTOR = "is somebody else"

    @property
    def is_honest(self) -> bool:
        """Whether an accusation would be wrong."""
        return self in _HONEST


_HONEST = frozenset({Part.HONEST, Part.DISTRACTED, Part.ROAMING, Part.SLOW, Part.COPIED_FROM})


@dataclass(frozen=True)
class Role:
    """A part, and for copiers the log-in of the neighbour."""

    part: Part = Part.HONEST
    source: str = ""


# The casts of one round, those first that need the fewest: of a copying group the first one knows of nothing.
_CASTS: tuple[tuple[Part, ...], ...] = (
    (Part.TAB_SWITCHER,),
    (Part.TOOL_USER,),
    (Part.PASTER,),
    (Part.SHARER,),
    (Part.COPIED_FROM, Part.COPIER),
    (Part.FOREKNOWER,),
    (Part.IMPOSTOR,),
    (Part.COPIED_FROM, Part.RING, Part.RING, Part.RING),
)
# What the rest of the class is, over and over.
_HONEST_TURNS = (Part.DISTRACTED, Part.ROAMING, Part.SLOW, *(Part.HONEST,) * 9)

# Answers that make a difference: of a source who knows all, nobody can be shown to have copied.
TEMPERAMENTS: Mapping[Part, Temperament] = {
    Part.COPIED_FROM: Temperament(0.5, 0.0, 0.05, 0.0, 0.02, 0.0, 0.0, 0.0, Ending.SUBMITS),
    Part.COPIER: Temperament(0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Ending.SUBMITS),
    Part.RING: Temperament(0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Ending.SUBMITS),
    Part.FOREKNOWER: Temperament(0.98, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Ending.SUBMITS),
    Part.IMPOSTOR: Temperament(0.9, 0.0, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0, Ending.SUBMITS),
}


def cast(seed: str, logins: Sequence[str]) -> dict[str, Role]:
    """The role of every log-in; one round of all kinds for each hundred students, and as much of one as fits into a small class."""
    order = list(logins)
    Random(f"{seed}/cast").shuffle(order)
    roles: dict[str, Role] = {}
    for group in _groups(len(order)):
        members, order = order[: len(group)], order[len(group) :]
        source = members[0] if group[0] is Part.COPIED_FROM else ""
        for login, part in zip(members, group, strict=True):
            roles[login] = Role(part, "" if part is Part.COPIED_FROM else source)
    for place, login in enumerate(order):
        roles[login] = Role(_HONEST_TURNS[place % len(_HONEST_TURNS)])
    return {login: roles[login] for login in logins}


def _groups(count: int) -> Iterator[tuple[Part, ...]]:
    room = count * PLANTED_PERCENT // 100
    for _ in range(max(1, round(count / _STUDENTS_EACH_ROUND))):
        for group in _CASTS:
            if len(group) > room:
                return
            room -= len(group)
            yield group


def rooms_of(roles: Mapping[str, Role]) -> dict[str, str]:
    """The room of every log-in: who copies sits with whom they copy from, everybody else where there is most room."""
    groups: dict[str, list[str]] = {}
    for login, role in roles.items():
        groups.setdefault(role.source or login, []).append(login)
    rooms: list[list[str]] = [[] for _ in range(-(-len(roles) // _A_ROOM))]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(rooms, key=len).extend(group)
    return {login: f"Room {number}" for number, room in enumerate(rooms, start=1) for login in room}


def with_sockets(seed: str, roles: Mapping[str, Role]) -> frozenset[str]:
    """Every second student of each part, who sits with an open socket; of those that a limit ends at least one does."""
    order = list(roles)
    Random(f"{seed}/sockets").shuffle(order)
    order.sort(key=lambda login: (roles[login].part is not Part.TAB_SWITCHER, roles[login].part))
    return frozenset(order[::2])


def behave(seed: str, script: Script, part: Part, questions: Sequence[Mapping[str, object]]) -> Script:
    """The script with what the part adds. The limit of violations ends an attempt by itself: who means to reach it never submits."""
    random = Random(f"{seed}/conduct")
    steps = list(script.steps)
    match part:
        case Part.DISTRACTED:
            second: Act = ClickRight() if random.random() < 0.5 else _glance(random)
            steps = _inserted(steps, [(0.35, _glance(random)), (0.7, second)])
        case Part.ROAMING:
            steps = _inserted(steps, [(0.5, MoveNetwork())])
        case Part.SLOW:
            steps = _paced(steps, _PATIENCE)
        case Part.TAB_SWITCHER:
            leaves = [Leave(random.randint(15_000, 40_000)) for _ in range(ACTS_TO_THE_LIMIT)]
            return Script(tuple(_inserted(steps, list(zip((0.2, 0.35, 0.5), leaves, strict=True)))), Ending.RUNS_OUT)
        case Part.PASTER:
            pastes = [Paste(random.randint(40, 400)) for _ in range(ACTS_TO_THE_LIMIT - 1)]
            steps = _inserted(steps, list(zip((0.4, 0.5), pastes, strict=True)))
        case Part.TOOL_USER:
            steps = _inserted(steps, [(0.4, OpenTools())])
        case Part.SHARER:
            steps = _inserted(steps, [(0.1, ShareLogIn())])
        case Part.COPIER | Part.RING:
            steps = _peeking(random, steps, questions)
        case Part.FOREKNOWER:
            steps = _paced(steps, _HASTE)
        case Part.HONEST | Part.COPIED_FROM | Part.IMPOSTOR:
            pass
    return Script(tuple(steps), script.ending)


def _glance(random: Random) -> Leave:
    """So short that even two of them are no time away worth a score."""
    return Leave(random.randint(1_000, 8_000))


def _inserted(steps: list[Step], acts: Sequence[tuple[float, Act]]) -> list[Step]:
    """The acts at these shares of the script, in order."""
    placed: list[Step] = []
    waiting = list(acts)
    for place, step in enumerate(steps):
        while waiting and place >= waiting[0][0] * len(steps):
            placed.append(waiting.pop(0)[1])
        placed.append(step)
    return [*placed, *(act for _, act in waiting)]


def _paced(steps: list[Step], factor: float) -> list[Step]:
    return [Think(step.seconds * factor) if isinstance(step, Think) else step for step in steps]


def _peeking(random: Random, steps: list[Step], questions: Sequence[Mapping[str, object]]) -> list[Step]:
    """Most choices are the neighbour's, who has a head start; the whole takes no longer than before."""
    chosen = {question["id"] for question in questions if question["type"] in ("single_choice", "true_false")}
    total = sum(step.seconds for step in steps if isinstance(step, Think))
    copied: list[Step] = [Think(total * _HEAD_START)]
    for step in _paced(steps, 1 - _HEAD_START):
        if isinstance(step, Give) and step.question_id in chosen and random.random() < _PEEKS:
            copied.append(Peek(step.question_id, step.response, step.is_flagged))
        else:
            copied.append(step)
    return copied
