"""Exams as the stories write and sit them. Questions and options go by their text, as people know them."""

from dataclasses import dataclass
from typing import Any

from examhall.demo.writing import About, Json, essay, multiple_select, numeric, short_answer, single_choice, true_false
from tests.e2e.people import Person

RIVER = "Which river flows through Vienna?"
PRIMES = "Which of these are prime?"
SUN = "The sun is a star."
CAPITAL = "What is the capital of Norway?"
PRODUCT = "6 · 7 = ?"
ESSAY = "Why do bridges swing?"

QUESTIONS: tuple[Json, ...] = (
    single_choice(RIVER, "The Danube", "The Rhine", "The Elbe", about=About("2", explanation="It does since ever.")),
    multiple_select(PRIMES, ["2", "3"], ["4", "9"], About("2")),
    true_false(SUN, True, About("1")),
    short_answer(CAPITAL, "Oslo", about=About("1")),
    numeric(PRODUCT, "42", About("1")),
    essay(ESSAY, "One point for each good reason.", "Because the wind feeds them.", About("3")),
)
ALL_RIGHT = {RIVER: "The Danube", PRIMES: ["2", "3"], SUN: True, CAPITAL: "Oslo", PRODUCT: "42"}


def publish(author: Person, title: str, *questions: Json, settings: Json | None = None, **schedule: Any) -> str:
    """Writes an exam, sets its schedule and publishes it; its id."""
    body = {"title": title, "subject": "General knowledge", "kind": "exam", "settings": settings or {}}
    exam: str = author.post("/exams", body)["id"]
    for question in questions or QUESTIONS:
        author.post(f"/exams/{exam}/questions", {"question": question})
    author.put(f"/exams/{exam}/schedule", schedule)
    author.post(f"/exams/{exam}/publish")
    return exam


@dataclass
class Sitting:
    """One attempt of a student."""

    student: Person
    attempt: dict[str, Any]
    questions: list[dict[str, Any]]
    revision: int = 0

    @property
    def id(self) -> str:
        """The attempt's."""
        return str(self.attempt["id"])

    def save(self, text: str, answer: Any) -> tuple[str, dict[str, Any]]:
        """Address and body of the request that saves the answer to a question."""
        question = next(each for each in self.questions if each["text"] == text)
        self.revision += 1
        body = {"revision": self.revision, "response": _response(question, answer)}
        return f"/attempts/{self.id}/answers/{question['id']}", body

    def answers(self, text: str, answer: Any) -> dict[str, Any]:
        """The student answers a question."""
        saved: dict[str, Any] = self.student.put(*self.save(text, answer))
        assert saved["saved"]
        return saved

    def answer_all(self, answers: dict[str, Any]) -> "Sitting":
        """The student answers all these questions."""
        for text, answer in answers.items():
            self.answers(text, answer)
        return self

    def submits(self) -> dict[str, Any]:
        """The student hands in."""
        attempt: dict[str, Any] = self.student.post(f"/attempts/{self.id}/submit")
        assert attempt["status"] == "submitted"
        return attempt


def start(student: Person, exam: str, access_code: str = "") -> Sitting:
    """The student starts, or goes on with an attempt that is open."""
    attempt = student.post("/attempts", {"exam_id": exam, "access_code": access_code})
    return Sitting(student, attempt, student.get(f"/attempts/{attempt['id']}/paper")["questions"])


def _response(question: dict[str, Any], answer: Any) -> dict[str, Any]:
    ids = {option["text"]: option["id"] for option in question["options"]}
    match question["type"]:
        case "single_choice":
            return {"option_id": ids[answer]}
        case "multiple_select":
            return {"option_ids": [ids[each] for each in answer]}
        case "true_false":
            return {"value": answer}
        case _:
            return {"text": answer}
