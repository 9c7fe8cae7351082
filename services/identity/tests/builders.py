"""People, classes and centres with good defaults, and clients signed in as them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from chassis.clock import now
from chassis.ids import new_id
from chassis.testing import RunningService, running
from services.identity.app import build
from services.identity.app_state import parts_of
from services.identity.events import person_registered
from services.identity.passwords import _hasher
from services.identity.sessions import open_session
from services.identity.tables import Centre, ClassTeacher, Person, SchoolClass

PASSWORD = "correct horse battery"
PASSWORD_HASH = _hasher.hash(PASSWORD)


@dataclass
class School:
    """A running identity service with ways to fill it."""

    service: RunningService
    data: Path
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def http(self) -> httpx.AsyncClient:
        return self.service.http

    async def add(self, *rows: Any) -> None:
        async with self.service.database.session() as tx:
            for row in rows:
                tx.add(row)
                await tx.flush()
                if isinstance(row, Person):
                    person_registered(tx, row)

    async def person(self, role: str = "student", **values: Any) -> Person:
        unique = new_id().hex[-10:]
        given = {"name": "Ada Okafor", "email": f"{unique}@example.org", "password_hash": PASSWORD_HASH, **values}
        person = Person(role=role, **given)
        await self.add(person)
        return person

    async def centre(self, code: str | None = None) -> Centre:
        centre = Centre(name="Northgate", code=code or new_id().hex[-8:].upper())
        await self.add(centre)
        return centre

    async def school_class(self, centre_id: UUID | None = None, teacher: Person | None = None) -> SchoolClass:
        found = SchoolClass(name=f"10{new_id().hex[-6:]}", academic_year="2026-2027", centre_id=centre_id)
        await self.add(found)
        if teacher is not None:
            await self.add(ClassTeacher(class_id=found.id, teacher_id=teacher.id))
        return found

    async def as_(self, person: Person) -> httpx.AsyncClient:
        """A client with an access token of a new session of the person."""
        runtime = self.service.runtime
        async with runtime.database.session() as tx:
            session, _ = await open_session(tx, person, "127.0.0.1", "tests", now())
        token = parts_of(runtime).signer.access_token(person, session.id, now())
        return self.bearer(token)

    def bearer(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(base_url=self.service.address, headers=headers, timeout=30)
        self.clients.append(client)
        return client

    async def log_in(self, person: Person, password: str = PASSWORD) -> httpx.Response:
        return await self.http.post("/api/v1/auth/login", json={"login": person.email, "password": password})

    def mails(self) -> list[str]:
        return [path.read_text() for path in sorted((self.data / "mail").glob("*.eml"))]


@asynccontextmanager
async def a_school(
    postgres_url: str, kafka: str, data: Path, database_url: str | None = None, **settings: Any
) -> AsyncIterator[School]:
    """On a fresh database, or on this one."""
    values = {"data": data, **settings}
    async with running(build, postgres_url, kafka, settings=values, database_url=database_url) as service:
        school = School(service, data)
        try:
            yield school
        finally:
            for client in school.clients:
                await client.aclose()
