"""Saving answers. A save is acknowledged when it is committed, never before, and costs less the more arrive at once.

Saves that wait together become one statement, and so one commit: it locks the attempts, checks owner, status and deadline by the database's clock,
keeps the highest revision of each answer, and writes one event an exam. A save that races a submission either is in the submission or is refused,
since both lock the attempt's row. Rows are locked in the order of their ids, so batches can't deadlock.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from chassis.absences import is_away
from chassis.actors import Actor
from chassis.database import Database
from chassis.errors import DependencyUnavailable, Forbidden, InvalidInput, NotFound
from chassis.gathering import Gathering
from chassis.ids import new_id
from chassis.outbox import MAX_EVENT_BYTES
from proto.examhall.attempts.v1.events_pb2 import AnswersSaved, AttemptAnswers, SavedAnswer
from services.attempts.copies import Copies
from services.attempts.endings import ending_text
from services.attempts.problems import AttemptClosed, AttemptPaused, DeadlinePassed
from services.attempts.responses import Answerable, BadResponse, message_of, read_response

log = structlog.get_logger()

ANSWERS = "attempts.answers.v1"
MAX_REVISION = 2**53 - 1  # what a browser's numbers hold exactly
_ATTEMPTS_IN_MEMORY = 50_000
_RESPONSES = (
    '{"option_id": "…"} single choice · {"option_ids": ["…"]} multiple select · {"value": true} true/false'
    ' · {"text": "…"} short answer, numeric, essay · null clears the answer'
)
_EVENT_BYTES = MAX_EVENT_BYTES // 2  # one answer may come on top, and the event's head

# Indexes: pk_attempts for the lock, pk_answers for the upsert. The clock is read after the locks are held. IS TRUE keeps the planner, which expects
# one row where hundreds come, from comparing each save with each: the sub-select is hashed.
_SAVE = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bool[], $7::bytea[], $8::uuid[], $9::text[])
        WITH ORDINALITY AS given(attempt_id, student_id, question_id, revision, response, is_flagged, fragment, event_id, traceparent, n)
), locked AS MATERIALIZED (
    SELECT id, exam_id, student_id, status, deadline_at, submit_reason FROM attempts
    WHERE id = ANY ($10::uuid[]) ORDER BY id FOR NO KEY UPDATE
), clock AS MATERIALIZED (
    SELECT clock_timestamp() AS at FROM (SELECT count(*) FROM locked) AS all_locked
), allowed AS (
    SELECT given.*, locked.exam_id FROM given JOIN locked ON locked.id = given.attempt_id CROSS JOIN clock
    WHERE locked.student_id = given.student_id AND locked.status = 'in_progress' AND clock.at <= locked.deadline_at
), saved AS (
    INSERT INTO answers AS stored (attempt_id, question_id, revision, response, is_flagged, saved_at)
    SELECT attempt_id, question_id, revision, response::jsonb, is_flagged, clock.at FROM allowed CROSS JOIN clock
    ON CONFLICT (attempt_id, question_id) DO UPDATE
        SET revision = excluded.revision, response = excluded.response, is_flagged = excluded.is_flagged, saved_at = excluded.saved_at
        WHERE excluded.revision > stored.revision
    RETURNING attempt_id, question_id
), told AS (
    INSERT INTO outbox (event_id, topic, key, type, subject, payload, traceparent)
    SELECT allowed.event_id, $13, exams.id::text, $14, exams.id::text, exams.head || string_agg(allowed.fragment, ''::bytea),
           min(allowed.traceparent)
    FROM allowed JOIN unnest($11::uuid[], $12::bytea[]) AS exams(id, head) ON exams.id = allowed.exam_id
    WHERE ((allowed.attempt_id, allowed.question_id) IN (SELECT attempt_id, question_id FROM saved)) IS TRUE
    GROUP BY allowed.event_id, exams.id, exams.head
)
SELECT locked.student_id = given.student_id AS is_own, locked.status, locked.deadline_at, locked.submit_reason, clock.at,
       saved.attempt_id IS NOT NULL AS is_saved,
       CASE WHEN saved.attempt_id IS NULL THEN (
           SELECT revision FROM answers WHERE attempt_id = given.attempt_id AND question_id = given.question_id
       ) END AS revision_before
FROM given CROSS JOIN clock
LEFT JOIN locked ON locked.id = given.attempt_id
LEFT JOIN saved USING (attempt_id, question_id)
ORDER BY given.n
"""

