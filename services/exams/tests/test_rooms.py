"""The rules of a seating plan."""

from unicodedata import normalize
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.kafka import MAX_MESSAGE_BYTES
from services.exams.events import seating_event
from services.exams.rooms import (
    MAX_ROOMS,
    MAX_STUDENTS,
    NAMED_FAULTS,
    Room,
    named_faults,
    plan_faults,
    room_name,
    rooms_of,
    seats_of,
)

STUDENTS = [new_id() for _ in range(12)]
NAMES = ("Hall A", "Hall B", "101", "Aula")
SEATS = st.dictionaries(st.sampled_from(STUDENTS), st.sampled_from(NAMES))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def found(*rooms: Room) -> list[tuple[str, str]]:
    return [(fault.field, fault.rule) for fault in plan_faults(rooms)]


@given(SEATS, st.randoms(use_true_random=False))
def test_a_plan_reads_the_same_in_whatever_order_it_was_given_and_has_no_fault(
    seats: dict[UUID, str], dice: object
) -> None:
    rooms = rooms_of(seats)
    given_otherwise = [Room(room.name, tuple(dice.sample(room.student_ids, len(room.student_ids)))) for room in rooms]  # type: ignore[attr-defined]
    dice.shuffle(given_otherwise)  # type: ignore[attr-defined]
    assert seats_of(given_otherwise) == seats
    assert rooms_of(seats_of(given_otherwise)) == rooms
    assert plan_faults(given_otherwise) == []


@given(SEATS.filter(bool), st.data())
def test_a_student_named_once_more_is_a_fault_at_that_place(seats: dict[UUID, str], data: st.DataObject) -> None:
    rooms = rooms_of(seats)
    twice = data.draw(st.sampled_from(sorted(seats)))
    number = data.draw(st.integers(0, len(rooms) - 1))
    rooms[number] = Room(rooms[number].name, (*rooms[number].student_ids, twice))
    ((field, rule),) = found(*rooms)
    assert rule == "repeated"
    place = [int(part) for part in field.split(".") if part.isdigit()]
    assert rooms[place[0]].student_ids[place[1]] == twice


def test_rooms_whose_names_differ_in_case_alone_are_one_room_named_twice() -> None:
    assert found(Room("Hall A", (STUDENTS[0],)), Room("hall a", (STUDENTS[1],))) == [("rooms.1.name", "repeated")]


@given(TEXTS)
def test_a_name_is_kept_in_one_form(text: str) -> None:
    kept = room_name(text)
    assert room_name(kept) == kept == kept.strip()
    assert room_name(f"  {normalize('NFD', text)}\n") == kept
    assert "  " not in kept


def test_a_plan_beyond_the_limits_is_refused() -> None:
    many = [Room(f"Room {number}", (new_id(),)) for number in range(MAX_ROOMS + 1)]
    assert found(*many) == [("rooms", "too_many")]
    assert found(*many[:-1]) == []
    crowd = tuple(new_id() for _ in range(MAX_STUDENTS + 1))
    assert found(Room("Stadium", crowd)) == [("rooms", "too_many")]
    assert found(Room("Stadium", crowd[:-1])) == []


def test_the_largest_plan_there_may_be_fits_an_event() -> None:
    students = [new_id() for _ in range(MAX_STUDENTS)]
    share = MAX_STUDENTS // MAX_ROOMS
    rooms = [
        Room("\U0001f3eb" * 77 + f"{number:03}", tuple(students[number * share : (number + 1) * share]))
        for number in range(MAX_ROOMS)
    ]
    assert plan_faults(rooms) == []
    assert seating_event(new_id(), 2**60, rooms).ByteSize() < 0.7 * MAX_MESSAGE_BYTES


def test_of_very_many_faults_the_first_are_named_and_the_others_counted() -> None:
    crowd = Room("Hall", (STUDENTS[0],) * (NAMED_FAULTS + 8))
    faults = plan_faults([crowd])
    assert len(faults) == NAMED_FAULTS + 7
    assert named_faults(faults)[:-1] == faults[:NAMED_FAULTS]
    assert named_faults(faults)[-1].message.startswith("7 more faults")
    assert named_faults(faults[:NAMED_FAULTS]) == faults[:NAMED_FAULTS]
