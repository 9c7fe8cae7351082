"""How an exam of the demonstration is written down: each function gives a question's body as the catalogue takes it."""

from collections.abc import Mapping
from dataclasses import dataclass

Json = dict[str, object]


@dataclass(frozen=True)
class Bank:
    """A question bank and what is in it."""

    name: str
    description: str
    subject: str
    questions: tuple[Json, ...]


@dataclass(frozen=True)
class Draw:
    """`count` questions taken from the bank of that name for each attempt."""

    bank: str
    count: int
    topic: str | None = None
    difficulty: str | None = None


@dataclass(frozen=True)
class DemoExam:
    """An exam as its author left it: `body` and `questions` in the catalogue's shape, people and classes by their keys.

    No classes in the audience means everyone; `max_attempts` 0 means as many as wanted. The window is open at once and never
    closes: a demonstration can be tried on any day.
    """

    key: str
    instructor: str
    body: Json
    questions: tuple[Json, ...]
    banks: tuple[Bank, ...] = ()
    draws: tuple[Draw, ...] = ()
    classes: tuple[str, ...] = ()
    proctors: tuple[str, ...] = ()
    evaluators: tuple[str, ...] = ()
    max_attempts: int = 1
    access_code: str | None = None


@dataclass(frozen=True)
class About:
    """What every question has beside its key. Points and penalty are decimals, as text."""

    points: str
    penalty: str = "0"
    topic: str = ""
    difficulty: str = "medium"
    explanation: str = ""
    is_required: bool = False

    def body(self, kind: str, text: str) -> Json:
        """The part of the question's body that all types share."""
        body: Json = {
            "type": kind,
            "text": text,
            "points": self.points,
            "penalty": self.penalty,
            "difficulty": self.difficulty,
            "is_required": self.is_required,
        }
        if self.topic:
            body["topic"] = self.topic
        if self.explanation:
            body["explanation"] = self.explanation
        return body


def single_choice(text: str, right: str, *wrong: str, about: About) -> Json:
    """One of the options is right."""
    options = [{"text": right, "is_correct": True}, *({"text": option, "is_correct": False} for option in wrong)]
    return about.body("single_choice", text) | {"options": _mixed(text, options)}


def multiple_select(text: str, right: Mapping[str, str | None] | list[str], wrong: list[str], about: About) -> Json:
    """Any number of the options is right; a mapping gives what choosing each right one earns under partial credit."""
    credits = right if isinstance(right, Mapping) else dict.fromkeys(right)
    options: list[Json] = [
        {"text": option, "is_correct": True} | ({} if credit is None else {"credit": credit})
        for option, credit in credits.items()
    ]
    options += [{"text": option, "is_correct": False} for option in wrong]
    return about.body("multiple_select", text) | {"options": _mixed(text, options)}


def true_false(text: str, truth: bool, about: About) -> Json:
    """A statement that holds or does not."""
    return about.body("true_false", text) | {"correct_truth": truth}


def short_answer(text: str, *accepted_forms: str, about: About, case_sensitive: bool = False) -> Json:
    """A word or two, right in any of the accepted forms."""
    key = {"accepted_forms": list(accepted_forms), "case_sensitive": case_sensitive}
    return about.body("short_answer", text) | key


def numeric(
    text: str,
    value: str,
    about: About,
    absolute: str | None = None,
    relative: str | None = None,
    unit: str | None = None,
    unit_required: bool = False,
) -> Json:
    """A number, right within the absolute or the relative tolerance (a fraction of the value)."""
    key: Json = {"value": value, "unit_required": unit_required}
    given = {"absolute_tolerance": absolute, "relative_tolerance": relative, "unit": unit}
    key |= {name: setting for name, setting in given.items() if setting is not None}
    return about.body("numeric", text) | {"numeric": key}


def essay(text: str, rubric: str, sample_answer: str, about: About, max_characters: int = 4000) -> Json:
    """A longer text, marked by a person with the rubric and the sample answer beside it."""
    key = {"max_characters": max_characters, "rubric": rubric, "sample_answer": sample_answer}
    return about.body("essay", text) | key


def _mixed(text: str, options: list[Json]) -> list[Json]:
    """The options in an order that depends on the question's text alone, so that the right one is not always first."""
    turn = sum(text.encode()) % len(options)
    return options[turn:] + options[:turn]
