"""The board of an exam: how every attempt stands now, by the server's clock, and the state that is pushed to proctors between two readings of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.errors import NotFound
from services.proctoring.exam_rules import rules_by_version, violation_limit
from services.proctoring.feeds import exam_feed
from services.proctoring.levels import Level
from services.proctoring.signals import ExamRules
from services.proctoring.tables import LEVELS, Alert, Attempt, Feed, Person, Review, Seat

SUBMITTED = "submitted"
_ROWS_AT_ONCE = 100


class Standing(NamedTuple):
    """How an attempt stands, without its unfolded assessment: what lists of attempts show. The fields are columns of the same names."""

    id: UUID
    exam_id: UUID
    exam_version: int
    student_id: UUID
    number: int
    status: str
    started_at: datetime
    deadline_at: datetime
    paused_at: datetime | None
    last_pause_ended_at: datetime | None
    submitted_at: datetime | None
    submit_reason: str
    centre_id: UUID | None
    class_id: UUID | None
    question_count: int
    is_proctored: bool
    last_signal_at: datetime | None
    level: str
    behaviour_score: int
    risk_score: Decimal
    integrity_score: Decimal | None
    violations: int
    answered_count: int
    position: int
    assessed_at: datetime | None
    student_name: str | None
    registration_number: str | None
    room: str | None
    is_reviewed: bool
    needs_manual_review: bool
    is_invalidated: bool


# As tables, not as classes: rows of columns alone come several times as cheap without the ORM.
_ATTEMPT, _PERSON, _REVIEW, _SEAT = (table.__table__.c for table in (Attempt, Person, Review, Seat))  # type: ignore[attr-defined]


def known_name() -> sa.ColumnElement[str | None]:
    """The name in a query that joins Person; a deleted person's is empty, which nobody needs to see."""
    return sa.func.nullif(col(Person.name), "")


def in_seat() -> sa.ColumnElement[bool]:
    """Joins an attempt with its student's seat at the exam."""
    return sa.and_(_SEAT.exam_id == _ATTEMPT.exam_id, _SEAT.student_id == _ATTEMPT.student_id)


_OF_ATTEMPT = Standing._fields[: Standing._fields.index("student_name")]
_FLAGS = tuple(
    sa.func.coalesce(flag, False) for flag in (_REVIEW.is_reviewed, _REVIEW.needs_manual_review, _REVIEW.is_invalidated)
)
_COLUMNS = (
    *(_ATTEMPT[name] for name in _OF_ATTEMPT),
    sa.func.nullif(_PERSON.name, ""),
    sa.func.nullif(_PERSON.registration_number, ""),
    _SEAT.room,
    *_FLAGS,
)
_REVIEWED = sa.outerjoin(_ATTEMPT.id.table, _REVIEW.attempt_id.table, _REVIEW.attempt_id == _ATTEMPT.id)

# ix_attempts_exam_id serves it.
_STANDINGS = sa.select(*_COLUMNS).select_from(
    _REVIEWED.outerjoin(_PERSON.id.table, _PERSON.id == _ATTEMPT.student_id).outerjoin(_SEAT.room.table, in_seat())
)
_BY_START = (_ATTEMPT.started_at, _ATTEMPT.id)


