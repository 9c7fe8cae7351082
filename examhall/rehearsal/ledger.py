"""What the students of a rehearsal sent and were told, written down at once, line by line, in a file that is only added to.

The audit reads this file and nothing else of the students' side, so that it can also be made after the rehearsal itself died.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec


class Started(msgspec.Struct, frozen=True, tag="started"):
    """An attempt was begun, or begun again, by the student of that login; its questions in the order they were given."""

    login: str
    attempt_id: str
    question_ids: tuple[str, ...]


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """A save left for the server. Whether it arrived is not known yet. `at`, here as everywhere: seconds since 1970 by this machine's clock."""

    attempt_id: str
    question_id: str
    revision: int
    response: dict[str, Any] | None
    is_flagged: bool
    at: float = 0.0


class Acknowledged(msgspec.Struct, frozen=True, tag="acknowledged"):
    """The server says that it holds revision `stored` of an answer, in reply to a save of `revision`."""

    attempt_id: str
    question_id: str
    revision: int
    stored: int
    at: float = 0.0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The server will not take this save: the attempt is over."""

    attempt_id: str
    question_id: str
    revision: int
    status: int


class SentLate(msgspec.Struct, frozen=True, tag="sent_late"):
    """A save sent on purpose after the server had said that the attempt is over, and what came back."""

    attempt_id: str
    question_id: str
    revision: int
    status: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The server says that the attempt is submitted."""

    attempt_id: str


class Surprised(msgspec.Struct, frozen=True, tag="surprised"):
    """A reply that no rule of the exam explains, or none at all for longer than anybody would wait."""

    login: str
    step: str
    detail: str
    attempt_id: str | None = None


class Reported(msgspec.Struct, frozen=True, tag="reported"):
    """A batch of signals left the browser for the first time; a repetition has the same id."""

    attempt_id: str
    batch_id: str
    signals: list[dict[str, Any]]
    at: float
    is_second_log_in: bool = False


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The server says that it holds the batch, as that number of its attempt."""

    attempt_id: str
    batch_id: str
    number: int
    at: float


class NotTaken(msgspec.Struct, frozen=True, tag="not_taken"):
    """The server will not take the batch: the attempt is over. An earlier try may have been taken."""

    attempt_id: str
    batch_id: str
    problem: str


class Acted(msgspec.Struct, frozen=True, tag="acted"):
    """Something that was planted happened; the browser tells of it in this moment."""

    attempt_id: str
    what: str
    at: float


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """The proctor's socket told something: the whole message."""

    at: float
    message: dict[str, Any]


class Told(msgspec.Struct, frozen=True, tag="told"):
    """The student's own socket told something of the attempt: the whole message."""

    attempt_id: str
    at: float
    message: dict[str, Any]


class Extended(msgspec.Struct, frozen=True, tag="extended"):
    """The server says that staff gave the attempt so many seconds more."""

    attempt_id: str
    seconds: int


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """The server says that the proctor's word on an alert is kept."""

    alert_id: str
    status: str
    at: float


Entry = (
    Started
    | Sent
    | Acknowledged
    | Refused
    | SentLate
    | Ended
    | Surprised
    | Reported
    | Taken
    | NotTaken
    | Acted
    | Heard
    | Told
    | Extended
    | Settled
)

_DECODER = msgspec.json.Decoder[Entry](Entry)


class Ledger:
    """The file while it is written. Every entry is handed to the operating system before `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, entry: Entry) -> None:
        """Adds one line; a single write at the end of the file, so lines of several processes never mix."""
        os.write(self._file, msgspec.json.encode(entry) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def read(path: Path) -> Iterator[Entry]:
    """All entries of a file. A last line cut short by a crash is left out: nothing was promised on it."""
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield _DECODER.decode(line)


@dataclass(frozen=True)
class Answer:
    """What a student meant by one revision."""

    response: Mapping[str, Any] | None
    is_flagged: bool


@dataclass
class Journey:
    """One attempt as its student knows it: answers by question and revision, and the highest revision acknowledged."""

    login: str
    attempt_id: str
    question_ids: tuple[str, ...]
    sent: dict[str, dict[int, Answer]] = field(default_factory=dict)
    sent_at: dict[tuple[str, int], float] = field(default_factory=dict)  # first
    acknowledged_at: dict[tuple[str, int], float] = field(default_factory=dict)  # first
    acknowledged: dict[str, int] = field(default_factory=dict)
    contradicted: list[Acknowledged] = field(default_factory=list)
    late: list[SentLate] = field(default_factory=list)
    is_ended: bool = False

    def answer(self, question_id: str, revision: int) -> Answer | None:
        """What was sent as that revision, or None when it never was."""
        return self.sent.get(question_id, {}).get(revision)


@dataclass(frozen=True)
class Account:
    """All that a ledger tells, by attempt."""

    journeys: Mapping[str, Journey]
    surprises: tuple[Surprised, ...]


def account(entries: Iterable[Entry]) -> Account:
    """Brings the entries of a ledger together by attempt. Entries of an attempt come after its `Started`."""
    journeys: dict[str, Journey] = {}
    surprises = []
    for entry in entries:
        match entry:
            case Started():
                journeys.setdefault(entry.attempt_id, Journey(entry.login, entry.attempt_id, entry.question_ids))
            case Sent():
                journey = journeys[entry.attempt_id]
                journey.sent.setdefault(entry.question_id, {})[entry.revision] = Answer(
                    entry.response, entry.is_flagged
                )
                journey.sent_at.setdefault((entry.question_id, entry.revision), entry.at)
            case Acknowledged():
                _acknowledge(journeys[entry.attempt_id], entry)
            case SentLate():
                journeys[entry.attempt_id].late.append(entry)
            case Ended():
                journeys[entry.attempt_id].is_ended = True
            case Surprised():
                surprises.append(entry)
            case Refused():
                pass  # it may still have been stored by an earlier try whose reply was lost
            case _:
                pass  # of proctoring: see examhall.rehearsal.observed
    return Account(journeys, tuple(surprises))


def _acknowledge(journey: Journey, entry: Acknowledged) -> None:
    """An acknowledgement promises the revision it was asked for; one that names an older or an unknown one is kept apart."""
    known = journey.acknowledged.get(entry.question_id, 0)
    journey.acknowledged_at.setdefault((entry.question_id, entry.revision), entry.at)
    journey.acknowledged[entry.question_id] = max(known, entry.revision)
    if entry.stored < entry.revision or journey.answer(entry.question_id, entry.stored) is None:
        journey.contradicted.append(entry)
    else:
        journey.acknowledged[entry.question_id] = max(known, entry.stored)
