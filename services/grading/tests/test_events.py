"""What events tell of a grade."""

from decimal import Decimal

from chassis.clock import now
from chassis.ids import new_id
from chassis.outbox import MAX_EVENT_BYTES, outbox_row
from proto.examhall.attempts.v1.events_pb2 import Response
from proto.examhall.grading.v1.events_pb2 import AttemptMarked
from services.grading.events import GRADES, LONGEST_TEXT, grade_state
from services.grading.submissions import NewMark
from services.grading.tables import Grade
from services.grading.tests.builders import chose, typed


def a_grade() -> Grade:
    return Grade(
        attempt_id=new_id(), exam_id=new_id(), exam_version=1, student_id=new_id(), attempt_number=1, status="marked", score=Decimal(0),
        max_score=Decimal(1), percentage=Decimal(0), has_passed=False, waiting_count=0, submitted_at=now(), marked_at=now(),
    )  # fmt: skip


def a_mark(response: Response) -> NewMark:
    return NewMark(
        new_id(), str(new_id()), 0, "short_answer", "Ohm", response.SerializeToString(), Decimal(0), Decimal(1), "wrong", now()
    )  # fmt: skip


def test_texts_are_told_unless_somebody_typed_so_much_that_no_event_could_hold_it() -> None:
    marks = [a_mark(chose("a")), *(a_mark(typed("🌍" * LONGEST_TEXT)) for _ in range(1000))]
    few, many = grade_state(a_grade(), marks[:100]), grade_state(a_grade(), marks)
    assert [len(mark.response.text) for mark in few.marks[1:]] == [LONGEST_TEXT] * 99
    assert len(many.marks) == 1001
    assert [mark.HasField("response") for mark in many.marks] == [True, *[False] * 1000]
    assert len(outbox_row(GRADES, new_id(), AttemptMarked(grade=many)).payload) < MAX_EVENT_BYTES
