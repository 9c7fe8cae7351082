import msgspec
import pytest

from services.proctoring.collusion.told import TENFOLD, Told

A, B, C = ("a", "b"), ("a", "c"), ("b", "c")


def test_a_pair_is_news_when_it_is_new_and_when_its_evidence_changed_tenfold() -> None:
    told = Told(pairs={A: 10.0, B: 10.0})
    assert told.news({A: 10.0 + TENFOLD - 0.1, B: 10.0 - TENFOLD - 0.1, C: 1.0}, False) == [B, C]
    assert told.news({A: 10.0}, True) == [A]


def test_a_pair_that_is_not_flagged_any_more_is_taken_back() -> None:
    assert Told(pairs={A: 10.0, B: 10.0}).taken_back({B: 3.0}) == [A]


def test_whoever_restores_what_was_told_tells_it_again() -> None:
    told = Told(pairs={A: 10.0}, groups={"group": ("", "a", "b")}, answered={"request"}, concluded={A, C})
    restored = Told.decoded(told.encoded())
    assert restored.news({A: 10.0}, False) == [A]
    assert (restored.groups, restored.answered, restored.concluded) == (told.groups, told.answered, told.concluded)
    assert restored.encoded() == told.encoded()


def test_a_row_that_was_stored_before_an_upgrade_is_read() -> None:
    row = msgspec.msgpack.encode(([A], {"group": ("", "a", "b")}, ["request"]))
    restored = Told.decoded(row)
    assert (set(restored.pairs), restored.groups, restored.answered, restored.concluded) == (
        {A}, {"group": ("", "a", "b")}, {"request"}, set(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "changed"), [(("", "a", "b"), []), (("a", "a", "b"), ["group"]), (("", "a", "b", "c"), ["group"])]
)
def test_a_group_is_news_when_its_members_or_its_source_changed(now: tuple[str, ...], changed: list[str]) -> None:
    told = Told(groups={"group": ("", "a", "b")})
    assert told.groups_changed({"group": now}, False) == changed
    assert told.groups_changed({}, False) == ["group"]
    assert told.groups_changed({"group": now}, True) == ["group"]


def test_pairs_of_the_last_close_that_nobody_follows_now_stand_and_so_do_their_groups() -> None:
    told = Told(pairs={A: 1.0, B: 2.0}, groups={"one": ("", "a", "b"), "other": ("d", "d", "e")}, concluded={A, B, C})
    assert told.apart(lambda *pair: pair == B) == {A}
    assert told.groups_of({A}) == {"one": ("", "a", "b")}
    assert told.groups_of(set()) == {}
