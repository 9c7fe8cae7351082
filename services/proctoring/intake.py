"""Taking in signals. A batch is acknowledged when it is committed, never before; its number follows the last one of its attempt, without gaps.

Batches that wait together share one transaction: the attempts' rows are locked, repeated batches are looked up, and everything new is written at once,
the events beside it. Whoever takes in the stream's findings locks the same rows, many and in any order, so a transaction here never waits for a row
while it holds another: what is locked elsewhere comes in a later round, one row of it waited for.
"""

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import structlog

from chassis.absences import is_away
from chassis.actors import Actor
from chassis.clock import now
from chassis.database import Database
from chassis.errors import DependencyUnavailable, Forbidden, InvalidInput, NotFound, TooManyRequests
from chassis.gathering import Gathering
from chassis.ids import new_id
from proto.examhall.proctoring.v1.signals_pb2 import SignalsReceived
from services.proctoring.copies import Papers
from services.proctoring.derived import network_of
from services.proctoring.evidence import epoch_ms
from services.proctoring.keeping import MOVEMENT_KINDS
from services.proctoring.messages import signals_received
from services.proctoring.metrics import SIGNALS_TAKEN
from services.proctoring.problems import AttemptOver, NotProctored
from services.proctoring.signals import (
    BATCH_BURST,
    BATCHES_PER_SECOND,
    CAMERA_KINDS,
    Allowance,
    ExamRules,
    NotBelieved,
    SignalBatch,
    SignalKind,
    is_collected,
    stamped,
    take,
)
from services.proctoring.state import SignalsTaken

log = structlog.get_logger()

SIGNALS = "proctoring.signals.v1"
_SITTINGS_IN_MEMORY = 50_000
# An attempt that began so recently may be on its way here: the browser is quicker than the events, by as long as the broker is away. Our choice; what
# a browser keeps meanwhile is worth asking for while the attempt can last.
_YOUNG = timedelta(days=1)
# Others of the same call wait with it: whoever is still not known is asked to come again.
_PAUSES = (0.0, 0.05, 0.1, 0.2)

_COLUMNS = """
SELECT id, status, paused_at, last_pause_began_at, last_pause_ended_at, last_batch, allowance_left, allowance_at FROM attempts
"""
_LOCK_ONE = f"{_COLUMNS} WHERE id = $1 FOR NO KEY UPDATE"
_LOCK_FREE = f"{_COLUMNS} WHERE id = ANY ($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED"

# A statement of its own, so that its snapshot is younger than the locks. Index: uq_signal_batches_attempt_id.
_KNOWN = """
SELECT attempt_id, batch_id, number, signals FROM signal_batches
JOIN unnest($1::uuid[], $2::uuid[]) AS given(attempt_id, batch_id) USING (attempt_id, batch_id)
"""

_WRITE = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::bytea[], $6::bool[], $7::bool[], $8::uuid[], $9::text[])
        WITH ORDINALITY AS given(attempt_id, exam_id, number, batch_id, signals, has_camera, has_movement, event_id, traceparent, n)
), kept AS (
    INSERT INTO signal_batches (attempt_id, number, batch_id, exam_id, received_at, signals, has_camera, has_movement)
    SELECT attempt_id, number, batch_id, exam_id, $14, signals, has_camera, has_movement FROM given
), told AS (
    INSERT INTO outbox (event_id, topic, key, type, subject, payload, traceparent)
    SELECT event_id, $15, attempt_id::text, $16, attempt_id::text, signals, traceparent FROM given ORDER BY n
)
UPDATE attempts SET last_batch = after.last_batch, allowance_left = after.left_over, allowance_at = after.as_of, last_signal_at = $14
FROM unnest($10::uuid[], $11::bigint[], $12::float8[], $13::timestamptz[]) AS after(id, last_batch, left_over, as_of)
WHERE attempts.id = after.id
"""


@dataclass(frozen=True, slots=True)
class Sitting:
    """What never changes about an attempt, as its signals need it."""

    attempt_id: UUID
    exam_id: UUID
    student_id: UUID
    started_at: datetime
    rules: ExamRules


class Offer(msgspec.Struct, frozen=True):
    """A checked batch of an attempt, and where it came from. `traceparent` is that of a recorded trace."""

    sitting: Sitting
    batch_id: UUID
    batch: SignalBatch
    session_id: str
    network: str
    traceparent: str | None


class Taken(msgspec.Struct, frozen=True):
    """A batch that is stored: its number within the attempt, how many of its signals are kept, and the server's clock."""

    number: int
    accepted: int
    server_time: datetime


class _Row:
    """An attempt's locked row while the batches of one group are taken in, one after the other."""

    def __init__(self, record: asyncpg.Record) -> None:
        self.status: str = record["status"]
        self.paused_at: datetime | None = record["paused_at"]
        self.last_pause = record["last_pause_began_at"], record["last_pause_ended_at"]
        self.last_batch: int = record["last_batch"]
        left, as_of = record["allowance_left"], record["allowance_at"]
        self.allowance = Allowance(left, as_of) if as_of is not None else None
        self.has_changed = False

    def stood_still(self, at: datetime) -> bool:
        """Whether the attempt was paused then: in the pause that it is in, or in the last that is over. Earlier ones are not kept here; the stream knows
        all of them and counts nothing in them (`excused`)."""
        began, ended = self.last_pause
        is_paused = self.status == "paused" and self.paused_at is not None and at >= self.paused_at
        return is_paused or (began is not None and began <= at < ended)


