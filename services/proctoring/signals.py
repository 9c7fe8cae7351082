"""What a browser may tell of a running attempt, and what the server finds out itself: one list of kinds, what each carries, and its limits.

No kind carries what was typed, copied or seen: counts and timings only.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

# A browser sends every five seconds or so; a hundred signals in one batch is far above what a person can cause in that time.
MAX_SIGNALS_PER_BATCH = 100
MAX_BATCH_BYTES = 32 * 1024
# One batch a second on average, ten at once after a connection comes back.
BATCHES_PER_SECOND = 1
BATCH_BURST = 10
# Kept by the browser while it is offline and sent afterwards; older ones are refused as backdated.
MAX_AGE = timedelta(minutes=10)
# A signal may seem to come this much before the attempt began or after it was sent; more is refused.
CLOCK_DRIFT_ALLOWED = timedelta(seconds=30)

Milliseconds = Annotated[int, Meta(ge=0, le=600_000, description="milliseconds, ten minutes at most")]
Few = Annotated[int, Meta(ge=0, le=100)]
Many = Annotated[int, Meta(ge=0, le=1_000_000)]


class SignalKind(StrEnum):
    """Every kind of signal. The last four are found by the server and never believed from a client."""

    TAB_SWITCH = "tab_switch"
    FOCUS_LOST = "focus_lost"
    FOCUS_REGAINED = "focus_regained"
    FULLSCREEN_EXIT = "fullscreen_exit"
    RIGHT_CLICK = "right_click"
    DEVTOOLS_OPEN = "devtools_open"
    COPY_ATTEMPT = "copy_attempt"
    PASTE_ATTEMPT = "paste_attempt"
    MULTIPLE_WINDOWS = "multiple_windows"
    KEYSTROKES = "keystrokes"
    MOUSE = "mouse"
    FACE_ABSENT = "face_absent"
    MULTIPLE_FACES = "multiple_faces"
    CAMERA_BLOCKED = "camera_blocked"
    QUESTION_SHOWN = "question_shown"
    MULTIPLE_LOGINS = "multiple_logins"
    IP_CHANGE = "ip_change"
    RAPID_ANSWERS = "rapid_answers"
    ANSWER_MODIFICATION = "answer_modification"


DERIVED_KINDS = frozenset(
    {SignalKind.MULTIPLE_LOGINS, SignalKind.IP_CHANGE, SignalKind.RAPID_ANSWERS, SignalKind.ANSWER_MODIFICATION}
)
CAMERA_KINDS = frozenset({SignalKind.FACE_ABSENT, SignalKind.MULTIPLE_FACES, SignalKind.CAMERA_BLOCKED})


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """What every signal carries: the moment by the browser's clock, and the question on the screen when there is one."""

    at: Annotated[datetime, Meta(tz=True)]
    question_id: Annotated[str, Meta(max_length=36)] = ""

    @property
    def kind(self) -> SignalKind:
        """Its kind."""
        return SignalKind(str(self.__struct_config__.tag))

    @property
    def amount(self) -> int:
        """What is added up of this kind besides the count: milliseconds or characters."""
        return 0


class TabSwitch(Observed, frozen=True, tag="tab_switch"):
    """The page was hidden: another tab, another desktop, the browser minimised."""


class FocusLost(Observed, frozen=True, tag="focus_lost"):
    """The window lost the focus, whether or not it stayed visible."""


class FocusRegained(Observed, frozen=True, tag="focus_regained"):
    """The focus is back, after so long."""

    away_milliseconds: Milliseconds

    @property
    def amount(self) -> int:
        """Milliseconds without the focus."""
        return self.away_milliseconds


class FullscreenExit(Observed, frozen=True, tag="fullscreen_exit"):
    """Full screen was left."""


class RightClick(Observed, frozen=True, tag="right_click"):
    """The context menu was asked for."""


class DevtoolsOpen(Observed, frozen=True, tag="devtools_open"):
    """The browser's developer tools seem open: a guess from the window's size or a shortcut."""


