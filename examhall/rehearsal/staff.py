"""What staff do in a rehearsal: make the exam and its students beforehand, read back afterwards what the institution holds."""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from chassis.ids import new_id
from examhall.demo.foundations import FOUNDATIONS
from examhall.demo.writing import Draw, Json
from examhall.rehearsal import paper
from examhall.rehearsal.audit import Grade, HeldAttempt, StoredAnswer
from examhall.rehearsal.expectation import Response, Rules, expected_score
from examhall.rehearsal.gateway import Gateway, Refusal, Reply
from examhall.rehearsal.ledger import Answer
from examhall.rehearsal.seats import Student

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 8
_PAGE = 100
_FIRST_MARKED_WITHIN = 60.0
_NOT_SEEN = frozenset({403, 404})
_OVER = 409


class NotPossible(Exception):
    """The rehearsal can't be held as asked; the message says why."""


@dataclass(frozen=True)
class Stage:
    """An exam ready to be sat. `keys` are the author's questions by id; empty where the account may not read the key."""

    exam_id: str
    title: str
    is_own: bool
    max_attempts: int
    access_code: str = ""
    keys: Mapping[str, Json] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # empty where the key is
    rules: Rules = field(default_factory=Rules)

    def expected_score(self, question_ids: Sequence[str], responses: Mapping[str, Response]) -> Decimal | None:
        """The score of an attempt by the key; None where the key is not known, or a person has to mark a part."""
        if not all(question_id in self.keys for question_id in question_ids):
            return None
        return expected_score([self.keys[question_id] for question_id in question_ids], responses, self.rules)


