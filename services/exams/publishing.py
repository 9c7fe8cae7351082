"""Publishing freezes a version; archiving ends an exam. Both hold the exam's lock, so that two at once come one after the other."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.audit import record_audit
from chassis.errors import Conflict
from services.exams.authoring import count_change
from services.exams.content import ExamContent
from services.exams.drafts import content_of_draft, read_places
from services.exams.events import exam_archived, exam_published
from services.exams.papers import answer_key_of, paper_of
from services.exams.problems import NotPublishable
from services.exams.readiness import Fault, exam_faults, schedule_faults
from services.exams.seating import tell_first_plan
from services.exams.tables import ARCHIVED, PUBLISHED, WITHOUT_PAPER, Exam, ExamVersion


def faults_of_draft(exam: Exam, content: ExamContent, at: datetime) -> list[Fault]:
    """All that keeps the draft from being published at this time."""
    schedule = schedule_faults(content.kind, exam.window, exam.max_attempts, exam.audience_value, at)
    return exam_faults(content) + schedule


async def publish_exam(tx: AsyncSession, actor: Actor | None, exam: Exam, at: datetime) -> ExamVersion:
    """Freezes the draft of a locked exam as its next version, which new attempts get from now on; attempts under way keep theirs.

    Raises NotPublishable with every fault. `actor` None: the installation itself (a demonstration is loaded).
    """
    content = content_of_draft(exam, await read_places(tx, exam.id))
    if faults := faults_of_draft(exam, content, at):
        raise NotPublishable(faults)
    exam.version += 1
    exam.status = PUBLISHED
    exam.published_at = at
    count_change(exam, at)
    version = _frozen(exam, content, actor, at)
    tx.add(version)
    await tx.flush()
    exam_published(tx, exam, version)
    if version.version == 1:
        await tell_first_plan(tx, exam)
    new = {"version": version.version, "question_count": version.question_count, "total_points": version.total_points}
    record_audit(tx, actor, "exam_published", "exam", exam.id, new=new)
    return version


def _frozen(exam: Exam, content: ExamContent, actor: Actor | None, at: datetime) -> ExamVersion:
    return ExamVersion(
        exam_id=exam.id,
        version=exam.version,
        title=content.title,
        subject=content.subject,
        kind=content.kind,
        instructions=content.instructions,
        settings=exam.settings,
        question_count=content.question_count,
        total_points=content.total_points,
        paper=paper_of(content, exam.version).SerializeToString(deterministic=True),
        answer_key=answer_key_of(content, exam.version).SerializeToString(deterministic=True),
        published_at=at,
        published_by=actor and actor.person_id,
    )


async def version_in_force(tx: AsyncSession, exam: Exam) -> ExamVersion:
    """The frozen version that new attempts of a published exam get."""
    return await tx.get_one(ExamVersion, (exam.id, exam.version), options=WITHOUT_PAPER)


async def archive_exam(tx: AsyncSession, actor: Actor, exam: Exam, at: datetime) -> None:
    """Ends a locked, published exam for good: nobody starts it any more, what was sat stays. Raises Conflict for a draft."""
    if exam.status != PUBLISHED:
        raise Conflict("Only a published exam is archived; a draft is deleted.")
    exam.status = ARCHIVED
    count_change(exam, at)
    exam_archived(tx, exam, await version_in_force(tx, exam))
    record_audit(tx, actor, "exam_archived", "exam", exam.id, old={"status": PUBLISHED}, new={"status": ARCHIVED})
