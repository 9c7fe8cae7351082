"""What a student does besides answering: the acts that a browser tells of, and looks at a neighbour's answers. Plain values."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Leave:
    """Leaves the page and comes back; the browser will say for how long, in a person's milliseconds."""

    away_milliseconds: int


@dataclass(frozen=True)
class Paste:
    """Pastes so many characters."""

    characters: int


@dataclass(frozen=True)
class ClickRight:
    """Asks for the context menu."""


@dataclass(frozen=True)
class OpenTools:
    """Opens the developer tools."""


@dataclass(frozen=True)
class MoveNetwork:
    """Goes on from another address, as a telephone does that leaves a wireless network."""


@dataclass(frozen=True)
class ShareLogIn:
    """Somebody else signs in under the same name and keeps the exam open, too."""


@dataclass(frozen=True)
class Peek:
    """Answers as the neighbour has, or, when the neighbour has not yet, comes back later and answers `response` in the worst case."""

    question_id: str
    response: dict[str, Any] | None
    is_flagged: bool


Act = Leave | Paste | ClickRight | OpenTools | MoveNetwork | ShareLogIn