class Intake:
    """Takes batches, checks them, and commits them in groups."""

    def __init__(self, database: Database, papers: Papers, *, lanes: int, group: int) -> None:
        self._database = database
        self._papers = papers
        self._sittings: OrderedDict[UUID, Sitting] = OrderedDict()
        self._gathering: Gathering[Offer, Taken | Exception] = Gathering(self._commit, lanes=lanes, size=group)

    def known(self, actor: Actor, attempt_id: UUID) -> Sitting | None:
        """The caller's sitting when it is in memory. Raises Forbidden for staff, NotFound for another student's."""
        if actor.role != "student":
            raise Forbidden("Only the browser of the student who sits the attempt sends its signals.")
        sitting = self._sittings.get(attempt_id)
        if sitting is not None and sitting.student_id != actor.person_id:
            raise NotFound("There is no such attempt.")
        return sitting

    async def sitting(self, actor: Actor, attempt_id: UUID) -> Sitting:
        """The caller's sitting, read when it is not in memory. Raises NotFound, Forbidden, NotProctored; DependencyUnavailable for an attempt that may
        just not be known here yet.
        """
        if sitting := self.known(actor, attempt_id):
            return sitting
        row = await self._row_of(attempt_id)
        if row is None or row["student_id"] != actor.person_id:
            raise NotFound("There is no such attempt.")
        if not row["is_proctored"]:
            raise NotProctored("This exam collects no signals.")
        paper = await self._papers.paper(row["exam_id"], row["exam_version"])
        sitting = Sitting(attempt_id, row["exam_id"], row["student_id"], row["started_at"], paper.rules)
        self._sittings[attempt_id] = sitting
        if len(self._sittings) > _SITTINGS_IN_MEMORY:
            self._sittings.popitem(last=False)
        return sitting

    async def _row_of(self, attempt_id: UUID) -> asyncpg.Record | None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            row = await self._database.pool.fetchrow(
                "SELECT exam_id, exam_version, student_id, started_at, is_proctored FROM attempts WHERE id = $1",
                attempt_id,
            )
            if row is not None or not is_young(attempt_id):
                return row
        raise DependencyUnavailable("The attempt is not known here yet; keep the batch and send it again in a moment.")

    def take(self, offer: Offer) -> "asyncio.Future[Taken | Exception]":
        """Commits a batch together with whatever else waits. The result is what was taken, or why it was not."""
        return self._gathering.add(offer)

    async def _commit(self, offers: Sequence[Offer]) -> Sequence[Taken | Exception]:
        results: dict[int, Taken | Exception] = {}
        waiting, wait_for = dict(enumerate(offers)), None
        while waiting:
            try:
                results.update(await self._commit_round(waiting, wait_for))
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("signals_not_committed", count=len(waiting), error=f"{type(error).__name__}: {error}"[:300])
                raise DependencyUnavailable(
                    "The signals could not be stored just now; keep the batch and send it again in a moment."
                ) from error
            waiting = {place: offer for place, offer in waiting.items() if place not in results}
            wait_for = next((offer.sitting.attempt_id for offer in waiting.values()), None)
        return [results[place] for place in range(len(offers))]

    async def _commit_round(self, offers: Mapping[int, Offer], wait_for: UUID | None) -> dict[int, Taken | Exception]:
        """The results of those offers whose attempts could be locked, all of an attempt in their order."""
        async with self._database.pool.acquire() as connection, connection.transaction():
            rows = await _locked(connection, {offer.sitting.attempt_id for offer in offers.values()}, wait_for)
            mine = {place: offer for place, offer in offers.items() if offer.sitting.attempt_id in rows}
            results, kinds = await _take_in(connection, list(mine.values()), rows) if mine else ([], Counter())
        self._database.events_committed()
        for kind, count in kinds.items():
            SIGNALS_TAKEN.labels(kind.value).inc(count)
        return dict(zip(mine, results, strict=True))


async def _locked(connection: asyncpg.Connection, attempt_ids: set[UUID], wait_for: UUID | None) -> dict[UUID, _Row]:
    """The rows that nobody else holds, and the one that is waited for, while none is held yet."""
    records = await connection.fetch(_LOCK_ONE, wait_for) if wait_for is not None else []
    others = attempt_ids - {wait_for}
    if others:
        records += await connection.fetch(_LOCK_FREE, list(others))
    return {record["id"]: _Row(record) for record in records}


