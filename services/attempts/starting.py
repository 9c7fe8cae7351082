"""Starting an attempt: check and creation are one transaction, and the database's constraints hold what the check can't see.

However many starts of one student run at once, one makes the attempt and the others get it. Starting again while an attempt is open gives that attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import DependencyUnavailable, NotFound, TooManyRequests
from chassis.outbox import moment_of
from chassis.service import Runtime
from proto.examhall.exams.v1.events_pb2 import ExamState, Schedule
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.attempts import access_codes
from services.attempts.app_state import Parts, parts_of
from services.attempts.audience import Audience, Belonging, is_meant_for
from services.attempts.copies import person_of
from services.attempts.deadlines import first_deadline
from services.attempts.eligibility import Candidate, Refusal, Terms, refusal
from services.attempts.events import attempt_started
from services.attempts.ordering import new_seed
from services.attempts.papers import Paper
from services.attempts.problems import ExamClosed, NoAttemptsLeft, NotEligible, NotOpenYet, WrongAccessCode
from services.attempts.tables import OPEN, Attempt, CodeFailure

_TRIES = 3

# Both rows are held against change until the start is committed: what was checked is what holds.
_FACTS = sa.text("""
SELECT exams.state AS exam, people.state AS person, clock_timestamp() AS moment
FROM exams, people WHERE exams.id = :exam_id AND people.id = :person_id FOR SHARE
""").columns(moment=sa.TIMESTAMP(timezone=True))

# As text: SQLAlchemy would compile its own form of it at every start (an insert of the PostgreSQL dialect is not cached).
_COLUMNS = tuple(Attempt.model_fields)
_INSERT = sa.text(
    f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608, names of columns
)


@dataclass(frozen=True)
class Start:
    """An attempt, whether it is new, and the database's clock at that moment."""

    attempt: Attempt
    is_new: bool
    moment: datetime


class _NotCopiedYet(Exception):
    """A copy that the start needs is not here yet."""


async def start_attempt(runtime: Runtime, actor: Actor, exam_id: UUID, access_code: str) -> Start:
    """Starts, or gives the open attempt. Raises NotFound for an exam that is not for this student, and each refusal by its own name.

    All is one transaction, which asks nobody else; what is not copied yet is fetched before the next try. A wrong access code is counted
    in it, so it is committed though the start fails.
    """
    actor.require("student")
    parts = parts_of(runtime)
    for _ in range(_TRIES):
        try:
            async with runtime.database.session() as tx:
                started = await _start(tx, parts, actor, exam_id, access_code)
        except _NotCopiedYet:
            exam = await parts.copies.exam(exam_id)
            await parts.copies.person(actor.person_id)
            await parts.copies.paper(exam_id, exam.version)
            continue
        if started is None:
            raise WrongAccessCode(
                "The access code does not fit." if access_code else "This exam needs an access code.",
                errors=[{"field": "access_code", "rule": "fits", "message": "Ask whoever supervises the exam."}],
            )
        return started
    raise DependencyUnavailable("The exam is being published anew; try again in a moment.")


async def _start(tx: AsyncSession, parts: Parts, actor: Actor, exam_id: UUID, access_code: str) -> Start | None:
    """None when the access code does not fit, which is counted then."""
    row = (await tx.execute(_FACTS, {"exam_id": exam_id, "person_id": actor.person_id})).one_or_none()
    if row is None:
        raise _NotCopiedYet
    exam, person, moment = ExamState.FromString(row.exam), person_of(row.person), row.moment
    if not is_meant_for(_audience(exam.schedule), _belonging(person)):
        raise NotFound("There is no such exam.")
    earlier = await _earlier_attempts(tx, exam_id, actor.person_id)
    if earlier and earlier[-1].status in OPEN:
        return Start(earlier[-1], False, moment)
    candidate = Candidate(person.is_active, person.is_eligible, len(earlier))
    if reason := refusal(_terms(exam), candidate, moment):
        raise _refused(reason, exam, person)
    if not await _code_fits(tx, parts.code_rule, exam.schedule, exam_id, actor.person_id, access_code, moment):
        tx.add(CodeFailure(exam_id=exam_id, student_id=actor.person_id))
        return None
    paper = parts.copies.paper_in_memory(exam_id, exam.version)
    if paper is None:
        raise _NotCopiedYet
    attempt = _new_attempt(actor, exam, person, paper, len(earlier) + 1, moment)
    if await tx.scalar(_INSERT, attempt.model_dump()) is None:
        # A parallel start of the same student has won; its transaction is committed, or the insert would still wait.
        return Start((await _earlier_attempts(tx, exam_id, actor.person_id))[-1], False, moment)
    attempt_started(tx, attempt)
    return Start(attempt, True, moment)


