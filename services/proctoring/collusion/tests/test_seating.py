from services.proctoring.collusion.facts import Candidate, Seated
from services.proctoring.collusion.seating import ordered, plausible_by, seating_of


def a_candidate(student: str, *, centre: str = "", address: str = "", starts: int = 0) -> Candidate:
    seat = Seated(1, "in_progress", centre_id=centre, address=address, started_at_ms=starts, deadline_at_ms=3_600_000)
    return Candidate(student, seat)


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


def test_a_pair_has_one_name() -> None:
    assert ordered("b", "a") == ordered("a", "b") == ("a", "b")
