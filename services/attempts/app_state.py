"""What the parts of attempts share in one process."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.service import Runtime
from services.attempts.access_codes import CodeRule
from services.attempts.autosave import Autosave
from services.attempts.copies import Copies
from services.attempts.heartbeats import Heartbeats
from services.attempts.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Made once, at the start."""

    copies: Copies
    autosave: Autosave
    heartbeats: Heartbeats
    code_rule: CodeRule


def make_parts(runtime: Runtime, settings: Settings) -> Parts:
    """The parts that the settings describe."""
    copies = Copies(runtime)
    return Parts(
        copies,
        Autosave(runtime.database, copies, lanes=settings.save_lanes, batch=settings.save_batch),
        Heartbeats(runtime.database, batch=settings.save_batch),
        CodeRule(
            settings.access_code_failures,
            settings.access_code_exam_failures,
            timedelta(minutes=settings.access_code_minutes),
        ),
    )


def parts_of(runtime: Runtime) -> Parts:
    """The parts of this process."""
    parts: Parts = runtime.state["attempts"]
    return parts