class CopyAttempt(Observed, frozen=True, tag="copy_attempt"):
    """Something was copied or cut: how many characters, never which."""

    characters: Many = 0

    @property
    def amount(self) -> int:
        """Characters."""
        return self.characters


class PasteAttempt(Observed, frozen=True, tag="paste_attempt"):
    """Something was pasted: how many characters, never which."""

    characters: Many = 0

    @property
    def amount(self) -> int:
        """Characters."""
        return self.characters


class MultipleWindows(Observed, frozen=True, tag="multiple_windows"):
    """The exam is open in several windows, or on several screens."""

    windows: Annotated[int, Meta(ge=2, le=100)] = 2


class Keystrokes(Observed, frozen=True, tag="keystrokes"):
    """Timings of the keys pressed in a stretch of time, added up. Never which keys."""

    window_milliseconds: Milliseconds
    strokes: Annotated[int, Meta(ge=0, le=20_000)]
    typing_milliseconds: Milliseconds  # of the window, without rests of over two seconds
    dwell_milliseconds: Milliseconds  # between pressing and releasing, summed over strokes
    flight_milliseconds: Milliseconds  # from one release to the next press, summed, without rests
    corrections: Many = 0  # backspace and delete


class Mouse(Observed, frozen=True, tag="mouse"):
    """How the pointer moved in a stretch of time, added up. Never where it was."""

    window_milliseconds: Milliseconds
    moving_milliseconds: Milliseconds
    distance_pixels: Many
    turns: Many = 0  # changes of direction by more than 45 degrees
    clicks: Many = 0


class FaceAbsent(Observed, frozen=True, tag="face_absent"):
    """No face before the camera for so long, as a detector in the browser sees it."""

    absent_milliseconds: Milliseconds

    @property
    def amount(self) -> int:
        """Milliseconds without a face."""
        return self.absent_milliseconds


class MultipleFaces(Observed, frozen=True, tag="multiple_faces"):
    """More than one face before the camera, as a detector in the browser sees it."""

    faces: Annotated[int, Meta(ge=2, le=100)] = 2


class CameraBlocked(Observed, frozen=True, tag="camera_blocked"):
    """The camera gives no picture, or a black one."""


class QuestionShown(Observed, frozen=True, tag="question_shown"):
    """The student went to a question. Never scored: the board shows it."""

    position: Annotated[int, Meta(ge=1, le=10_000)]


Signal = (
    TabSwitch
    | FocusLost
    | FocusRegained
    | FullscreenExit
    | RightClick
    | DevtoolsOpen
    | CopyAttempt
    | PasteAttempt
    | MultipleWindows
    | Keystrokes
    | Mouse
    | FaceAbsent
    | MultipleFaces
    | CameraBlocked
    | QuestionShown
)


class SignalBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a browser sends: signals and its own clock at the moment of sending. `batch_id` makes a repetition harmless."""

    batch_id: Annotated[str, Meta(min_length=36, max_length=36)]
    sent_at: Annotated[datetime, Meta(tz=True)]
    signals: Annotated[tuple[Signal, ...], Meta(min_length=1, max_length=MAX_SIGNALS_PER_BATCH)]


class ExamRules(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an exam that proctoring goes by."""

    proctoring: bool = True
    camera: bool = False
    browser_lockdown: bool = False
    tab_switch_allowed: bool = False
    copy_paste_allowed: bool = False
    sensitivity: str = "medium"  # low, medium, high
    violation_limit: int = 3  # 0: none


_LEAVING = frozenset(
    {SignalKind.TAB_SWITCH, SignalKind.FOCUS_LOST, SignalKind.FOCUS_REGAINED, SignalKind.MULTIPLE_WINDOWS}
)
_COPYING = frozenset({SignalKind.COPY_ATTEMPT, SignalKind.PASTE_ATTEMPT, SignalKind.RIGHT_CLICK})
_LOCKDOWN_ONLY = frozenset({SignalKind.FULLSCREEN_EXIT, SignalKind.DEVTOOLS_OPEN})


