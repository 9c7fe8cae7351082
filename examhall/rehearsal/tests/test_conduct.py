"""Who is planted as what, and what it adds to a script."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.acts import ClickRight, Leave, MoveNetwork, OpenTools, Paste, Peek, ShareLogIn
from examhall.rehearsal.conduct import (
    ACTS_TO_THE_LIMIT,
    PLANTED_PERCENT,
    TEMPERAMENTS,
    Part,
    behave,
    cast,
    rooms_of,
    with_sockets,
)
from examhall.rehearsal.people import Ending, Give, Script, Think, write_script
from examhall.rehearsal.tests.test_people import KEYS, PAPER

seeds = st.integers(0, 10**6).map(str)
counts = st.integers(1, 250)


def logins(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def script(seed: str, part: Part) -> Script:
    written = write_script(seed, PAPER, KEYS, 60.0, True, TEMPERAMENTS.get(part))
    return behave(seed, written, part, PAPER)


def acts(seed: str, part: Part, *kinds: type) -> list[object]:
    return [step for step in script(seed, part).steps if isinstance(step, kinds)]


@given(seeds, counts)
def test_the_same_seed_gives_everybody_the_same_role(seed: str, count: int):
    assert cast(seed, logins(count)) == cast(seed, logins(count))
    assert set(cast(seed, logins(count))) == set(logins(count))


@given(seeds, counts)
def test_cheats_are_never_more_than_their_share_of_a_class(seed: str, count: int):
    planted = sum(not role.part.is_honest for role in cast(seed, logins(count)).values())
    assert planted <= count * PLANTED_PERCENT / 100


@given(seeds)
def test_twenty_students_are_enough_for_every_part(seed: str):
    assert {role.part for role in cast(seed, logins(20)).values()} == set(Part)


@given(seeds, counts)
def test_a_copier_has_a_neighbour_who_is_copied_from(seed: str, count: int):
    roles = cast(seed, logins(count))
    for login, role in roles.items():
        if role.part in (Part.COPIER, Part.RING):
            assert role.source != login
            assert roles[role.source].part is Part.COPIED_FROM
        else:
            assert role.source == ""
    rings = Counter(role.source for role in roles.values() if role.part is Part.RING)
    assert all(members == 3 for members in rings.values())


@given(seeds, counts)
def test_everybody_has_a_room_of_about_twenty_five_and_who_copies_the_neighbours(seed: str, count: int):
    roles = cast(seed, logins(count))
    rooms = rooms_of(roles)
    assert rooms == rooms_of(roles)
    assert set(rooms) == set(roles)
    assert max(Counter(rooms.values()).values()) <= 27
    for login, role in roles.items():
        assert not role.source or rooms[login] == rooms[role.source]


@given(seeds)
def test_the_honest_do_nothing_that_reaches_a_threshold(seed: str):
    everything = (Leave, Paste, ClickRight, OpenTools, ShareLogIn, Peek)
    for part in Part:
        if part.is_honest and part is not Part.DISTRACTED:
            assert acts(seed, part, *everything) == []
    slips = acts(seed, Part.DISTRACTED, *everything)
    assert len(slips) == 2 < ACTS_TO_THE_LIMIT
    assert sum(slip.away_milliseconds for slip in slips if isinstance(slip, Leave)) < 30_000


@given(seeds)
def test_every_cheat_does_what_the_part_says(seed: str):
    assert len(acts(seed, Part.TAB_SWITCHER, Leave)) == ACTS_TO_THE_LIMIT
    assert script(seed, Part.TAB_SWITCHER).ending is Ending.RUNS_OUT
    assert len(acts(seed, Part.PASTER, Paste)) == 2
    assert len(acts(seed, Part.TOOL_USER, OpenTools)) == 1
    assert len(acts(seed, Part.SHARER, ShareLogIn)) == 1
    assert len(acts(seed, Part.ROAMING, MoveNetwork)) == 1


@given(seeds)
def test_who_knew_the_questions_thinks_a_fifth_of_the_time(seed: str):
    slow, fast = (
        sum(step.seconds for step in behave(seed, written(seed), part, PAPER).steps if isinstance(step, Think))
        for part in (Part.HONEST, Part.FOREKNOWER)
    )
    assert round(fast, 6) == round(slow / 5, 6)


@given(seeds)
def test_a_copier_looks_at_most_choices_and_at_nothing_else_and_takes_no_longer(seed: str):
    before = written(seed)
    after = behave(seed, before, Part.COPIER, PAPER)
    kinds = {question["id"]: question["type"] for question in PAPER}
    peeks = [step for step in after.steps if isinstance(step, Peek)]
    given = [step for step in before.steps if isinstance(step, Give) and kinds[step.question_id] in CHOICES]
    assert {kinds[step.question_id] for step in peeks} <= CHOICES
    assert len(given) // 2 < len(peeks) <= len(given)
    assert round(thinking(after), 6) == round(thinking(before), 6)


CHOICES = {"single_choice", "true_false"}


def written(seed: str) -> Script:
    return write_script(seed, PAPER, KEYS, 60.0, True, TEMPERAMENTS[Part.COPIER])


def thinking(of: Script) -> float:
    return sum(step.seconds for step in of.steps if isinstance(step, Think))


@given(counts, seeds)
def test_half_of_a_class_sits_with_a_socket_and_so_does_somebody_whom_the_limit_ends(count: int, seed: str):
    roles = cast(seed, logins(count))
    chosen = with_sockets(seed, roles)
    assert chosen == with_sockets(seed, roles)
    assert (len(chosen), chosen <= roles.keys()) == (-(-count // 2), True)
    for part in Part:
        members = {login for login, role in roles.items() if role.part is part}
        assert abs(len(members & chosen) - len(members - chosen)) <= 1
    ended = {login for login, role in roles.items() if role.part is Part.TAB_SWITCHER}
    assert not ended or ended & chosen
