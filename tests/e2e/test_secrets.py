"""Keys stay secret: an exam full of canaries is sat, and whatever the student may ask for, in every state, none of them sings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from examhall.demo.writing import About, Json, essay, multiple_select, numeric, short_answer, single_choice, true_false
from tests.e2e.exams import Sitting, publish, start
from tests.e2e.interface import PATHS
from tests.e2e.people import Person, School, eventually

CANARY = "kanarienvogel"
FEEDBACK = "nightingale"
ABOUT = About("3", penalty="0.73", explanation=f"{CANARY} explains")
KEYS = (CANARY, "8675309.25", "1.77", "0.73")
QUESTIONS: tuple[Json, ...] = (
    single_choice("Which one?", "North", "South", "East", about=ABOUT),
    multiple_select("Which ones?", {"Salt": "1.77", "Sand": "1.23"}, ["Snow"], ABOUT),
    true_false("So it is.", True, ABOUT),
    short_answer("What word?", f"{CANARY} word", f"{CANARY} form", about=ABOUT),
    numeric("What number?", "8675309.25", ABOUT, absolute="0.73"),
    essay("Why?", f"{CANARY} rubric", f"{CANARY} sample", About("3", explanation=f"{CANARY} why")),
)
ANSWERS = {"Which one?": "North", "Which ones?": ["Sand"], "So it is.": True, "What word?": "bird", "Why?": "Because."}
# What only a key has, and what only a mark has: absent or without a value wherever it stands.
KEY_NAMES = {
    "is_correct", "credit", "correct_truth", "accepted_forms", "numeric", "penalty", "rubric", "sample_answer", "explanation",
    "right_answer",
}  # fmt: skip
MARK_NAMES = {
    "outcome", "points_awarded", "feedback", "score", "percentage", "has_passed", "passed", "failed", "pass_rate",
    "average_percentage",
}  # fmt: skip


@dataclass(frozen=True)
class Secret:
    """What must not be told: these words anywhere, and a value under these names."""

    words: tuple[str, ...]
    names: set[str]


BEFORE_RELEASE = Secret((*KEYS, FEEDBACK), KEY_NAMES | MARK_NAMES)
AFTER_RELEASE = Secret(KEYS, KEY_NAMES)


@dataclass
class Exam:
    """The canary exam, its people, and what an address may name."""

    id: str
    student: Person
    teacher: Person
    places: dict[str, str]
    sitting: Sitting | None = None


@pytest.fixture(scope="module")
def exam(school: School) -> Exam:
    """Written and published, not yet sat. Its settings allow students to review their answers, not to see the right ones."""
    teacher = school.staff("instructor")
    class_id, centre_id = school.school_class(teacher), school.centre()
    student = school.student(class_id)
    rules = {"multiple_select": "partial_credit", "show_answers_after_submit": False}
    bank = teacher.post("/question-banks", {"name": f"{CANARY} bank"})["id"]
    exam = publish(teacher, "The birds", *QUESTIONS, settings=rules, audience={"class_ids": [class_id]})
    question = teacher.get("/questions")["items"][0]["id"]
    places = {"exam_id": exam, "version": "1", "question_id": question, "bank_id": bank, "attempt_id": exam}
    places |= {"other_attempt_id": exam, "alert_id": exam}
    people = {"student_id": student.id, "user_id": student.id, "teacher_id": teacher.id, "instructor_id": teacher.id}
    return Exam(exam, student, teacher, {**places, **people, "class_id": class_id, "centre_id": centre_id})


def test_whatever_a_student_reads_before_release_tells_no_key_and_no_mark(school: School, exam: Exam) -> None:
    for step in (_not_begun, _begun, _answered, _paused, _submitted, _marked, _finalized):
        step(exam)
        school.everybody_knows()
        for path in _readable_paths(exam):
            _require_silence(exam.student, path, BEFORE_RELEASE, step.__name__)


def test_after_release_marks_are_told_and_keys_are_not_and_hiding_takes_the_marks_back(
    school: School, exam: Exam
) -> None:
    exam.teacher.post(f"/grading/exams/{exam.id}/release")
    school.everybody_knows()
    result = exam.student.get(f"/results/{exam.places['attempt_id']}")
    assert (result["status"], result["questions"][-1]["feedback"]) == ("released", FEEDBACK)
    for path in _readable_paths(exam):
        _require_silence(exam.student, path, AFTER_RELEASE, "released")

    exam.teacher.post(f"/grading/exams/{exam.id}/hide")
    school.everybody_knows()
    for path in _readable_paths(exam):
        _require_silence(exam.student, path, BEFORE_RELEASE, "hidden again")


def test_the_walk_would_notice_a_canary_and_a_name(exam: Exam) -> None:
    with pytest.raises(AssertionError, match=CANARY):
        _require_silence(exam.teacher, f"/exams/{exam.id}", BEFORE_RELEASE, "to its author")
    with pytest.raises(AssertionError, match="is_correct"):
        _require_silence(exam.teacher, f"/exams/{exam.id}", Secret((), {"is_correct"}), "to its author")


def _not_begun(_: Exam) -> None:
    return


def _begun(exam: Exam) -> None:
    exam.sitting = start(exam.student, exam.id)
    exam.places["attempt_id"] = exam.sitting.id


def _answered(exam: Exam) -> None:
    assert exam.sitting is not None
    for text, answer in ANSWERS.items():
        saved = exam.student.put(*exam.sitting.save(text, answer))
        assert set(saved) == {"question_id", "revision", "saved", "server_time", "seconds_left"}
    address, body = exam.sitting.save("What number?", "7")
    refused = exam.student.ask("PUT", address, {**body, "response": {"value": True}})
    assert (refused.status_code, _told(refused.text, KEYS)) == (422, [])


def _paused(exam: Exam) -> None:
    exam.teacher.post(f"/attempts/{exam.places['attempt_id']}/pause", {"reason": "A bird in the room"})


def _submitted(exam: Exam) -> None:
    assert exam.sitting is not None
    exam.teacher.post(f"/attempts/{exam.sitting.id}/resume")
    exam.sitting.submits()


def _marked(exam: Exam) -> None:
    waiting = eventually(lambda: exam.teacher.get("/grading/queue", exam_id=exam.id)["items"])[0]
    mark = {"question_id": waiting["question_id"], "points": "2", "feedback": FEEDBACK}
    exam.teacher.post(f"/grading/attempts/{waiting['attempt_id']}/marks", {"marks": [mark]})


def _finalized(exam: Exam) -> None:
    exam.teacher.post(f"/grading/exams/{exam.id}/finalize")


def _readable_paths(exam: Exam) -> Iterator[str]:
    """Every address that can be read, naming the exam's own things."""
    return (path.format(**exam.places) for path, operations in PATHS.items() if "get" in operations)


def _require_silence(person: Person, path: str, secret: Secret, state: str) -> None:
    reply = person.ask("GET", path)
    # 503: whatever has so young an id may be on its way.
    assert reply.status_code in (200, 403, 404, 409, 503), f"{path}: {reply.status_code} {reply.text}"
    assert not _told(reply.text, secret.words), f"{path} tells {_told(reply.text, secret.words)}, {state}"
    if reply.headers["content-type"].startswith("application/json"):
        assert not (named := sorted(_named(reply.json(), secret.names))), f"{path} tells {named}, {state}"


def _told(text: str, words: tuple[str, ...]) -> list[str]:
    return [word for word in words if re.search(rf"(?<![\d.]){re.escape(word)}(?!\d)", text)]


def _named(value: Any, names: set[str]) -> Iterator[str]:
    """The names, at any depth, that stand before a value which says something."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each, names)
    if isinstance(value, dict):
        for name, each in value.items():
            if name in names and (each is False or each not in (None, "", [], 0)):
                yield name
            yield from _named(each, names)
