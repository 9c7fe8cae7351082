"""A running proctoring service with exams, attempts and findings in its tables, and the people who look at them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
from sqlmodel import col

from chassis.clock import now
from chassis.ids import new_id
from chassis.outbox import timestamp
from chassis.testing import RunningService, running
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.app import build
from services.proctoring.evidence import epoch_ms
from services.proctoring.feeds import exam_feed, tell
from services.proctoring.messages import signals_received
from services.proctoring.signals import ExamRules, Observed
from services.proctoring.state import SignalsTaken
from services.proctoring.tables import (
    Alert,
    Attempt,
    CollusionGroup,
    CollusionState,
    Exam,
    ExamVersion,
    FeedEntry,
    Pair,
    Person,
    SignalBatch,
)

START = now().replace(microsecond=0) - timedelta(minutes=20)
API = "/api/v1/proctoring"


@dataclass
class Desk:
    """A running service; rows are made as the service's writing half would make them."""

    service: RunningService
    exams: dict[UUID, Exam] = field(default_factory=dict)

    async def keep(self, *rows: Any) -> None:
        async with self.service.database.session() as tx:
            tx.add_all(rows)

    async def exam(self, rules: ExamRules | None = None, **values: Any) -> Exam:
        known = msgspec.to_builtins(rules or ExamRules())
        exam = Exam(
            **{
                "id": new_id(), "revision": 1, "version": 1, "status": "published", "title": "Circuits I", "subject": "Physics", "kind": "exam",
                "instructor_id": new_id(), "proctor_ids": [new_id()], "opens_at": None, "closes_at": None, "published_at": START,
                "rules": known, "rules_version": 1, "watched": b"", **values,
            }
        )  # fmt: skip
        version = ExamVersion(exam_id=exam.id, version=1, rules=known, is_order_shuffled=False, items=[])
        await self.keep(exam, version)
        self.exams[exam.id] = exam
        return exam

    async def attempt(self, exam: Exam, name: str = "Ada Lovelace", **values: Any) -> Attempt:
        attempt = Attempt(
            **{
                "id": new_id(), "version": 1, "exam_id": exam.id, "exam_version": 1, "student_id": new_id(), "number": 1,
                "status": "in_progress", "started_at": START, "deadline_at": START + timedelta(hours=1), "question_count": 40,
                "is_proctored": True, **values,
            }
        )  # fmt: skip
        number = f"R-{attempt.student_id.hex[-4:]}"
        person = Person(id=attempt.student_id, version=1, role="student", name=name, registration_number=number)
        async with self.service.database.session() as tx:
            tx.add(attempt)
            await tx.merge(person)
        return attempt

    async def over(self, exam: Exam, **values: Any) -> Attempt:
        """A submitted attempt that was assessed for good."""
        ids = {"attempt_id": new_id(), "exam_id": exam.id, "student_id": values.pop("student_id", None) or new_id()}
        event = told.RiskAssessed(
            **{name: str(value) for name, value in ids.items()},
            revision=9, as_of=timestamp(minutes(15)), level="low", is_over=True, figures={"typing_wpm": "40", "seconds_per_question": "31.5"},
        )  # fmt: skip
        return await self.attempt(
            exam, id=ids["attempt_id"], student_id=ids["student_id"], status="submitted", submitted_at=minutes(15), submit_reason="student",
            assessment=event.SerializeToString(), risk_revision=9, **values,
        )  # fmt: skip

    async def alert(self, attempt: Attempt, **values: Any) -> Alert:
        alert = Alert(
            **{
                "id": new_id(), "revision": 3, "attempt_id": attempt.id, "exam_id": attempt.exam_id, "student_id": attempt.student_id,
                "kind": "tab_switch", "severity": "medium", "at": START, "text": "Left the page 3 times within five minutes.",
                "count": 3, "told": b"", **values,
            }
        )  # fmt: skip
        evidence = told.Evidence(at=timestamp(alert.at), source="signal", reference="1.1")
        alert.told = told.Alert(
            alert_id=str(alert.id), revision=alert.revision, evidence=[evidence]
        ).SerializeToString()
        await self.keep(alert)
        return alert

    async def batch(self, attempt: Attempt, number: int, *signals: Observed) -> None:
        received_at = max(signal.at for signal in signals)
        taken = SignalsTaken(
            attempt_id=str(attempt.id), exam_id=str(attempt.exam_id), student_id=str(attempt.student_id), number=number,
            received_at_ms=epoch_ms(received_at), session_id="log-in 1", network="10.0.0.1", signals=signals,
        )  # fmt: skip
        stored = signals_received(taken).SerializeToString()
        await self.keep(
            SignalBatch(
                attempt_id=attempt.id, number=number, batch_id=new_id(), exam_id=attempt.exam_id, received_at=received_at, signals=stored
            )
        )  # fmt: skip

    async def pair(
        self, exam: Exam, copier: Attempt, source: Attempt, verdict: str = "flagged", log10: str = "6.5"
    ) -> Pair:
        event = told.PairAssessed(
            exam_id=str(exam.id), copier_attempt_id=str(copier.id), source_attempt_id=str(source.id), revision=7,
            family="plausible", plausible_by=["centre", "time"], verdict=verdict, expected_false_flags="0.002", items_compared=38,
            statistics=[
                told.Statistic(method="e_process", kind="e_value", log10_value=log10, assumptions="nominal response model"),
                told.Statistic(method="omega", kind="p_value", value="0.00012", assumptions="independent answers given ability"),
                told.Statistic(method="rule_of_thumb", kind="similarity", value="0.9", assumptions="rule of thumb, not a test"),
                told.Statistic(method="rarity", kind="bayes_factor", log10_value="4", assumptions="equal prior odds"),
            ],
            items=[told.SpeakingItem(question_id="q1", log10_evidence="1.5", source_answered_at=timestamp(START))],
            as_of=timestamp(START),
        )  # fmt: skip
        first, second = sorted((copier.id, source.id))
        pair = Pair(
            exam_id=exam.id, first_attempt_id=first, second_attempt_id=second, copier_attempt_id=copier.id, source_attempt_id=source.id,
            revision=7, verdict=verdict, family="plausible", log10_e_value=Decimal(log10), shown_log10_e_value=Decimal(log10),
            told=event.SerializeToString(), told_at=START,
        )  # fmt: skip
        await self.keep(pair)
        return pair

    async def group(self, exam: Exam, members: Sequence[Attempt], name: str = "g1") -> None:
        ids = [attempt.id for attempt in members]
        source = ids[0] if ids else None
        await self.keep(
            CollusionGroup(exam_id=exam.id, group_id=name, revision=1, attempt_ids=ids, likely_source_attempt_id=source, told_at=START)
        )  # fmt: skip

    async def progress(self, exam: Exam, **values: Any) -> None:
        event = told.CollusionProgress(
            **{
                "exam_id": str(exam.id),
                "revision": 2,
                "false_discovery_rate": "0.05",
                "as_of": timestamp(START),
                **values,
            }
        )
        await self.keep(
            CollusionState(exam_id=exam.id, revision=2, is_final=event.is_final, told=event.SerializeToString())
        )

    async def tell(self, feed: str, *texts: str) -> None:
        for text in texts:
            async with self.service.database.session() as tx:
                await tell(tx, feed, "message", START, {"text": text})

    def instructor(self, exam: Exam) -> httpx.AsyncClient:
        return self.service.as_("instructor", exam.instructor_id)

    def proctor(self, exam: Exam) -> httpx.AsyncClient:
        return self.service.as_("proctor", exam.proctor_ids[0])

    def student(self, attempt: Attempt) -> httpx.AsyncClient:
        return self.service.as_("student", attempt.student_id)

    async def row(self, table: type[Any], identifier: Any) -> Any:
        async with self.service.database.session() as tx:
            return await tx.get(table, identifier)

    async def told(self, feed: str) -> list[dict[str, Any]]:
        """The messages of a feed, oldest first."""
        query = sa.select(col(FeedEntry.body)).where(col(FeedEntry.feed) == feed).order_by(col(FeedEntry.number))
        async with self.service.database.session() as tx:
            return [msgspec.json.decode(body) for body in await tx.scalars(query)]

    async def told_of(self, exam: Exam, type: str) -> list[dict[str, Any]]:
        return [body for body in await self.told(exam_feed(exam.id)) if body["type"] == type]

    async def events(self, topic: str) -> list[Any]:
        return [message for _, message in await self.service.recorded(topic)]

    async def audited(self) -> list[str]:
        """Actions in the audit trail, oldest first."""
        return [entry.action for entry in await self.events("audit.entries.v1")]


def minutes(number: float) -> datetime:
    """So many minutes into the exam."""
    return START + timedelta(minutes=number)


@asynccontextmanager
async def a_desk(postgres_url: str, kafka: str) -> AsyncIterator[Desk]:
    async with running(build, postgres_url, kafka) as service:
        yield Desk(service)