async def standings(tx: AsyncSession, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> list[Standing]:
    """The attempts that meet the conditions (on Attempt), by start; so many of them at most. Others have a turn while the next ones are fetched."""
    query = _STANDINGS.where(*conditions).order_by(*_BY_START).limit(limit)
    found = await tx.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
    return [Standing._make(row) async for row in found]


async def open_alerts(tx: AsyncSession, condition: sa.ColumnElement[bool]) -> dict[UUID, Counter[str]]:
    """For each attempt, how many alerts of each severity nobody has dealt with yet; `condition` on Alert."""
    query = (
        sa.select(col(Alert.attempt_id), col(Alert.severity), sa.func.count())
        .where(col(Alert.status) == "open", condition)
        .group_by(col(Alert.attempt_id), col(Alert.severity))
    )
    found: dict[UUID, Counter[str]] = {}
    for attempt_id, severity, count in await tx.execute(query):
        found.setdefault(attempt_id, Counter())[severity] = count
    return found


async def last_number(tx: AsyncSession, feed: str) -> int:
    """The number last given in a feed; 0: none yet."""
    return await tx.scalar(sa.select(col(Feed.last)).where(col(Feed.feed) == feed)) or 0


class Totals(NamedTuple):
    """All attempts of a board added up, whichever of them it shows; `levels` of the proctored ones, alerts that nobody has dealt with by severity."""

    attempts: int
    by_status: Mapping[str, int]
    levels: Mapping[str, int]
    open_alerts: Mapping[str, int]
    over_limit: int
    to_review: int
    invalidated: int


# Both read the exam's attempts by ix_attempts_exam_id, the second its alerts by ix_alerts_exam_id; a few rows leave the database.
_TALLY = (
    sa.select(_ATTEMPT.exam_version, _ATTEMPT.status, _ATTEMPT.is_proctored, _ATTEMPT.level, _ATTEMPT.violations, *_FLAGS, sa.func.count())
    .select_from(_REVIEWED)
    .group_by(*(sa.literal_column(str(place)) for place in range(1, 9)))
)  # fmt: skip
_WAITING = (
    sa.select(col(Alert.severity), sa.func.count())
    .join(Attempt, col(Attempt.id) == col(Alert.attempt_id))
    .where(col(Alert.status) == "open")
    .group_by(col(Alert.severity))
)


async def totals_of(
    tx: AsyncSession, exam_id: UUID, readable: sa.ColumnElement[bool], rules: Mapping[int, ExamRules]
) -> Totals:
    """The attempts of an exam that the caller may read, added up."""
    by_status, levels = Counter[str](), Counter[str]()
    over_limit = to_review = invalidated = 0
    tally = await tx.execute(_TALLY.where(col(Attempt.exam_id) == exam_id, readable))
    for version, status, is_proctored, level, violations, is_reviewed, needs_review, is_invalidated, count in tally:
        by_status[status] += count
        levels[level] += count if is_proctored else 0
        over_limit += count if is_over_limit(violations, violation_limit(rules, version)) else 0
        to_review += count if needs_review and not is_reviewed else 0
        invalidated += count if is_invalidated else 0
    waiting = await tx.execute(_WAITING.where(col(Alert.exam_id) == exam_id, readable))
    return Totals(
        by_status.total(),
        by_status,
        {level: levels[level] for level in LEVELS},
        dict(map(tuple, waiting)),
        over_limit,
        to_review,
        invalidated,
    )


class Board(NamedTuple):
    """Attempts of an exam at one instant. `rules` by version of the exam."""

    standings: Sequence[Standing]
    alerts: Mapping[UUID, Counter[str]]
    rules: Mapping[int, ExamRules]

    def limit_of(self, standing: Standing) -> int:
        """The violation limit of an attempt; 0: none."""
        return violation_limit(self.rules, standing.exam_version)


class Reading(NamedTuple):
    """A board, or a page of it, as it is read. `cursor`: the last number of the exam's feed, all of which it shows already; `next_after`: see `board_of`."""

    cursor: int
    totals: Totals
    board: Board
    next_after: UUID | None


async def board_of(
    tx: AsyncSession,
    exam_id: UUID,
    readable: sa.ColumnElement[bool],
    limit: int | None = None,
    after: UUID | None = None,
) -> Reading:
    """The attempts of an exam that the caller may read, by start, with the feed's cursor at the same instant: all of them, or `limit` of those `after`
    an attempt, and then the one that the next page comes after, None when there is none. `tx` must see one snapshot throughout. Raises NotFound.
    """
    of_exam = [col(Attempt.exam_id) == exam_id, readable]
    wanted = of_exam if after is None else [*of_exam, await _later_than(tx, after, *of_exam)]
    found = await standings(tx, *wanted, limit=None if limit is None else limit + 1)
    page = found[:limit]
    is_whole = len(page) == len(found) and after is None
    in_page = col(Alert.exam_id) == exam_id if is_whole else col(Alert.attempt_id).in_([row.id for row in page])
    rules = await rules_by_version(tx, exam_id)
    return Reading(
        await last_number(tx, exam_feed(exam_id)),
        await totals_of(tx, exam_id, readable, rules),
        Board(page, await open_alerts(tx, in_page), rules),
        page[-1].id if len(found) > len(page) else None,
    )


async def _later_than(
    tx: AsyncSession, attempt_id: UUID, *conditions: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Attempts that come after one in the order by start, which never changes."""
    place = (await tx.execute(sa.select(*_BY_START).where(_ATTEMPT.id == attempt_id, *conditions))).one_or_none()
    if place is None:
        raise NotFound("There is no such attempt on this board.")
    return sa.tuple_(*_BY_START) > sa.tuple_(*place)


def seconds_left(standing: Standing, at: datetime) -> int:
    """Whole seconds to the deadline; they stand still while paused, and are 0 after submission."""
    if standing.status == SUBMITTED:
        return 0
    now = standing.paused_at if standing.status == "paused" and standing.paused_at else at
    return max(int((standing.deadline_at - now).total_seconds()), 0)


def silent_seconds(standing: Standing, at: datetime) -> int | None:
    """Whole seconds since the browser last told anything, the start, or the end of the last pause; None where nothing is awaited, as in a pause."""
    if standing.status != "in_progress" or not standing.is_proctored:
        return None
    known = (standing.started_at, standing.last_signal_at, standing.last_pause_ended_at)
    since = max(moment for moment in known if moment is not None)
    return max(int((at - since).total_seconds()), 0)


def progress(standing: Standing) -> int:
    """The share of questions that have an answer, in whole per cent."""
    return min(100 * standing.answered_count // standing.question_count, 100) if standing.question_count else 0


def is_over_limit(violations: int, limit: int) -> bool:
    """Whether an attempt with so many violations has reached the limit; a limit of 0 is none."""
    return 0 < limit <= violations


def counts_by_level(standings: Iterable[Standing]) -> dict[str, int]:
    """How many proctored attempts are at each level."""
    found = Counter(standing.level for standing in standings if standing.is_proctored)
    return {level: found[level] for level in LEVELS}


class State(NamedTuple):
    """An exam under way in numbers, and the attempts to look at first."""

    active: int
    completed: int
    levels: Mapping[str, int]
    gravest: Sequence[Standing]


# Both read the index of attempts under way, then those of these exams by ix_attempts_exam_id; what leaves the database is bounded by exams, not attempts.
_UNDER_WAY = sa.select(col(Attempt.exam_id)).where(col(Attempt.status) != SUBMITTED)
_TALLIES = (
    sa.select(col(Attempt.exam_id), col(Attempt.status) == SUBMITTED, col(Attempt.is_proctored), col(Attempt.level), sa.func.count())
    .where(col(Attempt.exam_id).in_(_UNDER_WAY))
    .group_by(*(sa.literal_column(str(place)) for place in range(1, 5)))
)  # fmt: skip
_GRAVEST_FIRST = (
    col(Attempt.status) == SUBMITTED,
    sa.case({level: level.rank for level in Level}, value=col(Attempt.level)).desc(),
    col(Attempt.violations).desc(),
    col(Attempt.started_at),
    col(Attempt.id),
)
_PLACES = (
    sa.select(
        col(Attempt.id), sa.func.row_number().over(partition_by=col(Attempt.exam_id), order_by=_GRAVEST_FIRST).label("place")
    )
    .where(col(Attempt.exam_id).in_(_UNDER_WAY))
    .subquery()
)  # fmt: skip


async def states_under_way(tx: AsyncSession, most: int) -> dict[UUID, State]:
    """The state of each exam with an attempt under way, with its `most` gravest attempts: not submitted first, then by level, violations and start."""
    tallies = [tuple(row) for row in await tx.execute(_TALLIES)]
    first = sa.select(_PLACES.c.id).where(_PLACES.c.place <= most)
    query = _STANDINGS.where(col(Attempt.id).in_(first)).order_by(col(Attempt.exam_id), *_GRAVEST_FIRST)
    gravest: dict[UUID, list[Standing]] = {}
    for row in await tx.execute(query):
        standing = Standing(*row)
        gravest.setdefault(standing.exam_id, []).append(standing)
    return {exam_id: _state(exam_id, tallies, rows) for exam_id, rows in gravest.items()}


def quiz_status(exam_id: UUID, state: State, at: datetime) -> dict[str, Any]:
    """The message quiz_status: who is in, how far, and how it looks."""
    return {
        "exam_id": str(exam_id),
        "active_attempts": state.active,
        "completed_attempts": state.completed,
        "levels": dict(state.levels),
        "students": [_student(row, at) for row in state.gravest],
    }


def _state(exam_id: UUID, tallies: Iterable[tuple[Any, ...]], gravest: Sequence[Standing]) -> State:
    under_way, levels = Counter[bool](), Counter[str]()
    for of_exam, is_submitted, is_proctored, level, count in tallies:
        if of_exam == exam_id:
            under_way[is_submitted] += count
            levels[level] += count if is_proctored else 0
    return State(under_way[False], under_way[True], {level: levels[level] for level in LEVELS}, gravest)


def _student(row: Standing, at: datetime) -> dict[str, Any]:
    return {
        "attempt_id": str(row.id),
        "student_id": str(row.student_id),
        "student_name": row.student_name,
        "room": row.room,
        "status": row.status,
        "current_question": row.position,
        "total_questions": row.question_count,
        "answered": row.answered_count,
        "progress": progress(row),
        "violations": row.violations,
        "level": row.level,
        "time_elapsed_minutes": max(int(((row.submitted_at or at) - row.started_at).total_seconds() // 60), 0),
        "seconds_left": seconds_left(row, at),
        "silent_seconds": silent_seconds(row, at),
    }
