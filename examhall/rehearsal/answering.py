"""What a student answers to a question: right, wrong, or a guess, written as people write. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any

Json = Mapping[str, Any]

_WORDS = (
    "load path bridge because therefore inspection risk public cost the a of it was were designed checked steel joint wind water "
    "people decision evidence uncertain naïve señal Größe façade 安全 сталь"
).split()


def respond(random: Random, question: Json, key: Json | None, knows: float) -> dict[str, Any]:
    """A response of the question's type; right with the probability `knows` when the key (the author's form) is given."""
    answer = _ANSWERS[question["type"]]
    return answer(random, question, key if key is not None and random.random() < knows else None)


def _single_choice(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    options = [each["id"] for each in question["options"]]
    right = [each["id"] for each in key["options"] if each["is_correct"]] if key else options
    return {"option_id": random.choice(right)}


def _multiple_select(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    if key is None:
        options = [each["id"] for each in question["options"]]
        return {"option_ids": random.sample(options, random.randint(1, len(options)))}
    right = [each["id"] for each in key["options"] if each["is_correct"]]
    random.shuffle(right)
    forgets_one = len(right) > 1 and random.random() < 0.25
    return {"option_ids": right[1:] if forgets_one else right}


def _true_false(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    return {"value": bool(key["correct_truth"]) if key else random.random() < 0.5}


def _short_answer(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    if key is None:
        return {"text": " ".join(random.choices(_WORDS, k=random.randint(1, 2)))}
    form = random.choice(key["accepted_forms"])
    cases: list[Callable[[str], str]] = [str, str.upper, str.lower, str.title]
    if key.get("case_sensitive"):
        cases = [str, str, str, str.lower]
    text = random.choice(cases)(form)
    return {"text": random.choice(("{}", " {}", "{}  ", "\u00a0{}")).format(text)}


def _numeric(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    if key is None:
        return {"text": str(random.choice((0, -1, 7, 42, 1000, "3,14", "about five", "1e3", "−2.5")))}
    sought = key["numeric"]
    value = Decimal(sought["value"])
    allowed = max(
        Decimal(sought.get("absolute_tolerance") or 0), Decimal(sought.get("relative_tolerance") or 0) * abs(value)
    )
    near = value + allowed * random.choice(
        (Decimal(0), Decimal(0), Decimal("0.5"), Decimal(1), Decimal(-1), Decimal("1.01"))
    )
    unit = sought.get("unit") or ""
    with_unit = unit and random.random() < (0.85 if sought.get("unit_required") else 0.5)
    return {"text": _as_typed(random, near) + (random.choice(("", " ", "  ")) + unit if with_unit else "")}


def _as_typed(random: Random, number: Decimal) -> str:
    plain = f"{number:f}"
    forms = (plain, plain, plain.replace(".", ","), f"{number:E}", plain.replace("-", "\u2212"), f" {plain} ")
    return random.choice(forms)


def _essay(random: Random, question: Json, key: Json | None) -> dict[str, Any]:
    text = " ".join(random.choices(_WORDS, k=random.randint(20, 150))).capitalize() + "."
    return {"text": text[: question.get("max_characters") or len(text)]}


_ANSWERS: Mapping[str, Callable[[Random, Json, Json | None], dict[str, Any]]] = {
    "single_choice": _single_choice,
    "multiple_select": _multiple_select,
    "true_false": _true_false,
    "short_answer": _short_answer,
    "numeric": _numeric,
    "essay": _essay,
}
