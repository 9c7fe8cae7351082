"""Puts the demonstration into the services' databases, once: people into identity, exams into the catalogue."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import now
from chassis.database import Database
from chassis.ids import new_id
from examhall.demo.content import ADMIN, CENTRES, CLASSES, DEMO_PASSWORD, STAFF, STUDENTS
from examhall.demo.exams import EXAMS
from examhall.demo.writing import Bank, DemoExam
from services.exams.seeding import seed_exams
from services.identity.seeding import seed_people

_EMAILS = [person.email for person in STAFF]


async def load(database_urls: Mapping[str, str]) -> None:
    """Loads what is not there yet; `database_urls` are by service, identity and exams are of interest. The people go in whole or not at
    all, and so do the exams; a start that was cut off between the two is made good by the next."""
    async with _transaction("identity", database_urls) as tx:
        if not await _has(tx, "people WHERE lower(email) = :email", email=ADMIN.email):
            await _load_people(tx)
        known = await _known(tx)
    if "exams" in database_urls:
        async with _transaction("exams", database_urls) as tx:
            if not await _has(tx, "exams WHERE instructor_id = ANY(:people)", people=list(known.people.values())):
                await _load_exams(tx, known)


@dataclass(frozen=True)
class _Known:
    """The demonstration's people by address and its classes by key."""

    people: Mapping[str, UUID]
    classes: Mapping[str, UUID]


async def _known(tx: AsyncSession) -> _Known:
    people = await tx.execute(sa.text("SELECT email, id FROM people WHERE email = ANY(:emails)"), {"emails": _EMAILS})
    classes = await tx.execute(sa.text("SELECT name, section, academic_year, id FROM classes"))
    ids = {(row.name, row.section, row.academic_year): row.id for row in classes}
    by_key = {each.key: ids.get((each.name, each.section, each.academic_year)) for each in CLASSES}
    return _Known(
        {row.email: row.id for row in people}, {key: identifier for key, identifier in by_key.items() if identifier}
    )


async def _has(tx: AsyncSession, rows: str, **values: Any) -> bool:
    return bool(await tx.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {rows})"), values))  # noqa: S608, rows are written above


@asynccontextmanager
async def _transaction(service: str, database_urls: Mapping[str, str]) -> AsyncIterator[AsyncSession]:
    database = Database(database_urls[service], pool_size=1, name=service)
    try:
        async with database.session() as tx:
            yield tx
    finally:
        await database.close()


async def _load_people(tx: AsyncSession) -> None:
    specializations = {row.name: row.id for row in await tx.execute(sa.text("SELECT id, name FROM specializations"))}
    centre_ids = {centre.code: new_id() for centre in CENTRES}
    class_ids = {each.key: new_id() for each in CLASSES}
    staff_ids = {person.email: new_id() for person in STAFF}
    centres = [{"id": centre_ids[centre.code], "code": centre.code, "name": centre.name} for centre in CENTRES]
    classes = [
        {
            "id": class_ids[each.key],
            "name": each.name,
            "section": each.section,
            "academic_year": each.academic_year,
            "centre_id": centre_ids[each.centre],
        }
        for each in CLASSES
    ]
    staff = [
        {
            "id": staff_ids[person.email],
            "role": person.role,
            "name": person.name,
            "email": person.email,
            "centre_id": centre_ids[person.centre] if person.centre else None,
        }
        for person in STAFF
    ]
    teachers = [(class_ids[each.key], staff_ids[email]) for each in CLASSES for email in each.teachers]
    people = [*staff, *_student_rows(specializations, centre_ids, class_ids)]
    await seed_people(tx, centres, classes, people, teachers, DEMO_PASSWORD)


def _student_rows(
    specializations: Mapping[str, UUID], centres: Mapping[str, UUID], classes: Mapping[str, UUID]
) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "role": "student",
            "name": student.name,
            "email": student.email,
            "registration_number": student.registration_number,
            "class_id": classes[student.school_class],
            "specialization_id": specializations[student.specialization],
            "centre_id": centres[student.centre],
            "level": student.level,
            "extra_time_percent": student.extra_time_percent,
            "break_minutes": student.break_minutes,
        }
        for student in STUDENTS
    ]


async def _load_exams(tx: AsyncSession, known: _Known) -> None:
    catalogue = _Catalogue(known)
    for exam in EXAMS:
        catalogue.add(exam)
    await seed_exams(tx, catalogue.banks, catalogue.questions, catalogue.exams, now())


class _Catalogue:
    """Banks, questions and exams as the exams service takes them."""

    def __init__(self, known: _Known) -> None:
        self._known = known
        self.banks: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self.exams: list[dict[str, Any]] = []

    def add(self, exam: DemoExam) -> None:
        """Adds an exam with its banks and all questions."""
        instructor_id = self._known.people[exam.instructor]
        banks = {bank.name: self._add_bank(bank, instructor_id) for bank in exam.banks}
        draws = [
            {"bank_id": banks[draw.bank], "count": draw.count, "topic": draw.topic, "difficulty": draw.difficulty}
            for draw in exam.draws
        ]
        self.exams.append(
            {
                **exam.body,
                "id": new_id(),
                "instructor_id": instructor_id,
                "questions": [self._add_question(body, instructor_id) for body in exam.questions],
                "draws": draws,
                "schedule": self._schedule(exam),
            }
        )

    def _schedule(self, exam: DemoExam) -> dict[str, Any]:
        class_ids = [self._known.classes[key] for key in exam.classes]
        return {
            "max_attempts": exam.max_attempts,
            "access_code": exam.access_code,
            "audience": {"is_everyone": not class_ids, "class_ids": class_ids},
            "proctor_ids": [self._known.people[email] for email in exam.proctors],
            "evaluator_ids": [self._known.people[email] for email in exam.evaluators],
        }

    def _add_bank(self, bank: Bank, owner_id: UUID) -> UUID:
        bank_id = new_id()
        about = {"name": bank.name, "description": bank.description, "subject": bank.subject}
        self.banks.append({"id": bank_id, "owner_id": owner_id, **about})
        for body in bank.questions:
            self._add_question({**body, "bank_id": bank_id}, owner_id)
        return bank_id

    def _add_question(self, body: Mapping[str, Any], owner_id: UUID) -> UUID:
        question_id = new_id()
        self.questions.append({**body, "id": question_id, "owner_id": owner_id})
        return question_id