async def _earlier_attempts(tx: AsyncSession, exam_id: UUID, student_id: UUID) -> Sequence[Attempt]:
    """By number. Index: uq_attempts_exam_id_student_id_number."""
    query = sa.select(Attempt).where(col(Attempt.exam_id) == exam_id, col(Attempt.student_id) == student_id)
    return (await tx.scalars(query.order_by(col(Attempt.number)))).all()


async def _code_fits(
    tx: AsyncSession,
    rule: access_codes.CodeRule,
    schedule: Schedule,
    exam_id: UUID,
    student_id: UUID,
    access_code: str,
    moment: datetime,
) -> bool:
    """Whether the exam needs no code or this is it. One student's tries at an exam wait for each other, so that none outruns the limit."""
    if not schedule.needs_access_code:
        return True
    tries = f"access code:{exam_id}:{student_id}"
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(tries, 0))))
    own = sa.func.count().filter(col(CodeFailure.student_id) == student_id)
    counts = sa.select(own, sa.func.count()).where(
        col(CodeFailure.exam_id) == exam_id, col(CodeFailure.failed_at) > moment - rule.window
    )
    student_failures, exam_failures = (await tx.execute(counts)).one()
    if not access_codes.may_try(rule, student_failures, exam_failures):
        raise TooManyRequests(
            "Too many wrong access codes. Ask whoever supervises the exam for the code, and try again later.",
            int(rule.window.total_seconds()),
        )
    return access_codes.fits(access_code, schedule.access_code_salt, schedule.access_code_sha256)


def _new_attempt(
    actor: Actor, exam: ExamState, person: PersonState, paper: Paper, number: int, moment: datetime
) -> Attempt:
    seed = new_seed()
    deadline = first_deadline(
        moment, paper.settings.duration_seconds, person.extra_time_percent, moment_of(exam.schedule, "closes_at")
    )
    return Attempt(
        exam_id=UUID(exam.exam_id),
        exam_version=paper.message.version,
        student_id=actor.person_id,
        number=number,
        seed=seed,
        question_count=len(paper.question_ids(seed)),
        started_at=moment,
        deadline_at=deadline,
        break_allowed_seconds=person.break_minutes * 60,
        class_id=UUID(person.class_id) if person.class_id else None,
        centre_id=UUID(person.centre_id) if person.centre_id else None,
        client_address=actor.address,
    )


def _refused(reason: Refusal, exam: ExamState, person: PersonState) -> Exception:
    match reason:
        case Refusal.ARCHIVED:
            return ExamClosed("This exam is archived and can't be started any more.")
        case Refusal.CLOSED:
            closes_at = exam.schedule.closes_at.ToJsonString()
            return ExamClosed(f"This exam closed at {closes_at}.", closes_at=closes_at)
        case Refusal.NOT_OPEN_YET:
            opens_at = exam.schedule.opens_at.ToJsonString()
            return NotOpenYet(f"This exam opens at {opens_at}.", opens_at=opens_at)
        case Refusal.NO_ATTEMPTS_LEFT:
            limit = exam.schedule.max_attempts
            return NoAttemptsLeft(f"All attempts are used: this exam allows {limit}.", max_attempts=limit)
        case Refusal.INACTIVE:
            return NotEligible("This account is not active; ask the exam office.")
        case Refusal.INELIGIBLE:
            why = person.ineligible_reason
            return NotEligible(f"You are not eligible to sit exams{f': {why}' if why else ''}. Ask the exam office.")


def _terms(exam: ExamState) -> Terms:
    schedule = exam.schedule
    return Terms(
        exam.status == "archived",
        moment_of(schedule, "opens_at"),
        moment_of(schedule, "closes_at"),
        schedule.max_attempts,
    )


def _audience(schedule: Schedule) -> Audience:
    listed = schedule.audience
    return Audience(
        listed.is_everyone,
        frozenset(listed.student_ids),
        frozenset(listed.class_ids),
        frozenset(listed.specialization_ids),
        frozenset(listed.centre_ids),
        frozenset(listed.levels),
    )


def _belonging(person: PersonState) -> Belonging:
    return Belonging(person.person_id, person.class_id, person.specialization_id, person.centre_id, person.level)
