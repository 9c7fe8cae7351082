"""Who sits where, as far as pairs are concerned: which are plausible, by what, and which are no pairs at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.proctoring.collusion.facts import Candidate, Seated, SeatPlan
from services.proctoring.collusion.families import Seat, address_block, plausible_sources

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Seating:
    """`neighbours`: of each attempt those it may plausibly have copied from; `sizes`: how many pairs are plausible, and how many are all the others.

    `rooms`: of the attempts whose students the seating plan has. Fixed by who sits, never by what anybody answers. `version` grows with every change to
    who sits where.
    """

    neighbours: Mapping[str, frozenset[str]]
    students: Mapping[str, str]
    rooms: Mapping[str, str]
    sizes: tuple[int, int]
    candidates: int
    version: int

    def is_plausible(self, one: str, other: str) -> bool:
        """Whether two attempts form a pair of the plausible family."""
        return other in self.neighbours.get(one, ())

    def is_pair(self, one: str, other: str) -> bool:
        """Two attempts of one student are none."""
        return self.students.get(one) != self.students.get(other)


def ordered(one: str, other: str) -> Pair:
    """A pair's name, whichever way it points."""
    return (one, other) if one < other else (other, one)


def seating_of(
    candidates: Mapping[str, Candidate], opened_at_ms: int, plan: SeatPlan | None = None, *, left_out: int = 0
) -> Seating:
    """The seating by all that is known of seats. Who has no seat yet has no neighbours, whatever the plan says.

    `left_out`: how much is known of those who are not among them since they are compared with nobody, for the version.
    """
    seated = sorted(
        (candidate.seat.started_at_ms, attempt, candidate.seat)
        for attempt, candidate in candidates.items()
        if candidate.seat is not None
    )
    attempts = [attempt for _, attempt, _ in seated]
    students = {attempt: candidate.student_id for attempt, candidate in candidates.items()}
    rooms = _rooms(students, plan)
    sources = plausible_sources([_seat(seat, opened_at_ms, rooms.get(attempt, "")) for _, attempt, seat in seated])
    neighbours = {
        attempt: frozenset(attempts[other] for other in row if students[attempts[other]] != students[attempt])
        for attempt, row in zip(attempts, sources, strict=True)
    }
    plausible = sum(len(row) for row in neighbours.values()) // 2
    pairs = len(candidates) * (len(candidates) - 1) // 2 - _retaken(students)
    version = seats_version(candidates, plan) + left_out
    return Seating(neighbours, students, rooms, (plausible, pairs - plausible), len(candidates), version)


def seats_version(candidates: Mapping[str, Candidate], plan: SeatPlan | None) -> int:
    """Grows with every candidate heard of, and with all that is heard of seats and of the plan."""
    seats = (candidate.seat for candidate in candidates.values())
    known = len(candidates) + sum(seat.version + bool(seat.address) for seat in seats if seat is not None)
    return known + (plan.revision if plan is not None else 0)


def plausible_by(one: Seated | None, other: Seated | None, rooms: tuple[str, str] = ("", "")) -> tuple[str, ...]:
    """What two seats, in these rooms, have in common, in the words of the contract."""
    if one is None or other is None:
        return ()
    block = address_block(one.address)
    shared = []
    if rooms[0] and rooms[0] == rooms[1]:
        shared.append("room")
    if one.centre_id and one.centre_id == other.centre_id:
        shared.append("centre")
    if block and block == address_block(other.address):
        shared.append("network")
    return (*shared, "time") if shared else ()


def _rooms(students: Mapping[str, str], plan: SeatPlan | None) -> dict[str, str]:
    if plan is None:
        return {}
    return {attempt: room for attempt, student in students.items() if (room := plan.room_of(student))}


def _seat(seat: Seated, opened_at_ms: int, room: str) -> Seat:
    ends = seat.submitted_at_ms if seat.submitted_at_ms is not None else seat.deadline_at_ms
    return Seat(
        room=room,
        centre=seat.centre_id,
        address=seat.address,
        starts=(seat.started_at_ms - opened_at_ms) / 1000,
        ends=float("inf") if ends is None else (ends - opened_at_ms) / 1000,
    )


def _retaken(students: Mapping[str, str]) -> int:
    counts: dict[str, int] = {}
    for student in students.values():
        counts[student] = counts.get(student, 0) + 1
    return sum(count * (count - 1) // 2 for count in counts.values())
