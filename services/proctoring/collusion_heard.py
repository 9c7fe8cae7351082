"""What the stream tells of answers in common: pairs, groups, how far the analysis is, and how options were chosen, for the next exam."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.clock import now
from chassis.consuming import Delivery
from chassis.copies import keep_newer
from chassis.counting import count_at_commit
from chassis.outbox import moment_of
from proto.examhall.proctoring.v1.events_pb2 import CollusionProgress, GroupFound, ItemsCalibrated, PairAssessed
from services.proctoring.collusion_desk import candidates_by_attempt
from services.proctoring.collusion_views import GroupOut, PairOut, ProgressOut
from services.proctoring.feeds import exam_feed, tell, tell_passing
from services.proctoring.metrics import PAIRS
from services.proctoring.tables import CollusionGroup, CollusionState, ItemCalibration, Pair

DECIDING = "e_process"
FLAGGED = "flagged"
_TENFOLD = 1  # on the scale of log10


async def take_in_pair(tx: AsyncSession, event: PairAssessed, delivery: Delivery) -> None:
    """Keeps how a pair stands, whichever way round it is told. Pushed when the verdict changed, or the evidence by a factor of ten."""
    copier, source = UUID(event.copier_attempt_id), UUID(event.source_attempt_id)
    first, second = sorted((copier, source))
    key = {"exam_id": UUID(event.exam_id), "first_attempt_id": first, "second_attempt_id": second}
    query = sa.select(Pair).where(*(col(getattr(Pair, name)) == value for name, value in key.items())).with_for_update()
    before = await tx.scalar(query.execution_options(populate_existing=True))
    if before is not None and before.revision >= event.revision:
        return
    evidence = log10_e_value(event)
    known = (before.verdict, before.shown_log10_e_value) if before else ("nothing", Decimal(0))
    is_shown = is_news(*known, event.verdict, evidence)
    pair = before or Pair(**key, shown_log10_e_value=evidence)
    pair.copier_attempt_id, pair.source_attempt_id = copier, source
    pair.revision, pair.verdict, pair.family = event.revision, event.verdict, event.family
    pair.log10_e_value, pair.told, pair.told_at = evidence, event.SerializeToString(), _told_at(event, delivery)
    tx.add(pair)
    if (known[0] == FLAGGED) != (event.verdict == FLAGGED):
        count_at_commit(tx, PAIRS.labels(FLAGGED if event.verdict == FLAGGED else "cleared"))
    if is_shown:
        pair.shown_log10_e_value = evidence
        shown = PairOut.of(pair, await candidates_by_attempt(tx, {first, second}))
        await _push(tx, event.exam_id, delivery, {"pair": shown.model_dump(mode="json")})
    await tx.flush()


async def take_in_group(tx: AsyncSession, event: GroupFound, delivery: Delivery) -> None:
    """Keeps a group, pushed when its members changed. One without members is no more."""
    key = UUID(event.exam_id), event.group_id
    before = await tx.get(CollusionGroup, key, with_for_update=True, populate_existing=True)
    members = sorted(UUID(attempt_id) for attempt_id in event.attempt_ids)
    if before is not None and before.revision >= event.revision:
        return
    is_shown = sorted(before.attempt_ids) != members if before else bool(members)
    group = before or CollusionGroup(exam_id=key[0], group_id=key[1])
    source = event.likely_source_attempt_id
    group.revision, group.attempt_ids, group.told_at = event.revision, members, _told_at(event, delivery)
    group.likely_source_attempt_id = UUID(source) if source else None
    tx.add(group)
    if is_shown:
        shown = GroupOut.of(group, await candidates_by_attempt(tx, set(members)))
        await _push(tx, event.exam_id, delivery, {"group": shown.model_dump(mode="json")})
    await tx.flush()


async def take_in_progress(tx: AsyncSession, event: CollusionProgress, delivery: Delivery) -> None:
    """Keeps how far the analysis is. On the way it is pushed in passing; an answer to a request and the end are kept in the feed."""
    values = {
        "exam_id": UUID(event.exam_id),
        "revision": event.revision,
        "is_final": event.is_final,
        "told": event.SerializeToString(),
    }
    if not await keep_newer(tx, CollusionState, values, "revision"):
        return
    shown = ProgressOut.of(values["exam_id"], CollusionState(**values))
    body = {"progress": shown.model_dump(mode="json")}
    if event.is_final or event.request_id:
        await _push(tx, event.exam_id, delivery, body)
    else:
        tell_passing(
            tx, exam_feed(event.exam_id), "collusion", delivery.occurred_at, {"exam_id": event.exam_id, **body}
        )


async def take_in_calibration(tx: AsyncSession, event: ItemsCalibrated, delivery: Delivery) -> None:
    """Keeps what a closed exam tells of its options, instead of what an earlier one told of the same questions."""
    rows = [
        {
            "question_id": UUID(item.question_id),
            "exam_id": UUID(event.exam_id),
            "answers": item.answers,
            "option_ids": list(item.option_ids),
            "slopes": [Decimal(slope) for slope in item.slopes],
            "intercepts": [Decimal(intercept) for intercept in item.intercepts],
            "changed_at": now(),
        }
        for item in event.items
    ]
    if rows:
        statement = insert(ItemCalibration).values(rows)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "question_id"}
        await tx.execute(statement.on_conflict_do_update(index_elements=["question_id"], set_=changed))


def log10_e_value(event: PairAssessed) -> Decimal:
    """The evidence that decides; 0 while there is none."""
    for statistic in event.statistics:
        if statistic.method == DECIDING:
            return Decimal(statistic.log10_value or 0)
    return Decimal(0)


def is_news(verdict: str, evidence: Decimal, new_verdict: str, new_evidence: Decimal) -> bool:
    """Whether proctors should hear of it: flagged or no more, or the evidence of a flagged pair changed by a factor of ten since they last heard."""
    if (verdict == FLAGGED) != (new_verdict == FLAGGED):
        return True
    return new_verdict == FLAGGED and abs(new_evidence - evidence) >= _TENFOLD


def _told_at(event: Any, delivery: Delivery) -> datetime:
    return moment_of(event, "as_of") or delivery.occurred_at


async def _push(tx: AsyncSession, exam_id: str, delivery: Delivery, body: dict[str, Any]) -> None:
    await tell(tx, exam_feed(exam_id), "collusion", delivery.occurred_at, {"exam_id": exam_id, **body})
