import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.proctoring.collusion.facts import (
    KEPT_SAVES,
    Agenda,
    Candidate,
    Item,
    Request,
    Save,
    Seated,
    SeatPlan,
    WatchedExam,
    decoded_agenda,
    decoded_candidate,
    encoded_agenda,
    encoded_candidate,
    mark,
)

SAVES = st.builds(
    Save, st.integers(1, 50), st.integers(10**12, 2 * 10**12), st.sampled_from([b"", mark("one"), mark("other")])
)
QUESTIONS = st.sampled_from([mark("first"), mark("second")])


def saved(saves: list[tuple[bytes, Save]]) -> Candidate:
    candidate = Candidate()
    for question, save in saves:
        candidate = candidate.with_save("student", question, save)
    return candidate


@given(
    st.lists(st.tuples(QUESTIONS, SAVES), max_size=60).flatmap(
        lambda all_: st.tuples(st.just(all_), st.permutations(all_))
    )
)
def test_saves_are_kept_alike_in_whatever_order_and_however_often_they_come(
    ways: tuple[list[tuple[bytes, Save]], list[tuple[bytes, Save]]],
) -> None:
    one, other = ways
    assert saved(one) == saved([*other, *other])
    assert encoded_candidate(saved(one)) == encoded_candidate(saved(other))


def test_of_a_question_the_first_saves_are_kept_and_a_later_one_changes_nothing() -> None:
    full = saved([(b"q", Save(number, number, b"")) for number in range(1, KEPT_SAVES + 1)])
    assert full.with_save("student", b"q", Save(KEPT_SAVES + 1, 0, b"")) is full
    earlier = full.with_save("student", b"q", Save(0, 0, b""))
    assert [save.revision for save in earlier.saves[b"q"]] == list(range(KEPT_SAVES))


@given(
    st.lists(st.tuples(QUESTIONS, SAVES), max_size=20),
    st.none() | st.builds(Seated, st.integers(1, 9), st.just("paused"), address=st.just("10.0.0.1")),
)
def test_a_candidates_row_gives_back_the_facts(saves: list[tuple[bytes, Save]], seat: Seated | None) -> None:
    candidate = saved(saves) if seat is None else saved(saves).with_seat("student", seat)
    assert decoded_candidate(encoded_candidate(candidate)) == candidate


def test_a_row_of_forty_answers_takes_less_than_a_kibibyte() -> None:
    saves = [(mark(f"question {number}"), Save(7, 10**12 + number * 60_000, mark("option"))) for number in range(40)]
    assert len(encoded_candidate(saved(saves))) < 1024


@given(st.permutations([1, 2, 3]))
def test_the_highest_version_of_a_seat_holds_with_what_not_all_tell(order: list[int]) -> None:
    candidate = Candidate()
    for version in order:
        address = "10.0.0.1" if version == 1 else ""
        exam_version = 4 if version == 2 else 0
        seat = Seated(version, f"status {version}", address=address, exam_version=exam_version)
        candidate = candidate.with_seat("student", seat)
    assert candidate.seat == Seated(3, "status 3", address="10.0.0.1", exam_version=4)


def test_an_agenda_keeps_the_highest_revision_and_the_newest_requests_final_ones_first_of_all() -> None:
    agenda = Agenda().with_exam(WatchedExam("exam", 2, 0, True, ()))
    assert agenda.with_exam(WatchedExam("exam", 1, 0, True, ())) is agenda
    final = Request("final", True, 0, 2)
    for number in range(40):
        agenda = agenda.with_request(Request(f"request {number}", False, number))
        agenda = agenda.with_request(final)
    assert agenda.with_request(final) is agenda
    assert agenda.requests[-1] == final
    assert agenda.requests[-2] == Request("request 39", False, 39)
    assert (len(agenda.requests), agenda.heard) == (16, 41)
    assert decoded_agenda(encoded_agenda(agenda)) == agenda


Fact = WatchedExam | Request | SeatPlan
REVISIONS = st.integers(1, 4)
FACTS = st.one_of(
    st.builds(WatchedExam, st.just("exam"), REVISIONS, st.just(0), st.just(True), st.just(())),
    st.builds(Request, st.uuids(version=4).map(str), st.booleans(), st.integers(0, 5), REVISIONS),
    REVISIONS.map(lambda revision: SeatPlan(revision, (f"Hall {revision}",), {mark("ann"): 0})),
)


@given(st.lists(FACTS, max_size=12).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_an_exam_is_closed_in_its_highest_revision_whatever_the_order_of_what_is_told(
    ways: tuple[list[Fact], list[Fact]],
) -> None:
    one, other = (agenda_of(way) for way in ways)
    assert one == other
    opened = max((each.revision for each in ways[0] if isinstance(each, WatchedExam)), default=0)
    closed = max((each.exam_revision for each in ways[0] if isinstance(each, Request) and each.is_final), default=0)
    assert (one.final is not None) == (0 < closed >= opened)
    assert one.final is None or one.final.exam_revision == closed
    planned = max((each.revision for each in ways[0] if isinstance(each, SeatPlan)), default=0)
    assert (one.seats.room_of("ann") if one.seats else "") == (f"Hall {planned}" if planned else "")
    assert decoded_agenda(encoded_agenda(one)) == one


def agenda_of(facts: list[Fact]) -> Agenda:
    agenda = Agenda()
    for fact in facts:
        match fact:
            case WatchedExam():
                agenda = agenda.with_exam(fact)
            case SeatPlan():
                agenda = agenda.with_seats(fact)
            case _:
                agenda = agenda.with_request(fact)
    return agenda


def test_a_plan_of_ten_thousand_takes_some_hundred_kibibytes_and_knows_everybody() -> None:
    students = [f"student {number}" for number in range(10_000)]
    places = {mark(student): number // 20 for number, student in enumerate(students)}
    agenda = Agenda().with_seats(SeatPlan(1, tuple(f"Room {number}" for number in range(500)), places))
    row = encoded_agenda(agenda)
    assert len(row) < 150_000
    kept = decoded_agenda(row).seats
    assert kept is not None
    assert [kept.room_of(student) for student in students] == [f"Room {number // 20}" for number in range(10_000)]
    assert kept.room_of("somebody else") == ""


def test_an_exam_opened_again_as_it_was_is_sat_as_before() -> None:
    exam = WatchedExam("exam", 1, 0, True, (Item("question", ("a", "b")),))
    assert exam.is_sat_as(replace(exam, revision=2))
    assert not exam.is_sat_as(replace(exam, revision=2, items=()))


def test_an_exam_that_was_closed_before_an_upgrade_stays_closed_until_it_is_opened_again() -> None:
    exam, final = WatchedExam("exam", 3, 0, True, ()), Request("final", True, 7)
    row = msgspec.msgpack.encode((exam, (("final", True, 7),), 1))
    for closed in (decoded_agenda(row), Agenda().with_exam(exam).with_request(final)):
        assert closed.final == Request("final", True, 7, 3)
        assert closed.with_request(final) is closed
        assert closed.with_exam(replace(exam, revision=4)).final is None
