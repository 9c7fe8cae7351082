"""Reference tables in the documents: every route with who may use it, and every setting.

python -m examhall.reference write      writes the tables in docs/api.md and docs/operations.md
python -m examhall.reference check      fails when they are not what the code gives
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from chassis.settings import PREFIX, ServiceSettings
from examhall.generated_parts import DOCS, table, with_part, write_or_check
from examhall.openapi import document
from examhall.places import SERVICES, WORKERS
from examhall.serving import GATEWAY, settings_of

Who = Mapping[str, str]
"""Role → what of it the role reaches; "" where there is nothing to choose, or all."""

ROLES = ("student", "instructor", "proctor", "evaluator", "centre_admin", "admin")
_CENTRE = {"centre_admin": "own centre's", "admin": ""}
_ADMIN: Who = {"admin": ""}
_STAFF: Who = {"centre_admin": "", "admin": ""}
_OWN_ACCOUNT: Who = dict.fromkeys(ROLES, "own")
_PUBLIC: Who = {}
_AUTHOR: Who = {"instructor": "own", "admin": ""}
_WRITER: Who = {"instructor": "", "admin": ""}
_TEACHER: Who = {"instructor": "own", **_CENTRE}
_PUPIL: Who = {"student": "own", "instructor": "taught classes'", **_CENTRE}
_TAUGHT: Who = {"instructor": "taught classes'", **_CENTRE}
_EXAM_READER: Who = {
    "student": "published to them",
    "instructor": "own",
    "proctor": "that name them",
    "evaluator": "that name them",
    "centre_admin": "published to their centre",
    "admin": "",
}
_SITTER: Who = {"student": "own"}
_WATCHER: Who = {"instructor": "own exams'", "proctor": "exams that name them", **_CENTRE}
_SEEN: Who = {**_SITTER, **_WATCHER}
_LEADER: Who = {"instructor": "own exams'", "admin": ""}
_MARKER: Who = {**_LEADER, "evaluator": "exams that name them"}
_READER: Who = {**_MARKER, "centre_admin": "own centre's"}
_INVIGILATOR: Who = {"instructor": "own exams'", "proctor": "exams that name them", "admin": ""}
_FIGURES: Who = {"instructor": "own exams'", **_CENTRE}

WHO: Mapping[str, Who] = {
    **dict.fromkeys(
        ("register", "logIn", "refreshTokens", "claimAccount", "forgotPassword", "verifyResetCode", "resetPassword", "readKeys",
         "listSpecializations"),
        _PUBLIC,
    ),
    **dict.fromkeys(
        ("logOut", "readMe", "changeMe", "changePassword", "listSessions", "endAllSessions", "endSession"), _OWN_ACCOUNT
    ),
    **dict.fromkeys(("listUsers", "listTeachers", "listCentres", "listLoginAttempts"), _CENTRE),
    **dict.fromkeys(("createUser", "createStudent", "createClass"), _STAFF),
    **dict.fromkeys(("readUser", "changeUser", "forceLogout", "unlockUser"), _CENTRE),
    **dict.fromkeys(("changeStudent", "deleteStudent", "setAccommodation", "setEligibility", "issueClaimCode"), _CENTRE),
    **dict.fromkeys(
        ("changeClass", "deleteClass", "assignTeachers", "removeTeacher", "assignStudents", "removeStudent", "readCentre",
         "changeCentre"),
        _CENTRE,
    ),
    **dict.fromkeys(("deleteUser", "createCentre", "listAuditEntries", "readInstallationReport"), _ADMIN),
    **dict.fromkeys(("listStudents", "listClasses", "readClass"), _TAUGHT),
    "readStudent": _PUPIL,
    **dict.fromkeys(("readTeacher", "listTeacherClasses", "listTeacherStudents"), _TEACHER),
    **dict.fromkeys(("listExams", "readExam"), _EXAM_READER),
    "readSeating": {"instructor": "own", "proctor": "exams that name them", "admin": ""},
    **dict.fromkeys(("createExam", "createQuestion", "createQuestionBank"), _WRITER),
    **dict.fromkeys(
        ("changeExam", "deleteExam", "duplicateExam", "setExamSchedule", "setSeating", "publishExam", "archiveExam",
         "listExamVersions", "readExamVersion", "previewExam", "placeQuestion", "setQuestionPoints", "removeQuestion", "placeDraw", "removeDraw",
         "orderExam", "listQuestions", "readQuestion", "changeQuestion", "deleteQuestion", "listQuestionBanks",
         "readQuestionBank", "changeQuestionBank", "deleteQuestionBank"),
        _AUTHOR,
    ),
    "startAttempt": {"student": "exams published to them"},
    **dict.fromkeys(("listAttempts", "readAttempt", "readPaper", "submitAttempt"), _SEEN),
    **dict.fromkeys(("saveAnswer", "saveAnswers", "sendHeartbeat", "takeBreak", "endBreak"), _SITTER),
    **dict.fromkeys(
        ("readAnswers", "extendAttempt", "pauseAttempt", "resumeAttempt", "extendAttemptsOfExam", "pauseAttemptsOfExam",
         "resumeAttemptsOfExam"),
        _WATCHER,
    ),
    "readProctoringNotice": dict.fromkeys(ROLES, ""),
    **dict.fromkeys(("sendSignals", "readAttemptFeed", "readOwnReview", "replyToReview"), _SITTER),
    **dict.fromkeys(
        ("readBoard", "listAlerts", "readAlert", "readProctoredAttempt", "listSignals", "listReviewSteps", "readCollusion", "readPair",
         "readSecurityReport"),
        _WATCHER,
    ),
    **dict.fromkeys(
        ("readExamFeed", "acknowledgeAlert", "resolveAlert", "dismissAlert", "reviewAttempt", "sendMessageToStudent",
         "requestCollusionAnalysis"),
        _INVIGILATOR,
    ),
    **dict.fromkeys(("invalidateAttempt", "reinstateAttempt", "tellStudentOfReview"), _LEADER),
    "readBaseline": {"student": "own", "admin": ""},
    **dict.fromkeys(("listWaitingAnswers", "giveMarks", "listGradeChanges"), _MARKER),
    **dict.fromkeys(("readGrade", "listGrades"), _READER),
    **dict.fromkeys(("checkGrade", "finalizeGrades", "releaseGrades", "hideGrades"), _LEADER),
    "exportResults": {**_LEADER, "centre_admin": "own centre's"},
    **dict.fromkeys(("listOwnResults", "readOwnResult"), _SITTER),
    **dict.fromkeys(("readExamReport", "exportExamReport"), _FIGURES),
    "readAttemptTimeline": _WATCHER,
    "readInstructorReport": _TEACHER,
    "readStudentReport": {"student": "own", "instructor": "taught, or sat their exams", **_CENTRE},
    "readClassReport": {"instructor": "taught", **_CENTRE},
    "readCentreReport": _CENTRE,
    "listRecentActivity": {"student": "own", **_FIGURES},
}  # fmt: skip


def documents() -> dict[Path, str]:
    """What the files hold."""
    api, operations = DOCS / "api.md", DOCS / "operations.md"
    return {
        api: with_part(api.read_text(), "routes", _routes()),
        operations: with_part(operations.read_text(), "settings", _settings()),
    }


def operations_by_tag() -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """(method, path, operation) of every route, by the tag they stand under."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def _routes() -> str:
    sections = []
    for tag, operations in sorted(operations_by_tag().items()):
        rows = [
            [f"`{method} {path.removeprefix('/api/v1')}`", _sentence(operation), _who(WHO[operation["operationId"]])]
            for method, path, operation in operations
        ]
        sections.append(f"### {tag.capitalize()}\n\n{table(['route', 'what it does', 'who'], rows)}")
    return "\n\n".join(sections)


