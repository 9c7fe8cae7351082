"""A seating plan: who sits the exam in which room. Pure; a plan is written in one order, whatever order it was given in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from unicodedata import normalize
from uuid import UUID

from services.exams.readiness import Fault

# One event tells the whole plan, and must fit a Kafka message of a megabyte: 38 bytes for a student, 340 at most for a room.
MAX_STUDENTS = 10_000
MAX_ROOMS = 500
# A refusal names so many faults and counts the rest.
NAMED_FAULTS = 100


class Room(NamedTuple):
    """A room and who sits in it."""

    name: str
    student_ids: tuple[UUID, ...]


def room_name(text: str) -> str:
    """The name as it is kept: composed (Unicode NFC), without spaces around it and with single ones inside, so that what reads alike is alike."""
    return " ".join(normalize("NFC", text).split())


def seats_of(rooms: Iterable[Room]) -> dict[UUID, str]:
    """The room of each student."""
    return {student_id: room.name for room in rooms for student_id in room.student_ids}


def rooms_of(seats: Mapping[UUID, str]) -> list[Room]:
    """The plan of these seats, rooms by name and students by id."""
    found: dict[str, list[UUID]] = {}
    for student_id in sorted(seats):
        found.setdefault(seats[student_id], []).append(student_id)
    return [Room(name, tuple(found[name])) for name in sorted(found)]


def places_of(rooms: Iterable[Room]) -> Iterator[tuple[str, UUID]]:
    """Every seat of a plan as it was given: the path of the field, and the student."""
    for number, room in enumerate(rooms):
        for place, student_id in enumerate(room.student_ids):
            yield f"rooms.{number}.student_ids.{place}", student_id


def plan_faults(rooms: Sequence[Room]) -> list[Fault]:
    """What a plan says twice, a room or where somebody sits; and whether it is too large for an event. Names of rooms differ in more than case."""
    faults: list[Fault] = []
    names: set[str] = set()
    for number, room in enumerate(rooms):
        if room.name.casefold() in names:
            faults.append(Fault(f"rooms.{number}.name", "repeated", f"The plan has a room {room.name} already."))
        names.add(room.name.casefold())
    seated: set[UUID] = set()
    for field, student_id in places_of(rooms):
        if student_id in seated:
            faults.append(Fault(field, "repeated", f"The student {student_id} has a seat already."))
        seated.add(student_id)
    if len(rooms) > MAX_ROOMS:
        faults.append(Fault("rooms", "too_many", f"A plan has at most {MAX_ROOMS} rooms."))
    if len(seated) > MAX_STUDENTS:
        faults.append(Fault("rooms", "too_many", f"A plan seats at most {MAX_STUDENTS} students."))
    return faults


def named_faults(faults: Sequence[Fault]) -> list[Fault]:
    """The first of them, and how many more there are: a list of the wrong class would name thousands."""
    more = len(faults) - NAMED_FAULTS
    if more <= 0:
        return list(faults)
    return [*faults[:NAMED_FAULTS], Fault("rooms", "more", f"{more} more faults of the same plan are not listed.")]