_REVISIONS = """
SELECT attempt_id, question_id, revision FROM answers JOIN unnest($1::uuid[], $2::uuid[]) AS asked(attempt_id, question_id)
    USING (attempt_id, question_id)
"""


@dataclass(frozen=True, slots=True)
class Sitting:
    """What never changes about an attempt, as saving needs it. Ids are text here: as paths, keys and messages have them."""

    attempt_id: str
    exam_id: str
    student_id: str
    questions: Mapping[str, Answerable]
    attempt_part: bytes

    @classmethod
    def of(cls, attempt_id: str, exam_id: str, student_id: str, questions: Mapping[str, Answerable]) -> "Sitting":
        """With the part of each event's message that never changes."""
        part = AttemptAnswers(attempt_id=attempt_id, student_id=student_id).SerializeToString()
        return cls(attempt_id, exam_id, student_id, questions, part)

    def fragment_of(self, answer: SavedAnswer) -> bytes:
        """An AnswersSaved that holds this answer alone. Messages merge by concatenation (Protocol Buffers, encoding), so what does not change is made once."""
        saved = _length_delimited(AttemptAnswers.ANSWERS_FIELD_NUMBER, answer.SerializeToString())
        return _length_delimited(AnswersSaved.ATTEMPTS_FIELD_NUMBER, self.attempt_part + saved)


class Save(msgspec.Struct, frozen=True):
    """A checked save: the response as JSON text (None: cleared), and its part of the event.

    `traceparent` is that of a recorded trace; an event that tells of several saves goes on with one of theirs.
    """

    attempt_id: str
    exam_id: str
    student_id: str
    question_id: str
    revision: int
    response: str | None
    is_flagged: bool
    fragment: bytes
    traceparent: str | None


class Saved(msgspec.Struct, frozen=True):
    """What the database holds after a save: the stored revision, whether it is this save's, and the clock."""

    revision: int
    is_new: bool
    server_time: datetime
    deadline_at: datetime


class GivenAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer as a client sends it: the whole state of the answer, so a missing flag means not flagged."""

    revision: int
    response: Annotated[Any, msgspec.Meta(description=_RESPONSES)]
    is_flagged: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """One save's row of the statement's result."""

    is_own: bool | None
    status: str | None
    deadline_at: datetime | None
    at: datetime
    is_saved: bool
    revision: int | None
    submit_reason: str | None

    def saved(self) -> Saved:
        """What is stored now. Raises AttemptClosed, DeadlinePassed, AttemptPaused, NotFound when the save was refused."""
        if refusal := self.refusal():
            raise refusal
        assert self.revision is not None
        assert self.deadline_at is not None
        return Saved(self.revision, self.is_saved, self.at, self.deadline_at)

    def refusal(self) -> Exception | None:
        """Why the save was not taken, or None."""
        if not self.is_own or self.deadline_at is None:
            return NotFound("There is no such attempt.")
        if self.status == "submitted":
            reason = self.submit_reason or ""
            return AttemptClosed(
                f"{ending_text(reason)} Nothing can be changed any more.",
                stored_revision=self.revision,
                submit_reason=reason,
            )
        if self.status == "paused":
            return AttemptPaused("The attempt is paused; save again when it goes on. The clock stands still meanwhile.")
        if self.at > self.deadline_at:
            return DeadlinePassed(
                f"The time was up at {self.deadline_at.isoformat()}; what was saved until then counts.",
                deadline_at=self.deadline_at.isoformat(),
                stored_revision=self.revision,
            )
        return None


class Autosave:
    """Takes saves, checks them, and commits them in batches."""

    def __init__(self, database: Database, copies: Copies, *, lanes: int, batch: int) -> None:
        self._database = database
        self._copies = copies
        self._sittings: OrderedDict[str, Sitting] = OrderedDict()
        self._gathering: Gathering[Save, Outcome] = Gathering(self._commit, lanes=lanes, size=batch)

    def known(self, actor: Actor, attempt_id: str) -> Sitting | None:
        """The caller's sitting when it is in memory. Raises Forbidden for staff, NotFound for another student's."""
        if actor.role != "student":
            raise Forbidden("Only the student who sits the attempt saves its answers.")
        sitting = self._sittings.get(attempt_id)
        if sitting is not None and sitting.student_id != str(actor.person_id):
            raise NotFound("There is no such attempt.")
        return sitting

    async def sitting(self, actor: Actor, attempt_id: str) -> Sitting:
        """The caller's sitting, loaded when it is not in memory. Raises NotFound, Forbidden."""
        if sitting := self.known(actor, attempt_id):
            return sitting
        row = await self._database.pool.fetchrow(
            "SELECT exam_id, exam_version, student_id, seed FROM attempts WHERE id = $1", identifier(attempt_id)
        )
        if row is None or row["student_id"] != actor.person_id:
            raise NotFound("There is no such attempt.")
        paper = await self._copies.paper(row["exam_id"], row["exam_version"])
        questions = {question: paper.answerable[question] for question in paper.question_ids(row["seed"])}
        sitting = Sitting.of(attempt_id, str(row["exam_id"]), str(row["student_id"]), questions)
        self._sittings[attempt_id] = sitting
        if len(self._sittings) > _ATTEMPTS_IN_MEMORY:
            self._sittings.popitem(last=False)
        return sitting

    def save(self, save: Save) -> "asyncio.Future[Outcome]":
        """Commits a save together with whatever else waits; `Outcome.saved()` says what is stored. The future may raise DependencyUnavailable."""
        return self._gathering.add(save)

    async def save_all(self, saves: Sequence[Save]) -> list[Saved]:
        """Commits the saves of one attempt together: all are in one statement, so all are taken or all are refused for the same reason."""
        outcomes = await asyncio.gather(*self._gathering.add_group(saves))
        return [outcome.saved() for outcome in outcomes]

    async def _commit(self, saves: Sequence[Save]) -> Sequence[Outcome]:
        winners = _winners(saves)
        try:
            outcomes = await self._commit_winners(list(winners.values()))
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("saves_not_committed", count=len(saves), error=f"{type(error).__name__}: {error}"[:300])
            raise DependencyUnavailable(
                "The answer could not be stored just now; keep it and send it again in a moment."
            ) from error
        by_answer = dict(zip(winners, outcomes, strict=True))
        return [
            outcome if winners[key] is save else _overtaken(outcome)
            for save in saves
            for key in [(save.attempt_id, save.question_id)]
            for outcome in [by_answer[key]]
        ]

    async def _commit_winners(self, saves: Sequence[Save]) -> list[Outcome]:
        exams = list({save.exam_id for save in saves})
        rows = await self._database.pool.fetch(
            _SAVE,
            [save.attempt_id for save in saves],
            [save.student_id for save in saves],
            [save.question_id for save in saves],
            [save.revision for save in saves],
            [save.response for save in saves],
            [save.is_flagged for save in saves],
            [save.fragment for save in saves],
            _event_ids(saves),
            [save.traceparent for save in saves],
            list({save.attempt_id for save in saves}),
            exams,
            [AnswersSaved(exam_id=exam).SerializeToString() for exam in exams],
            ANSWERS,
            AnswersSaved.DESCRIPTOR.full_name,
        )
        self._database.events_committed()
        return await self._with_stored_revisions(saves, rows)

    async def _with_stored_revisions(self, saves: Sequence[Save], rows: Sequence[asyncpg.Record]) -> list[Outcome]:
        """The statement's snapshot is older than its locks: a save that lost to one committed in between must look again."""
        outcomes = [
            Outcome(
                row["is_own"], row["status"], row["deadline_at"], row["at"], row["is_saved"],
                save.revision if row["is_saved"] else row["revision_before"], row["submit_reason"],
            )
            for save, row in zip(saves, rows, strict=True)
        ]  # fmt: skip
        stale = [
            index
            for index, (save, outcome) in enumerate(zip(saves, outcomes, strict=True))
            if not outcome.refusal() and (outcome.revision is None or outcome.revision < save.revision)
        ]
        if not stale:
            return outcomes
        found = await self._database.pool.fetch(
            _REVISIONS, [saves[index].attempt_id for index in stale], [saves[index].question_id for index in stale]
        )
        revisions = {(str(row["attempt_id"]), str(row["question_id"])): row["revision"] for row in found}
        for index in stale:
            save, outcome = saves[index], outcomes[index]
            revision = revisions[save.attempt_id, save.question_id]
            outcomes[index] = msgspec.structs.replace(outcome, is_saved=False, revision=revision)
        return outcomes