def is_allowed(kind: SignalKind, rules: ExamRules) -> bool:
    """Whether the exam allows what the signal tells of. What is allowed is stored and shown, and raises no score."""
    if kind in _LEAVING:
        return rules.tab_switch_allowed and not rules.browser_lockdown
    if kind in _COPYING:
        return rules.copy_paste_allowed and not (kind is SignalKind.RIGHT_CLICK and rules.browser_lockdown)
    if kind is SignalKind.FULLSCREEN_EXIT:
        return not rules.browser_lockdown
    return False


def is_violation(kind: SignalKind, rules: ExamRules) -> bool:
    """Whether the signal counts towards the exam's violation limit: an act of the student that this exam forbids.

    A network that changes, a quick answer, statistics and what a camera's detector believes are never violations: they may be nobody's doing.
    Developer tools are recognised by guesswork, so they count only where the exam asks for a locked browser.
    """
    if not rules.proctoring:
        return False
    if kind in _LOCKDOWN_ONLY:
        return rules.browser_lockdown
    return kind in (_LEAVING | _COPYING) - {SignalKind.FOCUS_REGAINED} and not is_allowed(kind, rules)


def is_collected(kind: SignalKind, rules: ExamRules) -> bool:
    """Whether the exam collects this kind at all: nothing without proctoring, nothing of the camera without the camera."""
    if kind in DERIVED_KINDS:
        return rules.proctoring
    return rules.proctoring and (rules.camera or kind not in CAMERA_KINDS)


def is_somebodys_doing(signal: Signal) -> bool:
    """Whether a signal shows that somebody used the machine: not that nothing moved or was typed, nor that nobody was seen."""
    match signal:
        case Keystrokes():
            return signal.strokes + signal.corrections > 0
        case Mouse():
            return signal.distance_pixels + signal.moving_milliseconds + signal.clicks > 0
        case FaceAbsent() | CameraBlocked():
            return False
        case _:
            return True


class NotBelieved(Exception):
    """A signal's time cannot be: it lies ahead of its own sending, before the attempt, or too far back."""

    def __init__(self, index: int, rule: str) -> None:
        super().__init__(f"signals[{index}].at {rule}")
        self.index = index
        self.rule = rule


def stamped(batch: SignalBatch, received_at: datetime, started_at: datetime) -> list[datetime]:
    """The server's time of each signal: when the batch came, less the signal's age by the browser's own clock.

    So a wrong clock does no harm, as long as it runs evenly. Raises NotBelieved for what no clock explains.
    """
    times = []
    for index, signal in enumerate(batch.signals):
        age = batch.sent_at - signal.at
        if age < -CLOCK_DRIFT_ALLOWED:
            raise NotBelieved(index, "lies after the batch was sent")
        if age > MAX_AGE:
            raise NotBelieved(index, f"lies more than {MAX_AGE.seconds} seconds before the batch was sent")
        at = received_at - max(age, timedelta(0))
        if at < started_at - CLOCK_DRIFT_ALLOWED:
            raise NotBelieved(index, "lies before the attempt began")
        times.append(max(at, started_at))
    return times


class Allowance(NamedTuple):
    """What is left of a sender's rate: whole and part batches, as of a moment."""

    left: float
    as_of: datetime


def take(allowance: Allowance | None, moment: datetime) -> tuple[Allowance, float]:
    """One batch off the allowance. Returns it and the seconds to wait: 0 when the batch may pass, otherwise nothing was taken."""
    if allowance is None:
        return Allowance(BATCH_BURST - 1.0, moment), 0.0
    elapsed = max((moment - allowance.as_of).total_seconds(), 0.0)
    left = min(allowance.left + elapsed * BATCHES_PER_SECOND, float(BATCH_BURST))
    as_of = max(moment, allowance.as_of)
    if left < 1.0:
        return Allowance(left, as_of), (1.0 - left) / BATCHES_PER_SECOND
    return Allowance(left - 1.0, as_of), 0.0
