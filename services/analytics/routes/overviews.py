"""/api/v1/analytics: dashboards of the installation, instructors, students, classes and centres."""

from uuid import UUID

from fastapi import APIRouter

from chassis.clock import now
from chassis.http import Caller
from services.analytics import overviews
from services.analytics.rights import (
    STAFF,
    find,
    readable_centres,
    readable_classes,
    readable_instructors,
    readable_students,
)
from services.analytics.snapshot import Snapshot
from services.analytics.tables import Centre, Person, SchoolClass
from services.analytics.views import AdminReport, CentreReport, ClassReport, InstructorReport, StudentReport

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"])


@router.get("/admin", operation_id="readInstallationReport")
async def read_installation_report(tx: Snapshot, caller: Caller) -> AdminReport:
    """Everything at a glance: people, exams, attempts, best students, busiest instructors, recent activity."""
    caller.require("admin")
    return await overviews.report_installation(tx, caller, now())


@router.get("/instructors/{instructor_id}", operation_id="readInstructorReport")
async def read_instructor_report(instructor_id: UUID, tx: Snapshot, caller: Caller) -> InstructorReport:
    """An instructor's exams, classes and attempts; a centre's administrator sees those of the centre."""
    caller.require(*STAFF)
    instructor = await find(tx, Person, instructor_id, readable_instructors(caller), "instructor")
    return await overviews.report_instructor(tx, caller, instructor, now())


@router.get("/students/{student_id}", operation_id="readStudentReport")
async def read_student_report(student_id: UUID, tx: Snapshot, caller: Caller) -> StudentReport:
    """A student's results by subject and over time. The student sees released results alone, an instructor those at own exams."""
    caller.require(*STAFF, "student")
    if caller.is_("student") and student_id == caller.person_id:
        # Who has registered a moment ago may not be known here yet, and has a report all the same.
        student = await tx.get(Person, student_id)
    else:
        student = await find(tx, Person, student_id, readable_students(caller), "student")
    return await overviews.report_student(tx, caller, student_id, student)


@router.get("/classes/{class_id}", operation_id="readClassReport")
async def read_class_report(class_id: UUID, tx: Snapshot, caller: Caller) -> ClassReport:
    """A class by subject, exam and student; an instructor sees what it did at own exams."""
    caller.require(*STAFF)
    school_class = await find(tx, SchoolClass, class_id, readable_classes(caller), "class")
    return await overviews.report_class(tx, caller, school_class)


@router.get("/centres/{centre_id}", operation_id="readCentreReport")
async def read_centre_report(centre_id: UUID, tx: Snapshot, caller: Caller) -> CentreReport:
    """A centre by class, subject and exam."""
    caller.require("centre_admin", "admin")
    return await overviews.report_centre(
        tx, caller, await find(tx, Centre, centre_id, readable_centres(caller), "centre")
    )
