"""Starting an attempt: check and creation are one transaction, and the database's constraints hold what the check can't see.

However many starts of one student run at once, one makes the attempt and the others get it. Starting again while an attempt is open gives that attempt.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.actors import Actor
from chassis.errors import NotFound, TooManyRequests
from chassis.outbox import moment_of
from chassis.service import Runtime
from proto.examhall.exams.v1.events_pb2 import ExamState, Schedule
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.attempts import access_codes
from services.attempts.app_state import parts_of
from services.attempts.audience import Audience, Belonging, is_meant_for
from services.attempts.copies import state_of
from services.attempts.deadlines import first_deadline
from services.attempts.eligibility import Candidate, Refusal, Terms, refusal
from services.attempts.events import attempt_started
from services.attempts.ordering import new_seed
from services.attempts.papers import Paper
from services.attempts.problems import ExamClosed, NoAttemptsLeft, NotEligible, NotOpenYet, WrongAccessCode
from services.attempts.tables import OPEN, Attempt, CodeFailure, ExamCopy, PersonCopy


async def start_attempt(runtime: Runtime, actor: Actor, exam_id: UUID, access_code: str) -> tuple[Attempt, bool]:
    """The attempt, and whether it is new. Raises NotFound for an exam that is not for this student, and each refusal by its own name.

    Exam, person and paper are copied here first, when they are not yet; the rest is one transaction. A wrong access code is counted in
    a transaction of its own, so that it stays counted though the start fails.
    """
    actor.require("student")
    parts = parts_of(runtime)
    version = (await parts.copies.exam(exam_id)).version
    await parts.copies.person(actor.person_id)
    paper = await parts.copies.paper(exam_id, version)
    try:
        async with runtime.database.session() as tx:
            return await _start(tx, parts.code_rule, actor, exam_id, access_code, paper)
    except WrongAccessCode:
        async with runtime.database.session() as tx:
            tx.add(CodeFailure(exam_id=exam_id, student_id=actor.person_id))
        raise


async def _start(
    tx: AsyncSession, rule: access_codes.CodeRule, actor: Actor, exam_id: UUID, access_code: str, paper: Paper
) -> tuple[Attempt, bool]:
    exam, person, moment = await _exam_and_person(tx, exam_id, actor.person_id)
    if not is_meant_for(_audience(exam.schedule), _belonging(person)):
        raise NotFound("There is no such exam.")
    earlier = (
        await tx.scalars(
            sa.select(Attempt)
            .where(col(Attempt.exam_id) == exam_id, col(Attempt.student_id) == actor.person_id)
            .order_by(col(Attempt.number))
        )
    ).all()
    if earlier and earlier[-1].status in OPEN:
        return earlier[-1], False
    candidate = Candidate(person.is_active, person.is_eligible, len(earlier))
    if reason := refusal(_terms(exam), candidate, moment):
        raise _refused(reason, exam, person)
    await _check_code(tx, rule, exam.schedule, exam_id, actor.person_id, access_code, moment)
    attempt = _new_attempt(actor, exam, person, paper, len(earlier) + 1, moment)
    statement = insert(Attempt).values(attempt.model_dump()).on_conflict_do_nothing().returning(col(Attempt.id))
    if await tx.scalar(statement) is None:
        return await _winner(tx, attempt), False
    attempt_started(tx, attempt)
    return attempt, True


async def _exam_and_person(tx: AsyncSession, exam_id: UUID, person_id: UUID) -> tuple[ExamState, PersonState, datetime]:
    """Both rows, held against change until the start is committed, and the clock after that."""
    exam = await tx.get(ExamCopy, exam_id, with_for_update={"read": True})
    person = await tx.get(PersonCopy, person_id, with_for_update={"read": True})
    moment = await tx.scalar(sa.select(sa.func.clock_timestamp()))
    assert exam is not None
    assert person is not None
    assert moment is not None
    return ExamState.FromString(exam.state), state_of(person), moment


async def _check_code(
    tx: AsyncSession,
    rule: access_codes.CodeRule,
    schedule: Schedule,
    exam_id: UUID,
    student_id: UUID,
    access_code: str,
    moment: datetime,
) -> None:
    if not schedule.needs_access_code:
        return
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
    if not access_codes.fits(access_code, schedule.access_code_salt, schedule.access_code_sha256):
        raise WrongAccessCode(
            "The access code does not fit." if access_code else "This exam needs an access code.",
            errors=[{"field": "access_code", "rule": "fits", "message": "Ask whoever supervises the exam."}],
        )


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


async def _winner(tx: AsyncSession, loser: Attempt) -> Attempt:
    """The attempt that a parallel start of the same student has made; its transaction is committed, or the insert would still wait."""
    query = sa.select(Attempt).where(col(Attempt.exam_id) == loser.exam_id, col(Attempt.student_id) == loser.student_id)
    return (await tx.scalars(query.order_by(col(Attempt.number).desc()).limit(1))).one()


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
