"""An exam hall for tests: the proctoring service, running, beside a small gRPC server that answers for exams and attempts. Events come over Kafka."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from chassis.clock import now
from chassis.errors import DependencyUnavailable, NotFound
from chassis.ids import new_id
from chassis.outbox import timestamp
from chassis.rpc import make_server
from chassis.testing import SECRET, RunningService, eventually, running
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.chassis.v1.outbox_pb2 import ReplayReply
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxServicer, add_OutboxServicer_to_server
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.exams.v1 import papers_pb2 as papers
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsServicer, add_ExamsServicer_to_server
from proto.examhall.identity.v1 import people_pb2 as people
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.app import build

API = "/api/v1/proctoring"
QUICK = {
    "status_milliseconds": 100_000,
    "closing_milliseconds": 100,
    "closing_grace_seconds": 0,
    "replay_quiet_milliseconds": 200,
    "population_minutes": 0,
}


class Peers(ExamsServicer, OutboxServicer):  # type: ignore[misc]
    """What exams and attempts would answer."""

    def __init__(self) -> None:
        self.exams: dict[str, exams.ExamState] = {}
        self.papers: dict[tuple[str, int], papers.Paper] = {}
        self.replays: list[Any] = []
        self.is_away = False

    def _refuse_when_away(self) -> None:
        if self.is_away:
            raise DependencyUnavailable("away")

    async def GetExam(self, request: Any, context: Any) -> exams.ExamState:
        self._refuse_when_away()
        if request.exam_id not in self.exams:
            raise NotFound("There is no such exam.")
        return self.exams[request.exam_id]

    async def GetPaper(self, request: Any, context: Any) -> papers.Paper:
        self._refuse_when_away()
        if (request.exam_id, request.version) not in self.papers:
            raise NotFound("There is no such version.")
        return self.papers[request.exam_id, request.version]

    async def Replay(self, request: Any, context: Any) -> ReplayReply:
        self._refuse_when_away()
        self.replays.append(request)
        return ReplayReply(events=len(request.keys))


def a_question(kind: int = papers.SINGLE_CHOICE, options: int = 4) -> papers.Question:
    """A question; a choice gets four options."""
    has_options = kind in (papers.SINGLE_CHOICE, papers.MULTIPLE_SELECT)
    made = [papers.Option(option_id=str(new_id()), text="…") for _ in range(options * has_options)]
    return papers.Question(question_id=str(new_id()), type=kind, points="1", text="?", options=made)


@dataclass
class Exam:
    """An exam as the tests know it."""

    state: exams.ExamState
    paper: papers.Paper

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.state.exam_id)

    @property
    def uuid(self) -> UUID:
        """Its id, as tables have it."""
        return UUID(self.id)


@dataclass
class Attempt:
    """An attempt as the tests know it; `state` goes along with its life."""

    state: attempts.AttemptState
    client: httpx.AsyncClient

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.state.attempt_id)

    @property
    def uuid(self) -> UUID:
        """Its id, as tables have it."""
        return UUID(self.id)

    @property
    def path(self) -> str:
        """Where its signals go."""
        return f"{API}/attempts/{self.id}/signals"


@dataclass
class Hall:
    """The running service, and what is in it."""

    service: RunningService
    peers: Peers
    known: list[Exam] = field(default_factory=list)

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, or what a change returns."""
        rows: list[Any] = await self.service.database.pool.fetch(statement, *values)
        return rows

    async def one(self, statement: str, *values: Any) -> Any:
        """The first row, waited for."""
        return (await eventually(lambda: self.sql(statement, *values)))[0]

    async def taken(self, event_id: UUID) -> None:
        """The event was taken in, whatever it led to."""
        await self.one("SELECT 1 FROM inbox WHERE event_id = $1", event_id)

    def exam(
        self,
        *questions: papers.Question,
        settings: Mapping[str, Any] | None = None,
        version: int = 1,
        opens_at: datetime | None = None,
        closes_at: datetime | None = None,
        **state: Any,
    ) -> Exam:
        """An exam that the exams service has: proctored, in version 1, of two choices and an essay, unless said otherwise."""
        exam_id = state.pop("exam_id", None) or str(new_id())
        chosen = questions or (a_question(), a_question(), a_question(papers.ESSAY))
        values = {
            "revision": version, "status": "published", "title": "Statics", "kind": "exam", "instructor_id": str(new_id()),
            "published_at": timestamp(now() - timedelta(hours=1)), **state,
        }  # fmt: skip
        exam = Exam(
            exams.ExamState(
                exam_id=exam_id,
                version=version,
                schedule=exams.Schedule(opens_at=timestamp(opens_at), closes_at=timestamp(closes_at)),
                **values,
            ),
            papers.Paper(
                exam_id=exam_id,
                version=version,
                slots=[papers.Slot(draw=1, questions=[question]) for question in chosen],
                settings=papers.ExamSettings(
                    **{"proctoring": True, "monitoring_sensitivity": "medium", "violation_limit": 3, **(settings or {})}
                ),
            ),
        )
        self.peers.exams[exam_id] = exam.state
        self.peers.papers[exam_id, version] = exam.paper
        return exam

    async def published(self, *questions: papers.Question, **values: Any) -> Exam:
        """An exam whose publication was taken in."""
        exam = self.exam(*questions, **values)
        await self.tell_exam(exams.ExamPublished(exam=exam.state))
        await self.one("SELECT 1 FROM exam_versions WHERE exam_id = $1 AND version = $2", exam.uuid, exam.state.version)
        return exam

    async def tell_exam(self, event: Any) -> UUID:
        """Publishes what exams tells."""
        return await self.service.publish("exams.exams.v1", event.exam.exam_id, event)

    async def tell_attempt(self, event: Any, **more: Any) -> UUID:
        """Publishes what attempts tells."""
        return await self.service.publish("attempts.lifecycle.v1", event.attempt.attempt_id, event, **more)

    async def tell_person(self, person_id: UUID, name: str = "Ada Lovelace", version: int = 1) -> None:
        """A person is known."""
        state = people.PersonState(person_id=str(person_id), version=version, role="student", name=name)
        await self.service.publish("identity.people.v1", person_id, people.PersonRegistered(person=state))
        await self.one("SELECT 1 FROM people WHERE id = $1 AND version >= $2", person_id, version)

    def attempt(self, exam: Exam, student_id: UUID | None = None, **values: Any) -> Attempt:
        """An attempt that begins now, of a student of its own, of which nothing was told yet."""
        student_id = student_id or new_id()
        begun = now()
        state = attempts.AttemptState(
            **{
                "attempt_id": str(new_id()), "version": 1, "exam_id": exam.id, "exam_version": exam.state.version,
                "student_id": str(student_id), "number": 1, "status": "in_progress", "started_at": timestamp(begun),
                "deadline_at": timestamp(begun + timedelta(hours=1)), "question_count": 3, **values,
            }
        )  # fmt: skip
        return Attempt(state, self.service.as_("student", student_id))

    async def started(self, exam: Exam, student_id: UUID | None = None, **values: Any) -> Attempt:
        """An attempt whose start was taken in."""
        attempt = self.attempt(exam, student_id, **values)
        await self.tell_attempt(attempts.AttemptStarted(attempt=attempt.state, client_address="10.0.0.1"))
        await self.one("SELECT 1 FROM attempts WHERE id = $1", attempt.uuid)
        return attempt

    async def change(
        self, attempt: Attempt, event: type[Any], more: Mapping[str, Any] | None = None, **values: Any
    ) -> None:
        """An attempt's next step, with these values of its state, is taken in."""
        attempt.state.version += 1
        for name, value in values.items():
            if isinstance(value, datetime):
                getattr(attempt.state, name).FromDatetime(value)
            else:
                setattr(attempt.state, name, value)
        await self.tell_attempt(event(attempt=attempt.state, **(more or {})))
        version = int(attempt.state.version)
        await self.one("SELECT 1 FROM attempts WHERE id = $1 AND version >= $2", attempt.uuid, version)

    async def submitted(self, attempt: Attempt, reason: str = "student", at: datetime | None = None) -> None:
        """The attempt is over."""
        values = {"status": "submitted", "submitted_at": at or now(), "submit_reason": reason}
        await self.change(attempt, attempts.AttemptSubmitted, **values)

    async def assessed(self, attempt: Attempt, revision: int, **values: Any) -> None:
        """The stream's assessment at this revision is taken in, unless a newer one is known."""
        await self.tell_assessment(an_assessment(attempt, revision, **values))
        await self.one("SELECT 1 FROM attempts WHERE id = $1 AND risk_revision >= $2", attempt.uuid, revision)

    async def tell_assessment(self, event: told.RiskAssessed) -> UUID:
        """Publishes an assessment."""
        return await self.service.publish("proctoring.risk.v1", event.attempt_id, event)

    async def tell_alert(self, attempt: Attempt, alert_id: UUID, revision: int = 1, **values: Any) -> None:
        """An alert at this revision is taken in, unless a newer one is known."""
        alert = told.Alert(
            **{
                "alert_id": str(alert_id), "revision": revision, "attempt_id": attempt.id, "exam_id": attempt.state.exam_id,
                "student_id": attempt.state.student_id, "kind": "tab_switch", "severity": "medium", "at": timestamp(now()),
                "text": "Left the page.", "count": revision, **values,
            }
        )  # fmt: skip
        await self.service.publish("proctoring.alerts.v1", attempt.id, told.AlertRaised(alert=alert))
        await self.one("SELECT 1 FROM alerts WHERE id = $1 AND revision >= $2", alert_id, revision)

    async def tell_collusion(self, event: Any) -> UUID:
        """Publishes what the stream tells of answers in common."""
        return await self.service.publish("proctoring.collusion.v1", event.exam_id, event)

    async def feed(self, name: str) -> list[dict[str, Any]]:
        """The messages of a feed, oldest first."""
        rows = await self.sql("SELECT body FROM feed_entries WHERE feed = $1 ORDER BY number", name)
        return [msgspec.json.decode(row["body"]) for row in rows]

    async def told_of(self, exam: Exam, type: str) -> list[dict[str, Any]]:
        """What proctors were told of one type."""
        return [body for body in await self.feed(f"exam:{exam.id}") if body["type"] == type]

    async def told_to(self, attempt: Attempt, type: str) -> list[dict[str, Any]]:
        """What the student was told of one type."""
        return [body for body in await self.feed(f"attempt:{attempt.id}") if body["type"] == type]

    async def events(self, topic: str, type: str) -> list[Any]:
        """What the service tells others of one type, oldest first."""
        return [message for name, message in await self.service.recorded(topic) if name == type]