class Staff:
    """A person who may make exams and students and see all attempts."""

    def __init__(self, gateway: Gateway, login: str, password: str) -> None:
        self._gateway = gateway
        self._login = login
        self._password = password
        self.token = ""
        self._clock_ahead = timedelta(0)

    async def sign_in(self) -> None:
        """Logs in. Raises NotPossible with the reason."""
        body = {"login": self._login, "password": self._password}
        reply = await self._gateway.call("staff: log in", "POST", "/auth/login", body=body)
        if not reply.is_success:
            raise NotPossible(f"{self._login} can't log in: {reply.body.get('detail', reply.status)}")
        self.token = reply.body["access_token"]

    async def make_students(self, count: int, name: str) -> tuple[str, list[Student]]:
        """A class of `count` new students and how they sign in; gives the class's id with it."""
        year = str(datetime.now(UTC).year)
        made = await self.done("POST", "/classes", {"name": name, "section": "", "academic_year": year})
        password = f"rehearsal-{new_id().hex}"

        async def make(number: int) -> Student:
            registration = f"{name.replace(' ', '-')}-{number:04d}".upper()
            body = {
                "name": f"Rehearsal {number:04d}",
                "registration_number": registration,
                "class_id": made["id"],
                "password": password,
            }
            student = (await self.done("POST", "/students", body))["student"]
            return Student(registration, password, student["id"])

        return made["id"], await side_by_side(range(1, count + 1), make)

    async def make_exam(self, title: str, class_id: str, questions: int, **changed: Any) -> str:
        """An exam of so many questions for one class (see `paper`), with a draw and both kinds of shuffling; gives its id.

        `changed` are settings that differ from the demonstration's.
        """
        settings: Mapping[str, Any] = {**FOUNDATIONS.body["settings"], **changed}  # type: ignore[dict-item]
        exam = await self.done("POST", "/exams", {**FOUNDATIONS.body, "title": title, "settings": settings})
        if made_at := exam.get("created_at"):
            self._clock_ahead = datetime.fromisoformat(made_at) - datetime.now(UTC)
        for question in paper.questions(questions):
            await self.done("POST", f"/exams/{exam['id']}/questions", {"question": question})
        banks = {bank.name: bank for bank in FOUNDATIONS.banks}
        for draw in FOUNDATIONS.draws:
            await self._add_draw(exam["id"], draw, banks[draw.bank].questions)
        schedule = {"max_attempts": 1, "audience": {"class_ids": [class_id]}}
        await self.done("PUT", f"/exams/{exam['id']}/schedule", schedule)
        await self.done("POST", f"/exams/{exam['id']}/publish")
        return str(exam["id"])

    async def seat(self, exam_id: str, rooms: Mapping[str, str], students: Iterable[Student]) -> None:
        """Gives the exam its seating plan; `rooms` by log-in."""
        seated: dict[str, list[str]] = {}
        for student in students:
            seated.setdefault(rooms[student.login], []).append(student.student_id)
        plan = [{"name": room, "student_ids": student_ids} for room, student_ids in seated.items()]
        await self.done("PUT", f"/exams/{exam_id}/seating", {"rooms": plan})

    async def open_window(self, exam_id: str, class_id: str, seconds: float) -> None:
        """Lets the exam end in so many seconds, for all at the same moment, by the institution's clock."""
        closes_at = datetime.now(UTC) + self._clock_ahead + timedelta(seconds=seconds)
        schedule = {"max_attempts": 1, "audience": {"class_ids": [class_id]}, "closes_at": closes_at.isoformat()}
        await self.done("PUT", f"/exams/{exam_id}/schedule", schedule)

    async def stage(self, exam_id: str, *, is_own: bool) -> Stage:
        """The exam with the key of its latest version, where the account is its author's or an administrator's.

        Raises NotPossible when nothing is published, or when the account could not read back afterwards what was sat: students have
        few attempts, often one, and it would be wasted.
        """
        exam = (await self._seen(exam_id, f"/exams/{exam_id}")).body
        schedule = exam.get("schedule", exam)  # who only supervises it gets a flat view
        stage = Stage(exam_id, exam["title"], is_own, schedule["max_attempts"], schedule.get("access_code") or "")
        if exam["version"] < 1:
            raise NotPossible(f"the exam {stage.title} is not published")
        if not is_own:  # of an exam that was made a moment ago, grading may not know yet
            for path in (f"/attempts?exam_id={exam_id}&limit=1", f"/grading/exams/{exam_id}/grades?limit=1"):
                await self._seen(exam_id, path)
        reply = await self._call("GET", f"/exams/{exam_id}/versions/{exam['version']}")
        if reply.status in _NOT_SEEN:
            return stage
        questions = [question for slot in reply.body["slots"] for question in slot["questions"]]
        keys = {question["id"]: question for question in questions}
        settings = reply.body["settings"]
        return replace(stage, keys=keys, settings=settings, rules=Rules.of_settings(settings))

    async def held_attempts(self, exam_id: str, attempt_ids: Sequence[str]) -> list[HeldAttempt]:
        """The attempts of the exam as the institution holds them; answers of those that took part in the rehearsal."""
        attempts = await self.every("/attempts", {"exam_id": exam_id})
        wanted = set(attempt_ids)

        async def read(attempt: Mapping[str, Any]) -> HeldAttempt:
            answers = {}
            if attempt["id"] in wanted:
                body = await self.done("GET", f"/attempts/{attempt['id']}/answers")
                answers = {
                    answer["question_id"]: StoredAnswer(
                        answer["revision"], Answer(answer["response"], answer["is_flagged"])
                    )
                    for answer in body["answers"]
                }
            return HeldAttempt(attempt["id"], attempt["student_id"], attempt["status"], answers)

        return await side_by_side(attempts, read)

    async def grades(self, exam_id: str, attempt_ids: Sequence[str]) -> list[Grade]:
        """All grades of the exam, waited for until every attempt of the rehearsal has one, a minute at most."""
        wanted = set(attempt_ids)
        give_up_at = asyncio.get_running_loop().time() + _FIRST_MARKED_WITHIN
        while True:
            grades = await self.every(f"/grading/exams/{exam_id}/grades", {})
            if wanted <= {grade["attempt_id"] for grade in grades}:
                break
            if asyncio.get_running_loop().time() > give_up_at:
                break
            await asyncio.sleep(0.5)
        return [
            Grade(
                grade["attempt_id"],
                _decimal(grade["score"]) if grade["status"] != "waiting" else None,
                _decimal(grade["max_score"]),
                _decimal(grade["percentage"]),
            )
            for grade in grades
        ]

    async def extend(self, attempt_id: str, seconds: int) -> bool:
        """More time for one attempt; False when it is over already. Raises Refusal, Unreachable."""
        path, body = f"/attempts/{attempt_id}/extend", {"seconds": seconds, "reason": "A rehearsal of more time."}
        reply = await self._gateway.call("staff", "POST", path, token=self.token, body=body)
        if not reply.is_success and reply.status != _OVER:
            raise Refusal("staff", reply)
        return reply.is_success

    async def release(self, exam_id: str) -> None:
        """Makes the exam's grades final and lets students see them."""
        await self.done("POST", f"/grading/exams/{exam_id}/finalize")
        await self.done("POST", f"/grading/exams/{exam_id}/release")

    async def close(self, stage: Stage) -> None:
        """Puts an exam made for the rehearsal away."""
        if stage.is_own:
            await self.archive(stage.exam_id)

    async def archive(self, exam_id: str) -> None:
        """Puts an exam away."""
        await self.done("POST", f"/exams/{exam_id}/archive")

    async def _add_draw(self, exam_id: str, draw: Draw, questions: Sequence[Json]) -> None:
        bank = await self.done("POST", "/question-banks", {"name": f"Rehearsal {new_id().hex[-8:]}"})
        for question in questions:
            await self.done("POST", "/questions", {**question, "bank_id": bank["id"]})
        await self.done("POST", f"/exams/{exam_id}/draws", {"bank_id": bank["id"], "count": draw.count})

    async def done(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        """The body of a reply that must be a success. Raises Refusal, Unreachable."""
        return await self._gateway.done("staff", method, path, token=self.token, body=body)

    async def _seen(self, exam_id: str, path: str) -> Reply:
        reply = await self._call("GET", path)
        if reply.status in _NOT_SEEN:
            raise NotPossible(
                f"{self._login} may not read the exam {exam_id} with its attempts and grades; "
                "log in as its author, an administrator of its students' centre, or an administrator"
            )
        return reply

    async def _call(self, method: str, path: str) -> Reply:
        """The reply of a success or of what the account does not see; raises Refusal for anything else."""
        reply = await self._gateway.call("staff", method, path, token=self.token)
        if not reply.is_success and reply.status not in _NOT_SEEN:
            raise Refusal("staff", reply)
        return reply

    async def read(self, path: str) -> Reply:
        """A reply, whatever it says."""
        return await self._gateway.call("staff", "GET", path, token=self.token)

    async def every(self, path: str, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """All items of a list, page by page."""
        items: list[Mapping[str, Any]] = []
        page = 1
        while True:
            asked = {**query, "page": str(page), "limit": str(_PAGE)}
            body = await self._gateway.done("staff", "GET", path, token=self.token, query=asked)
            items += body["items"]
            if page >= body["pages"]:
                return items
            page += 1


def read_students(path: Path, count: int) -> list[Student]:
    """The first `count` students of a CSV file with the columns login and password. Raises NotPossible naming what is wrong."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"login", "password"} <= set(rows.fieldnames or ()):
            raise NotPossible(f"{path}: the first line must name the columns login and password")
        students = [Student(row["login"], row["password"]) for row in rows if row["login"]]
    if not students:
        raise NotPossible(f"{path}: there are no students in it")
    return students[:count]


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


async def side_by_side(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """The results of `work` on all items, in their order, a few at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> R:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))
