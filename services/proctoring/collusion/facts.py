"""What is known of a running exam, and nothing that follows from it: the exam, who sits it where, and what each has answered when.

Facts depend on the set of events heard, not on their order nor on how often they came. All numbers are computed from them, so a worker that has
the facts has the numbers. A row is small: ids of questions and options are kept as marks of six bytes, times in milliseconds since the candidate's
first answer.
"""

from bisect import bisect_left
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

# Of each question a candidate's first so many saves count: nobody changes an answer more often for a reason, and a row stays bounded.
KEPT_SAVES = 32
# Requests for an analysis that are kept, the newest, and the final one of the exam's highest revision first of all.
KEPT_REQUESTS = 16

_MARK_BYTES = 6


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A question answered by choosing one option. `slopes`, `intercepts`: the bank's, as the options; empty where the bank knows nothing."""

    question_id: str
    option_ids: tuple[str, ...]
    slopes: tuple[float, ...] = ()
    intercepts: tuple[float, ...] = ()
    prior_answers: int = 0


class WatchedExam(msgspec.Struct, frozen=True, array_like=True):
    """A proctored exam, in the highest revision heard. `versions`: those that are proctored; empty, as they were told before an upgrade: all."""

    exam_id: str
    revision: int
    opened_at_ms: int
    is_order_shuffled: bool
    items: tuple[Item, ...]
    versions: tuple[int, ...] = ()

    def is_sat_as(self, other: "WatchedExam") -> bool:
        """Nothing but the revision differs: it was opened again as it was."""
        return replace(self, revision=other.revision) == other


class SeatPlan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who sits in which room, in the highest revision heard. `places`: by the student's mark, the room's place among `rooms`."""

    revision: int
    rooms: tuple[str, ...]
    places: dict[bytes, int]

    def room_of(self, student_id: str) -> str:
        """The student's room; empty where none is planned."""
        place = self.places.get(mark(student_id))
        return "" if place is None else self.rooms[place]


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The whole analysis is wanted: now, or for good, of the exam that closed in `exam_revision`."""

    request_id: str
    is_final: bool
    at_ms: int
    exam_revision: int = 0


class Agenda(msgspec.Struct, frozen=True, array_like=True):
    """The exam and what is wanted of it, by time, and last what is wanted for good. `heard`: how many requests there were; `seats`: its seating plan."""

    exam: WatchedExam | None = None
    requests: tuple[Request, ...] = ()
    heard: int = 0
    seats: SeatPlan | None = None

    def with_exam(self, exam: WatchedExam) -> "Agenda":
        """The exam as it is now, unless a higher revision is known."""
        if self.exam is not None and self.exam.revision >= exam.revision:
            return self
        return replace(self, exam=exam)

    def with_seats(self, seats: SeatPlan) -> "Agenda":
        """The seating plan as it is now, unless one as new is known."""
        if self.seats is not None and self.seats.revision >= seats.revision:
            return self
        return replace(self, seats=seats)

    def with_request(self, request: Request) -> "Agenda":
        """One more request; the oldest beyond those kept are forgotten."""
        if any(known.request_id == request.request_id for known in self.requests):
            return self
        request = self.closing(request)
        requests = sorted((*self.requests, request), key=lambda each: (each.at_ms, each.request_id))
        final = max((each for each in requests if each.is_final), key=lambda each: each.exam_revision, default=None)
        ranked = [*(each for each in requests if each is not final), *([final] if final else [])]
        return replace(self, requests=tuple(ranked[-KEPT_REQUESTS:]), heard=self.heard + 1)

    def closing(self, request: Request) -> Request:
        """A final request of before an upgrade names no revision: it closed the exam that was known when it was heard."""
        if not request.is_final or request.exam_revision or self.exam is None:
            return request
        return replace(request, exam_revision=self.exam.revision)

    @property
    def final(self) -> Request | None:
        """The analysis that is wanted for good; None while the exam is open, or open again."""
        closed = self.requests[-1] if self.requests and self.requests[-1].is_final else None
        is_open = closed is not None and self.exam is not None and closed.exam_revision < self.exam.revision
        return None if is_open else closed


class Seated(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where and when a candidate sits which version of the exam, in the highest version heard. The address is told at the start alone; the exam's version
    is 0 where a worker of before an upgrade told of the seat."""

    version: int
    status: str
    centre_id: str = ""
    class_id: str = ""
    address: str = ""
    started_at_ms: int = 0
    deadline_at_ms: int | None = None
    submitted_at_ms: int | None = None
    exam_version: int = 0


