"""Watching begins: an exam that is proctored is told to the stream, and so is each of its attempts, with what it is compared with."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import services.proctoring.state as happenings
from chassis.outbox import record_event, timestamp
from chassis.service import Runtime
from proto.examhall.proctoring.v1.exams_pb2 import ExamWatched
from services.proctoring.app_state import parts_of
from services.proctoring.copies import fetch_paper, locked_exam, stored_paper
from services.proctoring.messages import watch_message
from services.proctoring.papers import Calibration, Item, Paper, merged_items, rules_message
from services.proctoring.reopening import EXAMS, open_again, take_back_the_end
from services.proctoring.seating_plans import tell_plan
from services.proctoring.tables import Attempt, Exam, ExamVersion, ItemCalibration

SIGNALS = "proctoring.signals.v1"


async def know_version(tx: AsyncSession, runtime: Runtime, exam_id: UUID, version: int) -> Paper:
    """The paper of an exam version, which becomes part of the exam that is watched when it is new here. Raises DependencyUnavailable, NotFound."""
    if paper := await stored_paper(tx, exam_id, version):
        return paper
    exam = await locked_exam(tx, runtime, exam_id)
    if paper := await stored_paper(tx, exam_id, version):  # another replica was quicker
        return paper
    paper = await fetch_paper(tx, runtime, exam_id, version)
    await _watch(tx, exam, version, paper)
    return paper


async def begin_attempts(tx: AsyncSession, runtime: Runtime, attempts: Sequence[Attempt]) -> None:
    """Begins the watch of attempts that are new here, each by the rules of the version that is sat, where that is proctored."""
    versions = sorted({(attempt.exam_id, attempt.exam_version) for attempt in attempts})
    papers = {version: await know_version(tx, runtime, *version) for version in versions}
    rules = {attempt.id: papers[attempt.exam_id, attempt.exam_version].rules for attempt in attempts}
    watched = [attempt for attempt in attempts if rules[attempt.id].proctoring]
    for exam_id in sorted({attempt.exam_id for attempt in watched}):
        await open_again(tx, exam_id)
    students = {attempt.student_id for attempt in watched}
    comparisons = await parts_of(runtime).population.compared_with(tx, students) if watched else {}
    for attempt in watched:
        attempt.is_proctored = True
        attempt.watch_revision += 1
        began = happenings.WatchBegan(
            attempt_id=str(attempt.id),
            exam_id=str(attempt.exam_id),
            student_id=str(attempt.student_id),
            revision=attempt.watch_revision,
            rules=rules[attempt.id],
            comparison=comparisons[attempt.student_id],
        )
        record_event(tx, SIGNALS, attempt.id, watch_message(began))


async def _watch(tx: AsyncSession, exam: Exam, version: int, paper: Paper) -> None:
    """Takes a new version into what is told of the exam; its row is locked. Rules are those of the newest version.

    An exam of which any version is proctored stays watched, for the sake of those who sat that one.
    """
    is_newest = version >= exam.rules_version
    if is_newest:
        exam.rules_version = version
        exam.rules = {name: getattr(paper.rules, name) for name in paper.rules.__struct_fields__}
    if not paper.rules.proctoring:
        return
    told = ExamWatched.FromString(exam.watched) if exam.watched is not None else None
    event = ExamWatched(
        exam_id=str(exam.id),
        revision=exam.watch_revision + 1,
        rules=rules_message(paper.rules) if told is None or is_newest else told.rules,
        items=merged_items(told.items if told else (), paper.items, await _calibrations(tx, paper.items)),
        opened_at=told.opened_at if told else timestamp(exam.opens_at or exam.published_at),
        # What rests on shuffled orders holds only where everybody had one.
        is_order_shuffled=paper.is_order_shuffled and (told is None or told.is_order_shuffled),
        versions=await _proctored_versions(tx, exam.id),
    )
    exam.watch_revision = event.revision
    exam.watched = event.SerializeToString()
    exam.is_collusion_final = False
    await take_back_the_end(tx, exam.id)
    record_event(tx, EXAMS, exam.id, event)
    if told is None:
        await tell_plan(tx, exam.id)


async def _proctored_versions(tx: AsyncSession, exam_id: UUID) -> list[int]:
    """Those whose papers are here, the new one's among them."""
    rows = await tx.execute(
        sa.select(col(ExamVersion.version), col(ExamVersion.rules)).where(col(ExamVersion.exam_id) == exam_id)
    )
    return sorted(version for version, rules in rows if rules["proctoring"])


async def _calibrations(tx: AsyncSession, items: Iterable[Item]) -> dict[str, Calibration]:
    ids = [UUID(item.question_id) for item in items]
    rows = await tx.scalars(sa.select(ItemCalibration).where(col(ItemCalibration.question_id).in_(ids)))
    return {
        str(row.question_id): Calibration(
            dict(zip(row.option_ids, zip(row.slopes, row.intercepts, strict=True), strict=True)), row.answers
        )
        for row in rows
    }
