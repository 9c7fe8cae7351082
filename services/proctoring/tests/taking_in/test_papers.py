"""What is taken from papers, and how the watched questions of an exam grow. Pure."""

from hypothesis import given
from hypothesis import strategies as st

from proto.examhall.exams.v1 import papers_pb2 as papers
from proto.examhall.proctoring.v1.exams_pb2 import ExamWatched, WatchedItem
from proto.examhall.proctoring.v1.signals_pb2 import SignalsReceived
from services.proctoring import papers as proctored
from services.proctoring.papers import Item, merged_items, read_paper, rules_message
from services.proctoring.retention import thinned
from services.proctoring.signals import CAMERA_KINDS, ExamRules
from services.proctoring.tests.taking_in.builders import a_question

OPTIONS = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True)
VERSIONS = st.lists(st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q4"]), OPTIONS), min_size=1, max_size=5)


@given(VERSIONS)
def test_no_item_and_no_option_ever_changes_its_place(versions: list[dict[str, list[str]]]) -> None:
    told: list[WatchedItem] = []
    for version in versions:
        items = [Item(question, tuple(options), 1) for question, options in version.items()]
        grown = merged_items(told, items, {})
        for before, after in zip(told, grown, strict=False):
            assert before.question_id == after.question_id
            assert list(after.option_ids[: len(before.option_ids)]) == list(before.option_ids)
        known = {item.question_id: set(item.option_ids) for item in grown}
        assert all(set(options) <= known[question] for question, options in version.items())
        assert merged_items(grown, items, {}) == grown
        told = grown


def test_an_exam_of_thousands_of_questions_still_fits_an_event() -> None:
    items = [Item(f"{number:036}", tuple(f"{option:036}" for option in range(5)), number) for number in range(20_000)]
    watched = merged_items([], items, {})
    assert 0 < len(watched) < len(items)
    assert [item.question_id for item in watched] == [item.question_id for item in items[: len(watched)]]
    size = ExamWatched(items=watched).ByteSize()
    assert proctored.MAX_WATCHED_BYTES * 0.9 < size < 900_000


def test_a_paper_gives_its_rules_and_the_places_of_its_choices() -> None:
    essay, choice, truth = a_question(papers.ESSAY), a_question(options=2), a_question(papers.TRUE_FALSE)
    slots = [papers.Slot(draw=1, questions=[essay, choice]), papers.Slot(draw=1, questions=[truth])]
    settings = papers.ExamSettings(proctoring=True, camera=True, monitoring_sensitivity="", violation_limit=0)
    paper = read_paper(papers.Paper(slots=slots, settings=settings))
    assert [(item.question_id, item.position) for item in paper.items] == [
        (choice.question_id, 2),
        (truth.question_id, 3),
    ]
    assert paper.rules == ExamRules(camera=True, sensitivity="medium", violation_limit=0)
    assert not paper.is_order_shuffled
    assert rules_message(paper.rules).camera


def test_signals_that_are_taken_out_leave_their_place_and_their_time() -> None:
    event = SignalsReceived(attempt_id="a", number=3)
    for number, kind in enumerate(("tab_switch", "multiple_faces", "copy_attempt"), start=1):
        signal = event.signals.add(question_id="q")
        signal.at.seconds = number
        getattr(signal, kind).SetInParent()
    left = SignalsReceived.FromString(thinned(event.SerializeToString(), CAMERA_KINDS))
    assert [signal.WhichOneof("kind") for signal in left.signals] == ["tab_switch", None, "copy_attempt"]
    assert [(signal.at.seconds, signal.question_id) for signal in left.signals] == [(1, "q"), (2, ""), (3, "q")]
    assert left.number == 3