async def _take_in(
    connection: asyncpg.Connection, offers: Sequence[Offer], rows: Mapping[UUID, _Row]
) -> "tuple[list[Taken | Exception], Counter[SignalKind]]":
    """The result of each offer, and how many signals of each kind are new."""
    received_at = now()
    known = {
        (record["attempt_id"], record["batch_id"]): _taken_before(record, received_at)
        for record in await connection.fetch(
            _KNOWN, [offer.sitting.attempt_id for offer in offers], [offer.batch_id for offer in offers]
        )
    }
    results: list[Taken | Exception] = []
    fresh: list[tuple[Offer, SignalsTaken]] = []
    for offer in offers:
        key = offer.sitting.attempt_id, offer.batch_id
        result: Taken | Exception | None = known.get(key)
        if result is None:
            try:
                taken = _decide(offer, rows[offer.sitting.attempt_id], received_at)
            except Exception as refusal:  # of this batch alone: the others of the group go on
                result = refusal
            else:
                fresh.append((offer, taken))
                result = known[key] = Taken(taken.number, len(taken.signals), received_at)
        results.append(result)
    if fresh:
        await _write(connection, fresh, rows, received_at)
    return results, Counter(signal.kind for _, taken in fresh for signal in taken.signals)


def _decide(offer: Offer, row: _Row, received_at: datetime) -> SignalsTaken:
    """The batch as it is taken in, its number drawn. Raises AttemptOver, TooManyRequests, InvalidInput.

    While the attempt is paused nothing is collected: what was observed then is left out, whenever it comes.
    """
    if row.status == "submitted":
        raise AttemptOver("The attempt is submitted; nothing is collected any more.")
    sitting, batch = offer.sitting, offer.batch
    try:
        times = stamped(batch, received_at, sitting.started_at)
    except NotBelieved as error:
        raise InvalidInput(f"signals.{error.index}.at", "time", f"This signal's time {error.rule}.") from error
    allowance, seconds = take(row.allowance, received_at)
    if seconds:
        raise TooManyRequests(
            f"At most {BATCHES_PER_SECOND} batch a second, {BATCH_BURST} at once after a pause; keep this one and send it later.",
            math.ceil(seconds),
        )
    row.allowance, row.has_changed = allowance, True
    row.last_batch += 1
    return SignalsTaken(
        attempt_id=str(sitting.attempt_id),
        exam_id=str(sitting.exam_id),
        student_id=str(sitting.student_id),
        number=row.last_batch,
        received_at_ms=epoch_ms(received_at),
        session_id=offer.session_id,
        network=offer.network,
        signals=tuple(
            msgspec.structs.replace(signal, at=at)
            for signal, at in zip(batch.signals, times, strict=True)
            if not row.stood_still(at)
        ),
    )


async def _write(
    connection: asyncpg.Connection,
    fresh: Sequence[tuple[Offer, SignalsTaken]],
    rows: Mapping[UUID, _Row],
    received_at: datetime,
) -> None:
    kinds = [{signal.kind for signal in taken.signals} for _, taken in fresh]
    changed = [(attempt_id, row, row.allowance) for attempt_id, row in rows.items() if row.has_changed]
    await connection.execute(
        _WRITE,
        [offer.sitting.attempt_id for offer, _ in fresh],
        [offer.sitting.exam_id for offer, _ in fresh],
        [taken.number for _, taken in fresh],
        [offer.batch_id for offer, _ in fresh],
        [signals_received(taken).SerializeToString() for _, taken in fresh],
        [bool(found & CAMERA_KINDS) for found in kinds],
        [bool(found & MOVEMENT_KINDS) for found in kinds],
        [new_id() for _ in fresh],
        [offer.traceparent for offer, _ in fresh],
        [attempt_id for attempt_id, _, _ in changed],
        [row.last_batch for _, row, _ in changed],
        [allowance.left if allowance else None for _, _, allowance in changed],
        [allowance.as_of if allowance else None for _, _, allowance in changed],
        received_at,
        SIGNALS,
        SignalsReceived.DESCRIPTOR.full_name,
    )


def offer_of(actor: Actor, sitting: Sitting, batch: SignalBatch, traceparent: str = "") -> Offer:
    """A checked batch. Raises InvalidInput naming the field for a batch id that is none, and for a kind that the exam does not collect."""
    try:
        batch_id = UUID(batch.batch_id)
    except ValueError as error:
        raise InvalidInput("batch_id", "uuid", "A batch's id is a UUID of its own.") from error
    for index, signal in enumerate(batch.signals):
        if not is_collected(signal.kind, sitting.rules):
            raise InvalidInput(f"signals.{index}.kind", "collected", f"This exam does not collect {signal.kind}.")
    return Offer(sitting, batch_id, batch, str(actor.session_id), network_of(actor.address), traceparent or None)


def _taken_before(record: asyncpg.Record, moment: datetime) -> Taken:
    return Taken(record["number"], len(SignalsReceived.FromString(record["signals"]).signals), moment)


def is_young(attempt_id: UUID) -> bool:
    """Whether the id, which holds the time when it was made (RFC 9562, section 5.7), is from the last day."""
    made_ms = attempt_id.int >> 80
    return attempt_id.version == 7 and abs(epoch_ms(now()) - made_ms) < _YOUNG // timedelta(milliseconds=1)
