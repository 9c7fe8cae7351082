"""How an attempt ended, in words for the student who sat it."""

from collections.abc import Mapping

_TEXTS: Mapping[str, str] = {
    "": "",
    "student": "You submitted your attempt.",
    "deadline": "The time was up. Your attempt was submitted with all answers saved until then.",
    "violation_limit": (
        "The limit of violations that this exam sets was reached."
        " Your attempt was submitted with all answers saved until then."
    ),
    "proctor": "Your attempt was submitted by whoever supervises the exam, with all answers saved until then.",
}


def ending_text(submit_reason: str) -> str:
    """What a student is told of the end; empty while the attempt is open."""
    return _TEXTS[submit_reason]
