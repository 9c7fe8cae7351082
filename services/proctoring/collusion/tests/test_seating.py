import random

from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.collusion.facts import Candidate, Save, Seated, SeatPlan, mark
from services.proctoring.collusion.seating import ordered, plausible_by, seating_of


def a_candidate(student: str, *, centre: str = "", address: str = "", starts: int = 0) -> Candidate:
    seat = Seated(1, "in_progress", centre_id=centre, address=address, started_at_ms=starts, deadline_at_ms=3_600_000)
    return Candidate(student, seat)


def a_plan(rooms: dict[str, str], revision: int = 1) -> SeatPlan:
    """Rooms by name, with the letters of their students."""
    places = {mark(f"student {each}"): place for place, letters in enumerate(rooms.values()) for each in letters}
    return SeatPlan(revision, tuple(rooms), places)


def test_neighbours_are_of_one_centre_or_network_and_never_one_student_twice() -> None:
    candidates = {
        "a": a_candidate("ann", centre="x"),
        "b": a_candidate("ben", centre="x"),
        "c": a_candidate("ann", centre="x"),
        "d": a_candidate("dan", address="10.1.2.3"),
        "e": a_candidate("eve", address="10.1.2.9"),
        "f": Candidate("fay"),
    }
    seating = seating_of(candidates, 0)
    assert {each for each, row in seating.neighbours.items() for _ in row} == {"a", "b", "c", "d", "e"}
    assert seating.neighbours["b"] == {"a", "c"}
    assert seating.is_plausible("d", "e")
    assert not seating.is_pair("a", "c")
    assert seating.sizes == (3, 15 - 1 - 3)


def test_whatever_order_candidates_are_heard_of_in_they_sit_alike() -> None:
    candidates = {str(each): a_candidate(f"student {each}", centre="x", starts=each % 7) for each in range(100)}
    backwards = dict(reversed(candidates.items()))
    assert seating_of(candidates, 0) == seating_of(backwards, 0)


def test_the_version_grows_with_every_candidate_seat_and_address() -> None:
    without = seating_of({"a": Candidate("ann")}, 0).version
    seated = seating_of({"a": a_candidate("ann")}, 0).version
    known = seating_of({"a": a_candidate("ann", address="10.0.0.1")}, 0).version
    assert without < seated < known


def test_what_makes_a_pair_plausible_is_named() -> None:
    one = Seated(1, "", centre_id="x", address="10.0.0.1")
    assert plausible_by(one, Seated(1, "", centre_id="x", address="10.0.0.200")) == ("centre", "network", "time")
    assert plausible_by(one, Seated(1, "", centre_id="y", address="10.0.1.1")) == ()
    assert plausible_by(one, None) == ()


def test_a_room_in_common_is_named_first_and_two_unknown_rooms_are_none() -> None:
    one, other = Seated(1, "", centre_id="x"), Seated(1, "", centre_id="x")
    assert plausible_by(one, other, ("Hall", "Hall")) == ("room", "centre", "time")
    assert plausible_by(one, Seated(1, "", centre_id="y"), ("Hall", "Hall")) == ("room", "time")
    assert plausible_by(one, other, ("Hall", "Aula")) == ("centre", "time")
    assert plausible_by(one, Seated(1, ""), ("", "")) == ()


def test_who_sits_in_one_room_by_the_plan_is_plausible_and_the_rest_of_the_centre_is_not() -> None:
    candidates = {each: a_candidate(f"student {each}", centre="x") for each in "abcd"} | {
        "e": a_candidate("student e", centre="y"),
        "f": Candidate("student f"),
    }
    seating = seating_of(candidates, 0, a_plan({"Hall": "aef", "Aula": "b"}))
    assert seating.rooms == {"a": "Hall", "b": "Aula", "e": "Hall", "f": "Hall"}
    assert {each: row for each, row in seating.neighbours.items() if row} == {
        "a": {"e"},
        "e": {"a"},
        "c": {"d"},
        "d": {"c"},
    }
    assert seating.sizes == (2, 13)


def test_the_version_grows_with_every_plan_and_also_when_it_is_taken_away() -> None:
    candidates = {"a": a_candidate("ann")}
    plans = (None, a_plan({"Hall": "a"}, 1), a_plan({"Aula": "a"}, 4), a_plan({}, 5))
    versions = [seating_of(candidates, 0, plan).version for plan in plans]
    assert versions == sorted(set(versions))


STUDENTS = "abcdefgh"
ROOMS = st.dictionaries(st.sampled_from(STUDENTS), st.sampled_from(["Hall", "Aula", "101"]))
SEATS = st.dictionaries(
    st.sampled_from(STUDENTS),
    st.builds(
        a_candidate, st.just(""), centre=st.sampled_from(["", "x", "y"]), address=st.sampled_from(["", "10.0.0.1"])
    ),
)


@given(SEATS, ROOMS, st.integers())
def test_the_family_follows_from_seats_and_plan_and_never_from_answers(
    seats: dict[str, Candidate], rooms: dict[str, str], seed: int
) -> None:
    dice = random.Random(seed)
    candidates = {each: Candidate(f"student {each}", known.seat) for each, known in seats.items()}
    plan = SeatPlan(
        3,
        ("Hall", "Aula", "101"),
        {mark(f"student {each}"): ["Hall", "Aula", "101"].index(room) for each, room in rooms.items()},
    )
    answered = dict(dice.sample(sorted(candidates.items(), key=lambda each: each[0]), len(candidates)))
    for each in answered:
        save = Save(1, dice.randrange(10**6), mark("the same option"))
        answered[each] = answered[each].with_save(f"student {each}", mark("question"), save)
    seating = seating_of(candidates, 0, plan)
    assert seating_of(answered, 0, plan) == seating
    for one, other in ((one, other) for one in candidates for other in candidates if one != other):
        if one in rooms and rooms[one] == rooms.get(other):
            assert seating.is_plausible(one, other)


def test_a_pair_has_one_name() -> None:
    assert ordered("b", "a") == ordered("a", "b") == ("a", "b")
