"""What the services tell each other: nothing is lost on the way, so all count the same."""

from decimal import Decimal

from proto.catalogue import TOPICS
from tests.e2e.events import parked_events, recorded_types, untold_events
from tests.e2e.exams import ALL_RIGHT, CAPITAL, ESSAY, PRODUCT, RIVER, publish, start
from tests.e2e.people import Person, School, eventually


def test_the_figures_of_an_exam_equal_its_grades_and_its_attempts(school: School) -> None:
    teacher = school.staff("instructor")
    school_class = school.school_class(teacher)
    students = [school.student(school_class) for _ in range(4)]
    exam = publish(teacher, "Counted", settings={"passing_percentage": "50"}, audience={"class_ids": [school_class]})
    school.everybody_knows()
    said = (ALL_RIGHT, {RIVER: "The Rhine", PRODUCT: "42"}, {CAPITAL: "Bergen"})
    for student, answers in zip(students[:3], said, strict=True):
        start(student, exam).answer_all({**answers, ESSAY: "They do."}).submits()
    start(students[3], exam)
    _mark_all_essays(teacher, exam, points="2", count=3)
    school.everybody_knows()

    grades = teacher.get(f"/grading/exams/{exam}/grades")["items"]
    attempts = teacher.get("/attempts", exam_id=exam)["items"]
    report = teacher.get(f"/analytics/exams/{exam}")
    figures = report["figures"]
    assert figures["started"] == len(attempts) == 4
    assert figures["submitted"] == len(grades) == 3
    assert (figures["in_progress"], figures["waiting"], figures["marked"]) == (1, 0, 3)
    assert figures["passed"] == sum(grade["has_passed"] for grade in grades) == 1
    percentages = sorted(Decimal(grade["percentage"]) for grade in grades)
    assert percentages == [20, 30, 90]
    assert [report["scores"][name] for name in ("lowest", "median", "highest", "mean")] == [
        "20.00", "30.00", "90.00", "46.67",
    ]  # fmt: skip
    assert sum(each["count"] for each in report["distribution"]) == 3
    assert {question["attempts"] for question in report["questions"]} == {3}
    assert teacher.get(f"/analytics/classes/{school_class}")["figures"] == figures


def test_a_timeline_tells_every_save_of_an_attempt(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    exam = publish(teacher, "Told in full", audience={"student_ids": [student.id]})
    sitting = start(student, exam)
    for number in range(5):
        sitting.answers(PRODUCT, str(number))
    sitting.submits()
    school.everybody_knows()
    moments = eventually(lambda: teacher.get(f"/analytics/attempts/{sitting.id}/timeline")["items"])
    saves = [moment["number"] for moment in moments if moment["source"] == "answer"]
    assert saves == [1, 2, 3, 4, 5]
    lifecycle = [moment["kind"] for moment in moments if moment["source"] == "attempt"]
    assert [lifecycle[0], lifecycle[-1]] == ["started", "submitted"]


def test_every_event_of_all_stories_has_reached_everybody_it_concerns_and_none_is_parked(school: School) -> None:
    eventually(lambda: not untold_events(school.folder))
    assert parked_events(school.folder) == {}


def test_every_event_that_was_recorded_is_in_the_catalogue_under_its_topic(school: School) -> None:
    catalogue = {topic.name: set(topic.events) for topic in TOPICS}
    recorded = recorded_types(school.folder)
    assert recorded.keys() <= catalogue.keys()
    assert {topic: kinds - catalogue[topic] for topic, kinds in recorded.items() if kinds - catalogue[topic]} == {}


def _mark_all_essays(teacher: Person, exam: str, points: str, count: int) -> None:
    def waiting() -> list[dict[str, str]]:
        items: list[dict[str, str]] = teacher.get("/grading/queue", exam_id=exam)["items"]
        return items if len(items) == count else []

    for item in eventually(waiting):
        mark = {"question_id": item["question_id"], "points": points}
        teacher.post(f"/grading/attempts/{item['attempt_id']}/marks", {"marks": [mark]})
