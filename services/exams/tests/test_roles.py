"""Who may do what to what: every route of the exams service, for every role, on an own exam, a foreign one and a foreign draft."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.ids import new_id
from services.exams.app import build
from services.exams.audience import Audience
from services.exams.authoring import new_exam
from services.exams.content import Window
from services.exams.publishing import publish_exam
from services.exams.questions import stored_question
from services.exams.scheduling import Schedule, apply_schedule
from services.exams.settings import Settings
from services.exams.tables import ExamSlot, QuestionBank
from services.exams.tests.builders import EVERYONE, Office, a_question, done
from services.exams.views.questions import QuestionBody

# Route → role → the objects it reaches: "o" own (written by, published to or naming the caller), "f" somebody else's, published to others,
# "d" somebody else's draft that names the caller. What is not reached is 404. "-": no object, allowed. "x": the role can never do it, 403.
NOBODY = dict.fromkeys(("student", "instructor", "proctor", "evaluator", "centre_admin", "admin"), "x")
EVERYBODY = dict.fromkeys(NOBODY, "-")
AUTHORS = {**NOBODY, "instructor": "o", "admin": "ofd"}
WRITING = {**NOBODY, "instructor": "-", "admin": "-"}

EXAM, BANK, QUESTION = "/api/v1/exams/{exam_id}", "/api/v1/question-banks/{bank_id}", "/api/v1/questions/{question_id}"
TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/api/v1/exams"): EVERYBODY,
    ("POST", "/api/v1/exams"): WRITING,
    ("GET", EXAM): {**dict.fromkeys(NOBODY, "o"), "admin": "ofd"},
    ("PATCH", EXAM): AUTHORS,
    ("DELETE", EXAM): AUTHORS,
    ("POST", f"{EXAM}/duplicate"): AUTHORS,
    ("PUT", f"{EXAM}/schedule"): AUTHORS,
    ("GET", f"{EXAM}/seating"): {**AUTHORS, "proctor": "o"},
    ("PUT", f"{EXAM}/seating"): AUTHORS,
    ("POST", f"{EXAM}/publish"): AUTHORS,
    ("POST", f"{EXAM}/archive"): AUTHORS,
    ("GET", f"{EXAM}/versions"): AUTHORS,
    ("GET", f"{EXAM}/versions/{{version}}"): AUTHORS,
    ("GET", f"{EXAM}/preview"): AUTHORS,
    ("POST", f"{EXAM}/questions"): AUTHORS,
    ("PATCH", f"{EXAM}/questions/{{question_id}}"): AUTHORS,
    ("DELETE", f"{EXAM}/questions/{{question_id}}"): AUTHORS,
    ("POST", f"{EXAM}/draws"): AUTHORS,
    ("DELETE", f"{EXAM}/draws/{{slot_id}}"): AUTHORS,
    ("PUT", f"{EXAM}/order"): AUTHORS,
    ("GET", "/api/v1/questions"): WRITING,
    ("POST", "/api/v1/questions"): WRITING,
    ("GET", QUESTION): AUTHORS,
    ("PATCH", QUESTION): AUTHORS,
    ("DELETE", QUESTION): AUTHORS,
    ("GET", "/api/v1/question-banks"): WRITING,
    ("POST", "/api/v1/question-banks"): WRITING,
    ("GET", BANK): AUTHORS,
    ("PATCH", BANK): AUTHORS,
    ("DELETE", BANK): AUTHORS,
}
# Refusals of the thing itself, met only by those who reach it: in use, already published, not the right places.
_REACHED = ("still-used", "conflict", "permutation", "no such version")


def test_the_table_names_every_route() -> None:
    routes = {
        (method, route.path)
        for router in build(Settings()).routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE)


@dataclass(frozen=True)
class Stored:
    """An exam of two places, and the ids of what is in it."""

    exam_id: UUID
    question_id: UUID
    bank_id: UUID
    slot_id: UUID


async def stored_exam(tx: AsyncSession, owner_id: UUID, schedule: Schedule, *, is_published: bool) -> Stored:
    """One fixed question and a draw of one, written by the owner."""
    bank = QuestionBank(owner_id=owner_id, name=new_id().hex)
    tx.add(bank)
    await tx.flush()
    body = QuestionBody.model_validate(a_question())
    fixed, drawn = stored_question(owner_id, body.question(), None), stored_question(owner_id, body.question(), bank.id)
    values = {"title": "T", "subject": "S", "kind": "exam"}
    exam = new_exam(owner_id, values, {}, new_id())
    apply_schedule(exam, schedule)
    tx.add_all([fixed, drawn, exam])
    await tx.flush()
    draw = ExamSlot(exam_id=exam.id, position=1, bank_id=bank.id)
    tx.add_all([ExamSlot(exam_id=exam.id, position=0, question_id=fixed.id), draw])
    await tx.flush()
    if is_published:
        await publish_exam(tx, None, exam, now())
    return Stored(exam.id, fixed.id, bank.id, draw.id)


async def objects(office: Office, role: str) -> tuple[httpx.AsyncClient, dict[str, Stored]]:
    """A client of the role, and things to reach, by letter."""
    centre_id = new_id()
    caller = office.person(role, **({"centre_id": centre_id} if role == "student" else {}))
    client = office.service.as_(role, caller, centre_id if role == "centre_admin" else None)
    for_caller = Schedule(
        Window(), 1, Audience(centre_ids=(centre_id,)), proctor_ids=(caller,), evaluator_ids=(caller,)
    )
    for_others = Schedule(Window(), 1, Audience(centre_ids=(new_id(),)), proctor_ids=(new_id(),))
    owner_id = caller if role == "instructor" else new_id()
    async with office.service.database.session() as tx:
        return client, {
            "o": await stored_exam(tx, owner_id, for_caller, is_published=True),
            "f": await stored_exam(tx, new_id(), for_others, is_published=True),
            "d": await stored_exam(tx, new_id(), for_caller, is_published=False),
        }


def body_of(method: str, path: str, target: Stored | None) -> Any:
    """A body that every rule but that of the role lets through."""
    bodies: dict[tuple[str, str], Any] = {
        ("POST", "/api/v1/exams"): {"title": "T", "subject": "S", "kind": "quiz"},
        ("POST", "/api/v1/questions"): a_question(),
        ("POST", "/api/v1/question-banks"): {"name": new_id().hex},
        ("PUT", f"{EXAM}/schedule"): EVERYONE,
        ("PUT", f"{EXAM}/seating"): {"rooms": []},
        ("PUT", f"{EXAM}/order"): [],
        ("POST", f"{EXAM}/questions"): {"question": a_question()},
        ("PATCH", f"{EXAM}/questions/{{question_id}}"): {"points": "3"},
        ("POST", f"{EXAM}/draws"): {"bank_id": str(target.bank_id if target else new_id()), "count": 1},
    }
    return bodies.get((method, path), {} if method in ("PATCH", "PUT") else None)


async def tried(office: Office, method: str, path: str, role: str, reach: str) -> list[str]:
    """What one role met at one route that the table does not say."""
    client, found = await objects(office, role)
    targets: dict[str, Stored | None] = dict(found) if "{" in path else {"-": None}
    wrong = []
    for letter, target in targets.items():
        ids = {**vars(target), "version": 1} if target else {}
        concrete = re.sub(r"{(\w+)}", lambda match, ids=ids: str(ids[match[1]]), path)
        reply = await client.request(method, concrete, json=body_of(method, path, target))
        if reach == "x":
            is_right = reply.status_code == 403
        elif letter in reach:
            is_right = reply.status_code < 300 or any(word in reply.text for word in _REACHED)
        else:
            is_right = reply.status_code == 404
        if not is_right:
            wrong.append(f"{role} {letter} {method} {path}: {reply.status_code} {reply.text[:200]}")
    return wrong


async def test_each_role_reaches_exactly_what_the_table_says(office: Office) -> None:
    wrong = []
    for method, path in sorted(TABLE):
        for role, reach in TABLE[method, path].items():
            wrong += await tried(office, method, path, role, reach)
    assert wrong == []


async def test_what_was_refused_changed_nothing(office: Office) -> None:
    client, found = await objects(office, "instructor")
    before = await done(office.admin.get(f"/api/v1/exams/{found['f'].exam_id}"))
    for method, path in sorted(TABLE):
        if "{" in path and method != "GET":
            ids = {**vars(found["f"]), "version": 1}
            concrete = re.sub(r"{(\w+)}", lambda match, ids=ids: str(ids[match[1]]), path)
            reply = await client.request(method, concrete, json=body_of(method, path, found["f"]))
            assert reply.status_code == 404, f"{method} {path}"
    assert await done(office.admin.get(f"/api/v1/exams/{found['f'].exam_id}")) == before


async def test_nothing_answers_without_a_token(office: Office) -> None:
    for method, path in TABLE:
        concrete = re.sub(r"{\w+}", lambda match: "1" if match[0] == "{version}" else str(new_id()), path)
        reply = await office.service.http.request(method, concrete, json=body_of(method, path, None))
        assert reply.status_code == 401, f"{method} {path}"


async def test_an_instructor_can_not_take_somebody_elses_question_or_bank_into_an_exam(office: Office) -> None:
    client, found = await objects(office, "instructor")
    path = f"/api/v1/exams/{found['o'].exam_id}"
    for part, body in (
        ("questions", {"question_id": str(found["f"].question_id)}),
        ("draws", {"bank_id": str(found["f"].bank_id), "count": 1}),
        ("questions", {"question": a_question(bank_id=str(found["f"].bank_id))}),
    ):
        assert (await client.post(f"{path}/{part}", json=body)).status_code == 404