def _length_delimited(field: int, content: bytes) -> bytes:
    """A field that holds a message, on the wire: tag, length as a varint, content."""
    length = len(content)
    head = bytearray((field << 3 | 2,))
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content


def identifier(text: str) -> UUID:
    """The id in a path in its one form, lower case with hyphens. Raises NotFound for anything else."""
    try:
        parsed = UUID(text)
    except ValueError as error:
        raise NotFound("There is no such attempt.") from error
    if str(parsed) != text:
        raise NotFound("There is no such attempt.")
    return parsed


def read_save(sitting: Sitting, question_id: str, given: GivenAnswer, field: str = "", traceparent: str = "") -> Save:
    """A checked save. Raises NotFound for a question that the attempt does not have, InvalidInput naming the field below `field`."""
    answerable = sitting.questions.get(question_id)
    if answerable is None:
        raise NotFound("This attempt has no such question.")
    if not 1 <= given.revision <= MAX_REVISION:
        raise InvalidInput(f"{field}revision", "range", f"A revision is a whole number from 1 to {MAX_REVISION}.")
    try:
        response = read_response(answerable, given.response)
    except BadResponse as error:
        path = f"{field}response.{error.field}".rstrip(".")
        raise InvalidInput(path, error.rule, str(error)) from error
    answer = SavedAnswer(
        question_id=question_id,
        revision=given.revision,
        response=message_of(response),
        is_flagged=given.is_flagged,
    )
    return Save(
        sitting.attempt_id,
        sitting.exam_id,
        sitting.student_id,
        question_id,
        given.revision,
        None if response is None else msgspec.json.encode(response).decode(),
        given.is_flagged,
        sitting.fragment_of(answer),
        traceparent or None,
    )


def _winners(saves: Sequence[Save]) -> dict[tuple[str, str], Save]:
    """The save with the highest revision of each answer; of equal ones the first."""
    winners: dict[tuple[str, str], Save] = {}
    for save in saves:
        key = (save.attempt_id, save.question_id)
        best = winners.get(key)
        if best is None or save.revision > best.revision:
            winners[key] = save
    return winners


def _event_ids(saves: Sequence[Save]) -> list[UUID]:
    """For each save the event that tells of it: one an exam, and a next one where essays would make it too large for a message."""
    filling: dict[str, tuple[UUID, int]] = {}
    event_ids = []
    for save in saves:
        event_id, size = filling.get(save.exam_id, (None, 0))
        if event_id is None or size + len(save.fragment) > _EVENT_BYTES:
            event_id, size = new_id(), 0
        filling[save.exam_id] = (event_id, size + len(save.fragment))
        event_ids.append(event_id)
    return event_ids


def _overtaken(outcome: Outcome) -> Outcome:
    """The outcome of a save that another save of its batch has overtaken."""
    return msgspec.structs.replace(outcome, is_saved=False)