def an_assessment(attempt: Attempt, revision: int, **values: Any) -> told.RiskAssessed:
    """An assessment of an attempt in which nothing stands out."""
    return told.RiskAssessed(
        **{
            "attempt_id": attempt.id, "exam_id": attempt.state.exam_id, "student_id": attempt.state.student_id, "revision": revision,
            "as_of": timestamp(now()), "level": "low", "risk_score": "0.1", "integrity_score": "90", **values,
        }
    )  # fmt: skip


def a_batch(
    *signals: Mapping[str, Any], batch_id: UUID | None = None, sent_at: datetime | None = None
) -> dict[str, Any]:
    """A batch as a browser sends it; without signals one tab switch."""
    moment = sent_at or now()
    given = signals or ({"kind": "tab_switch"},)
    return {
        "batch_id": str(batch_id or new_id()),
        "sent_at": moment.isoformat(),
        "signals": [{"at": moment.isoformat(), **signal} for signal in given],
    }


def problem(reply: httpx.Response) -> tuple[int, str]:
    """Status and slug of a refusal."""
    return reply.status_code, reply.json()["type"].rpartition("/")[2]


def fault(reply: httpx.Response) -> tuple[str, str]:
    """The field and the rule that a refusal names."""
    assert reply.status_code == 422, reply.text
    error = reply.json()["errors"][0]
    return error["field"], error["rule"]


@asynccontextmanager
async def open_hall(
    postgres_url: str, kafka: str, peers: Peers | None = None, settings: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[Hall]:
    """Starts peers and service; another replica with `database_url` and the same `peers`."""
    peers = peers or Peers()
    server = make_server(SECRET, {})
    add_ExamsServicer_to_server(peers, server)
    add_OutboxServicer_to_server(peers, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    by_name = {"exams": address, "attempts": address}
    try:
        chosen = {**QUICK, **(settings or {})}
        async with running(build, postgres_url, kafka, peers=by_name, settings=chosen, **more) as service:
            yield Hall(service, peers)
    finally:
        await server.stop(grace=None)
