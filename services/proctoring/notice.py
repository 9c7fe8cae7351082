"""What a student is told before the start: what this exam collects, why, for how long, who sees it, and what is never collected."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from services.proctoring.keeping import kept_days
from services.proctoring.settings import Settings
from services.proctoring.signals import (
    DERIVED_KINDS,
    ExamRules,
    SignalKind,
    is_allowed,
    is_collected,
    is_violation,
)


class _Note(NamedTuple):
    what: str
    carries: tuple[str, ...]
    why: str


_LEAVING = "Leaving the page is how answers are looked up elsewhere."
_COPYING = "Copying carries questions out, pasting carries text in."
_OTHERS_WORK = "A way of working much unlike your own at other times can mean that somebody else is working."
_CAMERA = "Shows whether somebody sits before the screen, and alone. The picture stays in your browser."

# `carries` in the words of the contract: a kind carries these and its moment and question, nothing else.
NOTES: Mapping[SignalKind, _Note] = {
    SignalKind.TAB_SWITCH: _Note("The exam's page was hidden.", (), _LEAVING),
    SignalKind.FOCUS_LOST: _Note("The exam's window was no more the one in use.", (), _LEAVING),
    SignalKind.FOCUS_REGAINED: _Note("You came back to the exam's window.", ("away_milliseconds",), _LEAVING),
    SignalKind.FULLSCREEN_EXIT: _Note("Full screen was left.", (), _LEAVING),
    SignalKind.RIGHT_CLICK: _Note("The context menu was asked for.", (), _COPYING),
    SignalKind.DEVTOOLS_OPEN: _Note(
        "The browser's developer tools seemed open. This is a guess and can be wrong.",
        (),
        "Developer tools can change what the exam's page does.",
    ),
    SignalKind.COPY_ATTEMPT: _Note("Something was copied or cut: how much, never what.", ("characters",), _COPYING),
    SignalKind.PASTE_ATTEMPT: _Note("Something was pasted: how much, never what.", ("characters",), _COPYING),
    SignalKind.MULTIPLE_WINDOWS: _Note(
        "The exam was open in several windows or on several screens.", ("windows",), _LEAVING
    ),
    SignalKind.KEYSTROKES: _Note(
        "How fast you type, as sums over a stretch of time. Never which keys.",
        (
            "window_milliseconds",
            "strokes",
            "typing_milliseconds",
            "dwell_milliseconds",
            "flight_milliseconds",
            "corrections",
        ),
        _OTHERS_WORK,
    ),
    SignalKind.MOUSE: _Note(
        "How the pointer moves, as sums over a stretch of time. Never where it was.",
        ("window_milliseconds", "moving_milliseconds", "distance_pixels", "turns", "clicks"),
        _OTHERS_WORK,
    ),
    SignalKind.FACE_ABSENT: _Note("A detector in your browser saw no face.", ("absent_milliseconds",), _CAMERA),
    SignalKind.MULTIPLE_FACES: _Note("A detector in your browser saw several faces.", ("faces",), _CAMERA),
    SignalKind.CAMERA_BLOCKED: _Note("The camera gave no picture, or a black one.", (), _CAMERA),
    SignalKind.QUESTION_SHOWN: _Note(
        "Which question is on your screen.", ("position",), "Shows the staff how far you are. It is never scored."
    ),
    SignalKind.MULTIPLE_LOGINS: _Note(
        "Your account was in use from two log-ins at once.", (), "Somebody else may be using your account."
    ),
    SignalKind.IP_CHANGE: _Note(
        "Your network address changed.",
        (),
        "The exam may have been carried to another place. Networks also change by themselves.",
    ),
    SignalKind.RAPID_ANSWERS: _Note(
        "Questions were answered in under 3 seconds.", (), "Nobody reads a question and its options in less."
    ),
    SignalKind.ANSWER_MODIFICATION: _Note(
        "Answers were changed from one choice to another.",
        (),
        "Many changes at once can follow from answers that were passed on.",
    ),
}

NEVER_COLLECTED = (
    "which keys you press, and what you type outside your answers",
    "what you copy or paste",
    "what else is open on your computer, and what you visited before",
    "where your pointer is, and pictures of your screen",
    "pictures, video or sound of you: a camera's picture does not leave your browser",
    "where you are, beyond the network address and the room that a seating plan gives you",
)
SEEN_BY = (
    "the exam's instructor and the proctors the exam names",
    "the administrators of your centre (to read only) and of the installation",
    "yourself: your own usual values, and what you are told of a review",
)
_CONSEQUENCES = (
    "No score and no alert changes a grade by itself: a person looks at it, can hear you, and every decision is kept with its reason and can be"
    " undone."
)


class CollectedOut(BaseModel):
    """One kind of observation that the exam collects."""

    kind: SignalKind
    what: str
    carries: list[str] = Field(description="amounts that it carries, beside its moment and the question on the screen")
    why: str
    found_by: str = Field(description="browser: your browser tells it; server: found from times and addresses")
    is_allowed: bool = Field(description="this exam allows it: it is kept and never counts against you")
    is_violation: bool = Field(description="counts towards the violation limit")
    kept_days: int | None = Field(
        description="days after which it is deleted; null: not stored, found anew from what is"
    )


class NoticeOut(BaseModel):
    """What proctoring does at this exam."""

    exam_id: UUID
    is_proctored: bool = Field(description="false: nothing of this is collected")
    uses_camera: bool
    browser_lockdown: bool
    sensitivity: str = Field(description="how closely the exam is watched: low, medium or high")
    collected: list[CollectedOut]
    never_collected: list[str]
    seen_by: list[str]
    violation_limit: int = Field(description="0: none")
    limit_text: str
    assessments_text: str


def notice_of(exam_id: UUID, rules: ExamRules, settings: Settings) -> NoticeOut:
    """The notice of an exam with these rules; retention as this installation is set."""
    return NoticeOut(
        exam_id=exam_id,
        is_proctored=rules.proctoring,
        uses_camera=rules.proctoring and rules.camera,
        browser_lockdown=rules.browser_lockdown,
        sensitivity=rules.sensitivity,
        collected=[_collected(kind, rules, settings) for kind in SignalKind if is_collected(kind, rules)],
        never_collected=list(NEVER_COLLECTED),
        seen_by=list(SEEN_BY),
        violation_limit=rules.violation_limit if rules.proctoring else 0,
        limit_text=_limit_text(rules),
        assessments_text=_CONSEQUENCES,
    )


def _collected(kind: SignalKind, rules: ExamRules, settings: Settings) -> CollectedOut:
    note, is_derived = NOTES[kind], kind in DERIVED_KINDS
    return CollectedOut(
        kind=kind,
        what=note.what,
        carries=list(note.carries),
        why=note.why,
        found_by="server" if is_derived else "browser",
        is_allowed=is_allowed(kind, rules),
        is_violation=is_violation(kind, rules),
        kept_days=None if is_derived else kept_days(kind, settings),
    )


def _limit_text(rules: ExamRules) -> str:
    if not rules.proctoring:
        return "This exam is not proctored."
    if rules.violation_limit == 0:
        return "This exam has no violation limit: nothing ends your attempt before its time."
    return (
        f"At {rules.violation_limit} violations your attempt is submitted with everything saved until then, and you are told."
        " What happens within two seconds counts as one."
    )
