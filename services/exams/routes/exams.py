"""/api/v1/exams: exams, their schedule, publication and versions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from chassis.clock import now
from chassis.errors import NotFound
from chassis.http import Caller, IfMatch, Once, Page, PageQuery, RuntimeOf, Tx, etag, require_match
from proto.examhall.exams.v1.keys_pb2 import AnswerKey
from proto.examhall.exams.v1.papers_pb2 import Paper
from services.exams import authoring, publishing, scheduling
from services.exams.content import Kind
from services.exams.drafts import content_of_draft, read_places
from services.exams.finding import ExamFilter, find_authored, find_shown, find_versions
from services.exams.papers import content_of, paper_of
from services.exams.people import ensure_known
from services.exams.rights import AUTHORS, authored_exam, exam_to_change, shown_exam
from services.exams.seating import own_rooms
from services.exams.tables import Exam, ExamVersion
from services.exams.views.exam_bodies import ExamChange, NewExam, Positive, ScheduleBody
from services.exams.views.exams import (
    ExamOut,
    ExamSummary,
    PreviewOut,
    PublishedExam,
    Status,
    SupervisedExam,
    VersionOut,
    VersionSummary,
)
from services.exams.views.fields import Exactly, Part
from services.exams.views.questions import Deleted

router = APIRouter(prefix="/api/v1/exams", tags=["exams"])

VersionNumber = Annotated[Positive, Path(description="from 1")]


async def _exam_out(tx: Tx, exam: Exam, response: Response) -> ExamOut:
    response.headers["ETag"] = etag(exam.revision)
    places = await read_places(tx, exam.id)
    return ExamOut.of_draft(exam, places, content_of_draft(exam, places))


def _supervised(caller: Caller, exam: Exam, version: ExamVersion) -> SupervisedExam:
    return SupervisedExam.of_staff(exam, version, shows_code=not caller.is_("evaluator"))


@router.get("", operation_id="listExams")
async def list_exams(
    tx: Tx,
    caller: Caller,
    runtime: RuntimeOf,
    page: PageQuery,
    status: Status | None = None,
    kind: Kind | None = None,
    subject: Exactly = None,
    search: Part = None,
) -> Page[ExamSummary] | Page[SupervisedExam] | Page[PublishedExam]:
    """Exams, newest first: authors see what they work on, staff what names them or reaches their centre, students what is published to them."""
    wanted = ExamFilter(status, kind, subject, search)
    if caller.is_(*AUTHORS):
        authored, total = await find_authored(tx, caller, wanted, page)
        return Page[ExamSummary].of([ExamSummary.of(exam) for exam in authored], total, page)
    if caller.is_("student"):
        await ensure_known(tx, runtime.channel("identity"), [caller.person_id])
    shown, total = await find_shown(tx, caller, wanted, page)
    if caller.is_("student"):
        rooms = await own_rooms(tx, caller.person_id, [exam.id for exam, _ in shown])
        announced = [PublishedExam.of(exam, version, rooms.get(exam.id)) for exam, version in shown]
        return Page[PublishedExam].of(announced, total, page)
    return Page[SupervisedExam].of([_supervised(caller, *each) for each in shown], total, page)


@router.post("", status_code=201, operation_id="createExam")
async def create_exam(body: NewExam, tx: Tx, caller: Caller, once: Once, response: Response) -> ExamOut:
    """Makes a draft."""
    caller.require(*AUTHORS)

    async def create() -> ExamOut:
        settings = body.settings.model_dump(exclude_unset=True)
        exam = await authoring.create_exam(tx, caller, body.model_dump(exclude={"settings"}), settings)
        return await _exam_out(tx, exam, response)

    return await once(ExamOut, create)


@router.get("/{exam_id}", operation_id="readExam")
async def read_exam(
    exam_id: UUID, tx: Tx, caller: Caller, runtime: RuntimeOf, response: Response
) -> ExamOut | SupervisedExam | PublishedExam:
    """One exam: its author sees the draft with keys, staff the schedule, a student the window, the rules and where to sit."""
    if caller.is_(*AUTHORS):
        return await _exam_out(tx, await authored_exam(tx, caller, exam_id), response)
    if caller.is_("student"):
        await ensure_known(tx, runtime.channel("identity"), [caller.person_id])
    exam, version = await shown_exam(tx, caller, exam_id)
    if not caller.is_("student"):
        return _supervised(caller, exam, version)
    rooms = await own_rooms(tx, caller.person_id, [exam_id])
    return PublishedExam.of(exam, version, rooms.get(exam_id))


@router.patch("/{exam_id}", operation_id="changeExam")
async def change_exam(
    exam_id: UUID, body: ExamChange, tx: Tx, caller: Caller, response: Response, if_match: IfMatch
) -> ExamOut:
    """Changes title, kind, instructions or settings of the draft; what is published stays until it is published again."""
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    values = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"settings"})
    authoring.change_exam(tx, caller, exam, values, body.settings.model_dump(exclude_unset=True), now())
    return await _exam_out(tx, exam, response)


@router.delete("/{exam_id}", operation_id="deleteExam")
async def delete_exam(exam_id: UUID, tx: Tx, caller: Caller, if_match: IfMatch) -> Deleted:
    """Deletes an exam that was never published."""
    exam = await authored_exam(tx, caller, exam_id, lock=True)
    require_match(if_match, exam.revision)
    await authoring.delete_exam(tx, caller, exam)
    return Deleted()


@router.post("/{exam_id}/duplicate", status_code=201, operation_id="duplicateExam")
async def duplicate_exam(exam_id: UUID, tx: Tx, caller: Caller, once: Once, response: Response) -> ExamOut:
    """Makes a draft with the same content and settings, without schedule and audience. Both exams have the same questions."""
    caller.require(*AUTHORS)

    async def create() -> ExamOut:
        original = await authored_exam(tx, caller, exam_id, lock=True)
        return await _exam_out(tx, await authoring.duplicate_exam(tx, caller, original), response)

    return await once(ExamOut, create)


@router.put("/{exam_id}/schedule", operation_id="setExamSchedule")
async def set_schedule(
    exam_id: UUID,
    body: ScheduleBody,
    tx: Tx,
    caller: Caller,
    runtime: RuntimeOf,
    response: Response,
    if_match: IfMatch,
) -> ExamOut:
    """Sets window, access code, attempts, audience and staff; of a published exam, in force at once."""
    unlocked = await authored_exam(tx, caller, exam_id)
    await scheduling.check_people(tx, runtime.channel("identity"), body.schedule(unlocked.access_code))
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    await scheduling.set_schedule(tx, caller, exam, body.schedule(exam.access_code), now())
    return await _exam_out(tx, exam, response)


@router.post("/{exam_id}/publish", operation_id="publishExam")
async def publish_exam(
    exam_id: UUID, tx: Tx, caller: Caller, once: Once, response: Response, if_match: IfMatch
) -> ExamOut:
    """Checks every rule and freezes the draft as the next version, which new attempts get. 422 names all that is missing."""
    caller.require(*AUTHORS)

    async def publish() -> ExamOut:
        exam = await exam_to_change(tx, caller, exam_id)
        require_match(if_match, exam.revision)
        await publishing.publish_exam(tx, caller, exam, now())
        return await _exam_out(tx, exam, response)

    return await once(ExamOut, publish)


@router.post("/{exam_id}/archive", operation_id="archiveExam")
async def archive_exam(exam_id: UUID, tx: Tx, caller: Caller, response: Response, if_match: IfMatch) -> ExamOut:
    """Ends a published exam for good: nobody starts it any more, what was sat stays."""
    exam = await exam_to_change(tx, caller, exam_id)
    require_match(if_match, exam.revision)
    await publishing.archive_exam(tx, caller, exam, now())
    return await _exam_out(tx, exam, response)


@router.get("/{exam_id}/versions", operation_id="listExamVersions")
async def list_versions(exam_id: UUID, tx: Tx, caller: Caller, page: PageQuery) -> Page[VersionSummary]:
    """The frozen versions, newest first."""
    exam = await authored_exam(tx, caller, exam_id)
    versions, total = await find_versions(tx, exam, page)
    return Page.of([VersionSummary.model_validate(version) for version in versions], total, page)


@router.get("/{exam_id}/versions/{version}", operation_id="readExamVersion")
async def read_version(exam_id: UUID, version: VersionNumber, tx: Tx, caller: Caller) -> VersionOut:
    """A frozen version with its keys: exactly what was sat and is marked."""
    exam = await authored_exam(tx, caller, exam_id)
    frozen = await tx.get(ExamVersion, (exam.id, version))
    if frozen is None:
        raise NotFound("The exam has no such version.")
    return VersionOut.of(frozen, content_of(Paper.FromString(frozen.paper), AnswerKey.FromString(frozen.answer_key)))


@router.get("/{exam_id}/preview", operation_id="previewExam")
async def preview_exam(exam_id: UUID, tx: Tx, caller: Caller) -> PreviewOut:
    """The draft as a student would meet it, and what still keeps it from being published."""
    exam = await authored_exam(tx, caller, exam_id)
    drafted = content_of_draft(exam, await read_places(tx, exam.id))
    faults = publishing.faults_of_draft(exam, drafted, now())
    return PreviewOut.of(paper_of(drafted, exam.version + 1), drafted.settings, faults)
