import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.collusion.families import (
    Seat,
    address_block,
    distinct_pairs,
    pair_codes,
    pairs_of,
    plausible_sources,
)


def rows(seats: list[Seat], most: int = 64) -> list[list[int]]:
    return [row.tolist() for row in plausible_sources(seats, most)]


def test_neighbours_share_a_room_whatever_centre_they_are_of_and_overlap_in_time() -> None:
    seats = [
        Seat(room="1", centre="north", starts=0, ends=100),
        Seat(room="1", centre="south", starts=50, ends=150),
        Seat(room="1", centre="north", starts=100, ends=200),
        Seat(room="2", centre="north", starts=0, ends=100),
        Seat(room="3", centre="north", starts=0, ends=100),
    ]
    assert rows(seats) == [[1], [0, 2], [1], [], []]
    assert pairs_of(plausible_sources(seats)).tolist() == [[0, 1], [1, 2]]


def test_without_a_room_the_address_block_counts_and_else_the_centre() -> None:
    seats = [
        Seat(centre="north", address="10.1.2.3"),
        Seat(centre="south", address="10.1.2.200"),
        Seat(centre="north", address="10.1.3.3"),
        Seat(centre="west", address="10.9.9.9"),
    ]
    assert rows(seats) == [[1, 2], [0], [0], []]


def test_who_sits_in_a_known_room_is_no_neighbour_of_the_whole_building_or_centre() -> None:
    rooms = ("1", "1", "2", "2", "", "")
    assert rows([Seat(room=room, centre="north") for room in rooms]) == [[1], [0], [3], [2], [5], [4]]
    assert rows([Seat(room=room, address="10.1.2.3") for room in rooms]) == [[1], [0], [3], [2], [5], [4]]


def test_of_a_full_hall_only_the_closest_in_time_count_and_always_both_ways() -> None:
    seats = [Seat(room="hall", starts=10.0 * place) for place in range(40)]
    found = rows(seats, most=4)
    assert max(map(len, found)) <= 4
    assert found[20] == [19, 21, 18, 22]
    assert all(place in found[other] for place, row in enumerate(found) for other in row)


def test_nothing_known_makes_nobody_plausible() -> None:
    assert (
        rows([Seat(), Seat(), Seat(address="127.0.0.1"), Seat(address="127.0.0.1"), Seat(address="nonsense")])
        == [[]] * 5
    )
    assert pairs_of(plausible_sources([])).shape == (0, 2)


def test_addresses_of_one_building_share_a_block() -> None:
    assert address_block("192.168.7.9") == "192.168.7.0/24"
    assert address_block("2001:db8:0:12ff::1") == address_block("2001:db8:0:1234::9") == "2001:db8:0:1200::/56"
    assert address_block("") == address_block("::1") == ""


def test_a_pair_has_one_code_either_way_round() -> None:
    pairs = pairs_of(plausible_sources([Seat(room="a"), Seat(room="a"), Seat(room="a")]))
    assert pair_codes(pairs, 3).tolist() == pair_codes(pairs[:, ::-1], 3).tolist() == [1, 2, 5]


@given(
    st.integers(2, 12).flatmap(
        lambda size: st.tuples(st.just(size), st.lists(st.tuples(*[st.integers(0, size - 1)] * 2)))
    )
)
def test_distinct_pairs_are_each_once_in_order_and_nobody_is_paired_with_himself(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    candidates, pairs = drawn
    found = distinct_pairs(np.array(pairs, np.int64).reshape(-1, 2), candidates)
    assert [tuple(pair) for pair in found.tolist()] == sorted(
        {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    )
