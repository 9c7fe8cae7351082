"""Proctoring as a hall that keeps its promises does it: signals in, alerts and assessments out, by the rules and in memory."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.proctoring.alerts import Alert, alerts_of, news
from services.proctoring.assessing import Assessment, assessed
from services.proctoring.baselines import Comparison
from services.proctoring.evidence import epoch_ms, moment
from services.proctoring.signals import ExamRules, SignalBatch, stamped
from services.proctoring.state import AnswerKept, AnswersKept, AttemptChanged, SignalsTaken, Watch, WatchBegan, fold

Json = dict[str, Any]


@dataclass
class WatchedAttempt:
    """One attempt under watch."""

    attempt_id: str
    student_id: str
    started_at: datetime
    watch: Watch
    batches: list[Json] = field(default_factory=list)  # as they are stored
    numbers: dict[str, int] = field(default_factory=dict)  # by batch id
    told: dict[str, int] = field(default_factory=dict)
    submit_reason: str = ""
    submitted_at: datetime | None = None


@dataclass
class Desk:
    """The proctoring of one exam. `feed` is what its socket says."""

    rules: ExamRules = field(default_factory=ExamRules)
    attempts: dict[str, WatchedAttempt] = field(default_factory=dict)
    alerts: dict[str, Json] = field(default_factory=dict)
    feed: list[Json] = field(default_factory=list)
    rooms: dict[str, str] = field(default_factory=dict)  # by student
    feeds: defaultdict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))  # of students, by attempt

    def begin(self, attempt_id: str, student_id: str, seconds_ago: float = 0) -> WatchedAttempt:
        """An attempt starts."""
        now = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        ids = {"attempt_id": attempt_id, "exam_id": "exam", "student_id": student_id}
        watch = fold(None, WatchBegan(**ids, revision=1, rules=self.rules, comparison=Comparison()))
        life = AttemptChanged(
            **ids,
            version=1,
            at_ms=epoch_ms(now),
            status="in_progress",
            started_at_ms=epoch_ms(now),
            network="127.0.0.1",
        )
        return self.attempts.setdefault(attempt_id, WatchedAttempt(attempt_id, student_id, now, fold(watch, life)))

    def take(
        self, attempt_id: str, body: Mapping[str, Any], session: str = "log-in", network: str = "127.0.0.1"
    ) -> int:
        """A batch comes; its number."""
        held = self.attempts[attempt_id]
        if known := held.numbers.get(body["batch_id"]):
            return known
        batch = msgspec.convert(body, SignalBatch, strict=False)
        received_at = datetime.now(UTC)
        times = stamped(batch, received_at, held.started_at)
        signals = tuple(msgspec.structs.replace(each, at=at) for each, at in zip(batch.signals, times, strict=True))
        number = held.numbers[body["batch_id"]] = len(held.batches) + 1
        taken = SignalsTaken(
            attempt_id=attempt_id,
            exam_id="exam",
            student_id=held.student_id,
            number=number,
            received_at_ms=epoch_ms(received_at),
            session_id=session,
            network=network,
            signals=signals,
        )
        held.batches.append(
            {"received_at": received_at.isoformat(), "session_id": session, "network": network}
            | {"signals": [_stored(each) for each in signals]}
        )
        held.watch = fold(held.watch, taken)
        self._tell(held)
        return number

    def save(self, attempt_id: str, question_id: str, revision: int, response: Mapping[str, Any] | None) -> None:
        """An answer was saved."""
        held = self.attempts[attempt_id]
        digest = 1 + abs(hash(msgspec.json.encode(response))) if response else 0
        kept = (AnswerKept(question_id, revision, digest % 2**60, "text" in (response or {})),)
        ids = {"attempt_id": attempt_id, "exam_id": "exam", "student_id": held.student_id}
        held.watch = fold(held.watch, AnswersKept(**ids, at_ms=epoch_ms(datetime.now(UTC)), answers=kept))
        self._tell(held)

    def end(self, attempt_id: str, reason: str) -> None:
        """An attempt is submitted."""
        held = self.attempts[attempt_id]
        if held.submitted_at is None:
            held.submit_reason, held.submitted_at = reason, datetime.now(UTC)
            self.tell(attempt_id, "submitted", reason=reason, text=f"It was ended by {reason}.")

    def acknowledge(self, alert_id: str) -> Json:
        """A proctor has seen an alert."""
        self.alerts[alert_id] |= {"status": "acknowledged", "version": self.alerts[alert_id]["version"] + 1}
        self.say("alert", alert=dict(self.alerts[alert_id]))
        return self.alerts[alert_id]

    def say(self, type: str, **body: Any) -> None:
        """Something for the socket."""
        at = datetime.now(UTC).isoformat()
        self.feed.append({"type": type, "number": len(self.feed) + 1, "at": at, **body})

    def tell(self, attempt_id: str, type: str, **body: Any) -> None:
        """Something for the student."""
        feed = self.feeds[attempt_id]
        feed.append({"type": type, "number": len(feed) + 1, "at": datetime.now(UTC).isoformat(), **body})

    def assessment(self, attempt_id: str) -> Assessment:
        """How an attempt stands."""
        found = assessed(self.attempts[attempt_id].watch)
        assert found is not None
        return found

    def row(self, attempt_id: str) -> Json:
        """An attempt on the board."""
        held, stands = self.attempts[attempt_id], self.assessment(attempt_id)
        return {
            "attempt_id": attempt_id,
            "student_id": held.student_id,
            "room": self.rooms.get(held.student_id),
            "status": "submitted" if held.submitted_at else "in_progress",
            "submit_reason": held.submit_reason,
            "started_at": held.started_at.isoformat(),
            "submitted_at": held.submitted_at and held.submitted_at.isoformat(),
            "question_count": 0,
            "level": stands.level.value,
            "behaviour_score": stands.behaviour.score,
            "risk_score": str(stands.risk.score),
            "violations": len(stands.violations),
        }

    def unfolded(self, attempt_id: str) -> Json:
        """The assessment of an attempt, taken apart."""
        stands = self.assessment(attempt_id)
        shown = {
            "level": stands.level.value,
            "behaviour_score": stands.behaviour.score,
            "risk_score": str(stands.risk.score),
            "violations": len(stands.violations),
            "is_over": self.attempts[attempt_id].submitted_at is not None,
            "baseline_version": stands.baseline_version,
            "second_opinion": None,
            "reasons": [{"rule": each.rule, "points": each.points} for each in stands.behaviour.reasons],
            "components": [
                {
                    "name": each.name,
                    "score": str(each.score),
                    "usual": None if each.usual is None else str(each.usual),
                    "compared_with": each.compared_with.value,
                }
                for each in stands.risk.components
            ],
        }
        return {"assessment": shown}

    def signals(self, attempt_id: str) -> list[Json]:
        """The stored signals of an attempt, one by one."""
        return [
            {"reference": f"{number}.{place}", "received_at": batch["received_at"], "network": batch["network"]}
            | {"session_id": batch["session_id"], **signal}
            for number, batch in enumerate(self.attempts[attempt_id].batches, start=1)
            for place, signal in enumerate(batch["signals"], start=1)
        ]

    def _tell(self, held: WatchedAttempt) -> None:
        stands = self.assessment(held.attempt_id)
        for alert in news(alerts_of(held.watch, stands), held.told):
            held.told[alert.alert_id] = alert.revision
            known = self.alerts.get(alert.alert_id, {"status": "open", "version": 1})
            self.alerts[alert.alert_id] = known | _shown(alert)
            self.say("alert", alert=dict(self.alerts[alert.alert_id]))
        counts = [each["count"] for each in self.feeds[held.attempt_id] if each["type"] == "violation"]
        if len(stands.violations) > max(counts, default=0):
            self.tell(held.attempt_id, "violation", count=len(stands.violations), limit=3, text="That is forbidden.")
        if stands.limit is not None:
            self.end(held.attempt_id, "violation_limit")


def _stored(signal: Any) -> Json:
    carried = msgspec.to_builtins(signal)
    own = {name: value for name, value in carried.items() if name not in ("kind", "at", "question_id")}
    at = moment(epoch_ms(signal.at)).isoformat()
    return {"kind": signal.kind.value, "at": at, "question_id": signal.question_id, "carries": own}


def _shown(alert: Alert) -> Json:
    return {
        "alert_id": alert.alert_id,
        "attempt_id": alert.attempt_id,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "revision": alert.revision,
        "count": alert.count,
        "text": alert.text,
    }
