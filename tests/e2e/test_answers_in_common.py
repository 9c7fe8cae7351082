"""Two students whose answers agree beyond chance are shown to the proctor as such; two who answered by themselves are not."""

from random import Random
from typing import Any

import pytest

from examhall.demo.content import STUDENTS
from examhall.demo.writing import About, single_choice
from tests.e2e.exams import Sitting, publish, start
from tests.e2e.people import Person, School, eventually
from tests.e2e.watching import PROCTORED

ITEMS = [f"Question {number} of the long paper" for number in range(1, 21)]
OPTIONS = ("right", "near", "far", "off")
# An item says what is usual among its answers from fifty on; so many sit before those of whom the story is.
CLASSMATES = 70


def test_before_enough_answers_are_there_nothing_is_said_of_anybody(school: School) -> None:
    teacher, students = school.staff("instructor"), [school.student() for _ in range(2)]
    exam = _exam(school, teacher, students)
    answers = dict.fromkeys(ITEMS, "off")
    for student in students:
        _answer_at_once(start(student, exam), answers)
    found = eventually(lambda: _counted(teacher, exam, 2 * len(ITEMS)))
    assert found["progress"]["text"].startswith("Not enough yet")
    assert (found["progress"]["is_enough"], found["pairs"], found["groups"]) == (False, [], [])


@pytest.fixture(scope="module")
def classmates(school: School) -> list[Person]:
    """Students of the demonstration."""
    return [school.log_in(student.registration_number) for student in STUDENTS[:CLASSMATES]]


def test_copied_answers_are_flagged_with_reasons_and_honest_ones_are_not(
    school: School, classmates: list[Person]
) -> None:
    teacher, proctor = school.staff("instructor"), school.staff("proctor")
    source, copier, ada, ben = (school.student() for _ in range(4))
    exam = _exam(school, teacher, [*classmates, source, copier, ada, ben], proctor_ids=[proctor.id])
    chance = Random(2)
    for student in classmates:
        _answer_at_once(start(student, exam), _own_answers(chance)).submits()

    hers, his, *honest = (start(student, exam) for student in (source, copier, ada, ben))
    odd = {item: ("far", "off")[place % 2] if place % 2 else "right" for place, item in enumerate(ITEMS)}
    rooms = {"Room 7": [source, copier], "Room 8": [ada, ben]}
    plan = [{"name": name, "student_ids": [each.id for each in seated]} for name, seated in rooms.items()]
    teacher.put(f"/exams/{exam}/seating", {"rooms": plan})
    for item in ITEMS:
        hers.answers(item, odd[item])
        his.answers(item, odd[item])
    for sitting in honest:
        sitting.answer_all(_own_answers(chance))
    for sitting in (hers, his, *honest):
        sitting.submits()

    school.everybody_knows(seconds=90)
    eventually(lambda: _counted(proctor, exam, (CLASSMATES + 4) * len(ITEMS)), seconds=60)
    asked = proctor.post(f"/proctoring/exams/{exam}/collusion")["request_id"]
    found = eventually(lambda: _answer_to(proctor, exam, asked), seconds=60)
    assert found["progress"]["is_enough"]
    (pair,) = found["pairs"]
    assert (pair["later"]["attempt_id"], pair["earlier"]["attempt_id"]) == (his.id, hers.id)
    assert pair["verdict"] == "flagged"
    assert float(pair["expected_false_flags"]) < 1
    assert (pair["family"], pair["plausible_by"][0]) == ("plausible", "room")
    assert pair["later"]["room"] == pair["earlier"]["room"] == "Room 7"
    on_the_board = {
        row["student_id"]: row["room"] for row in proctor.get(f"/proctoring/exams/{exam}/board")["attempts"]
    }
    assert [on_the_board[each.id] for each in (source, ada, classmates[0])] == ["Room 7", "Room 8", None]
    assert [each.get(f"/exams/{exam}")["room"] for each in (ada, classmates[0])] == ["Room 8", None]
    deciding = [each for each in pair["statistics"] if each["decides"]]
    assert [each["method"] for each in deciding] == ["e_process"]
    assert all(each["assumptions"] and each["text"] for each in pair["statistics"])
    assert {each["question_id"] for each in pair["items"]} <= {each["id"] for each in hers.questions}
    assert not {"guilty", "cheater", "cheated"} & set(str(found).lower().split())
    proctor.is_refused(404, "GET", f"/proctoring/exams/{exam}/collusion/pairs/{honest[0].id}/{honest[1].id}")
    read = proctor.get(f"/proctoring/exams/{exam}/collusion/pairs/{hers.id}/{his.id}")
    assert (read["verdict"], read["later"]["student_id"]) == ("flagged", copier.id)


def _exam(school: School, teacher: Person, students: list[Person], **people: Any) -> str:
    about = About("1")
    questions = [single_choice(item, *OPTIONS, about=about) for item in ITEMS]
    audience = {"student_ids": [student.id for student in students]}
    exam = publish(teacher, "The long paper", *questions, settings=PROCTORED, audience=audience, **people)
    school.everybody_knows()
    return exam


def _own_answers(chance: Random) -> dict[str, str]:
    """What somebody answers who knows some and guesses the rest, alone."""
    ability = chance.uniform(0.6, 0.9)
    return {item: "right" if chance.random() < ability else chance.choice(OPTIONS[1:]) for item in ITEMS}


def _answer_at_once(sitting: Sitting, answers: dict[str, str]) -> Sitting:
    """All answers in one request, as a browser sends what waited."""
    saves = [sitting.save(item, answer) for item, answer in answers.items()]
    body = [{"question_id": address.rpartition("/")[2], **answer} for address, answer in saves]
    stored = sitting.student.put(f"/attempts/{sitting.id}/answers", {"answers": body})["answers"]
    assert all(each["saved"] for each in stored)
    return sitting


def _counted(reader: Person, exam: str, answers: int) -> dict[str, Any] | None:
    found: dict[str, Any] = reader.get(f"/proctoring/exams/{exam}/collusion")
    return found if found["progress"]["answers"] == answers else None


def _answer_to(reader: Person, exam: str, request_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = reader.get(f"/proctoring/exams/{exam}/collusion")
    return found if request_id in found["progress"]["request_ids"] else None
