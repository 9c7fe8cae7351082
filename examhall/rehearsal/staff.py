"""What staff do in a rehearsal: make the exam and its students beforehand, read back afterwards what the institution holds."""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from chassis.ids import new_id
from examhall.demo.foundations import FOUNDATIONS
from examhall.demo.writing import Draw, Json
from examhall.rehearsal.audit import Grade, HeldAttempt, StoredAnswer
from examhall.rehearsal.expectation import Rules
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.ledger import Answer
from examhall.rehearsal.sitting import Student

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 8
_PAGE = 100
_FIRST_MARKED_WITHIN = 60.0
SHORTEST_EXAM_SECONDS = 60


class NotPossible(Exception):
    """The rehearsal can't be held as asked; the message says why."""


@dataclass(frozen=True)
class Stage:
    """An exam ready to be sat. `keys` are the author's questions by id; empty where the key is not known."""

    exam_id: str
    title: str
    is_own: bool
    max_attempts: int
    keys: Mapping[str, Json] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)


class Staff:
    """A person who may make exams and students and see all attempts."""

    def __init__(self, gateway: Gateway, login: str, password: str) -> None:
        self._gateway = gateway
        self._login = login
        self._password = password
        self._token = ""

    async def sign_in(self) -> None:
        """Logs in. Raises NotPossible with the reason."""
        body = {"login": self._login, "password": self._password}
        reply = await self._gateway.call("staff: log in", "POST", "/auth/login", body=body)
        if not reply.is_success:
            raise NotPossible(f"{self._login} can't log in: {reply.body.get('detail', reply.status)}")
        self._token = reply.body["access_token"]

    async def make_students(self, count: int, name: str) -> tuple[str, list[Student]]:
        """A class of `count` new students and how they sign in; gives the class's id with it."""
        year = str(datetime.now(UTC).year)
        made = await self._done("POST", "/classes", {"name": name, "section": "", "academic_year": year})
        password = f"rehearsal-{new_id().hex}"

        async def make(number: int) -> Student:
            registration = f"{name.replace(' ', '-')}-{number:04d}".upper()
            body = {
                "name": f"Rehearsal {number:04d}",
                "registration_number": registration,
                "class_id": made["id"],
                "password": password,
            }
            await self._done("POST", "/students", body)
            return Student(registration, password)

        return made["id"], await _side_by_side(range(1, count + 1), make)

    async def make_exam(self, title: str, class_id: str) -> str:
        """An exam of the demonstration's objective questions, with a draw and both kinds of shuffling, for one class; gives its id."""
        settings: Mapping[str, Any] = FOUNDATIONS.body["settings"]  # type: ignore[assignment]
        exam = await self._done("POST", "/exams", {**FOUNDATIONS.body, "title": title, "settings": dict(settings)})
        for question in FOUNDATIONS.questions:
            await self._done("POST", f"/exams/{exam['id']}/questions", {"question": question})
        banks = {bank.name: bank for bank in FOUNDATIONS.banks}
        for draw in FOUNDATIONS.draws:
            await self._add_draw(exam["id"], draw, banks[draw.bank].questions)
        schedule = {"max_attempts": 1, "audience": {"class_ids": [class_id]}}
        await self._done("PUT", f"/exams/{exam['id']}/schedule", schedule)
        await self._done("POST", f"/exams/{exam['id']}/publish")
        return str(exam["id"])

    async def open_window(self, exam_id: str, class_id: str, seconds: float) -> None:
        """Lets the exam end in so many seconds, for all at the same moment."""
        closes_at = datetime.now(UTC) + timedelta(seconds=seconds)
        schedule = {"max_attempts": 1, "audience": {"class_ids": [class_id]}, "closes_at": closes_at.isoformat()}
        await self._done("PUT", f"/exams/{exam_id}/schedule", schedule)

    async def stage(self, exam_id: str, *, is_own: bool) -> Stage:
        """The exam with the key of its latest version."""
        exam = await self._done("GET", f"/exams/{exam_id}")
        version = await self._done("GET", f"/exams/{exam_id}/versions/{exam['version']}")
        questions = [question for slot in version["slots"] for question in slot["questions"]]
        return Stage(
            exam_id,
            exam["title"],
            is_own,
            exam["schedule"]["max_attempts"],
            {question["id"]: question for question in questions},
            Rules.of_settings(version["settings"]),
        )

    async def held_attempts(self, exam_id: str, attempt_ids: Sequence[str]) -> list[HeldAttempt]:
        """The attempts of the exam as the institution holds them; answers of those that took part in the rehearsal."""
        attempts = await self._all("/attempts", {"exam_id": exam_id})
        wanted = set(attempt_ids)

        async def read(attempt: Mapping[str, Any]) -> HeldAttempt:
            answers = {}
            if attempt["id"] in wanted:
                body = await self._done("GET", f"/attempts/{attempt['id']}/answers")
                answers = {
                    answer["question_id"]: StoredAnswer(
                        answer["revision"], Answer(answer["response"], answer["is_flagged"])
                    )
                    for answer in body["answers"]
                }
            return HeldAttempt(attempt["id"], attempt["student_id"], attempt["status"], answers)

        return await _side_by_side(attempts, read)

    async def grades(self, exam_id: str, attempt_ids: Sequence[str]) -> list[Grade]:
        """All grades of the exam, waited for until every attempt of the rehearsal has one, a minute at most."""
        wanted = set(attempt_ids)
        give_up_at = asyncio.get_running_loop().time() + _FIRST_MARKED_WITHIN
        while True:
            grades = await self._all(f"/grading/exams/{exam_id}/grades", {})
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

    async def close(self, stage: Stage) -> None:
        """Puts an exam made for the rehearsal away."""
        if stage.is_own:
            await self._done("POST", f"/exams/{stage.exam_id}/archive")

    async def _add_draw(self, exam_id: str, draw: Draw, questions: Sequence[Json]) -> None:
        bank = await self._done("POST", "/question-banks", {"name": f"Rehearsal {new_id().hex[-8:]}"})
        for question in questions:
            await self._done("POST", "/questions", {**question, "bank_id": bank["id"]})
        await self._done("POST", f"/exams/{exam_id}/draws", {"bank_id": bank["id"], "count": draw.count})

    async def _done(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        return await self._gateway.done("staff", method, path, token=self._token, body=body)

    async def _all(self, path: str, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        page = 1
        while True:
            asked = {**query, "page": str(page), "limit": str(_PAGE)}
            body = await self._gateway.done("staff", "GET", path, token=self._token, query=asked)
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


async def _side_by_side(items: "Sequence[T] | range", work: Callable[[Any], Awaitable[R]]) -> list[R]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Any) -> R:
        async with gate:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))
