"""What staff ask of the search for answers in common: what it found, one pair, and an analysis at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.outbox import record_event, timestamp
from proto.examhall.proctoring.v1.exams_pb2 import CollusionRequested
from services.proctoring.board import in_seat, known_name
from services.proctoring.collusion_views import CAUTION, CollusionOut, GroupOut, PairOut, ProgressOut, candidates_of
from services.proctoring.long_lists import with_rows
from services.proctoring.problems import NotProctored
from services.proctoring.reopening import EXAMS
from services.proctoring.rights import find_exam, readable_attempts, watched_exams
from services.proctoring.tables import Attempt, CollusionGroup, CollusionState, Pair, Person, Seat
from services.proctoring.views import Candidate

# With the false discovery rate held to, more flags than this ask for another kind of conversation than one by one.
PAIRS_SHOWN = 200
# A pair has a dozen statistics and up to all questions of the exam.
_PAIRS_AT_ONCE = 2


class Collusion(NamedTuple):
    """What is known of answers in common at an exam: flagged pairs, most evidence first, and how many there are of them; `candidates` by attempt."""

    progress: ProgressOut
    pairs: Sequence[Pair]
    pairs_total: int
    groups: Sequence[CollusionGroup]
    candidates: Mapping[UUID, Candidate]


async def collusion_of(tx: AsyncSession, caller: Actor, exam_id: UUID) -> Collusion:
    """Progress, flagged pairs and groups of an exam; for a centre's administrator those whose members all belong to the centre."""
    flagged = (col(Pair.exam_id) == exam_id, col(Pair.verdict) == "flagged", *_readable_pairs(caller))
    total = await tx.scalar(sa.select(sa.func.count()).select_from(Pair).where(*flagged)) or 0
    order = (col(Pair.log10_e_value).desc(), col(Pair.first_attempt_id), col(Pair.second_attempt_id))
    pairs = (await tx.scalars(sa.select(Pair).where(*flagged).order_by(*order).limit(PAIRS_SHOWN))).all()
    groups = await _groups(tx, caller, exam_id)
    candidates = await candidates_by_attempt(tx, candidates_of(pairs, groups))
    return Collusion(ProgressOut.of(exam_id, await tx.get(CollusionState, exam_id)), pairs, total, groups, candidates)


async def collusion_reply(found: Collusion) -> bytes:
    """A CollusionOut as JSON."""
    head = CollusionOut(
        progress=found.progress,
        pairs=[],
        pairs_total=found.pairs_total,
        groups=[GroupOut.of(group, found.candidates) for group in found.groups],
        caution=CAUTION,
    )

    def shown(pair: Pair) -> msgspec.Raw:
        return msgspec.Raw(PairOut.of(pair, found.candidates).model_dump_json().encode())

    return await with_rows(
        head.model_dump_json(exclude={"pairs"}).encode(), "pairs", found.pairs, shown, _PAIRS_AT_ONCE
    )


async def pair_of(tx: AsyncSession, caller: Actor, exam_id: UUID, one: UUID, other: UUID) -> PairOut:
    """A pair, whichever way round it is named. Raises NotFound when nothing was told of it."""
    first, second = sorted((one, other))
    query = sa.select(Pair).where(
        col(Pair.exam_id) == exam_id, col(Pair.first_attempt_id) == first, col(Pair.second_attempt_id) == second
    )
    pair = await tx.scalar(query.where(*_readable_pairs(caller)))
    if pair is None:
        raise NotFound("Nothing that stands out was found about such a pair.")
    return PairOut.of(pair, await candidates_by_attempt(tx, {first, second}))


async def request_analysis(tx: AsyncSession, caller: Actor, exam_id: UUID, at: datetime) -> UUID:
    """Has the whole analysis made now; the id stands in the progress that answers. Raises NotFound, NotProctored."""
    exam = await find_exam(tx, exam_id, watched_exams(caller), lock=True)
    if exam.watched is None:
        raise NotProctored("This exam is not proctored, so its answers are not compared.")
    request_id = new_id()
    event = CollusionRequested(exam_id=str(exam_id), request_id=str(request_id), at=timestamp(at))
    record_event(tx, EXAMS, exam_id, event)
    record_audit(tx, caller, "collusion_requested", "exam", exam_id, None, {"request_id": str(request_id)})
    return request_id


async def candidates_by_attempt(tx: AsyncSession, attempt_ids: Collection[UUID]) -> dict[UUID, Candidate]:
    """Who sits these attempts."""
    query = (
        sa.select(
            col(Attempt.id), col(Attempt.student_id), known_name(), col(Person.registration_number), col(Seat.room)
        )
        .outerjoin(Person, col(Person.id) == col(Attempt.student_id))
        .outerjoin(Seat, in_seat())
        .where(col(Attempt.id).in_(attempt_ids))
    )
    return {attempt_id: Candidate(*who) for attempt_id, *who in await tx.execute(query)}


async def _groups(tx: AsyncSession, caller: Actor, exam_id: UUID) -> list[CollusionGroup]:
    """Groups that still have members, largest first."""
    query = sa.select(CollusionGroup).where(
        col(CollusionGroup.exam_id) == exam_id, sa.func.cardinality(col(CollusionGroup.attempt_ids)) > 0
    )
    if caller.is_("centre_admin"):
        own = sa.func.array(
            sa.select(col(Attempt.id))
            .where(col(Attempt.exam_id) == exam_id, readable_attempts(caller))
            .scalar_subquery()
        )
        query = query.where(col(CollusionGroup.attempt_ids).op("<@")(own))
    groups = (await tx.scalars(query)).all()
    return sorted(groups, key=lambda group: (-len(group.attempt_ids), group.group_id))


def _readable_pairs(caller: Actor) -> list[sa.ColumnElement[bool]]:
    """A pair tells of both its members, so a centre's administrator reads those of two of the centre."""
    if not caller.is_("centre_admin"):
        return []
    own = sa.select(col(Attempt.id)).where(readable_attempts(caller))
    return [col(Pair.first_attempt_id).in_(own), col(Pair.second_attempt_id).in_(own)]
