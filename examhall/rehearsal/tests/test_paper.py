"""The paper is as long as wanted, and long enough by default that copying among 200 students shows: by the rules themselves, in simulated time."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import Any

import pytest

from examhall.demo.foundations import FOUNDATIONS
from examhall.rehearsal import paper
from examhall.rehearsal.acts import Peek
from examhall.rehearsal.conduct import TEMPERAMENTS, Role, behave, cast, rooms_of
from examhall.rehearsal.people import Give, Json, Step, Think, write_script
from examhall.rehearsing import FEWEST_QUESTIONS, MOST_QUESTIONS, QUESTIONS
from services.proctoring.collusion.facts import Candidate, Item, Save, Seated, SeatPlan, WatchedExam, mark
from services.proctoring.collusion.plan import Plan
from services.proctoring.collusion.running import Running, estimated
from services.proctoring.collusion.seating import seating_of
from services.proctoring.collusion.standing import flagged

SITTING, ARRIVING, SAVING = 75.0, 2.0, 0.02  # seconds


@pytest.mark.parametrize("count", [FEWEST_QUESTIONS, QUESTIONS, MOST_QUESTIONS])
def test_a_paper_is_as_long_as_wanted_and_no_question_comes_twice(count: int):
    questions = paper.questions(count)
    assert len(questions) + sum(draw.count for draw in FOUNDATIONS.draws) == count
    assert len({question["text"] for question in questions}) == len(questions)
    for question in questions[len(FOUNDATIONS.questions) :]:
        texts = [option["text"] for option in question["options"]]  # type: ignore[attr-defined]
        assert len(set(texts)) == 4
        assert [option["is_correct"] for option in question["options"]].count(True) == 1  # type: ignore[attr-defined]


def test_a_shorter_paper_is_the_demonstrations():
    assert paper.questions(1) == FOUNDATIONS.questions
    assert paper.demonstrated() == FEWEST_QUESTIONS


def test_sums_are_right():
    for question in paper.questions(QUESTIONS)[len(FOUNDATIONS.questions) :]:
        one, other = str(question["text"]).removeprefix("How much is ").removesuffix("?").split(" · ")
        (right,) = (each["text"] for each in question["options"] if each["is_correct"])  # type: ignore[attr-defined]
        assert right == str(int(one) * int(other))


@dataclass
class Class:
    """A class that sits in no time at all: what each saved when, by log-in and question."""

    count: int
    questions: int
    seed: str
    roles: Mapping[str, Role] = field(default_factory=dict)
    saves: dict[str, dict[str, list[Save]]] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Json] = field(default_factory=list)

    def sit(self) -> None:
        """Everybody carries out their script; who is to do something next does it first."""
        self.roles = cast(self.seed, [f"s{number}" for number in range(self.count)])
        common = list(with_ids("q", paper.questions(self.questions)))
        bank = list(with_ids("b", FOUNDATIONS.banks[0].questions))
        self.asked = common + bank
        turns: list[tuple[float, str, Iterator[float]]] = []
        for place, login in enumerate(self.roles):
            random = Random(f"{self.seed}/{login}/order")
            own = common + random.sample(bank, FOUNDATIONS.draws[0].count)
            random.shuffle(own)
            heapq.heappush(turns, (ARRIVING * place / self.count, login, self._student(login, own)))
        while turns:
            at, login, student = heapq.heappop(turns)
            self.now = at
            if (pause := next(student, None)) is not None and at + pause < SITTING:
                heapq.heappush(turns, (at + pause, login, student))

    def _student(self, login: str, own: list[Json]) -> Iterator[float]:
        part, seed = self.roles[login].part, f"{self.seed}/{login}"
        keys = {question["id"]: question for question in own}
        script = write_script(seed, own, keys, SITTING, True, TEMPERAMENTS.get(part))
        put_off: list[Step] = []
        for step in behave(seed, script, part, own).steps:
            if isinstance(step, Peek) and self._neighbours(login, step) is None:
                put_off.append(step)
            else:
                yield self._do(login, step)
        for step in put_off:
            yield self._do(login, step)

    def _neighbours(self, login: str, step: Peek) -> Any:
        return self.seen.get(self.roles[login].source, {}).get(step.question_id)

    def _do(self, login: str, step: Step) -> float:
        match step:
            case Think(seconds):
                return seconds
            case Peek():
                self._save(login, step.question_id, self._neighbours(login, step) or step.response)
            case Give():
                self._save(login, step.question_id, step.response)
        return SAVING

    def _save(self, login: str, question_id: str, response: dict[str, Any] | None) -> None:
        self.seen.setdefault(login, {})[question_id] = response
        saves = self.saves.setdefault(login, {}).setdefault(question_id, [])
        chosen = [value for name, value in (response or {}).items() if name in ("option_id", "value")]
        if response is None or chosen:
            option = mark(str(chosen[0]).lower()) if chosen else b""
            saves.append(Save(len(saves) + 1, int(self.now * 1000) + 1, option))

    @property
    def groups(self) -> list[set[str]]:
        """Those who copied, with whom they copied from."""
        groups: dict[str, set[str]] = {}
        for login, role in self.roles.items():
            if role.source:
                groups.setdefault(role.source, {role.source}).add(login)
        return list(groups.values())

    def flagged(self) -> set[frozenset[str]]:
        """The pairs that would be shown."""
        items = tuple(Item(each["id"], options) for each in self.asked if (options := options_of(each)))
        plan = Plan.of(WatchedExam("exam", 1, 0, True, items))
        candidates = {
            login: Candidate(login, Seated(1, "submitted"), {mark(key): tuple(given) for key, given in saves.items()})
            for login, saves in self.saves.items()
        }
        rooms = rooms_of(self.roles)
        names = tuple(sorted(set(rooms.values())))
        seats = SeatPlan(1, names, {mark(login): names.index(room) for login, room in rooms.items()})
        seating = seating_of(candidates, 0, seats)
        running, answers, taken = Running(plan, seating.neighbours), plan.answers(candidates), 0
        while taken < len(answers):
            taken = running.take(answers, taken)
            if running.to_estimate is not None:
                running.expect(estimated(plan, running.to_estimate))
                running.to_estimate = None
        return {frozenset(pair) for pair in flagged(running, seating).flags}


def with_ids(prefix: str, questions: Any) -> Iterator[Json]:
    """As the catalogue gives them."""
    for number, question in enumerate(questions):
        name = f"{prefix}{number}"
        options = [option | {"id": f"{name}-{place}"} for place, option in enumerate(question.get("options", ()))]
        yield question | {"id": name, "options": options}


def options_of(question: Json) -> tuple[str, ...]:
    """Of a question that is answered by choosing one option."""
    match question["type"]:
        case "single_choice":
            return tuple(option["id"] for option in question["options"])
        case "true_false":
            return ("true", "false")
    return ()


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_by_default_all_who_copy_are_found_and_nobody_else_is(seed: str):
    sat = Class(200, QUESTIONS, seed)
    sat.sit()
    copiers = {login for login, role in sat.roles.items() if role.source}
    planted = {frozenset(pair) for group in sat.groups for pair in combinations(group, 2)}
    found = sat.flagged()
    assert len(copiers) == 8
    assert found <= planted
    assert copiers <= {login for pair in found for login in pair}


def test_so_few_students_that_no_question_has_fifty_answers_are_no_evidence():
    sat = Class(40, QUESTIONS, "1")
    sat.sit()
    assert sat.flagged() == set()