class Save(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One save of one answer. `option`: the mark of the option chosen; empty: cleared."""

    revision: int
    at_ms: int
    option: bytes


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """An attempt: its student, its seat as far as known, and its saves by the question's mark, those with the lowest revisions first."""

    student_id: str = ""
    seat: Seated | None = None
    saves: dict[bytes, tuple[Save, ...]] = {}

    def with_seat(self, student_id: str, seat: Seated) -> "Candidate":
        """Seated thus, unless a higher version is known."""
        known = self.seat
        if known is None:
            return replace(self, student_id=student_id, seat=seat)
        newer, older = (seat, known) if seat.version > known.version else (known, seat)
        merged = replace(
            newer,
            address=newer.address or older.address,
            exam_version=newer.exam_version or older.exam_version,
        )
        return self if merged == known else replace(self, student_id=student_id, seat=merged)

    def with_save(self, student_id: str, question: bytes, save: Save) -> "Candidate":
        """One more save; the same again, or one beyond those kept, changes nothing."""
        known = self.saves.get(question, ())
        place = bisect_left(known, save.revision, key=lambda each: each.revision)
        if place < len(known) and known[place].revision == save.revision:
            if known[place] <= save:
                return self
            kept = (*known[:place], save, *known[place + 1 :])
        elif place == KEPT_SAVES:
            return self
        else:
            kept = (*known[:place], save, *known[place:])[:KEPT_SAVES]
        return replace(self, student_id=student_id, saves={**self.saves, question: kept})


@lru_cache(maxsize=65_536)
def mark(identifier: str) -> bytes:
    """What stands for the id of a question or option in a row."""
    return blake2b(identifier.encode(), digest_size=_MARK_BYTES).digest()


def encoded_agenda(agenda: Agenda) -> bytes:
    """The row of the exam."""
    return msgspec.msgpack.encode(agenda)


def decoded_agenda(row: bytes) -> Agenda:
    """What `encoded_agenda` made a row of."""
    agenda = msgspec.msgpack.decode(row, type=Agenda)
    return replace(agenda, requests=tuple(map(agenda.closing, agenda.requests)))


def encoded_candidate(candidate: Candidate) -> bytes:
    """The row of a candidate: the same for the same facts. Made with every answer, so most questions, saved once, go the short way."""
    base = min([save.at_ms for saves in candidate.saves.values() for save in saves], default=0)
    answers: list[Any] = []
    for question in sorted(candidate.saves):
        saves = candidate.saves[question]
        if len(saves) == 1:
            only = saves[0]
            answers.append((question, ((only.revision, only.at_ms - base, only.option),)))
        else:
            answers.append((question, [(save.revision, save.at_ms - base, save.option) for save in saves]))
    return msgspec.msgpack.encode((candidate.student_id, candidate.seat, base, answers))


def decoded_candidate(row: bytes) -> Candidate:
    """What `encoded_candidate` made a row of."""
    student_id, seat, base, answers = _CANDIDATE.decode(row)
    saves: dict[bytes, tuple[Save, ...]] = {
        _shared(question): tuple(Save(revision, base + after, _shared(option)) for revision, after, option in kept)
        for question, kept in answers
    }
    return Candidate(student_id, seat, saves)


_CANDIDATE: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
    tuple[str, Seated | None, int, list[tuple[bytes, list[tuple[int, int, bytes]]]]]
)


@lru_cache(maxsize=65_536)
def _shared(known: bytes) -> bytes:
    """One object for equal marks, of which there are few: a large exam has hundreds of thousands of saves."""
    return known