def _sentence(operation: dict[str, Any]) -> str:
    """The first paragraph of what the route says of itself."""
    text = operation.get("description") or operation["summary"]
    return " ".join(text.split("\n\n")[0].split())


def _who(who: Who) -> str:
    if not who:
        return "anybody, without signing in"
    if who == _OWN_ACCOUNT:
        return "everybody: own"
    return ", ".join(f"{role} ({reach})" if reach else role for role, reach in who.items())


def _settings() -> str:
    rows = [[*_setting(name, field), "every process"] for name, field in ServiceSettings.model_fields.items()]
    for process in (*SERVICES, *WORKERS, GATEWAY):
        rows += [[*_setting(name, field), process] for name, field in own_settings(process)]
    return table(["variable", "meaning", "default", "read by"], rows)


def own_settings(process: str) -> Iterator[tuple[str, FieldInfo]]:
    """The settings of a process beside those that every process has, and those it gives another default."""
    for name, field in settings_of(process).model_fields.items():
        common = ServiceSettings.model_fields.get(name)
        if common is None or field.default != common.default:
            yield name, field


def _setting(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else PREFIX + name.upper()
    return [f"`{variable}`", field.description or "", _default(field.default)]


def _default(value: Any) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if shown == "":
        return "empty"
    if isinstance(shown, Path) and shown.is_absolute():
        shown = shown.relative_to(DOCS.parent)
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


if __name__ == "__main__":
    write_or_check(documents, "examhall.reference", sys.argv[1:])
