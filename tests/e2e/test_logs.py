"""Logs and traces keep to themselves what people write: marked words go in everywhere, everything is made to fail, and nothing has written one down."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from examhall.places import SERVICES, kept
from examhall.tests.machine import Machine, machine, wait_for
from tests.e2e.exams import CAPITAL, ESSAY, Sitting, publish, start
from tests.e2e.people import PASSWORD, Person, School, eventually
from tests.e2e.test_traces import Collector, collecting
from tests.e2e.watching import PROCTORED, batch, signals_of
from tests.faults.hall import strike

BROKEN = "broken_by_this_test"
# What every service writes in order to go on at all; the rest may break.
_NEVER_BROKEN = ("alembic_version", "inbox", "outbox", "dead_letters")
_BACK_SECONDS = 100.0

ANSWER, SENTENCE = "wolkenkuckucksheim", "nachtigallenschlag"
PASSWORD_1, PASSWORD_2, PASSWORD_3 = "zitronenfalter-1", "zitronenfalter-2", "zitronenfalter-3"
CODE, GUESS = "SCHLUESSELBLUME-7", "SCHLUESSELLOCH-8"
SIGNAL = "tagpfauenauge"
BODY = "schwalbenschwanz"


class Words:
    """What must stand in no log: the marked words, and what the system itself handed out."""

    def __init__(self) -> None:
        self.plain = [ANSWER, SENTENCE, PASSWORD_1, PASSWORD_2, PASSWORD_3, CODE, GUESS, SIGNAL, BODY, "$argon2"]
        self.codes: list[str] = []

    def told_to(self, reply: httpx.Response) -> Any:
        """Remembers the tokens in a reply; its body."""
        body = reply.json()
        self.plain += [body[name] for name in ("access_token", "refresh_token", "reset_token") if name in body]
        return body

    def in_(self, text: bytes) -> set[str]:
        """Those that stand in a text, as they are or in hexadecimal digits, as PostgreSQL shows bytes. A code of digits alone counts when it
        is no part of a longer number or of a moment."""
        lower = text.lower()
        found = {word for word in self.plain if word.encode().lower() in lower or word.encode().hex().encode() in lower}
        return found | {code for code in self.codes if re.search(rb"(?<![\d.])%s(?!\d)" % code.encode(), text)}


class Story:
    """A student, a teacher and an exam, all full of marked words."""

    def __init__(self, school: School, words: Words) -> None:
        self.school, self.words = school, words
        self.teacher = school.staff("instructor")
        student = school.student()
        self.login = str(student.tokens["user"]["registration_number"])
        schedule = {"access_code": CODE, "audience": {"student_ids": [student.id]}}
        self.exam = publish(self.teacher, "Marked", settings={**PROCTORED}, **schedule)
        school.everybody_knows()
        self.student = self.with_tokens(student, self.signs_in(PASSWORD))
        change = {"current_password": PASSWORD, "new_password": PASSWORD_1}
        assert self.student.ask("POST", "/auth/change-password", change).is_success
        self.student = self.with_tokens(student, self.signs_in(PASSWORD_1))
        self.words.plain.append(self.teacher.tokens["access_token"])
        self.sitting: Sitting | None = None

    def sits(self) -> None:
        """Starts with the code, answers, and the browser tells what it saw."""
        self.sitting = start(self.student, self.exam, CODE)
        self.sitting.answers(CAPITAL, ANSWER)
        self.sitting.answers(ESSAY, f"{SENTENCE} {SENTENCE}")
        signals = batch("tab_switch", "focus_lost", question_id=SIGNAL)
        assert eventually(lambda: self.student.ask("POST", signals_of(self.sitting_now), signals).is_success)

    @property
    def sitting_now(self) -> Sitting:
        assert self.sitting is not None
        return self.sitting

    def signs_in(self, password: str) -> httpx.Response:
        body = {"login": self.login, "password": password}
        return self.school.http.post("/api/v1/auth/login", json=body)

    def with_tokens(self, person: Person, reply: httpx.Response) -> Person:
        return Person(person.http, self.words.told_to(reply))

    def does_everything(self) -> list[int]:
        """All that carries a marked word, whatever becomes of it; the statuses."""
        sitting, student, http = self.sitting_now, self.student, self.school.http
        address, save = sitting.save(ESSAY, f"{SENTENCE} again")
        replies = [
            student.ask("PUT", address, save),
            student.ask("PUT", *sitting.save(CAPITAL, ANSWER)),
            student.ask("PUT", address, {**save, "response": {"text": 7, BODY: ANSWER}}),
            student.ask("POST", signals_of(sitting), batch("tab_switch", question_id=SIGNAL)),
            student.ask("POST", signals_of(sitting), batch("tab_switch", question_id=SIGNAL * 9)),
            student.ask("POST", "/attempts", {"exam_id": self.exam, "access_code": GUESS}),
            self.teacher.ask("PUT", f"/exams/{self.exam}/schedule", {"access_code": CODE, "audience": {"is_everyone": True}}),
            self.teacher.ask("PUT", f"/exams/{self.exam}/schedule", {"access_code": [GUESS]}),
            self.signs_in(PASSWORD_1),
            self.signs_in(PASSWORD_3),
            self.signs_in(PASSWORD_3 * 200),
            student.ask("POST", "/auth/change-password", {"current_password": PASSWORD_1, "new_password": PASSWORD_1[:5]}),
            student.ask("POST", "/auth/change-password", {"current_password": PASSWORD_3, "new_password": PASSWORD_2}),
            http.post("/api/v1/auth/refresh", json={"refresh_token": student.tokens["refresh_token"][:-1] + "x"}),
            http.post("/api/v1/auth/refresh", json={"refresh_token": [BODY]}),
            http.post("/api/v1/auth/verify-reset-code", json={"email": "nobody@school.example", "code": BODY}),
            http.post("/api/v1/auth/reset-password", json={"reset_token": BODY, "new_password": PASSWORD_2}),
            http.post("/api/v1/auth/forgot-password", json={"email": str(self.teacher.tokens["user"]["email"])}),
            http.post("/api/v1/auth/login", content=f'{{"login": "{self.login}", "password": "{PASSWORD_1}'.encode()),
            http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {student.tokens['access_token']}x"}),
        ]  # fmt: skip
        for reply in replies:
            if reply.is_success:
                self.words.told_to(reply)
        return [reply.status_code for reply in replies]

    def forgets_the_password(self) -> None:
        """The teacher does, and gets a code by mail."""
        http, email = self.school.http, str(self.teacher.tokens["user"]["email"])
        assert http.post("/api/v1/auth/forgot-password", json={"email": email}).status_code == 202
        mails = self.school.folder / "mail"
        mail = eventually(
            lambda: next((text for each in mails.glob("*.eml") if email in (text := each.read_text())), "")
        )
        [code] = re.findall(r"(?m)^\s*(\d{6})\s*$|\b(\d{6})\b", mail)[:1]
        self.words.codes.append("".join(code))
        verify = {"email": email, "code": self.words.codes[-1]}
        token = self.words.told_to(http.post("/api/v1/auth/verify-reset-code", json=verify))["reset_token"]
        reset = {"reset_token": token, "new_password": PASSWORD_2}
        assert http.post("/api/v1/auth/reset-password", json=reset).is_success
        login = http.post("/api/v1/auth/login", json={"login": email, "password": PASSWORD_2})
        self.teacher = self.with_tokens(self.teacher, login)

    def refreshes(self) -> None:
        tokens = {"refresh_token": self.student.tokens["refresh_token"]}
        fresh = self.words.told_to(self.school.http.post("/api/v1/auth/refresh", json=tokens))
        self.student.tokens = {**self.student.tokens, **fresh}


@pytest.mark.timeout(600)
def test_no_log_and_no_trace_holds_an_answer_a_password_a_code_or_a_token_whatever_fails() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="examhall-e2e-", ignore_cleanup_errors=True) as folder,
        collecting() as (endpoint, collector),
        machine(
            Path(folder) / "data", services=(), EXAMHALL_LOG_LEVEL="debug", EXAMHALL_OTLP_ENDPOINT=endpoint,
            EXAMHALL_LIMIT_AUTH_BURST="5000", EXAMHALL_LOCK_FAILURES="500", OTEL_BSP_SCHEDULE_DELAY="200",
        ) as running,
    ):  # fmt: skip
        running.wait_until_ready(100)
        words = Words()
        words.plain.append((running.folder / "secret").read_text())
        with School(f"http://127.0.0.1:{running.port}", running.folder) as school:
            story = Story(school, words)
            story.forgets_the_password()
            story.refreshes()
            story.sits()
            story.does_everything()
            with _broken_tables(running.folder):
                statuses = story.does_everything()
                assert statuses.count(500) >= 5, f"too little was broken: {statuses}"
            _without_postgres(running, story)
            assert story.sitting_now.submits()
        eventually(lambda: [span for _, span in collector.spans if "/auth/login" in span.name])
        _must_be_silent(running, collector, words)


def _must_be_silent(running: Machine, collector: Collector, words: Words) -> None:
    logs = {file.name: file.read_bytes() for file in (running.folder / "logs").iterdir()}
    logs["examhall up"] = running.output.read_bytes()
    for service in ("identity", "attempts", "proctoring", "exams"):
        assert BROKEN.encode() in logs[f"{service}.log"], f"{service} wrote nothing of what failed in it"
    told = {name: found for name, text in logs.items() if (found := words.in_(text))}
    assert not told, f"logs hold {told}"
    spans = {f"{service}: {span.name}": words.in_(span.SerializeToString()) for service, span in collector.spans}
    assert not {name: found for name, found in spans.items() if found}


def _without_postgres(running: Machine, story: Story) -> None:
    """Everything is asked while PostgreSQL is killed and started again, until it is back."""
    strike(running, "postgres")
    statuses = [status for _ in range(3) for status in story.does_everything()]
    assert 503 in statuses, f"nothing missed its database: {statuses}"
    wait_for(running.is_ready, _BACK_SECONDS)


@contextmanager
def _broken_tables(folder: Path) -> Iterator[None]:
    """As a fault in the code or a migration would: whatever is written, PostgreSQL refuses it, and shows in its error the row that it refuses."""
    asyncio.run(_alter(folder, f"ADD CONSTRAINT {BROKEN} CHECK (false) NOT VALID"))
    try:
        yield
    finally:
        asyncio.run(_alter(folder, f"DROP CONSTRAINT {BROKEN}"))


async def _alter(folder: Path, change: str) -> None:
    for service in SERVICES:
        connection = await asyncpg.connect(kept(folder, 0).servers({}).database(service))
        tables = await connection.fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL($1)",
            list(_NEVER_BROKEN),
        )
        for table in tables:
            await connection.execute(f'ALTER TABLE "{table["relname"]}" {change}')
        await connection.close()
